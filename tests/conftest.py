"""What every test may ask for: a real server, emptied before each test.

`SESSION_ROUTER_TEST_REDIS_URL` names a server to use in place of the embedded Valkey. It is
emptied too.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from app.store.embedded import EmbeddedValkey

LEFT_OUT = "left out: "  # how a test that needs more than Python begins to say what is missing
TEST_URL = os.environ.pop("SESSION_ROUTER_TEST_REDIS_URL", None)


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of one server for the whole run, without a file on disk for speed."""
    if TEST_URL is not None:
        yield TEST_URL
        return
    with EmbeddedValkey(
        tmp_path_factory.mktemp("valkey"), extra_args=("--appendonly", "no")
    ) as server:
        yield server.url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud what this machine could not run."""
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", ())}
    for reason in sorted(reason for reason in reasons if LEFT_OUT in reason):
        terminalreporter.section("left out", sep="!", red=True, bold=True)
        terminalreporter.line(reason)


@pytest.fixture
def store_url(valkey_server: str) -> str:
    """Give the URL of an empty server."""
    with Redis.from_url(valkey_server) as redis:
        redis.flushall()
        redis.function_flush()
    return valkey_server


@pytest.fixture(autouse=True)
def _no_settings_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("SESSION_ROUTER_", "OTEL_")):
            monkeypatch.delenv(name)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Give a folder for an embedded store."""
    return tmp_path / "data"
