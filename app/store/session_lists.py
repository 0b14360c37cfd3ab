"""Lists of sessions and the figures over them, from the indexes of all shards.

Nothing here looks at the key space. All methods raise `StoreUnavailable`.
"""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass

from app.errors import InvalidRequest
from app.routing.keys import SessionKey, chat_id_of
from app.store import keys, scripts
from app.store.holders import consumer_of
from app.store.replies import Reader, optional_moment
from app.store.session_store import stores_clock
from app.store.store_client import StoreClient
from session_router.models import FieldError, SessionPage, SessionState, SessionSummary

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


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a session stands in a list: milliseconds (0 in a list by key), then its key."""

    at: float
    session: str


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    place: Place
    shard: int


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
        after = _read_cursor(cursor) if cursor else None
        indexes = await self._indexes(wanted)
        shown: list[SessionSummary] = []
        for _ in range(-(-LOOKED_AT_MAX // most)):
            entries = await self._entries_after(indexes, after, most)
            for entry, summary in await self._summaries(entries):
                after = entry.place
                if summary is not None and _is_shown(summary, wanted):
                    shown.append(summary.line)
                if len(shown) == most:
                    return SessionPage(sessions=tuple(shown), cursor=_cursor(after))
            if len(entries) < most:
                return SessionPage(sessions=tuple(shown))
        return SessionPage(sessions=tuple(shown), cursor=_cursor(after) if after else None)

    async def _indexes(self, wanted: SessionFilter) -> list[tuple[int, str]]:
        by_key = wanted.state in {None, "idle"}
        kind = "sessions" if by_key else str(wanted.state)
        found = []
        for shard in range(self._shards):
            buckets = await self._client.members(keys.stats(shard)[1])
            found += [
                (shard, keys.index(shard, kind, bucket))
                for bucket in buckets
                if wanted.has_bucket(bucket)
            ]
        return found

    async def _entries_after(
        self, indexes: list[tuple[int, str]], after: Place | None, most: int
    ) -> list[_Entry]:
        found = await asyncio.gather(
            *(self._index_after(shard, index, after, most) for shard, index in indexes)
        )
        return sorted(entry for entries in found for entry in entries)[:most]

    async def _index_after(
        self, shard: int, index: str, after: Place | None, most: int
    ) -> list[_Entry]:
        asked = most
        while True:
            reply = await self._client.call(scripts.SESSIONS, [index], *_range(index, after), asked)
            entries = [
                _Entry(Place(float(at), session), shard)
                for session, at in zip(reply[1::2], reply[2::2], strict=True)
            ]
            fresh = [entry for entry in entries if after is None or entry.place > after]
            if len(fresh) >= most or len(entries) < asked:
                return fresh[:most]
            asked *= 2  # many sessions of one millisecond: look beyond them

    async def _summaries(
        self, entries: list[_Entry]
    ) -> list[tuple[_Entry, "_Summary | None"]]:
        return list(
            zip(entries, await asyncio.gather(*map(self._summary, entries)), strict=True)
        )

    async def _summary(self, entry: _Entry) -> "_Summary | None":
        session = SessionKey(entry.place.session)
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


def _range(index: str, after: Place | None) -> tuple[str, str]:
    by_key = index.partition("}:")[2].startswith("sessions:")
    if by_key:
        return "key", "-" if after is None else f"({after.session}"
    return "time", "-inf" if after is None else f"{after.at:.0f}"


def _cursor(after: Place) -> str:
    text = json.dumps([after.at, after.session])
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> Place:
    try:
        at, session = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return Place(float(at), str(session))
    except (ValueError, TypeError) as error:
        wrong = FieldError(path="cursor", message="no page gave this cursor")
        raise InvalidRequest(errors=(wrong,)) from error
