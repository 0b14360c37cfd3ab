"""Runs for whoever asks: sessions that wait for a claim, found by their ready sets."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from app.routing.keys import InvalidKey, SessionKey, decode
from app.store import keys, scripts
from app.store.clock import stores_clock
from app.store.holders import holder_of
from app.store.replies import Reader, sections_in
from app.store.shards import shard_of_session
from app.store.store_client import Reply, StoreClient
from session_router.models import Run


@dataclass(frozen=True, slots=True, order=True)
class ReadySession:
    """A session that waits for a claim: since when, where, and in which ready set."""

    since_ms: float
    session: SessionKey
    shard: int
    ready_set: str
    agent: str
    platform: str
    account: str


@dataclass(frozen=True, slots=True)
class Claimer:
    """Who claims, and the id by which a repeat is known (empty for none)."""

    token_name: str
    consumer: str
    request_id: str


class ReadyRuns:
    """Grants ready sessions; `clock` as in `SessionStore`. All raise `StoreUnavailable`."""

    def __init__(
        self, client: StoreClient, shards: int, clock: Callable[[], str] = stores_clock
    ) -> None:
        self._client = client
        self._shards = shards
        self._clock = clock

    async def find(self, most: int, named: Sequence[str] = ()) -> list[ReadySession]:
        """The longest-ready sessions of every ready set: `ready.lua`.

        `most` of each, and besides those of the `named` that are ready.
        """
        by_shard = self._by_shard(named)
        replies = await asyncio.gather(
            *(
                self._client.call(scripts.READY, [keys.ready_sets(shard)], most, *by_shard[shard])
                for shard in range(self._shards)
            )
        )
        found = {
            ready
            for shard, reply in enumerate(replies)
            for part in reply[1:]
            for ready in _ready_sessions(shard, part)
        }
        return sorted(found)

    def _by_shard(self, named: Sequence[str]) -> dict[int, list[str]]:
        by_shard: dict[int, list[str]] = defaultdict(list)
        for name in dict.fromkeys(named):
            with suppress(InvalidKey):
                by_shard[shard_of_session(SessionKey(name), self._shards)].append(name)
        return by_shard

    async def claim(self, ready: ReadySession, claimer: Claimer) -> Run | None:
        """Grant a session's next run: `claim.lua`; None if somebody else was first."""
        reply = await self._client.call(
            scripts.CLAIM,
            keys.session_keys(ready.shard, ready.session),
            self._clock(),
            holder_of(claimer.token_name, claimer.consumer),
            claimer.request_id,
            ready.ready_set,
        )
        return _claimed(reply, ready.session, ready.shard)

    async def claimed_before(self, claimer: Claimer) -> tuple[Run, ...] | None:
        """What this very request was granted: `regrant.lua`; None if it is new.

        Runs on which their holder has called since are not given again.
        """
        holder = holder_of(claimer.token_name, claimer.consumer)
        held = [
            (shard, SessionKey(session), fence)
            for shard in range(self._shards)
            for session, fence in await self._held(shard, holder)
        ]
        replies = await asyncio.gather(*(self._regrant(*where, claimer) for where in held))
        if all(reply[0] == "other" for reply in replies):
            return None
        runs = (
            _claimed(reply, session, shard)
            for reply, (shard, session, _) in zip(replies, held, strict=True)
        )
        return tuple(run for run in runs if run is not None)

    async def _held(self, shard: int, holder: str) -> list[tuple[str, str]]:
        reply = await self._client.call(scripts.HELD, [keys.consumer_runs(shard, holder)])
        return list(zip(reply[1::2], reply[2::2], strict=True))

    async def _regrant(
        self, shard: int, session: SessionKey, fence: str, claimer: Claimer
    ) -> Reply:
        return await self._client.call(
            scripts.REGRANT,
            keys.session_keys(shard, session),
            self._clock(),
            fence,
            claimer.request_id,
        )


def _ready_sessions(shard: int, part: Reply) -> list[ReadySession]:
    ready_set, *sessions = part
    agent, platform, account = (decode(name) for name in ready_set.split(":"))
    return [
        ReadySession(float(since), SessionKey(session), shard, ready_set, agent, platform, account)
        for session, since in zip(sessions[::2], sessions[1::2], strict=True)
    ]


def _claimed(reply: Reply, session: SessionKey, shard: int) -> Run | None:
    if reply[0] != "granted":
        return None
    reader = Reader(session, shard)
    session_section, run = sections_in(reply[1])
    view = reader.session(session_section)
    return reader.run(run, session_section).model_copy(update={"session": view})
