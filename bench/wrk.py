"""Load as fast as it is answered: wrk, 64 connections, every answer looked at."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SCRIPT = Path(__file__).with_name("load.lua")
CONNECTIONS = 64
THREADS = 2
MEASURED = "MEASURED "
WRONG = "WRONG "

Work = Literal["messages", "cycle"]


class LoadFailed(Exception):
    """An answer was not what it has to be, or a connection broke: nothing was measured."""


@dataclass(frozen=True)
class Load:
    """What wrk saw. With `cycle`, `done` counts the runs that were granted and completed.

    `processor_seconds` is wrk's own; the latencies are of single requests.
    """

    done: int
    seconds: float
    p50_ms: float
    p99_ms: float
    processor_seconds: float

    @property
    def per_second(self) -> float:
        return self.done / self.seconds


def require_wrk() -> None:
    """Install wrk with apt-get where it is missing; exits and says how where that cannot be."""
    if shutil.which("wrk"):
        return
    print("wrk is not installed: apt-get install wrk", file=sys.stderr, flush=True)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.exit("the bench needs wrk (Debian: sudo apt-get install wrk; macOS: brew install wrk)")
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "wrk"]):
        subprocess.run(["apt-get", *command], check=True, stdout=sys.stderr)  # noqa: S603, S607


def load(port: int, work: Work, seconds: float, *words: str) -> Load:
    """Run wrk for so long; `words` are the token, the stamp and the body, as `load.lua` says.

    Raises `LoadFailed` unless every answer was right.
    """
    options = ["--threads", str(THREADS), "--connections", str(CONNECTIONS), "--timeout", "15s"]
    options += ["--duration", f"{max(1, round(seconds))}s", "--script", str(SCRIPT)]
    with subprocess.Popen(  # noqa: S603
        ["wrk", *options, f"http://127.0.0.1:{port}/", "--", work, *words],  # noqa: S607
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    return read(output, work, used.ru_utime + used.ru_stime)


def read(output: str, work: Work, processor_seconds: float) -> Load:
    """Read what `load.lua` wrote; raises `LoadFailed` for anything but right answers."""
    lines = output.splitlines()
    found = next((line for line in lines if line.startswith(MEASURED)), None)
    if found is None:
        raise LoadFailed(f"wrk measured nothing:\n{output}")
    told = json.loads(found.removeprefix(MEASURED))
    done = told["ends"] if work == "cycle" else told["runs"]
    if told["wrong"] or told["broken"] or not done:
        answers = "\n".join(line for line in lines if line.startswith(WRONG))
        raise LoadFailed(f"{found}\n{answers}")
    return Load(
        done=done,
        seconds=told["microseconds"] / 1e6,
        p50_ms=told["p50_us"] / 1000,
        p99_ms=told["p99_us"] / 1000,
        processor_seconds=processor_seconds,
    )
