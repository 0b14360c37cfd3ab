"""How long the rest of a request is waited for: no longer than the service lives."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

LAST_SECONDS = 0.5  # what is on its way arrives in that time; what stalls is not waited for

Part = TypeVar("Part")


class Patience:
    """Waits for what clients still have to send, until the service ends."""

    def __init__(self) -> None:
        self._waits: set[asyncio.Timeout] = set()
        self._ends_at: float | None = None

    async def wait(self, part: Awaitable[Part]) -> Part:
        """Return a part of a request; raises `TimeoutError` when the service ends first."""
        async with asyncio.timeout_at(self._ends_at) as limit:
            self._waits.add(limit)
            try:
                return await part
            finally:
                self._waits.discard(limit)

    def lose(self) -> None:
        """The service ends."""
        self._ends_at = asyncio.get_running_loop().time() + LAST_SECONDS
        for limit in self._waits:
            limit.reschedule(self._ends_at)
