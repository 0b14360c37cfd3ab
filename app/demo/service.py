"""A service of the demo's own: one process, its embedded store in a temporary folder."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import app
from app.settings import PREFIX

FIRST_LINE: Final = "Session Router: "
END_SECONDS: Final = 20
LOG_CHARACTERS_MAX: Final = 2_000


class DemoError(Exception):
    """The demo's service did not start; the text is the end of its log."""


@contextmanager
def running_service(folder: Path, policy: str) -> Iterator[str]:
    """Run a service with this policy, all its files in `folder`, and give its URL."""
    policy_file, log_file = folder / "policy.yaml", folder / "service.log"
    policy_file.write_text(policy, encoding="utf-8")
    flags = ("--port", "0", "--policy", str(policy_file), "--data-dir", str(folder / "data"))
    with (
        log_file.open("wb") as log,
        subprocess.Popen(  # noqa: S603  our own program, with flags of our own
            (sys.executable, "-m", "app", "serve", *flags),
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(),
            text=True,
        ) as process,
    ):
        try:
            yield _url(process, log_file)
        finally:
            _end(process)


def _environment() -> dict[str, str]:
    """Return this environment, free of settings meant for another service."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    root = Path(app.__file__ or "").resolve().parent.parent
    paths = [str(root), *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)}


def _url(process: subprocess.Popen[str], log_file: Path) -> str:
    """Wait for the line that names the URL: the port is open from then on."""
    for line in process.stdout or ():
        if line.startswith(FIRST_LINE):
            return line.removeprefix(FIRST_LINE).split()[0]
    process.wait()
    log = log_file.read_text(encoding="utf-8", errors="replace")
    raise DemoError(log[-LOG_CHARACTERS_MAX:] or "the service ended without a word")


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
