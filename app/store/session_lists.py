"""Lists of sessions and the figures over them, from the indexes of all shards.

Nothing here looks at the key space. All methods raise `StoreUnavailable`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from app.routing.keys import SessionKey, chat_id_of
from app.store import keys, scripts
from app.store.clock import stores_clock
from app.store.holders import consumer_of
from app.store.pages import Entry, Index, cursor_after, entries_after, read_cursor
from app.store.replies import Reader, optional_moment
from app.store.store_client import StoreClient
from session_router.models import SessionPage, SessionState, SessionSummary

LOOKED_AT_MAX = 1000  # sessions one call looks at to fill its page


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions are meant; None means all. `agents` are those the token may see."""

    agents: frozenset[str] | None = None
    agent: str | None = None
    platform: str | None = None
    chat_id: str | None = None
    user_id: str | None = None
    state: SessionState | None = None

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

        Where a filter passes over many, a page may be short and its cursor goes on. Raises
        `InvalidRequest` for a cursor that no page gave.
        """
        after = read_cursor(cursor) if cursor else None
        by_key = wanted.state in {None, "idle"}
        indexes = await self._indexes(wanted, "sessions" if by_key else str(wanted.state))
        shown: list[SessionSummary] = []
        for _ in range(-(-LOOKED_AT_MAX // most)):
            entries = await entries_after(self._client, indexes, after, most, by_key=by_key)
            for entry, summary in await self._summaries(entries):
                after = entry.place
                if summary is not None and _is_shown(summary, wanted):
                    shown.append(summary.line)
                if len(shown) == most:
                    return SessionPage(sessions=tuple(shown), cursor=cursor_after(after))
            if len(entries) < most:
                return SessionPage(sessions=tuple(shown))
        return SessionPage(sessions=tuple(shown), cursor=cursor_after(after) if after else None)

    async def _indexes(self, wanted: SessionFilter, kind: str) -> list[Index]:
        return [
            (shard, keys.index(shard, kind, bucket))
            for shard in range(self._shards)
            for bucket in await self._client.members(keys.stats(shard)[1])
            if wanted.has_bucket(bucket)
        ]

    async def _summaries(self, entries: list[Entry]) -> list[tuple[Entry, "_Summary | None"]]:
        summaries = await asyncio.gather(*map(self._summary, entries))
        return list(zip(entries, summaries, strict=True))

    async def _summary(self, entry: Entry) -> "_Summary | None":
        session = SessionKey(entry.place.name)
        reply = await self._client.call(
            scripts.SUMMARY, keys.session_keys(entry.shard, session), self._clock()
        )
        if reply[0] == "unknown":
            return None
        _, state, section, waiting, oldest_at, holder, lease_at, last_at = reply
        view = Reader(session, entry.shard).session(section)
        line = SessionSummary(
            key=session,
            id=view.id,
            state=state,
            isolation=view.isolation,
            waiting=waiting,
            oldest_waiting_at=optional_moment(oldest_at),
            consumer=consumer_of(holder) or None,
            lease_expires_at=optional_moment(lease_at),
            last_active_at=optional_moment(last_at),
        )
        return _Summary(line, frozenset(person.user_id for person in view.participants))


@dataclass(frozen=True, slots=True)
class _Summary:
    line: SessionSummary
    user_ids: frozenset[str]


def _is_shown(summary: _Summary, wanted: SessionFilter) -> bool:
    line = summary.line
    if wanted.state not in {None, line.state}:
        return False
    if wanted.user_id is not None and wanted.user_id not in summary.user_ids:
        return False
    return wanted.chat_id in {None, chat_id_of(line.key)}
