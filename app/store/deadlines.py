"""What has run out, settled session by session.

Found by the index of deadlines; sessions that are idle, which have none, by a walk.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from app.routing.keys import SessionKey
from app.store import keys, scripts
from app.store.clock import stores_clock
from app.store.store_client import Reply, StoreClient

ROUND_MAX = 200  # sessions that one round settles in a shard
WALKED_A_SECOND = 200  # sessions of a shard, by all routers together


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of a shard did.

    `causes` counts ended runs by cause, and `retired`; `next_seconds` is the time until the
    next deadline.
    """

    causes: Counter[str]
    next_seconds: float
    is_full: bool


class Deadlines:
    """The deadlines of all shards; `clock` as in `SessionStore`."""

    def __init__(
        self, client: StoreClient, shards: int, clock: Callable[[], str] = stores_clock
    ) -> None:
        self._client = client
        self._clock = clock
        self.shards = range(shards)

    async def settle_due(self, shard: int) -> Round:
        """Settle the longest overdue of a shard: `due.lua`, then `settle.lua` each.

        Raises `StoreUnavailable`.
        """
        clock = self._clock()
        reply = await self._client.call(scripts.DUE, [keys.due(shard)], clock, ROUND_MAX)
        sessions = reply[2:]
        settled = await asyncio.gather(*(self._settle(shard, name) for name in sessions))
        causes = Counter(cause for cause in map(_cause, settled) if cause)
        next_seconds = float("inf") if reply[1] == "" else int(reply[1]) / 1000
        return Round(causes, next_seconds, is_full=len(sessions) == ROUND_MAX)

    async def retire_idle(self, shard: int) -> int:
        """Go a step of the walk by a shard's sessions: `walk.lua`, then `settle.lua` each.

        Returns how many were retired. Raises `StoreUnavailable`.
        """
        found = await self._client.call(
            scripts.WALK, keys.walk(shard), self._clock(), WALKED_A_SECOND
        )
        settled = await asyncio.gather(*(self._settle(shard, name) for name in found[1:]))
        return sum(reply[0] == "retired" for reply in settled)

    async def _settle(self, shard: int, name: str) -> Reply:
        session = SessionKey(name)
        return await self._client.call(
            scripts.SETTLE, keys.session_keys(shard, session), self._clock()
        )


def _cause(reply: Reply) -> str:
    match reply[0]:
        case "settled":
            return str(reply[1])
        case word:
            return "retired" if word == "retired" else ""
