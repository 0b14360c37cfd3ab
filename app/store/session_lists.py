"""Lists of sessions and the figures over them, from the indexes of all shards.

Nothing here looks at the key space. All methods raise `StoreUnavailable`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from pydantic_core import to_json

from app.routing.keys import SessionKey, chat_id_of, encode
from app.store import keys, scripts
from app.store.clock import stores_clock
from app.store.holders import consumer_of
from app.store.pages import (
    Entry,
    Index,
    Listing,
    cursor_after,
    entries_after,
    read_cursor,
)
from app.store.replies import Reader, optional_moment
from app.store.store_client import Reply, StoreClient
from session_router.models import SessionOrder, SessionPage, SessionState, SessionSummary

STEPS_MAX = 5  # steps through the indexes that one call makes to fill its page
SUMMARIES_MAX = 200  # sessions that it then looks at itself
SUMMARIES_AT_ONCE = 50  # of them in one step of the store


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions are meant; None means all. `agents` are those the token may see."""

    agents: frozenset[str] | None = None
    agent: str | None = None
    platform: str | None = None
    chat_id: str | None = None
    user_id: str | None = None
    state: SessionState | None = None
    search: str | None = None
    order: SessionOrder = "key"

    @property
    def index(self) -> str:
        """The index that has these sessions in their order."""
        if self.order == "oldest_wait":
            return "backlog"
        return "sessions" if self.state in {None, "idle"} else str(self.state)

    @property
    def listing(self) -> Listing:
        """The order, and what key and participants must contain: the store looks at that."""
        chat = () if self.chat_id is None else (f":{encode(self.chat_id)}",)
        search = () if self.search is None else (self.search,)
        user = "" if self.user_id is None else f'"user_id":{to_json(self.user_id).decode()}'
        return Listing(self.index == "sessions", (*chat, *search), user)

    def has_bucket(self, bucket: str) -> bool:
        """Tell whether sessions of this bucket may be meant."""
        agent, platform = keys.parts_of_bucket(bucket)
        seen = self.agents is None or agent in self.agents
        return seen and self.agent in {None, agent} and self.platform in {None, platform}


class SessionLists:
    """Pages of sessions; `clock` as in `SessionStore`."""

    def __init__(
        self, client: StoreClient, shards: int, clock: Callable[[], str] = stores_clock
    ) -> None:
        self._client = client
        self._shards = shards
        self._clock = clock

    async def page(self, wanted: SessionFilter, most: int, cursor: str | None) -> SessionPage:
        """Sessions by key; those of one state other than idle by time, oldest first.

        By `oldest_wait` those in which something waits, by its oldest arrival. A page may be
        short, or empty, and its cursor goes on: a call looks at a bounded part of the indexes.
        Raises `InvalidRequest` for a cursor that no page gave.
        """
        after = read_cursor(cursor) if cursor else None
        indexes = await self._indexes(wanted)
        shown: list[SessionSummary] = []
        looked_at = 0
        for _ in range(STEPS_MAX):
            left = most - len(shown)
            found = await entries_after(self._client, indexes, after, left, wanted.listing)
            summaries = await self._summaries(found.entries)
            shown += [one.line for one in summaries if _is_shown(one, wanted)]
            after, looked_at = found.reached, looked_at + len(found.entries)
            if after is None or len(shown) == most or looked_at >= SUMMARIES_MAX:
                break
        return SessionPage(sessions=tuple(shown), cursor=cursor_after(after) if after else None)

    async def _indexes(self, wanted: SessionFilter) -> list[Index]:
        return [
            (shard, keys.index(shard, wanted.index, bucket))
            for shard in range(self._shards)
            for bucket in await self._client.members(keys.stats(shard)[1])
            if wanted.has_bucket(bucket)
        ]

    async def _summaries(self, entries: list[Entry]) -> list["_Summary"]:
        """The lines of these sessions in their order, without those that are gone."""
        by_shard: dict[int, list[SessionKey]] = defaultdict(list)
        for entry in entries:
            by_shard[entry.shard].append(SessionKey(entry.place.name))
        calls = [
            (shard, sessions[start : start + SUMMARIES_AT_ONCE])
            for shard, sessions in by_shard.items()
            for start in range(0, len(sessions), SUMMARIES_AT_ONCE)
        ]
        found = await asyncio.gather(*(self._summaries_in(*call) for call in calls))
        by_key = {summary.line.key: summary for summaries in found for summary in summaries}
        names = (entry.place.name for entry in entries)
        return [by_key[name] for name in names if name in by_key]

    async def _summaries_in(self, shard: int, sessions: list[SessionKey]) -> list["_Summary"]:
        _, *parts = await self._client.call(
            scripts.SUMMARY, keys.session_keys(shard, sessions[0]), self._clock(), *sessions
        )
        return [
            _summary(session, shard, part)
            for session, part in zip(sessions, parts, strict=True)
            if part
        ]


@dataclass(frozen=True, slots=True)
class _Summary:
    line: SessionSummary
    user_ids: frozenset[str]


def _summary(session: SessionKey, shard: int, part: Reply) -> _Summary:
    state, section, waiting, oldest_at, *active, last_at = part
    fence, holder, started_at, lease_at = active
    reader = Reader(session, shard)
    view = reader.session(section)
    line = SessionSummary(
        key=session,
        id=view.id,
        state=state,
        isolation=view.isolation,
        waiting=waiting,
        oldest_waiting_at=optional_moment(oldest_at),
        run_id=reader.run_id(fence) if fence else None,
        consumer=consumer_of(holder) or None,
        run_started_at=optional_moment(started_at),
        lease_expires_at=optional_moment(lease_at),
        last_active_at=optional_moment(last_at),
    )
    return _Summary(line, frozenset(person.user_id for person in view.participants))


def _is_shown(summary: _Summary, wanted: SessionFilter) -> bool:
    line = summary.line
    if wanted.state not in {None, line.state}:
        return False
    if wanted.user_id is not None and wanted.user_id not in summary.user_ids:
        return False
    return wanted.chat_id in {None, chat_id_of(line.key)}
