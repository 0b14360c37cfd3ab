"""Runs a document's blocks from the first to the last, as a reader would, on a real service.

The documents speak of `http://127.0.0.1:8080`. Commands are run as they are printed: `curl` is
told by its own configuration file where that address really is, and `session-router` and
`docker` are found in front of the reader's own. Programs have the address replaced.

Kinds of blocks:

- `curl`: shell, run; `KEEP=NAME:path` keeps a value of its JSON answer for later commands.
- `answer`: JSON, what the last command answered, shortened.
- `stream`: shell, run until it has printed what the next `output` shows, then ended.
- `program`: Python, run; `UNTIL=output`: ended when it has printed what is shown.
- `reading`: Python that needs no service, run.
- `output`: text, what the last program or stream printed.
- `commands`: shell, run in a folder of its own that has the project's policy in `deploy`.
- `make`: shell, each a target of the Makefile.
- `policy`, `tokens`: YAML, read by the service's own parsers.
- `body`: JSON, read by the model `MODEL=`.
- `demo`: text, lines that the demo prints.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

from app.routing.policy import parse_policy
from app.tokens import read_tokens
from session_router import models
from tests.docs.blocks import PROJECT, Block
from tests.docs.shapes import difference
from tests.processes import environment

PRINTED_ADDRESS = "127.0.0.1:8080"
COMMAND_SECONDS = 20


class Stage:
    """A folder, a service, and what the last block left."""

    def __init__(self, folder: Path, url: str, demo: Callable[[], str]) -> None:
        self._folder = folder
        self._address = url.removeprefix("http://")
        self._kept: dict[str, str] = {}
        self._answer: Any = None
        self._running: Block | None = None
        self._printed = ""
        self._demo = demo
        self._prepare()

    def _prepare(self) -> None:
        connect = f'connect-to = "{PRINTED_ADDRESS}:{self._address}"\n'
        (self._folder / ".curlrc").write_text(connect)
        (self._folder / "deploy").mkdir()
        (self._folder / "deploy" / "policy.yaml").write_bytes(
            (PROJECT / "deploy" / "policy.yaml").read_bytes()
        )
        program = f'exec {shlex.quote(sys.executable)} -m app "$@"\n'
        self._command("session-router", program)
        # No engine here: what an image would run is run, and the rest is only named.
        engine = 'case "$1 $2" in\n"run --rm") shift 4; exec session-router "$@";;\nesac\n'
        self._command("docker", engine)

    def _command(self, name: str, script: str) -> None:
        path = self._folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}")
        path.chmod(0o755)

    def play(self, block: Block) -> None:
        """Check one block; raises `AssertionError` that names it."""
        if not block.kind:
            return
        check = getattr(self, f"_play_{block.kind}", None)
        assert check, f"{block}: there is no check called {block.kind}"
        try:
            check(block)
        except AssertionError as error:
            raise AssertionError(f"{block}: {error}") from error

    def _environment(self) -> dict[str, str]:
        paths = {
            "PATH": f"{self._folder / 'bin'}:{os.environ['PATH']}",
            "CURL_HOME": str(self._folder),
        }
        return environment(**paths, **self._kept)

    def _shell(self, block: Block) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text],
            cwd=self._folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"code {done.returncode}: {done.stderr}"
        return done.stdout

    def _play_curl(self, block: Block) -> None:
        assert "curl " in block.text
        self._answer = json.loads(self._shell(block))
        for part in filter(None, block.words.get("KEEP", "").split(",")):
            name, _, path = part.partition(":")
            value = self._answer
            for step in path.split("."):
                assert value is not None, f"{path}: nothing there in {self._answer}"
                value = value[int(step)] if step.isdigit() else value[step]
            self._kept[name] = str(value)

    def _play_answer(self, block: Block) -> None:
        found = difference(json.loads(block.text), self._answer)
        assert found is None, found

    def _play_stream(self, block: Block) -> None:
        self._running = block

    def _play_program(self, block: Block) -> None:
        assert f"http://{PRINTED_ADDRESS}" in block.text
        if "UNTIL" in block.words:
            self._running = block
            return
        self._play_reading(block)

    def _play_reading(self, block: Block) -> None:
        with self._process(block) as process:
            self._printed, errors = process.communicate(timeout=COMMAND_SECONDS)
        assert process.returncode == 0, errors

    def _play_output(self, block: Block) -> None:
        wanted = block.text.splitlines()
        if self._running is None:
            found = [line for line in self._printed.splitlines() if line]
            assert len(found) == len(wanted), self._printed
            pairs = zip(wanted, found, strict=True)
            assert all(_fits(one, other) for one, other in pairs), self._printed
            return
        running, self._running = self._running, None
        printed = []
        with self._process(running) as process:
            for line in process.stdout or ():
                printed.append(line)
                if wanted and _fits(wanted[0], line.rstrip("\n")):
                    wanted.pop(0)
                if not wanted:
                    break
        assert not wanted, f"not printed: {wanted[0]}\nprinted:\n{''.join(printed)}"

    @contextmanager
    def _process(self, block: Block) -> Iterator[subprocess.Popen[str]]:
        text = block.text
        if block.language == "python":
            command = [sys.executable, "-u", "-W", "error", "-c"]
            text = text.replace(PRINTED_ADDRESS, self._address)
        else:
            command = ["bash", "-euo", "pipefail", "-c"]
        with subprocess.Popen(
            [*command, text],
            cwd=self._folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            patience = Timer(COMMAND_SECONDS, os.killpg, (process.pid, signal.SIGTERM))
            patience.start()
            try:
                yield process
            finally:
                patience.cancel()
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)

    def _play_commands(self, block: Block) -> None:
        self._printed = self._shell(block)
        tokens = self._folder / "tokens.yaml"
        assert "tokens.yaml" not in block.text or read_tokens(tokens)

    def _play_make(self, block: Block) -> None:
        for line in block.text.splitlines():
            assert line.startswith("make "), line
            command = shlex.split(line, comments=True)
            dry = [*command[:1], "-n", *command[1:]]
            done = subprocess.run(dry, cwd=PROJECT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

    def _play_policy(self, block: Block) -> None:
        parse_policy(block.text)

    def _play_tokens(self, block: Block) -> None:
        path = self._folder / "shown-tokens.yaml"
        path.write_text(block.text)
        assert read_tokens(path)

    def _play_body(self, block: Block) -> None:
        getattr(models, block.words["MODEL"]).model_validate_json(block.text)

    def _play_demo(self, block: Block) -> None:
        printed = self._demo().splitlines()
        for line in block.text.splitlines():
            assert any(_is_of_demo(line, one) for one in printed), f"not printed: {line}"


def _is_of_demo(shown: str, real: str) -> bool:
    # How many runs there are hangs on the moment at which each message comes.
    if shown[-1:].isdigit() and not shown[:1].isdigit():
        return shown.split()[:2] == real.split()[:2]
    return shown == real


def _fits(shown: str, real: str) -> bool:
    name, _, value = shown.partition(": ")
    if value.startswith("{"):
        real_name, _, real_value = real.partition(": ")
        same = name == real_name and real_value.startswith("{")
        return same and difference(json.loads(value), json.loads(real_value)) is None
    return difference(shown, real) is None
