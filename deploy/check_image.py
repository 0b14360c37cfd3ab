"""Do what the Dockerfile does, without a container engine, in a folder that is thrown away.

Its `COPY` and `RUN` lines are carried out as they stand, with `/opt/venv` and `/build` inside
that folder and this Python in place of the image's; then its health check must pass against
its command. What only an engine can do (the base image, users, `init`) is not covered.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
START_SECONDS = 30.0


class Instruction(NamedTuple):
    """One line of a Dockerfile: `COPY`, and what stands behind it."""

    word: str
    arguments: str


def instructions(dockerfile: Path) -> Iterator[Instruction]:
    """Read a Dockerfile's instructions, continued lines joined and comments left out."""
    text = dockerfile.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            word, _, arguments = line.strip().partition(" ")
            yield Instruction(word.upper(), arguments.strip())


def build(steps: list[Instruction], root: Path) -> None:
    """Carry out the first stage below `root`; raises `CalledProcessError` for a failed step."""
    system = root / "system"
    venv.create(system, with_pip=True, symlinks=True)
    folder = root
    environment = os.environ | {"PATH": f"{system}/bin:{os.environ['PATH']}"}
    for word, arguments in steps:
        if word == "WORKDIR":
            folder = root / arguments.lstrip("/")
            folder.mkdir(parents=True)
        elif word == "COPY":
            _copy(arguments.split(), folder)
        elif word == "RUN":
            command = arguments.replace("/opt/venv", f"{root}/opt/venv")
            print(f"+ {command}", flush=True)
            subprocess.run(["/bin/sh", "-ec", command], cwd=folder, env=environment, check=True)


def _copy(arguments: list[str], folder: Path) -> None:
    *sources, target = arguments
    for source in sources:
        origin = PROJECT / source
        place = folder / target
        if origin.is_dir():
            shutil.copytree(origin, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            place = place / origin.name if target.endswith("/") else place
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, place)


def serve_and_check(last_stage: list[Instruction], root: Path) -> None:
    """Run the image's command until its health check passes; raises `RuntimeError` else."""
    settled = dict(last_stage)
    command = json.loads(settled["CMD"])
    check = json.loads(settled["HEALTHCHECK"].partition(" CMD ")[2])
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    binaries = f"{root}/opt/venv/bin"
    environment = os.environ | {"PATH": binaries, "SESSION_ROUTER_PORT": str(port)}
    tokens = root / "tokens.yaml"
    make_token = ["token", "check", "--role", "viewer", "--file", str(tokens)]
    program = f"{binaries}/{command[0]}"
    subprocess.run([program, *make_token], check=True, capture_output=True)
    environment["SESSION_ROUTER_TOKENS_FILE"] = str(tokens)
    print(f"+ {shlex.join(command)}", flush=True)
    with subprocess.Popen([program, *command[1:]], cwd=root, env=environment) as service:
        try:
            _wait_until_healthy(service, [f"{binaries}/{check[0]}", *check[1:]], environment)
        finally:
            service.terminate()
    if service.returncode != 0:
        raise RuntimeError(f"the service ended with code {service.returncode}")


def _wait_until_healthy(
    service: subprocess.Popen[bytes], check: list[str], environment: dict[str, str]
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        result = subprocess.run(check, env=environment, capture_output=True, check=False)
        if result.returncode == 0:
            return
        if service.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the health check fails: {result.stderr.decode()}")
        time.sleep(0.2)


def main() -> None:
    """Build and check; ends with a traceback and a non-zero code if a step fails."""
    steps = list(instructions(PROJECT / "Dockerfile"))
    second = [number for number, step in enumerate(steps) if step.word == "FROM"][1]
    with tempfile.TemporaryDirectory(prefix="session-router-image-") as folder:
        build(steps[:second], Path(folder))
        serve_and_check(steps[second:], Path(folder))
    print("the image's steps, command and health check work")


if __name__ == "__main__":
    main()
