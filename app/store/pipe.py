"""The way to one server: a wire, made anew whenever it has ended."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from app.store.wire import Command, Refusal, TooLate, Unanswered, Unreachable, Wire

TRIES_LEFT = (1, 0)  # a wire may have died with the last server: one more try at once
# Another server is the primary now, or will be.
_NO_PRIMARY = ("READONLY", "MASTERDOWN")


class Pipe:
    """Calls one server, over a wire that `connect` opens when it is needed."""

    def __init__(self, connect: Callable[[], Awaitable[Wire]]) -> None:
        self._connect = connect
        self._wire: Wire | None = None
        self._connecting: asyncio.Task[Wire] | None = None
        self._is_closed = False

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for anything on it."""
        return self._connecting is None and (self._wire is None or self._wire.is_idle)

    async def execute(
        self, command: Command, deadline: float, *, asking: bool = False, once: bool = False
    ) -> Any:
        """Run a command, perhaps twice, but not `once` it may have been done.

        Raises `Refusal` and `Unreachable`.
        """
        for tries_left in TRIES_LEFT:
            wire = self._wire
            if wire is None or not wire.is_ready:
                wire = await self._ready_wire(deadline)
            try:
                return await wire.call(command, deadline, asking=asking)
            except TooLate:
                raise
            except Unreachable as error:
                if not tries_left or (once and isinstance(error, Unanswered)):
                    raise
            except Refusal as refusal:
                if refusal.word not in _NO_PRIMARY:
                    raise
                wire.retire()
                if not tries_left:
                    raise
        raise AssertionError

    async def _ready_wire(self, deadline: float) -> Wire:
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    wire = self._wire
                    if wire is None or wire.is_over:
                        wire = await self._opened()
                    await wire.room()
                    if wire.is_ready:
                        return wire
        except TimeoutError as error:
            raise TooLate from error

    async def _opened(self) -> Wire:
        """Open one wire for all who ask meanwhile; a caller that is cancelled ends it for none."""
        if self._connecting is not None:
            try:
                return await asyncio.shield(self._connecting)
            except Unreachable:
                pass  # of an attempt that began before this call: it says nothing of now
        if self._is_closed:
            raise Unreachable("closed")
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._open())
            self._connecting.add_done_callback(_heard)
        return await asyncio.shield(self._connecting)

    async def _open(self) -> Wire:
        try:
            self._wire = await self._connect()
        except asyncio.CancelledError:
            raise Unreachable("closed") from None  # its callers are not cancelled
        finally:
            self._connecting = None
        return self._wire

    async def close(self) -> None:
        """End what is in flight, and open nothing more."""
        self._is_closed = True
        connecting = self._connecting
        if connecting is not None:
            await asyncio.sleep(0)  # else it may not have begun, and its callers were cancelled
            connecting.cancel()
            await asyncio.wait([connecting])
        if self._wire is not None:
            self._wire.end(Unreachable("closed"))


def _heard(task: asyncio.Task[Wire]) -> None:
    if not task.cancelled():
        task.exception()  # whoever asked may be gone
