"""The figures of `GET /v1/stats`: every shard read in one step, then summed."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from app.routing.keys import decode
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
        parts: list[Part] = []
        for shard in range(self._shards):
            reply = await self._client.call(scripts.STATS, keys.stats(shard), self._clock())
            parts += [*_messages(reply), *_sessions(reply)]
        return parts


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


def _messages(reply: Reply) -> list[Part]:
    found = []
    for name, number in zip(reply[2][::2], reply[2][1::2], strict=True):
        state, agent, platform = name.split(":")
        found.append((decode(agent), decode(platform), _Sum(messages={state: int(number)})))
    return found


def _sessions(reply: Reply) -> list[Part]:
    found = []
    rows = reply[3]
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
