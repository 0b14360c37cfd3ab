"""Example gateways as processes of their own, and what they answered."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.client.agents import eventually

ROOT = Path(__file__).resolve().parent.parent.parent
END_SECONDS = 10.0


class Instance:
    """One process. Its first line of output says that it is at work, and its name."""

    def __init__(self, folder: Path, number: int, *command: str) -> None:
        self._out, self._log = folder / f"{number}.out", folder / f"{number}.log"
        with self._out.open("wb") as out, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                (sys.executable, "-m", *command),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=log,
            )

    async def started(self) -> str:
        """Wait for the first line, and return its last word."""

        async def has_spoken() -> bool:
            assert self._process.poll() is None, self.log()
            return "\n" in self.out()

        await eventually(has_spoken, END_SECONDS)
        return self.out().split("\n")[0].split()[-1]

    def out(self) -> str:
        return self._out.read_text()

    def log(self) -> str:
        return self._log.read_text()

    def type(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def type_no_more(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """`kill -9`, in whatever state it is."""
        self._process.kill()
        self._process.wait(END_SECONDS)

    def end(self) -> None:
        if self._process.poll() is None:
            self.kill()
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def exit_code(self) -> int:
        async def has_ended() -> bool:
            return self._process.poll() is not None

        await eventually(has_ended, END_SECONDS)
        return self._process.returncode


class Gateways:
    """Starts instances whose replies all go to one file."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self._started: list[Instance] = []
        self.outbox = folder / "replies.jsonl"
        self.outbox.touch()

    def start(self, *command: str, url: str | None = None) -> Instance:
        where = ("--url", url or self._url, "--replies", str(self.outbox))
        instance = Instance(self._folder, len(self._started), *command, *where)
        self._started.append(instance)
        return instance

    def inline(self, seconds: float) -> Instance:
        return self.start("examples.inline_gateway", "--seconds", str(seconds))

    def worker(self, seconds: float, url: str | None = None) -> Instance:
        return self.start("examples.split_gateway", "work", "--seconds", str(seconds), url=url)

    def receiver(self) -> Instance:
        return self.start("examples.split_gateway", "receive", "--port", "0")

    def replies(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.outbox.read_text().splitlines()]

    def answered(self) -> Counter[str]:
        """How often each message was answered."""
        return Counter(name for reply in self.replies() for name in reply["answers"])

    async def answers(self, *message_ids: str, seconds: float = 15.0) -> float:
        """Wait until all of these were answered."""

        async def are_there() -> bool:
            return set(message_ids) <= self.answered().keys()

        return await eventually(are_there, seconds)

    def end(self) -> None:
        for instance in self._started:
            instance.end()
