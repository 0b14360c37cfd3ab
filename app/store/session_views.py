"""What only reads: a session, a page of them, the figures, a run, a message.

All methods raise `StoreUnavailable`.
"""

from collections.abc import Callable
from typing import Any, Literal

from app.errors import UnknownMessage, UnknownRun, UnknownSession
from app.routing.keys import ChatName, InvalidKey, SessionKey, shard_of
from app.store import keys, scripts
from app.store.clock import stores_clock
from app.store.holders import consumer_of, holder_of
from app.store.replies import Reader, moment, optional_moment
from app.store.run_ids import RunAddress, read_run_id
from app.store.shards import shard_of_session
from app.store.store_client import Reply, StoreClient
from session_router.models import (
    HistoryEntry,
    MessageStatus,
    RunState,
    SessionCounters,
    SessionDetail,
    Timeline,
    TimelineEvent,
)


class SessionViews:
    """The reads; `clock` as in `SessionStore`."""

    def __init__(
        self, client: StoreClient, shards: int, clock: Callable[[], str] = stores_clock
    ) -> None:
        self._client = client
        self._shards = shards
        self._clock = clock

    async def session(self, session: SessionKey) -> SessionDetail:
        """One session whole: `session.lua`. Raises `UnknownSession`."""
        shard = self._shard_of(session)
        reply = await self._client.call(
            scripts.SESSION, keys.session_keys(shard, session), self._clock()
        )
        if reply[0] == "unknown":
            raise UnknownSession
        return _session_detail(reply, Reader(session, shard))

    async def timeline(self, session: SessionKey) -> Timeline:
        """The last events of a session: `timeline.lua`. Raises `UnknownSession`."""
        shard = self._shard_of(session)
        reply = await self._client.call(scripts.TIMELINE, keys.timeline(shard, session))
        if reply[0] == "unknown":
            raise UnknownSession
        events = tuple(_event(told, shard, session) for told in reply[1:])
        return Timeline(key=session, events=events)

    def _shard_of(self, session: SessionKey) -> int:
        try:
            return shard_of_session(session, self._shards)
        except InvalidKey as error:
            raise UnknownSession from error

    async def run(self, run_id: str) -> RunState:
        """A run, active or remembered: `run.lua`. Raises `UnknownRun`."""
        address = read_run_id(run_id, self._shards)
        reply = await self._client.call(
            scripts.RUN,
            keys.session_keys(address.shard, address.session),
            self._clock(),
            address.fence,
        )
        match reply[0]:
            case "active":
                return Reader(address.session, address.shard).running(reply[1])
            case "over":
                run = Reader(address.session, address.shard).running(reply[1])
                return run.model_copy(update={"state": "ended", "ended": reply[2]})
            case "ended":
                return _ended_run(reply, address)
            case _:
                raise UnknownRun

    async def held_runs(self, token_name: str, consumer: str) -> tuple[RunState, ...]:
        """The active runs of a consumer, over all shards: `held.lua`, then `run.lua` each."""
        holder = holder_of(token_name, consumer)
        runs = [
            await self._active_run(RunAddress(int(fence), shard, SessionKey(session)))
            for shard in range(self._shards)
            for session, fence in await self._held_in(shard, holder)
        ]
        return tuple(run for run in runs if run is not None)

    async def _held_in(self, shard: int, holder: str) -> list[tuple[str, str]]:
        reply = await self._client.call(scripts.HELD, [keys.consumer_runs(shard, holder)])
        return list(zip(reply[1::2], reply[2::2], strict=True))

    async def _active_run(self, address: RunAddress) -> RunState | None:
        try:
            run = await self.run(address.run_id())
        except UnknownRun:
            return None
        return run if run.state == "active" else None

    async def message(self, chat: ChatName, message_id: str) -> MessageStatus:
        """What became of a message: `message.lua`. Raises `UnknownMessage`."""
        digest = keys.home_digest(chat, message_id)
        shard = shard_of(chat, self._shards)
        reply = await self._client.call(scripts.MESSAGE, [keys.home(shard, digest)])
        if reply[0] == "pointer":
            shard = shard_of_session(SessionKey(reply[1]), self._shards)
            reply = await self._client.call(scripts.MESSAGE, [keys.home(shard, digest)])
        if reply[0] != "known":
            raise UnknownMessage
        return _message_status(message_id, reply, shard)


def _session_detail(reply: Reply, reader: Reader) -> SessionDetail:
    _, state, section, running, queue, batch, held_until, counters, last_at = reply
    waiting, in_run, done, dead, removed = (int(value) for value in counters)
    return SessionDetail(
        session=reader.session(section),
        state=state,
        run=reader.running(running) if running else None,
        queue=tuple(reader.waiting(m) for m in queue),
        batch=tuple(reader.waiting(m) for m in batch),
        ready_at=optional_moment(held_until),
        last_active_at=optional_moment(last_at),
        counters=SessionCounters(
            accepted=waiting + in_run + done + dead + removed,
            waiting=waiting,
            in_run=in_run,
            done=done,
            dead=dead,
            removed=removed,
        ),
    )


def _event(told: list[Any], shard: int, session: SessionKey) -> TimelineEvent:
    at, event, reason, by, message_id, fence = told
    return TimelineEvent(
        at=moment(at),
        event=event,
        reason=reason or None,
        by=by.removeprefix("/") or None,
        message_id=message_id or None,
        run_id=RunAddress(int(fence), shard, session).run_id() if fence else None,
    )


def _ended_run(reply: Reply, address: RunAddress) -> RunState:
    _, ended, outcome, reason, ended_at, holder, session_id, started_at, owners, *rest = reply
    status, sealed, sent = rest
    return RunState(
        id=address.run_id(),
        fence=address.fence,
        session_key=address.session,
        state="ended",
        consumer=consumer_of(holder),
        session_id=session_id,
        started_at=moment(started_at),
        ended_at=moment(ended_at),
        outcome=outcome or None,
        ended=ended or None,
        reason=reason or None,
        status=status or None,
        sealed=sealed == "1",
        owners=tuple(owners.splitlines()),
        sent=tuple(sent),
    )


def _message_status(message_id: str, reply: Reply, shard: int) -> MessageStatus:
    _, session, state, decision, reason, fence, accepted_at, granted_at, since = reply
    run_id = RunAddress(int(fence), shard, SessionKey(session)).run_id() if fence else None
    history = [HistoryEntry(state="waiting", at=moment(accepted_at))]
    if granted_at:
        history.append(HistoryEntry(state="in_run", at=moment(granted_at)))
    if since:
        delivery: Literal["unknown"] | None = "unknown" if reason == "delivery_unknown" else None
        history.append(
            HistoryEntry(state=state, at=moment(since), reason=reason or None, delivery=delivery)
        )
    return MessageStatus(
        message_id=message_id,
        session_key=session,
        state=state,
        reason=reason or None,
        decision=decision,
        run_id=run_id,
        history=tuple(history),
    )
