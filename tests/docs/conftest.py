"""The demo, which takes its time: it plays while the other examples are checked."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.docs.blocks import PROJECT

DEMO_SECONDS = 150


@pytest.fixture(scope="session", autouse=True)
def demo() -> Iterator[Callable[[], str]]:
    """Give what tells the demo's output when it is over."""
    command = [sys.executable, "-m", "app", "demo", "--speed", "60"]
    told: list[str] = []
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:

        def output() -> str:
            if not told:
                out, errors = process.communicate(timeout=DEMO_SECONDS)
                assert process.returncode == 0, errors
                told.append(out)
            return told[0]

        yield output
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # so that it ends its service too
            process.communicate(timeout=DEMO_SECONDS)
