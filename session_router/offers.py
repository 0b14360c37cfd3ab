"""What is said to a run: offered by the router, taken by the handler, reported as seen."""

import asyncio
import time
from collections.abc import Container

from session_router.models import BatchMessage


class Offers:
    """Each message is given once, whichever path told of it, and reported until confirmed.

    At most `unconfirmed_max` are given and not yet confirmed: one report must name them all.
    """

    def __init__(self, unconfirmed_max: int) -> None:
        self._unconfirmed_max = unconfirmed_max
        self._offered: dict[str, BatchMessage] = {}
        self._taken: set[str] = set()
        self._unconfirmed: dict[str, None] = {}
        self._signalled_at = 0.0
        self._news = asyncio.Event()

    def signalled(self, messages: tuple[BatchMessage, ...]) -> None:
        """Take in what a signal says is offered: all of it, as it stands now."""
        self._signalled_at = time.monotonic()
        self._offered = {}
        self._add(messages)

    def answered(self, messages: tuple[BatchMessage, ...], asked_at: float) -> None:
        """Take in what an answer says is offered, to a request sent at `asked_at` (monotonic).

        An answer that a signal may have overtaken only adds.
        """
        if asked_at >= self._signalled_at:
            self._offered = {}
        self._add(messages)

    def _add(self, messages: tuple[BatchMessage, ...]) -> None:
        for message in messages:
            if message.message_id not in self._taken:
                self._offered[message.message_id] = message
        self._news.set()

    @property
    def offered(self) -> frozenset[str]:
        """The ids of what could be taken now."""
        return frozenset(self._offered)

    def take(self) -> tuple[BatchMessage, ...]:
        """Give what was not given before; it is unconfirmed from now on."""
        room = self._unconfirmed_max - len(self._unconfirmed)
        taken = tuple(self._offered.values())[:room]
        for message in taken:
            self._note_taken(message.message_id)
        return taken

    def take_one(self, but: Container[str]) -> BatchMessage | None:
        """Give the oldest message that was not given before and whose id is not among `but`."""
        fresh = [message for key, message in self._offered.items() if key not in but]
        if not fresh:
            return None
        oldest = min(fresh, key=lambda message: message.seq)
        self._note_taken(oldest.message_id)
        return oldest

    async def wait_for_one(self, but: Container[str]) -> BatchMessage:
        """Give one message as `take_one` does, as soon as there is one."""
        while (message := self.take_one(but)) is None:
            self._news.clear()
            await self._news.wait()
        return message

    def _note_taken(self, message_id: str) -> None:
        del self._offered[message_id]
        self._taken.add(message_id)
        self._unconfirmed[message_id] = None

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """The ids to report as seen."""
        return tuple(self._unconfirmed)

    def confirmed(self, message_ids: tuple[str, ...]) -> None:
        """Let go of ids that a report with an answer named."""
        for message_id in message_ids:
            self._unconfirmed.pop(message_id, None)
