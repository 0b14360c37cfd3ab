"""A way to the store that loses the answer to one call of one script, when its work is done."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import unquote, urlsplit

import hiredis

CHUNK_BYTES = 65536
_MORE = object()
Meanwhile = Callable[[], Awaitable[object]]
End = tuple[StreamReader, StreamWriter]


async def nothing() -> None:
    """What happens before a router learns that its answer is lost."""


class ActProxy:
    """Hands calls on to a store at `url`; `lost` names the calls whose answers were lost."""

    def __init__(self) -> None:
        self.url = ""
        self.lost: list[str] = []
        self.meanwhile: Meanwhile = nothing
        self._verb = ""
        self._passes = 0

    def lose_next(self, verb: str, meanwhile: Meanwhile = nothing, *, after: int = 0) -> None:
        """Lose an answer to a script, when `after` so many have passed.

        Something may be done before it is missed.
        """
        self._verb, self.meanwhile, self._passes = verb, meanwhile, after

    def loses(self, call: str) -> bool:
        """Tell whether the answer to this call is lost, and note it."""
        if not self._verb or not call.startswith(f"{self._verb}_"):
            return False
        self._passes -= 1
        if self._passes >= 0:
            return False
        self.lost.append(self._verb)
        self._verb = ""
        return True


class _Connection:
    """One connection, between a router and the store."""

    def __init__(self, proxy: ActProxy, router: End, store: End) -> None:
        self._proxy, self._router, self._store = proxy, router, store
        self._unanswered: list[str] = []

    async def serve(self) -> None:
        sides = [asyncio.create_task(self._pass_on()), asyncio.create_task(self._give_back())]
        await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
        for side in sides:
            side.cancel()
        await asyncio.gather(*sides, return_exceptions=True)
        for _, writer in (self._router, self._store):
            writer.transport.abort()

    async def _pass_on(self) -> None:
        calls = hiredis.Reader(encoding="utf-8", errors="replace", notEnoughData=_MORE)
        while chunk := await self._router[0].read(CHUNK_BYTES):
            calls.feed(chunk)
            while (call := calls.gets()) is not _MORE:
                self._unanswered.append(call[1] if call[0] == "FCALL" else call[0])
            self._store[1].write(chunk)

    async def _give_back(self) -> None:
        replies = hiredis.Reader(notEnoughData=_MORE)
        while chunk := await self._store[0].read(CHUNK_BYTES):
            replies.feed(chunk)
            while replies.gets() is not _MORE:
                if self._proxy.loses(self._unanswered.pop(0)):
                    await self._proxy.meanwhile()
                    return
            self._router[1].write(chunk)


@asynccontextmanager
async def act_proxy(store_url: str) -> AsyncIterator[ActProxy]:
    """Give a proxy before a store on a Unix socket."""
    proxy = ActProxy()
    path = unquote(urlsplit(store_url).path)

    async def accept(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(asyncio.CancelledError):
            store = await asyncio.open_unix_connection(path)
            await _Connection(proxy, (reader, writer), store).serve()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await server.wait_closed()
