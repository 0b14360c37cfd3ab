"""How long the rest of a request is waited for: bounded, and no longer than the service lives.

One timer looks after all that wait: one for each would cost more than it takes to read most bodies.
"""

import asyncio
from collections.abc import Awaitable
from math import inf
from typing import TypeVar

LAST_SECONDS = 0.5  # what is on its way arrives in that time; what stalls is not waited for
LOOKS = 8  # in the time that one may wait: so much later it may end, as a part of that time

Part = TypeVar("Part")


class Patience:
    """Waits for what clients still have to send, until the service ends."""

    def __init__(self) -> None:
        self._waits: dict[asyncio.Timeout, float] = {}
        self._ends_at = inf
        self._look: asyncio.TimerHandle | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the service ends."""
        return self._ends_at < inf

    async def wait(self, part: Awaitable[Part], seconds: float) -> Part:
        """Return a part of a request; raises `TimeoutError` when it takes longer.

        So it does soon after the service was told to end.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None) as limit:
            self._waits[limit] = min(loop.time() + seconds, self._ends_at)
            if self._look is None:
                self._look = loop.call_later(seconds / LOOKS, self._look_around, seconds / LOOKS)
            try:
                return await part
            finally:
                del self._waits[limit]

    def _look_around(self, pause_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        now, self._look = loop.time(), None
        for limit, ends_at in self._waits.items():
            if min(ends_at, self._ends_at) <= now:
                limit.reschedule(now)
        if self._waits:
            self._look = loop.call_later(pause_seconds, self._look_around, pause_seconds)

    def lose(self) -> None:
        """The service ends."""
        loop = asyncio.get_running_loop()
        self._ends_at = loop.time() + LAST_SECONDS
        if self._look is not None:
            self._look.cancel()
        self._look = loop.call_later(LAST_SECONDS, self._look_around, LAST_SECONDS / LOOKS)
