"""A proxy in front of a service that loses answers: the work is done, and nobody hears of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

CHUNK_BYTES = 65536


class LossyProxy:
    """Forwards every request; where `loses` says so, the answer is dropped with its connection.

    `loses` is asked for each piece of an answer, so the service has begun to give it.
    """

    def __init__(self, port: int, loses: Callable[[], bool] = lambda: False) -> None:
        self.loses = loses
        self.lost = 0
        self.url = ""
        self._port = port
        self._open: set[asyncio.Task[None]] = set()

    def lose_next(self) -> None:
        """Lose one answer, the next, and none after it."""
        answers = iter([True])
        self.loses = lambda: next(answers, False)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # either side may go at any time; asyncio would only log it
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_service: asyncio.StreamWriter
        from_service, to_service = await asyncio.open_connection("127.0.0.1", self._port)
        asked = asyncio.create_task(_pump(reader, to_service))
        try:
            while answer := await from_service.read(CHUNK_BYTES):
                if self.loses():
                    self.lost += 1
                    return
                writer.write(answer)
                await writer.drain()
        finally:
            asked.cancel()
            to_service.transport.abort()

    async def close(self) -> None:
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while request := await reader.read(CHUNK_BYTES):
            writer.write(request)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def lossy_proxy(
    port: int, loses: Callable[[], bool] = lambda: False
) -> AsyncIterator[LossyProxy]:
    """Give a proxy on a free port of this machine, in front of a service's."""
    proxy = LossyProxy(port, loses)
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()
