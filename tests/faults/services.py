"""Services as processes that can be killed, stopped and started again."""

import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.processes import environment, is_gone, wait_until

START_SECONDS = 30.0


class Service:
    """`serve` in a folder of its own. It keeps its port from the second start on.

    `module` is what is run: the service, or something that starts it in another way.
    """

    def __init__(self, folder: Path, *arguments: str, module: str = "app") -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.data_dir = folder / "session-router-data"
        self.port = 0
        self._arguments = arguments
        self._module = module
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.launch()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def errors(self) -> list[str]:
        """What the log has of severity ERROR, each with the indented lines that tell where from."""
        return re.findall(r"^\S+ ERROR .*(?:\n    .*)*", self.log, re.MULTILINE)

    @property
    def store_pid(self) -> int:
        """Process id of the embedded store; 0 while it is being started."""
        return int((self.data_dir / "server.lock").read_text() or 0)

    def launch(self) -> None:
        """Start the process; `await_ready` waits for it."""
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", self._module, "serve", "--port", str(self.port)),
                    *self._arguments,
                ],
                cwd=self.folder,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def await_ready(self) -> None:
        """Return when it answers, its store too."""
        assert self._process is not None
        assert self._process.stdout is not None
        greeting = self._process.stdout.readline()
        assert greeting, self.log
        self.port = int(greeting.split()[2].rpartition(":")[2])
        wait_until(self._is_ready, START_SECONDS)

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """`kill -9`; return when it is gone."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def stop(self) -> None:
        """Stand still (SIGSTOP) until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """`kill -9`, then start again on the same data and port."""
        store = self.store_pid
        self.kill()
        wait_until(lambda: is_gone(store), START_SECONDS)
        self.launch()
        self.await_ready()


@contextmanager
def services(folder: Path, count: int, *arguments: str) -> Iterator[list[Service]]:
    """So many services, started at once with the same arguments."""
    with ExitStack() as stack:
        running = [
            stack.enter_context(Service(folder / f"service-{number}", *arguments))
            for number in range(count)
        ]
        for service in running:
            service.await_ready()
        yield running
        for service in running:
            assert not service.errors, service.errors


def processes_on(folder: Path) -> list[int]:
    """The processes that name a folder in their command line (Linux)."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_text(errors="replace")
        except OSError:
            continue
        if str(folder) in command and not is_gone(int(path.name)):
            found.append(int(path.name))
    return found
