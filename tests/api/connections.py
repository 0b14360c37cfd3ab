"""Connections to a small application behind `BoundedRequests`, real and not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from app.bounded_requests import BoundedRequests

MUCH = 32 * 1024 * 1024  # more than the sockets of both sides hold


async def _hello(scope: Scope, receive: Receive, send: Send) -> None:
    while scope["path"] == "/read" and (await receive()).get("more_body"):
        pass
    if scope["path"] == "/never":
        await asyncio.Event().wait()
    much = b"x" * MUCH if scope["path"] == "/much" else b""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": much + b"hello"})


def connection(state: ServerState, app: ASGIApp = _hello) -> BoundedRequests:
    """One connection to an application."""
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    config.load()
    config.ws_protocol_class = asyncio.Protocol  # as if a library for web sockets was there
    return BoundedRequests(config, state, app_state={})


@asynccontextmanager
async def listening(state: ServerState | None = None) -> AsyncIterator[int]:
    """Give the port of an application that answers at once, behind `BoundedRequests`."""
    loop = asyncio.get_running_loop()
    held = state or ServerState()
    server = await loop.create_server(lambda: connection(held), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def closed_after(port: int, *pieces: bytes) -> bytes:
    """Send pieces, then nothing; what was answered until the connection was closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    async with asyncio.timeout(10):
        # What was sent and never read makes the end of a connection a reset.
        with contextlib.suppress(ConnectionResetError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            while chunk := await reader.read(4096):
                got += chunk
    writer.transport.abort()
    return got


class Wire(asyncio.Transport):
    """The client's side of a connection: it sends what it may, and keeps what it is told."""

    def __init__(self, app: ASGIApp = _hello) -> None:
        super().__init__()
        self.got = b""
        self._is_closing = False
        self._is_read = asyncio.Event()
        self._is_read.set()
        self.protocol = connection(ServerState(), app)
        self.protocol.connection_made(self)

    async def send(self, piece: bytes) -> None:
        """Let a piece arrive, as soon as it is read, and what it causes happen."""
        await self._is_read.wait()
        self.protocol.data_received(piece)
        for _ in range(3):
            await asyncio.sleep(0)

    def write(self, data: Any) -> None:
        self.got += data

    def close(self) -> None:
        self._is_closing = True
        asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def is_closing(self) -> bool:
        return self._is_closing

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self._is_read.clear()

    def resume_reading(self) -> None:
        self._is_read.set()
