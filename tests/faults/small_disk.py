"""A disk of a test's own, small enough to be filled; not every user may mount one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.store_server import LEFT_OUT

DISK_MIB = 256
BALLAST_BYTES = 1024 * 1024
NO_DISK = f"{LEFT_OUT}the full disk, in the torture too: this user may not mount one"


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a disk of its own on a folder; False, and no disk, where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ("-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=700", "none", str(folder))
    try:
        mounted = subprocess.run(("mount", *options), check=False, capture_output=True)
    except FileNotFoundError:
        yield False
        return
    if mounted.returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)


def fill(ballast: Path) -> None:
    """Write until nothing fits any more, then byte by byte less."""
    block = BALLAST_BYTES
    with ballast.open("wb", buffering=0) as file:
        while block:
            try:
                if file.write(b"\0" * block) < block:
                    block //= 2
            except OSError:
                block //= 2
