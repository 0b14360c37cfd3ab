"""The sweep: settles what has run out, in every router, with no traffic needed.

Any number of routers may sweep: what one settled, the others find settled. Its cost
follows what is due, not what exists.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from app.errors import StoreUnavailable
from app.store.deadlines import Deadlines

PERIOD_SECONDS = 1.0
PAUSE_SECONDS = 0.01  # between rounds that found much, and before a deadline just ahead

logger = logging.getLogger(__name__)


class Sweep:
    """Settles sessions at their deadlines. `settled` is told each round's causes."""

    def __init__(
        self, deadlines: Deadlines, settled: Callable[[Counter[str]], None] = lambda _causes: None
    ) -> None:
        self._deadlines = deadlines
        self._settled = settled

    async def run_once(self) -> float:
        """Settle one bounded round of every shard; return the seconds until the next one.

        Raises `StoreUnavailable`.
        """
        rounds = await asyncio.gather(
            *(self._deadlines.settle_due(shard) for shard in self._deadlines.shards)
        )
        causes = sum((round_.causes for round_ in rounds), Counter[str]())
        self._settled(causes)
        for cause, number in causes.items():
            logger.info("settled %d: %s", number, cause)
        if any(round_.is_full for round_ in rounds):
            return PAUSE_SECONDS
        next_seconds = min(round_.next_seconds for round_ in rounds)
        return min(max(next_seconds, PAUSE_SECONDS), PERIOD_SECONDS)

    async def run(self) -> None:
        """Sweep until cancelled, through every outage of the store."""
        is_away = False
        while True:
            try:
                seconds = await self.run_once()
                if is_away:
                    logger.info("the store answers again")
                is_away = False
            except StoreUnavailable:
                if not is_away:
                    logger.warning("the store does not answer")
                is_away = True
                seconds = PERIOD_SECONDS
            except Exception:
                logger.exception("a round of the sweep failed; the next one tries again")
                seconds = PERIOD_SECONDS
            await asyncio.sleep(seconds)
