"""Who may use a data folder: the two locks that outlive every kind of crash.

- `lock` is held by the service. A second service is refused.
- `server.lock` is held by the Valkey process itself, which inherits it: whoever gets that
  lock knows that no Valkey writes to the folder. If it is taken while `lock` is free, an
  orphan of an earlier life has it, and its process id stands in the file.
"""

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path

END_SECONDS = 10.0
"""How long a Valkey may take to flush and end before it is killed."""

POLL_SECONDS = 0.02


class EmbeddedValkeyError(Exception):
    """The embedded Valkey cannot run; the text tells why, with the end of its log."""


class DataDirBusy(EmbeddedValkeyError):
    """Another service uses the data folder; names the folder and, if known, the process."""


def _try_lock(path: Path) -> tuple[int, bool]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return descriptor, False
    return descriptor, True


def _pid_in(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() and int(text) > 1 else None


def take_folder(data_dir: Path) -> int:
    """Take a folder for this process and return the descriptor that holds it until closed.

    Raises `DataDirBusy` if another service has it.
    """
    descriptor, ours = _try_lock(data_dir / "lock")
    if ours:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        return descriptor
    pid = _pid_in(descriptor)
    os.close(descriptor)
    holder = "another service" if pid is None else f"another service (process {pid})"
    raise DataDirBusy(
        f"{data_dir} is in use by {holder}: stop that one, "
        "or set SESSION_ROUTER_DATA_DIR to another folder"
    )


def take_from_orphan(path: Path) -> int:
    """Take the server's lock, ending whoever of an earlier life still has it.

    Returns the descriptor that the server shall inherit. The process id in the file is trusted
    while the lock is held: only a server of this folder and the children that rewrite its file
    have it. Raises `EmbeddedValkeyError` if the orphan outlives even a kill.
    """
    descriptor, ours = _try_lock(path)
    deadline = time.monotonic() + END_SECONDS
    while not ours:
        pid = _pid_in(descriptor)
        os.close(descriptor)
        overdue_seconds = time.monotonic() - deadline
        if overdue_seconds > END_SECONDS:
            raise EmbeddedValkeyError(f"an earlier Valkey (process {pid}) does not leave {path}")
        if pid is not None:
            signal_end(pid, kill=overdue_seconds > 0)
        time.sleep(POLL_SECONDS)
        descriptor, ours = _try_lock(path)
    # An old process id must not stand here while the next server has the lock.
    os.ftruncate(descriptor, 0)
    return descriptor


def signal_end(pid: int, *, kill: bool) -> None:
    """Ask a server to end; kill it, or what it left behind, with its whole group."""
    try:
        if not kill:
            os.kill(pid, signal.SIGTERM)
            return
    except ProcessLookupError:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
