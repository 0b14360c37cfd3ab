"""A disk that takes for ever to flush, for one server alone (Linux).

The server flushes in a thread of its own. That thread is stopped as a debugger would stop it,
and the rest of the server goes on: what `fsync` on a failing disk does to it.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.store_server import LEFT_OUT

SEIZE, INTERRUPT = 0x4206, 0x4207  # ptrace(2)
WAIT_FOR_THREADS = 0x40000000  # waitpid(2): __WALL


@contextmanager
def hanging_flush(pid: int) -> Iterator[None]:
    """Let no flush of a server end, until the block is left; the block must kill the server."""
    thread = _flushing_thread(pid)
    _stop(thread)
    yield
    os.waitpid(thread, WAIT_FOR_THREADS)  # else the dead server could not be waited for


def _flushing_thread(pid: int) -> int:
    if sys.platform != "linux":
        pytest.skip(f"{LEFT_OUT}a flush that hangs, for that takes Linux")
    (thread,) = (
        int(task.name)
        for task in Path(f"/proc/{pid}/task").iterdir()
        if (task / "comm").read_text().startswith("bio_aof")
    )
    return thread


def _stop(thread: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for request in (SEIZE, INTERRUPT):
        if libc.ptrace(ctypes.c_long(request), ctypes.c_long(thread), None, None):
            reason = os.strerror(ctypes.get_errno())
            pytest.skip(f"{LEFT_OUT}a flush that hangs, for ptrace is not allowed here ({reason})")
