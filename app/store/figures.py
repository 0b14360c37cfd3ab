"""The figures of `GET /v1/stats` and `GET /metrics`: each shard read in one step, then summed."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from app.store import keys, scripts
from app.store.clock import stores_clock
from app.store.store_client import Reply, StoreClient
from session_router.models import (
    MessageCounts,
    PlatformStats,
    QueueStats,
    SessionCounts,
    Stats,
)

GRANTED = "granted"  # counted with the messages, told as a tally


@dataclass(slots=True)
class _Sum:
    messages: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    sessions: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    oldest_wait_ms: float = 0

    def figures(self) -> PlatformStats:
        messages = MessageCounts(**self.messages)
        return PlatformStats(
            sessions=SessionCounts(**self.sessions),
            messages=messages,
            queue=QueueStats(
                depth=messages.waiting, oldest_wait_seconds=self.oldest_wait_ms / 1000
            ),
        )


@dataclass(frozen=True, slots=True)
class Totals:
    """What the store says of itself, over all agents.

    `tallies` counts what has happened since the store began, by the words of
    `tally` in the scripts; `overdue_seconds` is how long ago the first deadline passed
    that is not settled yet.
    """

    stats: Stats
    tallies: Counter[str]
    overdue_seconds: float


class Figures:
    """Sums the shards' figures; `clock` as in `SessionStore`."""

    def __init__(
        self, client: StoreClient, shards: int, clock: Callable[[], str] = stores_clock
    ) -> None:
        self._client = client
        self._shards = shards
        self._clock = clock

    async def read(self, agents: frozenset[str] | None) -> Stats:
        """Figures over the agents named, or over all; raises `StoreUnavailable`."""
        return figures_of(await self.parts(), agents)

    async def parts(self) -> list["Part"]:
        """All figures of one reading, to be summed by `figures_of`."""
        return _parts(await self._read_shards())

    async def totals(self) -> Totals:
        """Everything, over all agents; raises `StoreUnavailable`."""
        replies = await self._read_shards()
        return Totals(
            stats=figures_of(_parts(replies), None),
            tallies=sum((_tallies(reply) for reply in replies), Counter[str]()),
            overdue_seconds=max(map(_overdue_ms, replies)) / 1000,
        )

    async def _read_shards(self) -> list[Reply]:
        clock = self._clock()
        calls = (
            self._client.call(scripts.STATS, keys.stats(shard), clock)
            for shard in range(self._shards)
        )
        return list(await asyncio.gather(*calls))


def _pairs(flat: list[Any]) -> list[tuple[str, Any]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


Part = tuple[str, str, _Sum]  # of an agent on a platform


def figures_of(parts: Iterable[Part], agents: frozenset[str] | None) -> Stats:
    """Sum what was read over the agents named, or over all."""
    total, platforms = _Sum(), defaultdict[str, _Sum](_Sum)
    for agent, platform, part in parts:
        if agents is None or agent in agents:
            _add(total, part)
            _add(platforms[platform], part)
    return Stats(
        **dict(total.figures()),
        by_platform={name: platforms[name].figures() for name in sorted(platforms)},
    )


def _parts(replies: Iterable[Reply]) -> list[Part]:
    return [part for reply in replies for part in (*_messages(reply), *_sessions(reply))]


def _messages(reply: Reply) -> list[Part]:
    found = []
    for bucket, counts in _pairs(reply[3]):
        # A newer release on the same store may count more.
        messages = {state: n for state, n in _pairs(counts) if state in MessageCounts.model_fields}
        found.append((*keys.parts_of_bucket(bucket), _Sum(messages=messages)))
    return found


def _tallies(reply: Reply) -> Counter[str]:
    granted = sum(dict(_pairs(counts)).get(GRANTED, 0) for _, counts in _pairs(reply[3]))
    return Counter({GRANTED: granted, **dict(_pairs(reply[2]))})


def _overdue_ms(reply: Reply) -> float:
    return max(reply[1] - float(reply[5]), 0) if reply[5] else 0


def _sessions(reply: Reply) -> list[Part]:
    found = []
    rows = reply[4]
    for bucket, sessions, running, waiting, paused, oldest_at in zip(
        *(rows[column::6] for column in range(6)), strict=True
    ):
        agent, platform = keys.parts_of_bucket(bucket)
        counts = {
            "idle": sessions - running - waiting - paused,
            "running": running,
            "waiting": waiting,
            "paused": paused,
        }
        wait_ms = reply[1] - float(oldest_at) if oldest_at else 0
        found.append((agent, platform, _Sum(sessions=counts, oldest_wait_ms=max(wait_ms, 0))))
    return found


def _add(total: _Sum, part: _Sum) -> None:
    for state, number in part.messages.items():
        total.messages[state] += number
    for state, number in part.sessions.items():
        total.sessions[state] += number
    total.oldest_wait_ms = max(total.oldest_wait_ms, part.oldest_wait_ms)
