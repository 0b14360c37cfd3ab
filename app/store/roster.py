"""Who is there: routers, which announce themselves, and the consumers that called them.

All methods raise `StoreUnavailable`.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from app.routing.keys import encode_agent
from app.store import keys, scripts
from app.store.clock import stores_clock
from app.store.holders import consumer_of
from app.store.replies import moment
from app.store.store_client import StoreClient
from session_router.models import Consumer, ConsumerList, Router, RouterList

ROUTER_KNOWN_MS = 60_000
CONSUMER_KNOWN_MS = 3_600_000
ROUTERS_MAX = 1000
CONSUMERS_MAX = 1000
HEARD_MS = 5000


class Sighting(NamedTuple):
    """A holder that called, and the agent it called for; empty for none in particular."""

    agent: str
    holder: str


@dataclass(slots=True)
class _Seen:
    at: datetime
    agents: set[str] = field(default_factory=set)


class Roster:
    """Announces and lists; `clock` as in `SessionStore`."""

    def __init__(
        self, client: StoreClient, shards: int, clock: Callable[[], str] = stores_clock
    ) -> None:
        self._client = client
        self._shards = shards
        self._clock = clock

    async def announce(
        self, router: str, sightings: Iterable[Sighting], *, is_listening: bool
    ) -> bool:
        """Say that a router is there, and whom it saw: `announce.lua`.

        Tells whether somebody listens to the live feed, here or on another router.
        """
        reply = await self._client.call(
            scripts.ANNOUNCE,
            keys.ROUTERS,
            self._clock(),
            router,
            ROUTER_KNOWN_MS,
            "1" if is_listening else "",
            HEARD_MS,
            CONSUMER_KNOWN_MS,
            CONSUMERS_MAX,
            *(json.dumps([sighting.agent, sighting.holder]) for sighting in sightings),
        )
        return bool(reply[1])

    async def routers(self) -> RouterList:
        """The routers that were there within the last minute."""
        seen = await self._seen(keys.ROUTERS[0], ROUTER_KNOWN_MS, ROUTERS_MAX)
        routers = (Router(**json.loads(text), last_seen_at=at) for text, at in seen)
        return RouterList(routers=tuple(sorted(routers, key=lambda router: router.name)))

    async def consumers(self, agents: frozenset[str] | None) -> ConsumerList:
        """The consumers that called for one of these agents within the last hour."""
        holders: dict[str, _Seen] = {}
        for text, at in await self._seen(keys.ROUTERS[1], CONSUMER_KNOWN_MS, CONSUMERS_MAX):
            agent, holder = json.loads(text)
            holders.setdefault(holder, _Seen(at)).agents.add(agent)
        shown = {
            holder: seen
            for holder, seen in holders.items()
            if agents is None or not agents.isdisjoint(seen.agents)
        }
        runs = await self._runs(list(shown), agents)
        return ConsumerList(
            consumers=tuple(
                Consumer(
                    consumer=consumer_of(holder),
                    token=holder.partition("/")[0] or None,
                    agents=tuple(sorted(_visible(seen.agents, agents))),
                    runs=count,
                    last_seen_at=seen.at,
                )
                for (holder, seen), count in zip(shown.items(), runs, strict=True)
            )
        )

    async def _seen(self, key: str, within_ms: int, most: int) -> list[tuple[str, datetime]]:
        _, *seen = await self._client.call(scripts.SEEN, [key], self._clock(), within_ms, most)
        return [(text, moment(at)) for text, at in zip(seen[::2], seen[1::2], strict=True)]

    async def _runs(self, holders: list[str], agents: frozenset[str] | None) -> list[int]:
        """How many runs of these agents each holder has, over all shards: `counts.lua`."""
        if not holders:
            return []
        spelled = sorted(map(encode_agent, agents or ()))
        counts = await asyncio.gather(
            *(
                self._client.call(
                    scripts.COUNTS,
                    [keys.consumer_runs(shard, holder) for holder in holders],
                    *spelled,
                )
                for shard in range(self._shards)
            )
        )
        return [sum(column) for column in zip(*(reply[1:] for reply in counts), strict=True)]


def _visible(called_for: set[str], agents: frozenset[str] | None) -> set[str]:
    return (called_for if agents is None else called_for & agents) - {""}
