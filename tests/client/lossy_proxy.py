"""A proxy that loses answers on their way back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit


class LossyProxy:
    """Hands requests on to the service, and loses the answers it was told to lose.

    `lose` takes parts of request paths: for each, one answer is dropped after the service gave
    it, and its connection closed. `cut` are parts of paths that are never handed on at all.
    """

    def __init__(self, target_url: str) -> None:
        self.lose: list[bytes] = []
        self.cut: list[bytes] = []
        self.lost: list[bytes] = []
        self.url = ""
        self._target = urlsplit(target_url)
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> AsyncIterator[Self]:
        server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield self
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.wait_closed()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._hand_on(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.close())  # even if it was cancelled unbegun

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._target.hostname is not None
        answers, requests = await asyncio.open_connection(self._target.hostname, self._target.port)
        losing: list[bytes] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, requests, losing))
                group.create_task(self._return(answers, writer, losing))
        except* (ConnectionError, EOFError):
            pass
        finally:
            for end in (requests, writer):
                end.close()
                with suppress(ConnectionError):
                    await end.wait_closed()

    async def _forward(
        self, reader: asyncio.StreamReader, requests: asyncio.StreamWriter, losing: list[bytes]
    ) -> None:
        while chunk := await reader.read(65_536):
            if any(part in chunk for part in self.cut):
                continue
            for part in [part for part in self.lose if part in chunk]:
                self.lose.remove(part)
                losing.append(part)
            requests.write(chunk)
            await requests.drain()
        raise EOFError

    async def _return(
        self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: list[bytes]
    ) -> None:
        while chunk := await answers.read(65_536):
            if losing:
                self.lost += losing
                raise EOFError
            writer.write(chunk)
            await writer.drain()
        raise EOFError
