"""One after the other in a place, in the order in which they came."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Turns:
    """Lets one caller at a time into each place; others wait in line."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def at(self, place: Hashable) -> AsyncIterator[None]:
        """Wait for the turn at a place, and have it."""
        lock, waiting = self._lines.get(place, (asyncio.Lock(), 0))
        self._lines[place] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._lines[place]
            if waiting > 1:
                self._lines[place] = lock, waiting - 1
            else:
                del self._lines[place]
