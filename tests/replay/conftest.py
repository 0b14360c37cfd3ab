"""A real service for the replay's tests, and one that can be killed and started again."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.demo.service import running_service
from tests.replay.mortal_service import MortalService


@pytest.fixture(scope="session")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of one service for the whole run."""
    with running_service(tmp_path_factory.mktemp("replay-service"), "version: 1\n") as url:
        yield url


@pytest.fixture
def mortal_service(tmp_path: Path) -> Iterator[MortalService]:
    """Give a service that a test may kill."""
    service = MortalService(tmp_path)
    yield service
    service.kill(signal.SIGTERM)
