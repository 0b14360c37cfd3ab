"""A service that a test may kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

SERVICE_LINE = "Session Router: "
END_SECONDS = 20


class MortalService:
    """A service of its own: killed, and started again on the same port and data."""

    def __init__(self, folder: Path, policy: str = "version: 1\n") -> None:
        self._folder = folder
        self._port = "0"
        (folder / "policy.yaml").write_text(policy)
        self._policy = ("--policy", str(folder / "policy.yaml"))
        self.start()

    def start(self) -> None:
        command = (sys.executable, "-m", "app", "serve", "--port", self._port)
        with (self._folder / "service.log").open("ab") as log:
            self._process = subprocess.Popen(
                (*command, "--data-dir", str(self._folder / "data"), *self._policy),
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
