"""A real service for the replay's tests, and one that can be killed and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.demo.service import running_service

SERVICE_LINE = "Session Router: "
END_SECONDS = 20


@pytest.fixture(scope="session")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of one service for the whole run."""
    with running_service(tmp_path_factory.mktemp("replay-service"), "version: 1\n") as url:
        yield url


class MortalService:
    """A service of its own: killed, and started again on the same port and data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = "0"
        self.start()

    def start(self) -> None:
        command = (sys.executable, "-m", "app", "serve", "--port", self._port)
        with (self._folder / "service.log").open("ab") as log:
            self._process = subprocess.Popen(
                (*command, "--data-dir", str(self._folder / "data")),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith(SERVICE_LINE), (self._folder / "service.log").read_text()
        self.url = line.removeprefix(SERVICE_LINE).split()[0]
        self._port = str(urlsplit(self.url).port)

    def kill(self, with_signal: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self._process.pid, with_signal)
        self._process.wait(END_SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def kill_and_start(self) -> None:
        self.kill()
        self.start()


@pytest.fixture
def mortal_service(tmp_path: Path) -> Iterator[MortalService]:
    """Give a service that a test may kill."""
    service = MortalService(tmp_path)
    yield service
    service.kill(signal.SIGTERM)
