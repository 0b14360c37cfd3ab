"""Programs of the project as processes: their environment, whether they run, and waiting."""

import os
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def environment(**variables: str) -> dict[str, str]:
    """Give what a program of the project is started with, in whatever folder.

    It is this process's, with the project on Python's path, behind what stands there already.
    """
    paths = [*filter(None, [os.environ.get("PYTHONPATH")]), str(PROJECT)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | variables


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Look again and again until something holds; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, whether or not somebody asked for its exit code."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z"
