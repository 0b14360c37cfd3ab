"""What changes sessions: one method a verb, one script a method.

A method that raised may have done its work; called again with the same arguments it does
it once and answers as it did. All methods raise `StoreUnavailable` and `StoreFull`.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import NoReturn

from app.errors import LeaseLost, StoreUnavailable, UnknownRun
from app.routing.keys import ChatName, SessionKey, shard_of, thread_part
from app.routing.route import Routing
from app.store import keys, scripts
from app.store.holders import holder_of
from app.store.replies import Reader, StoredMessage, dropped, interrupt, moment, queue_place
from app.store.run_ids import read_run_id
from app.store.session_settings import settings_of
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
    Participant,
    Seal,
    SealRequest,
    Usage,
)

HOPS_MAX = 3
MOVING = "The message's session kept changing; try again."
POINTER_MS = keys.POINTER_DAYS * 86_400_000


def stores_clock() -> str:
    """No time of our own: the script asks the store (I10)."""
    return ""


@dataclass(frozen=True, slots=True)
class Admission:
    """A message, where it belongs, and the token that brought it."""

    message: Message
    routing: Routing
    token_name: str


class SessionStore:
    """The verbs. `clock` gives microseconds as text, or an empty text for the store's own."""

    def __init__(
        self, client: StoreClient, shards: int, clock: Callable[[], str] = stores_clock
    ) -> None:
        self._client = client
        self._shards = shards
        self._clock = clock

    async def admit(self, admission: Admission) -> Decision:
        """Decide one message: `admit.lua`."""
        chat_shard = shard_of(admission.routing.chat, self._shards)
        digest = keys.home_digest(admission.routing.chat, admission.message.message_id)
        session = admission.routing.key
        for _ in range(HOPS_MAX):
            shard = shard_of_session(session, self._shards)
            if shard != chat_shard:
                session = await self._set_home(chat_shard, digest, session)
                shard = shard_of_session(session, self._shards)
            reply = await self._admit_into(session, shard, digest, admission)
            if reply[0] != "elsewhere":
                return _decision(reply, session, shard, admission)
            session = SessionKey(reply[1])
        raise StoreUnavailable(MOVING)

    async def _set_home(self, shard: int, digest: str, session: SessionKey) -> SessionKey:
        home = keys.home(shard, digest)
        reply = await self._client.call(scripts.HOME, [home], session, POINTER_MS)
        return SessionKey(reply[1])

    async def _admit_into(
        self, session: SessionKey, shard: int, digest: str, admission: Admission
    ) -> Reply:
        message, routing = admission.message, admission.routing
        source = message.source
        settings = settings_of(routing.fields, routing.isolation)
        owns = message.kind == "user" and routing.person is not None and not source.is_bot
        return await self._client.call(
            scripts.ADMIT,
            keys.session_keys(shard, session),
            self._clock(),
            settings.settings_id,
            settings.text,
            message.message_id,
            digest,
            _print(routing.person, message.text),
            routing.person or "",
            _flag(owns),
            _flag(routing.is_moderator),
            _flag(source.is_bot),
            routing.place,
            holder_of(admission.token_name, message.consumer),
            source.user_id or "",
            _participant(admission) if owns else "",
            message.kind,
            message.control or "",
            message.busy or "",
            message.dispatch,
            thread_part(source.thread_id),
            message.text,
            _body(message),
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
            *_usage(request.usage),
            *request.seen,
        )
        if reply[0] != "renewed":
            _refuse(reply[0])
        reader = Reader(address.session, address.shard)
        return Heartbeat(
            lease_expires_at=moment(reply[1]),
            sealed=reply[2] == "1",
            interrupt=interrupt(reply[3]),
            steer=tuple(reader.message(m, tagged=True) for m in reply[4]),
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
                steer = tuple(reader.message(m, tagged=True) for m in reply[2])
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
            _flag(request.requeue),
            request.reason or "",
            _flag(request.next),
            *_usage(request.usage),
            *request.seen,
        )
        if reply[0] != "completed":
            _refuse(reply[0])
        reader = Reader(address.session, address.shard)
        session = reader.session(reply[1]) if reply[1] else None
        return Completion(
            next=reader.run(reply[2], session) if reply[2] and session else None,
            returned=tuple(reply[3]),
            session=session,
        )

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
            _digest(text),
        )


def _decision(reply: Reply, session: SessionKey, shard: int, admission: Admission) -> Decision:
    word, reason, state, session_section, run, active, queue, control, gone = reply
    routing = admission.routing
    sent = settings_of(routing.fields, routing.isolation).text
    reader = Reader(session, shard, sent)
    view = reader.session(session_section) if session_section else None
    repeated = word == "duplicate"
    return Decision(
        decision=word,
        reason="known_id" if repeated else reason,
        session=view,
        run=reader.run(run, view) if run and view else None,
        active_run=reader.active(active) if active else None,
        queue=queue_place(queue),
        control=reader.control(control, reason),
        duplicate_of=reason if repeated else None,
        state=None if state == "control" else state,
        dropped=dropped(gone),
        rule=routing.rule,
    )


def _refuse(word: str) -> NoReturn:
    raise LeaseLost if word == "lease_lost" else UnknownRun


def _flag(value: bool) -> str:
    return "1" if value else ""


def _print(person: str | None, text: str) -> str:
    # Tells a resend from another message under the same id: the sender's part, the text's.
    return _digest(person or "") + _digest(text)


def _digest(text: str) -> str:
    return urlsafe_b64encode(blake2b(text.encode(), digest_size=6).digest()).decode()


def _participant(admission: Admission) -> str:
    source = admission.message.source
    person = Participant(user_id=source.user_id or "", user_name=source.user_name)
    return person.model_dump_json()


def _body(message: Message) -> str:
    return StoredMessage(
        source=message.source,
        payload=message.payload,
        reply_to=message.reply_to,
        mentions=message.mentions,
        kind=message.kind,
    ).model_dump_json(exclude_defaults=True)


def _usage(usage: Usage | None) -> tuple[str, str, str]:
    if usage is None:
        return "", "", ""
    tokens, limit = usage.context_tokens, usage.context_limit
    text = usage.model_dump_json(exclude_none=True)
    return text, _number(tokens), _number(limit)


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
