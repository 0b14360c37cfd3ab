"""Retirement: sessions that were idle for long enough are forgotten, in a slow walk.

An idle session has no deadline that anything waits for, so it stands in no index of deadlines.
"""

import asyncio
import logging
from contextlib import suppress

from app.errors import StoreUnavailable
from app.store.deadlines import Deadlines

PERIOD_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Retirement:
    """Walks by the sessions of every shard; any number of routers share one walk."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines

    async def run_once(self) -> int:
        """Go one bounded step in every shard; return how many sessions were retired.

        Raises `StoreUnavailable`.
        """
        shards = self._deadlines.shards
        retired = sum(await asyncio.gather(*map(self._deadlines.retire_idle, shards)))
        if retired:
            logger.info("retired %d", retired)
        return retired

    async def run(self) -> None:
        """Walk until cancelled, through every outage of the store, which the sweep tells of."""
        while True:
            try:
                with suppress(StoreUnavailable):
                    await self.run_once()
            except Exception:
                logger.exception("a step of the retirement failed; the next one tries again")
            await asyncio.sleep(PERIOD_SECONDS)
