"""What changes sessions: one method a verb, one script a method.

A method that raised may have done its work; called again with the same arguments it does
it once and answers as it did. All methods raise `StoreUnavailable` and `StoreFull`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from app.errors import LeaseLost, StoreUnavailable, ThreadTaken, UnknownRun, UnknownSession
from app.routing.keys import (
    ChatName,
    SessionKey,
    encode,
    is_opened_by,
    opens_unknown,
    shard_of,
    thread_part,
    thread_to_bind,
)
from app.routing.route import Routing
from app.store import keys, scripts
from app.store.arguments import (
    body_of,
    boundaries,
    flag,
    hearing_arguments,
    participant_of,
    print_of,
    text_print,
    usage_arguments,
)
from app.store.chat_memories import Hearing
from app.store.clock import stores_clock
from app.store.holders import holder_of
from app.store.replies import Reader, dropped, interrupt, moment, queue_place
from app.store.run_ids import read_run_id
from app.store.session_settings import StoredSettings, settings_of
from app.store.shards import shard_of_session
from app.store.store_client import Reply, StoreClient
from session_router.models import (
    Amendment,
    AmendRequest,
    CompleteRequest,
    Completion,
    Decision,
    Heartbeat,
    HeartbeatRequest,
    Message,
    Seal,
    SealRequest,
    ThreadToOpen,
)

HOPS_MAX = 3
MOVING = "The message's session kept changing; try again."
POINTER_MS = keys.POINTER_DAYS * 86_400_000


@dataclass(frozen=True, slots=True)
class Admission:
    """A message, where it belongs, and the token that brought it.

    `hearing` is how its conversation was chosen, where the session depends on that.
    """

    message: Message
    routing: Routing
    token_name: str
    hearing: Hearing | None = None


class SessionStore:
    """The verbs. `clock` gives microseconds as text, or an empty text for the store's own."""

    def __init__(
        self, client: StoreClient, shards: int, clock: Callable[[], str] = stores_clock
    ) -> None:
        self._client = client
        self._shards = shards
        self._clock = clock

    async def admit(self, admission: Admission) -> Decision | None:
        """Decide one message: `admit.lua`.

        None where the chat has gone on since its conversation was chosen: choose again.
        """
        chat_shard = shard_of(admission.routing.chat, self._shards)
        digest = keys.home_digest(admission.routing.chat, admission.message.message_id)
        session = admission.routing.key
        for _ in range(HOPS_MAX):
            shard = shard_of_session(session, self._shards)
            if shard != chat_shard:
                bound_as = admission.routing.bound_as
                session = await self._set_home(chat_shard, digest, session, bound_as)
                shard = shard_of_session(session, self._shards)
            reply = await self._admit_into(session, shard, digest, admission)
            if reply[0] == "moved":
                return None
            if reply[0] != "elsewhere":
                return _decision(reply, session, shard, admission)
            session = SessionKey(reply[1])
        raise StoreUnavailable(MOVING)

    async def _set_home(
        self, shard: int, digest: str, session: SessionKey, bound_as: SessionKey | None
    ) -> SessionKey:
        homes = [keys.home(shard, digest)]
        if bound_as is not None:
            homes.append(keys.thread(shard, keys.thread_digest(bound_as)))
        reply = await self._client.call(scripts.HOME, homes, session, POINTER_MS)
        return SessionKey(reply[1])

    async def _admit_into(
        self, session: SessionKey, shard: int, digest: str, admission: Admission
    ) -> Reply:
        message, routing = admission.message, admission.routing
        source = message.source
        settings = _settings(routing)
        owns = message.kind == "user" and routing.person is not None and not source.is_bot
        return await self._client.call(
            scripts.ADMIT,
            keys.session_keys(shard, session),
            self._clock(),
            settings.settings_id,
            settings.text,
            message.message_id,
            digest,
            print_of(source.user_id, message.text),
            routing.person or "",
            flag(owns),
            flag(routing.is_moderator),
            flag(source.is_bot),
            routing.place,
            holder_of(admission.token_name, message.consumer),
            source.user_id or "",
            participant_of(source) if owns else "",
            message.kind,
            message.control or "",
            message.busy or "",
            message.dispatch,
            thread_part(source.thread_id),
            message.text,
            body_of(message, routing),
            boundaries(routing.fields.reset, self._clock()),
            "" if routing.bound_as is None else keys.thread_digest(routing.bound_as),
            *hearing_arguments(admission.hearing),
        )

    def session_of_run(self, run_id: str) -> SessionKey:
        """The session that an id names, without asking the store. Raises `UnknownRun`."""
        return read_run_id(run_id, self._shards).session

    async def heartbeat(self, run_id: str, request: HeartbeatRequest) -> Heartbeat:
        """Renew a lease: `heartbeat.lua`. Raises `LeaseLost` and `UnknownRun`."""
        address = read_run_id(run_id, self._shards)
        reply = await self._client.call(
            scripts.HEARTBEAT,
            keys.session_keys(address.shard, address.session),
            self._clock(),
            address.fence,
            request.fence,
            request.status or "",
            *usage_arguments(request.usage),
            *request.seen,
        )
        if reply[0] != "renewed":
            _refuse(reply[0])
        reader = Reader(address.session, address.shard)
        return Heartbeat(
            lease_expires_at=moment(reply[1]),
            sealed=reply[2] == "1",
            interrupt=interrupt(reply[3]),
            steer=reader.steers(reply[4]),
        )

    async def seal(self, run_id: str, request: SealRequest) -> Seal:
        """Close a run before its reply goes out: `seal.lua`. Raises as `heartbeat` does."""
        address = read_run_id(run_id, self._shards)
        reply = await self._client.call(
            scripts.SEAL,
            keys.session_keys(address.shard, address.session),
            self._clock(),
            address.fence,
            request.fence,
            *request.seen,
        )
        match reply[0]:
            case "sealed":
                return Seal(sealed=True)
            case "open":
                reader = Reader(address.session, address.shard)
                steer = reader.steers(reply[2])
                return Seal(sealed=False, interrupt=interrupt(reply[1]), steer=steer)
            case word:
                return _refuse(word)

    async def complete(self, run_id: str, request: CompleteRequest) -> Completion:
        """End a run and take the next: `complete.lua`. Raises `LeaseLost`, `UnknownRun`."""
        address = read_run_id(run_id, self._shards)
        reply = await self._client.call(
            scripts.COMPLETE,
            keys.session_keys(address.shard, address.session),
            self._clock(),
            address.fence,
            request.fence,
            request.outcome,
            flag(request.requeue),
            request.reason or "",
            flag(request.next),
            *usage_arguments(request.usage),
            *request.seen,
        )
        if reply[0] != "completed":
            _refuse(reply[0])
        reader = Reader(address.session, address.shard)
        session = reader.session(reply[1]) if reply[1] else None
        return Completion(
            next=reader.run(reply[2], reply[1]) if reply[2] and reply[1] else None,
            returned=tuple(reply[3]),
            session=session,
        )

    async def bind_thread(self, session: SessionKey, thread_id: str) -> None:
        """Bind a thread to the session whose message it was made for: `bind.lua`.

        Raises `UnknownSession` and `ThreadTaken`.
        """
        bound_as = thread_to_bind(session, thread_id)
        if bound_as is None:
            await self._require(session)
            raise ThreadTaken
        reply = await self._client.call(
            scripts.BIND,
            keys.session_keys(shard_of_session(session, self._shards), session),
            self._clock(),
            keys.thread_digest(bound_as),
            thread_id,
            encode(thread_id),
            bound_as,
        )
        if reply[0] == "unknown":
            raise UnknownSession
        if reply[0] == "taken":
            raise ThreadTaken

    async def _require(self, session: SessionKey) -> None:
        shard = shard_of_session(session, self._shards)
        reply = await self._client.call(scripts.TIMELINE, keys.timeline(shard, session))
        if reply[0] == "unknown":
            raise UnknownSession

    async def amend(self, chat: ChatName, request: AmendRequest) -> Amendment:
        """Edit or delete what still waits: `message.lua` to find it, then `amend.lua`."""
        digest = keys.home_digest(chat, request.message_id)
        home = keys.home(shard_of(chat, self._shards), digest)
        reply = await self._client.call(scripts.MESSAGE, [home])
        if reply[0] == "unknown":
            return Amendment(result="unknown")
        for _ in range(HOPS_MAX):
            reply = await self._amend_in(SessionKey(reply[1]), digest, request)
            if reply[0] != "elsewhere":
                return Amendment(result=reply[0])
        raise StoreUnavailable(MOVING)

    async def _amend_in(self, session: SessionKey, digest: str, request: AmendRequest) -> Reply:
        text = request.text or ""
        return await self._client.call(
            scripts.AMEND,
            keys.session_keys(shard_of_session(session, self._shards), session),
            self._clock(),
            digest,
            "delete" if request.delete else "text",
            text,
            text_print(text),
        )


def _decision(reply: Reply, session: SessionKey, shard: int, admission: Admission) -> Decision:
    word, reason, state, session_section, run, active, queue, control, gone = reply
    routing = admission.routing
    reader = Reader(session, shard, _settings(routing).text)
    view = reader.session(session_section) if session_section else None
    repeated = word == "duplicate"
    return Decision(
        decision=word,
        reason="known_id" if repeated else reason,
        session=view,
        run=reader.run(run, session_section) if run else None,
        active_run=reader.active(active) if active else None,
        queue=queue_place(queue),
        thread=_thread(admission.message, session, word, session_section),
        control=reader.control(control, reason),
        duplicate_of=reason if repeated else None,
        state=None if state == "control" else state,
        dropped=dropped(gone),
        rule=routing.rule,
    )


def _thread(
    message: Message, session: SessionKey, word: str, section: list[Any] | None
) -> ThreadToOpen | None:
    """The thread to open, told by the session that has the message: the policy may be another's.

    A reject is not answered in a thread, and a control opens none.
    """
    source, message_id = message.source, message.message_id
    is_inside = source.thread_id is not None or message.control is not None
    if is_inside or word == "reject" or not is_opened_by(session, message_id):
        return None
    if not opens_unknown(session):
        return ThreadToOpen(action="create", thread_id=message_id)
    bound = section[8] if section else ""
    return ThreadToOpen(action="create", thread_id=bound or None)


def _settings(routing: Routing) -> StoredSettings:
    return settings_of(routing.fields, routing.isolation, people_share=routing.people_share)


def _refuse(word: str) -> NoReturn:
    raise LeaseLost if word == "lease_lost" else UnknownRun
