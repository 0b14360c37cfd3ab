"""What changes sessions: one method a verb, one script a method.

A method that raised may have done its work; called again with the same arguments it does
it once and answers as it did. All methods raise `StoreUnavailable` and `StoreFull`.
"""

from collections.abc import Awaitable, Callable
from typing import NoReturn

from pydantic_core import to_json

from app.errors import (
    LeaseLost,
    RunSealed,
    StoreUnavailable,
    ThreadTaken,
    UnknownRun,
    UnknownSession,
)
from app.routing.keys import (
    ChatName,
    SessionKey,
    chat_of,
    encode,
    lives_in,
    shard_of,
    thread_to_bind,
)
from app.store import keys, scripts
from app.store.admissions import (
    Admission,
    ChatRenamed,
    ConversationMoved,
    admit_arguments,
    read_decision,
)
from app.store.arguments import (
    data_argument,
    flag,
    posts_arguments,
    text_print,
    usage_arguments,
)
from app.store.clock import stores_clock
from app.store.replies import Reader, interrupt, moment, optional_moment
from app.store.run_ids import read_run_id
from app.store.shards import shard_of_session
from app.store.store_client import Reply, StoreClient
from app.store.unchecked import unchecked
from session_router.models import (
    Amendment,
    AmendRequest,
    Asked,
    AskRequest,
    CompleteRequest,
    Completion,
    Decision,
    Heartbeat,
    HeartbeatRequest,
    Seal,
    SealRequest,
)

HOPS_MAX = 3
POINTER_MS = keys.POINTER_DAYS * 86_400_000
NO_EDIT = ("", "", "")
EARLY_MS = 60_000
_heartbeat = unchecked(Heartbeat)
_completion = unchecked(Completion)
MOVING = "The message's session kept changing; try again."


class SessionStore:
    """The verbs. `clock` gives microseconds as text, or an empty text for the store's own."""

    def __init__(
        self, client: StoreClient, shards: int, clock: Callable[[], str] = stores_clock
    ) -> None:
        self._client = client
        self._shards = shards
        self._clock = clock

    async def admit(self, admission: Admission) -> Decision | ChatRenamed | ConversationMoved:
        """Decide one message: `admit.lua`. What is no decision asks to be routed again."""
        chat_shard = shard_of(admission.chat, self._shards)
        digest = keys.home_digest(admission.chat, admission.message.message_id)
        session, where = admission.session, admission.lives_in
        early, is_homed = NO_EDIT, False
        for _ in range(HOPS_MAX):
            shard = shard_of(where, self._shards)
            if shard != chat_shard and not is_homed:
                session, early = await self._set_home(chat_shard, digest, session, admission)
                # From there on that shard knows better: a thread of it may be bound.
                where, is_homed = lives_in(session), True
                shard = shard_of(where, self._shards)
            session_keys = keys.session_keys(shard, session, where)
            reply = await self._admit_in(session_keys, admission, digest, early)
            if reply[0] == "settings":  # the store does not have them
                reply = await self._admit_in(
                    session_keys, admission, digest, early, with_settings=True
                )
            match reply[0]:
                case "moved":
                    return ConversationMoved()
                case "renamed":
                    return ChatRenamed(chat_of(session) or admission.chat, reply[1])
                case "elsewhere":
                    session, where = SessionKey(reply[1]), lives_in(reply[1])
                case _:
                    return read_decision(reply, session, shard, admission)
        raise StoreUnavailable(MOVING)

    def _admit_in(
        self,
        session_keys: tuple[str, str, str],
        admission: Admission,
        digest: str,
        early: tuple[str, str, str],
        *,
        with_settings: bool = False,
    ) -> Awaitable[Reply]:
        arguments = admit_arguments(
            admission, digest, self._clock(), early, with_settings=with_settings
        )
        return self._client.call(scripts.ADMIT, session_keys, *arguments)

    async def _set_home(
        self, shard: int, digest: str, session: SessionKey, admission: Admission
    ) -> tuple[SessionKey, tuple[str, str, str]]:
        """Set the home in the chat's shard: the session that it names, and an early edit."""
        homes = [keys.home(shard, digest), keys.early(shard, digest)]
        bound_as = admission.routing.bound_as if admission.routing else None
        if bound_as is not None:
            homes.append(keys.thread(shard, keys.thread_digest(bound_as)))
        reply = await self._client.call(scripts.HOME, homes, session, POINTER_MS)
        return SessionKey(reply[1]), (reply[2], reply[3], reply[4])

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
            data_argument(request.data),
            "" if request.hold is None else str(int(request.hold)),
            *posts_arguments(request.sent, address.session),
            *request.seen,
        )
        if reply[0] != "renewed":
            _refuse(reply[0])
        steer, answers = Reader(address.session, address.shard).offered(reply[4])
        return _heartbeat(
            lease_expires_at=moment(reply[1]),
            sealed=reply[2] == "1",
            interrupt=interrupt(reply[3]),
            steer=steer,
            answers=answers,
        )

    async def ask(self, run_id: str, request: AskRequest) -> Asked:
        """Ask people, or withdraw the question: `ask.lua`.

        Raises as `heartbeat` does, and `RunSealed`.
        """
        address = read_run_id(run_id, self._shards)
        who = request.from_
        listed = "" if isinstance(who, str) else to_json(who).decode()
        reply = await self._client.call(
            scripts.ASK,
            keys.session_keys(address.shard, address.session),
            self._clock(),
            address.fence,
            request.fence,
            request.prompt_id or "",
            who if isinstance(who, str) else "listed",
            listed,
            request.reply_to or "",
            int(request.expires_seconds * 1000),
        )
        if reply[0] == "sealed":
            raise RunSealed
        if reply[0] != "asking":
            _refuse(reply[0])
        return Asked(expires_at=optional_moment(reply[1]))

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
                steer, answers = Reader(address.session, address.shard).offered(reply[2])
                asked = interrupt(reply[1])
                return Seal(sealed=False, interrupt=asked, steer=steer, answers=answers)
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
            data_argument(request.data),
            *posts_arguments(request.sent, address.session),
            *request.seen,
        )
        if reply[0] != "completed":
            _refuse(reply[0])
        reader = Reader(address.session, address.shard)
        session = reader.session(reply[1]) if reply[1] else None
        return _completion(
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
        """Edit or delete what still waits: `early.lua` to find it, then `amend.lua`.

        What overtakes its message is kept a minute for it, and answered `unknown`.
        """
        digest = keys.home_digest(chat, request.message_id)
        shard = shard_of(chat, self._shards)
        reply = await self._client.call(
            scripts.EARLY,
            [keys.home(shard, digest), keys.early(shard, digest)],
            *_amendment(request),
            EARLY_MS,
        )
        if reply[0] == "kept":
            return Amendment(result="unknown")
        for _ in range(HOPS_MAX):
            reply = await self._amend_in(SessionKey(reply[1]), digest, request)
            if reply[0] != "elsewhere":
                return Amendment(result=reply[0])
        raise StoreUnavailable(MOVING)

    async def _amend_in(self, session: SessionKey, digest: str, request: AmendRequest) -> Reply:
        return await self._client.call(
            scripts.AMEND,
            keys.session_keys(shard_of_session(session, self._shards), session),
            self._clock(),
            digest,
            *_amendment(request),
        )


def _amendment(request: AmendRequest) -> tuple[str, str, str]:
    """The action, the text, and the text's part of a print."""
    text = request.text or ""
    return "delete" if request.delete else "text", text, text_print(text)


def _refuse(word: str) -> NoReturn:
    raise LeaseLost if word == "lease_lost" else UnknownRun
