"""Says once a second that this router is there, and which consumers called it.

With the same call it learns whether anybody watches the live feed. Consumers are noted as they
call, in memory: no call waits for it, and no script writes it.
"""

import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime

from app import VERSION
from app.errors import StoreUnavailable
from app.feed import Feed
from app.store.holders import holder_of
from app.store.roster import Roster, Sighting

ANNOUNCE_SECONDS = 1.0
SIGHTINGS_MAX = 1000  # that one announcement tells; what is over is told with a later call

logger = logging.getLogger(__name__)


class Presence:
    """The presence of one router. `standing` gives the holders that wait or listen here."""

    def __init__(self, roster: Roster, feed: Feed, standing: Callable[[], Iterable[str]]) -> None:
        self._roster = roster
        self._feed = feed
        self._standing = standing
        self._seen: dict[Sighting, None] = {}
        self._name = json.dumps(
            {
                "name": f"{socket.gethostname()}-{os.getpid()}",
                "version": VERSION,
                "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            }
        )

    def saw(self, agent: str, token_name: str, consumer: str) -> None:
        """A consumer called for an agent; an empty one stands for none in particular."""
        if len(self._seen) < SIGHTINGS_MAX:
            self._seen[Sighting(agent, holder_of(token_name, consumer))] = None

    async def announce(self) -> None:
        """Tell the store what there is to tell. Raises `StoreUnavailable`."""
        for holder in self._standing():
            if len(self._seen) < SIGHTINGS_MAX:
                self._seen[Sighting("", holder)] = None
        seen, self._seen = self._seen, {}
        is_listening = self._feed.is_watched_here
        self._feed.heard_elsewhere(
            await self._roster.announce(self._name, seen, is_listening=is_listening)
        )

    async def run(self) -> None:
        """Announce until cancelled, at once when somebody begins to watch."""
        while True:
            self._feed.somebody_came.clear()
            try:
                await self.announce()
            except StoreUnavailable:
                pass
            except Exception:
                logger.exception("this router could not announce itself; trying again")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._feed.somebody_came.wait(), ANNOUNCE_SECONDS)
