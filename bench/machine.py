"""The machine under measurement: a store, routers as processes, and plain HTTP clients."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from app.store.embedded import EmbeddedValkey

PROJECT = Path(__file__).resolve().parents[1]
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
START_SECONDS = 60.0
STARTED = "Application startup complete."

Json = dict[str, Any]


class Server:
    """A process that serves HTTP on loopback, in so many workers, on a port of its own.

    Its first line of output names its address; its log goes to a file.
    """

    def __init__(
        self, command: Sequence[str], log: Path, workers: int, env: Mapping[str, str] | None = None
    ) -> None:
        self._log_file = log
        self._log = log.open("w")
        self._workers = workers
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", *command],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **(env or {})},
        )
        self.pid = self._process.pid
        self.port = 0

    def await_ready(self) -> None:
        """Wait until every worker takes requests; raises `ServerFailed` with its log."""
        assert self._process.stdout is not None
        greeting = self._process.stdout.readline()
        deadline = time.monotonic() + START_SECONDS
        while greeting and self._log_file.read_text().count(STARTED) < self._workers:
            if self._process.poll() is not None or time.monotonic() > deadline:
                greeting = ""
            time.sleep(0.02)
        if not greeting:
            raise ServerFailed(self._log_file.read_text())
        self.port = int(greeting.split()[2].rpartition(":")[2])

    def processor_seconds(self) -> float:
        """User and system time of the process and its workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return sum(map(processor_seconds, [self.pid, *map(int, children)]))

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(15)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()


class ServerFailed(Exception):
    """A server did not start; its log says why."""


class Router(Server):
    """One `serve` process, with this policy and further arguments."""

    def __init__(
        self,
        folder: Path,
        store: EmbeddedValkey,
        policy: Json,
        workers: int = 1,
        arguments: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "policy.yaml").write_text(json.dumps({"version": 1, **policy}))
        command = ["app", "serve", "--port", "0", "--workers", str(workers)]
        command += ["--redis-url", store.url, "--policy", str(folder / "policy.yaml"), *arguments]
        super().__init__(command, folder / "log", workers)


@contextmanager
def machine(
    folder: Path, routers: int, policy: Json
) -> Iterator[tuple[EmbeddedValkey, list[Router]]]:
    """A store of its own and so many routers on it, stopped at the end."""
    with EmbeddedValkey(folder / "data", "everysec") as store, ExitStack() as stack:
        running = [Router(folder / f"router-{n}", store, policy) for n in range(routers)]
        for router in running:
            stack.callback(router.stop)
            router.await_ready()
        yield store, running


def processor_seconds(pid: int) -> float:
    """User and system time that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


class Connection:
    """A kept-alive connection, as thin as can be: what is measured is the service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def ask(self, method: str, path: str, body: Json | None = None) -> None:
        """Send a request, and do not wait for its answer."""
        text = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(text)}\r\n\r\n"
        self._writer.write(head.encode() + text)

    async def answer(self) -> Json:
        """Read one answer with a length; anything but 200 is an error."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.splitlines()
            if line.lower().startswith(b"content-length:")
        )
        body = await self.reader.readexactly(length)
        assert head.startswith(b"HTTP/1.1 200 "), (head, body)
        found: Json = json.loads(body)
        return found

    async def post(self, path: str, body: Json) -> Json:
        self.ask("POST", path, body)
        return await self.answer()

    def close(self) -> None:
        self._writer.close()


def message(message_id: str, chat: str, consumer: str, **fields: Any) -> Json:
    source = {"platform": "discord", "chat_type": "group", "chat_id": chat, "user_id": "456"}
    body = {"message_id": message_id, "consumer": consumer, "text": "hello", "source": source}
    return body | fields
