"""Example gateways as processes of their own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.client.agents import eventually
from tests.examples.bot_api import TOKEN, BotApi

ROOT = Path(__file__).resolve().parent.parent.parent
END_SECONDS = 30.0
# A library of a platform alone takes seconds of a whole core to import.
STARTED_SECONDS = 90.0


class Instance:
    """One process. A first line of output says that it is at work; its last word is its name."""

    def __init__(self, folder: Path, number: int, *command: str, **environment: str) -> None:
        self._out, self._log = folder / f"{number}.out", folder / f"{number}.log"
        with self._out.open("wb") as out, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                (sys.executable, "-m", *command),
                cwd=ROOT,
                stdout=out,
                stderr=log,
                env=os.environ | environment,
            )

    async def started(self) -> str:
        """Wait for the first line, and return its last word."""

        async def has_spoken() -> bool:
            assert self._process.poll() is None, self.log()
            return "\n" in self.out()

        await eventually(has_spoken, STARTED_SECONDS)
        return self.out().split("\n")[0].split()[-1]

    def out(self) -> str:
        return self._out.read_text()

    def log(self) -> str:
        return self._log.read_text()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """`kill -9`, in whatever state it is."""
        self._process.kill()
        self._process.wait(END_SECONDS)

    def end(self) -> None:
        if self._process.poll() is None:
            self.kill()

    async def exit_code(self) -> int:
        async def has_ended() -> bool:
            return self._process.poll() is not None

        await eventually(has_ended, END_SECONDS)
        return self._process.returncode


class Gateways:
    """Starts instances in front of one router and one platform."""

    def __init__(self, folder: Path, url: str, telegram: BotApi) -> None:
        self._folder = folder
        self._url = url
        self._telegram = telegram
        self._started: list[Instance] = []

    def start(self, *command: str, seconds: float, url: str | None = None) -> Instance:
        environment = {
            "AGENT_SECONDS": str(seconds),
            "PORT": "0",
            "SESSION_ROUTER_URL": url or self._url,
            "TELEGRAM_API": self._telegram.url,
            "TELEGRAM_TOKEN": TOKEN,
        }
        instance = Instance(self._folder, len(self._started), *command, **environment)
        self._started.append(instance)
        return instance

    def bot(self, seconds: float, url: str | None = None) -> Instance:
        return self.start("examples.telegram_bot", seconds=seconds, url=url)

    def worker(self, seconds: float, url: str | None = None) -> Instance:
        return self.start("examples.telegram_split", "work", seconds=seconds, url=url)

    def receiver(self) -> Instance:
        return self.start("examples.telegram_split", "receive", seconds=0)

    async def answers(self, *texts: str, seconds: float = STARTED_SECONDS) -> float:
        """Wait until all of these were answered."""

        async def are_there() -> bool:
            return set(texts) <= self._telegram.answered().keys()

        return await eventually(are_there, seconds)

    def end(self) -> None:
        for instance in self._started:
            instance.end()
