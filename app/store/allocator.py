"""The memory allocator of the embedded Valkey: mimalloc, where there is one for this machine.

Valkey on Linux is meant to run on jemalloc; the wheel's was built with the C library's `malloc`,
which makes a decision cost it some 40 % more, and more the more is stored
(docs/decisions/allocator.md).
"""

import os
import sys
from importlib import metadata
from pathlib import Path

PACKAGE = "cmeel-mimalloc"
LIBRARY = "libmimalloc.so"
_PARTS_A_PATH = frozenset(": ")  # the loader takes a path with one of these for several


def preloaded() -> dict[str, str]:
    """What to add to the environment of a server so that it uses the allocator.

    Nothing where the environment names one already, or none is installed.
    """
    if sys.platform != "linux" or "LD_PRELOAD" in os.environ:
        return {}
    library = _library()
    if library is None or _PARTS_A_PATH.intersection(str(library)):
        return {}
    return {"LD_PRELOAD": str(library)}


def _library() -> Path | None:
    try:
        files = metadata.files(PACKAGE) or ()
    except metadata.PackageNotFoundError:
        return None
    found = (Path(str(file.locate())) for file in files if file.name == LIBRARY)
    return next(filter(Path.is_file, found), None)
