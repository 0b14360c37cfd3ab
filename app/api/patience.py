"""How long the rest of a request is waited for: bounded, and no longer than the service lives.

One timer looks after all that wait, and cancels them as `asyncio.timeout` does: one of those for
each would cost more than it takes to read most bodies.
"""

import asyncio
from collections.abc import Awaitable
from math import inf
from typing import Any, TypeVar, cast

BODY_SECONDS = 20.0
LAST_SECONDS = 0.5  # what is on its way arrives in that time; what stalls is not waited for
LOOKS = 8  # in that time: a wait may last so much longer

Part = TypeVar("Part")


class Patience:
    """Waits for what clients still have to send, until the service ends."""

    def __init__(self) -> None:
        self._waits: dict[asyncio.Task[Any], float] = {}
        self._ends_at = inf
        self._look: asyncio.TimerHandle | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the service ends."""
        return self._ends_at < inf

    async def wait(self, part: Awaitable[Part]) -> Part:
        """Return a part of a request.

        Raises `TimeoutError` after `BODY_SECONDS`, or soon after the service was told to end.
        """
        loop = asyncio.get_running_loop()
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        cancelled_before = task.cancelling()
        self._waits[task] = min(loop.time() + BODY_SECONDS, self._ends_at)
        if self._look is None:
            self._look_in((LAST_SECONDS if self.is_lost else BODY_SECONDS) / LOOKS)
        try:
            return await part
        except asyncio.CancelledError as error:
            # Of both ends that may come at once, the one that somebody else asked for holds.
            if task not in self._waits and task.cancelling() - 1 <= cancelled_before:
                raise TimeoutError from error
            raise
        finally:
            if self._waits.pop(task, None) is None:
                task.uncancel()

    def _look_in(self, seconds: float) -> None:
        self._look = asyncio.get_running_loop().call_later(seconds, self._look_around, seconds)

    def _look_around(self, pause_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        now, self._look = loop.time(), None
        for task, at in self._waits.items():
            if min(at, self._ends_at) <= now:
                loop.call_soon(self._give_up, task)  # what has come already is returned first
        if self._waits:
            self._look_in(pause_seconds)

    def _give_up(self, task: asyncio.Task[Any]) -> None:
        if self._waits.pop(task, None) is not None:
            task.cancel()

    def lose(self) -> None:
        """The service ends."""
        self._ends_at = asyncio.get_running_loop().time() + LAST_SECONDS
        if self._look is not None:
            self._look.cancel()
        self._look_in(LAST_SECONDS / LOOKS)
