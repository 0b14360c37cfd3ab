"""Requests driven by hand into the application: a client that reads slowly, or goes at once."""

import asyncio
import json
from typing import Any, Self

from app.api.application import Application
from tests.service import LOOPBACK, Json

PATIENCE_SECONDS = 5.0


class Call:
    """One request, as a server would pass it on. `pause` lets it read nothing more."""

    def __init__(
        self, app: Application, method: str, path: str, body: Json | None = None, token: str = ""
    ) -> None:
        self.status = 0
        self.body = bytearray()
        self._came = asyncio.Condition()
        self._reads = asyncio.Event()
        self._reads.set()
        self._gone = asyncio.Event()
        self._request = [json.dumps(body).encode() if body is not None else b""]
        self._task = asyncio.create_task(
            app(_scope(method, path, token), self._receive, self._send)
        )

    async def _receive(self) -> dict[str, Any]:
        if self._request:
            return {"type": "http.request", "body": self._request.pop(), "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self._reads.wait()
        if self._gone.is_set():
            return
        async with self._came:
            self.status = message.get("status", self.status)
            self.body += message.get("body", b"")
            self._came.notify_all()

    def pause(self) -> None:
        self._reads.clear()

    def resume(self) -> None:
        self._reads.set()

    def disconnect(self) -> None:
        """The client is gone; the application is told when it asks."""
        self._gone.set()
        self._reads.set()

    async def end(self) -> Self:
        """Return when the application has done with it."""
        await asyncio.wait_for(asyncio.shield(self._task), PATIENCE_SECONDS)
        return self

    async def leave(self) -> None:
        self.disconnect()
        await self.end()

    def json(self) -> Json:
        answer: Json = json.loads(self.body)
        return answer

    def events(self) -> list[tuple[str, Json]]:
        """The events of a stream so far: name and data."""
        found = []
        for block in self.body.decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
            if "event" in lines:
                found.append((lines["event"], json.loads(lines["data"])))
        return found

    async def until(self, *names: str, seconds: float = PATIENCE_SECONDS) -> list[Json]:
        """Wait until the stream has brought these events, in this order; give their data."""
        async with self._came:
            arrived = self._came.wait_for(lambda: len(self.events()) >= len(names))
            await asyncio.wait_for(arrived, seconds)
        events = self.events()
        assert [name for name, _ in events] == list(names)
        return [data for _, data in events]

    async def until_text(self, text: bytes, seconds: float = PATIENCE_SECONDS) -> None:
        async with self._came:
            await asyncio.wait_for(self._came.wait_for(lambda: text in self.body), seconds)


def _scope(method: str, path: str, token: str) -> dict[str, Any]:
    address, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": address,
        "raw_path": address.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {token}".encode())],
        "client": LOOPBACK,
        "server": ("127.0.0.1", 80),
    }
