"""The machine under measurement: a store, routers as processes, and plain HTTP clients."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from app.store.embedded import EmbeddedValkey

PROJECT = Path(__file__).resolve().parents[1]
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")

Json = dict[str, Any]


class Router:
    """One `serve` process on loopback, on a port of its own."""

    def __init__(self, folder: Path, store: EmbeddedValkey, policy: Json) -> None:
        folder.mkdir(parents=True)
        (folder / "policy.yaml").write_text(json.dumps({"version": 1, **policy}))
        self._log = (folder / "log").open("w")
        arguments = ("--redis-url", store.url, "--policy", str(folder / "policy.yaml"))
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "app", "serve", "--port", "0", *arguments],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.pid = self._process.pid
        self.port = 0

    def await_ready(self) -> None:
        """Read its greeting, which names its port; it takes connections from then on."""
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline().split()[2].rpartition(":")[2])

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(15)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()


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
