"""A proxy that can be told to misbehave: between a router and its store, or before a router.

It runs in a thread of its own, so that tests without an event loop can use it. What it is told
holds for every connection until it is told otherwise.
"""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from random import Random
from types import TracebackType
from typing import Any, Self

CHUNK_BYTES = 65536
START_SECONDS = 10.0


class FaultyProxy:
    """Passes bytes on to a server: a port of this machine, or the path of a Unix socket.

    `delay_seconds` is the most that an answer is late. `loses` is the share of answers that are
    dropped with their connection, when the work is done. `is_stuck`: nothing passes either way.
    `harmed` counts what came late, was held up or was lost.
    """

    def __init__(self, server: int | str, seed: int) -> None:
        self.port = 0
        self.delay_seconds = 0.0
        self.loses = 0.0
        self.is_stuck = False
        self.harmed = 0
        self._server = server
        self._chance = Random(seed)  # noqa: S311
        self._open: set[asyncio.StreamWriter] = set()
        self._is_up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_up.wait(START_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(START_SECONDS)

    def behave(self) -> None:
        """Pass everything on again."""
        self.delay_seconds, self.loses, self.is_stuck = 0.0, 0.0, False

    def reset_all(self) -> int:
        """Break every open connection; tell how many ends there were."""
        return asyncio.run_coroutine_threadsafe(self._abort_all(), self._loop).result()

    async def _abort_all(self) -> int:
        ends = list(self._open)
        for writer in ends:
            writer.transport.abort()
        return len(ends)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._is_up.set()
        await self._end.wait()
        server.close()
        await self._abort_all()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            server_reader, server_writer = await self._connect()
        except (OSError, asyncio.CancelledError):
            self._open.discard(writer)
            writer.transport.abort()
            return
        self._open.add(server_writer)
        try:
            await _first_end(
                self._pass_on(reader, server_writer), self._give_back(server_reader, writer)
            )
        except asyncio.CancelledError:
            pass  # the test has ended; asyncio would only log it
        finally:
            for end in (writer, server_writer):
                self._open.discard(end)
                end.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._server, str):
            return await asyncio.open_unix_connection(self._server)
        return await asyncio.open_connection("127.0.0.1", self._server)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            await self._while_stuck()
            writer.write(chunk)
            await writer.drain()

    async def _give_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            await self._while_stuck()
            if self.delay_seconds:
                self.harmed += 1
                await asyncio.sleep(self._chance.random() * self.delay_seconds)
            if self._chance.random() < self.loses:
                self.harmed += 1
                return
            writer.write(chunk)
            await writer.drain()

    async def _while_stuck(self) -> None:
        self.harmed += self.is_stuck
        while self.is_stuck:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def _first_end(*sides: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.create_task(side) for side in sides]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
