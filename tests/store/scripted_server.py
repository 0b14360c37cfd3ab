"""A server that says what a test wants, piece by piece, on a free port of this machine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from ssl import SSLContext

import hiredis

from app.store_address import RedisUrl

Handler = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._parser = hiredis.Reader(encoding="utf-8", errors="replace", notEnoughData=self)

    async def command(self) -> list[str]:
        """The next command that is no part of redis-py's greeting."""
        while True:
            command = self._parser.gets()
            if command is self:
                data = await self._reader.read(65536)
                if not data:
                    raise ConnectionResetError
                self._parser.feed(data)
            elif command[0] == "CLIENT":
                await self.say("+OK\r\n")
            else:
                return list(command)

    async def say(self, text: str) -> None:
        self._writer.write(text.encode())
        await self._writer.drain()

    def hang_up(self) -> None:
        self._writer.transport.abort()

    async def stay(self) -> None:
        """Say nothing more until the other end goes."""
        while await self._reader.read(65536):
            pass


class Line:
    """A server whose connections are handled one after the other, each by the next handler."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = RedisUrl(f"redis://127.0.0.1:{port}")
        self.accepted = 0


@asynccontextmanager
async def line(*handlers: Handler, tls: SSLContext | None = None) -> AsyncIterator[Line]:
    """Give a server for so many connections, one handler for each in turn."""
    left = list(handlers)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.accepted += 1
        with suppress(ConnectionResetError, BrokenPipeError, IndexError, asyncio.CancelledError):
            await left.pop(0)(Peer(reader, writer))
        writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    opened = Line(server.sockets[0].getsockname()[1])
    try:
        yield opened
    finally:
        server.close()
        await server.wait_closed()


async def echo(peer: Peer) -> None:
    while True:
        await peer.say(bulk((await peer.command())[1]))


async def silence(peer: Peer) -> None:
    await peer.stay()


def bulk(text: str) -> str:
    return f"${len(text.encode())}\r\n{text}\r\n"
