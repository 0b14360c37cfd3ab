"""What the sections of the scripts' replies mean: one reader for each.

`lua/session/replies.lua` writes them. A section is a list of texts and numbers in a fixed
order; an empty text, False or None stands for what is not there, and may for an empty list.
"""

from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import orjson
from pydantic import BaseModel, JsonValue, TypeAdapter

from app.routing.keys import Place, SessionKey, read_place
from app.store.holders import consumer_of
from app.store.run_ids import RunAddress
from app.store.session_settings import ViewSettings, view_settings
from app.store.unchecked import unchecked
from app.tagging import PROMPT_NOTE, tag
from session_router.models import (
    ActiveRun,
    Asking,
    BatchMessage,
    Context,
    ContextAction,
    ContextMessage,
    ControlResult,
    Dropped,
    Id,
    Interrupt,
    Kind,
    Moment,
    Omitted,
    Participant,
    Previous,
    QueuePlace,
    Reason,
    ReplyTo,
    Route,
    Run,
    RunState,
    SessionView,
    Source,
    WaitingMessage,
)

EXCERPT_CHARACTERS = 200
TAGGED = frozenset({"tagged", "conversation"})  # several people, each named
CONTEXT_LIMIT_TOKENS = 200_000  # until a run or the policy says otherwise


class StoredMessage(BaseModel):
    """A message's body as the store keeps it: opaque to scripts, read here.

    `thread_id` is the thread that the message opened, where its id was known before. Read
    without what it does not know: a newer release on the same store may write more.
    """

    source: Source | None
    payload: JsonValue
    reply_to: Id | ReplyTo | None = None
    mentions: tuple[str, ...] = ()
    kind: Kind = "user"
    group: str | None = None
    answers: str | None = None
    sent_at: Moment | None = None
    thread_id: str | None = None


class StoredBody(NamedTuple):
    """A body as the store keeps it, and read."""

    text: str
    read: StoredMessage


_context_view = unchecked(Context)
_session_view = unchecked(SessionView)
_run = unchecked(Run)
_route_of = unchecked(Route)
_batch_message = unchecked(BatchMessage)
_active_run = unchecked(ActiveRun)
_queue_place = unchecked(QueuePlace)
_PARTICIPANT = TypeAdapter(Participant)
_OBJECT = TypeAdapter(dict[str, JsonValue])


def sections_in(text: str) -> list[Any]:
    """The sections of a reply that has them in one text."""
    sections: list[Any] = orjson.loads(text)
    return sections


def moment(milliseconds: str | int) -> datetime:
    """A time of the store, milliseconds since the epoch."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def optional_moment(milliseconds: str | int | None) -> datetime | None:
    return moment(milliseconds) if milliseconds else None


class Reader:
    """Reads the sections of one session's reply.

    `sent_settings`, `sent_text` and `sent_body` are what the call brought: it is not sent back.
    """

    def __init__(
        self,
        session: SessionKey,
        shard: int,
        sent_settings: str = "",
        sent_text: str = "",
        sent_body: StoredMessage | None = None,
    ) -> None:
        self._session = session
        self._shard = shard
        self._sent_settings = sent_settings
        self._sent_text = sent_text
        self._sent_body = sent_body

    def run_id(self, fence: str | int) -> str:
        return RunAddress(int(fence), self._shard, self._session).run_id()

    def view_settings(self, section: list[Any]) -> ViewSettings:
        return view_settings(section[6] or self._sent_settings)

    def session(self, section: list[Any]) -> SessionView:
        """SESSION.

        Id, new, previous id, reset reason, tokens, limit, settings, participants, thread.
        """
        settings = self.view_settings(section)
        return _session_view(
            key=self._session,
            id=section[0],
            is_new=section[1] == "1",
            isolation=settings.isolation,
            previous_id=section[2] or None,
            reset_reason=section[3] or None,
            participants=_participants(section[7] or []),
            prompt_note=PROMPT_NOTE if settings.isolation in TAGGED else None,
            context=_context(int(section[4] or 0), int(section[5] or 0), settings),
        )

    def run(self, section: list[Any], session_section: list[Any]) -> Run:
        """RUN, and the SESSION that it runs.

        Fence, holder, started, lease ends, lease length, session id, previous run's fence,
        end, reason, seal and posts, OMITTED, batch, place, CONTEXT, data and previous data, and the
        isolation that it was granted under.
        """
        lease_seconds = int(section[4]) // 1000
        # A repeat says the same, whatever the policy says by then.
        tagged = (section[16] or self.view_settings(session_section).isolation) in TAGGED
        bodies = [self._body(m[5]) for m in section[12]]
        messages = tuple(
            [
                _message(m, self._text(m[4]), body, tagged=tagged)
                for m, body in zip(section[12], bodies, strict=True)
            ]
        )
        thread_id = bodies[-1].thread_id or session_section[8] or None
        omitted_count, omitted = section[11] or (0, ())
        data, previous_data = _data(section[15])
        return _run(
            id=self.run_id(section[0]),
            fence=int(section[0]),
            consumer=consumer_of(section[1]),
            lease_seconds=lease_seconds,
            heartbeat_seconds=lease_seconds / 3,
            lease_expires_at=moment(section[3]),
            session_key=self._session,
            session_id=section[5],
            route=_route(section[13], messages, thread_id),
            text=_text(messages, tagged=tagged),
            context=tuple([_context_message(line, tagged=tagged) for line in section[14] or ()]),
            omitted=tuple(map(_omitted, omitted or ())),
            omitted_count=int(omitted_count),
            previous=self._previous(section),
            data=data,
            previous_data=previous_data,
            messages=messages,
        )

    def _text(self, text: str | Literal[False]) -> str:
        return self._sent_text if text is False else text

    def _body(self, text: str) -> StoredMessage:
        sent = self._sent_body
        return _stored(text) if text or sent is None else sent

    def _previous(self, section: list[Any]) -> Previous | None:
        if not section[7]:
            return None
        fence, ended, reason, sealed, sent = section[6:11]
        return Previous(
            id=self.run_id(fence),
            ended=ended,
            reason=reason or None,
            sealed=sealed == "1",
            sent=tuple(sent or ()),
        )

    def message(self, section: list[Any], *, tagged: bool) -> BatchMessage:
        """A message of a batch: seq, id, counted returns, accepted, text, body, prompt answered."""
        return _message(section, section[4], _stored(section[5]), tagged=tagged)

    def offered(
        self, sections: list[list[Any]] | None
    ) -> tuple[tuple[BatchMessage, ...], tuple[BatchMessage, ...]]:
        """Steers and answers: messages of a batch to be, each followed by its isolation."""
        steers = [section for section in sections or () if not section[6]]
        answers = [section for section in sections or () if section[6]]
        return self._offered(steers), self._offered(answers)

    def _offered(self, sections: list[list[Any]]) -> tuple[BatchMessage, ...]:
        return tuple([self.message(section, tagged=section[7] in TAGGED) for section in sections])

    def waiting(self, section: list[Any]) -> WaitingMessage:
        """The same section, as the view of a queue shows it."""
        message = self.message(section, tagged=False)
        shown = WaitingMessage.model_fields.keys()
        return WaitingMessage.model_validate(
            {name: value for name, value in message if name in shown}
        )

    def active(self, section: list[Any]) -> ActiveRun:
        """ACTIVE: fence, holder, started, owners (a line each), status, ASKING."""
        return _active_run(
            id=self.run_id(section[0]),
            consumer=consumer_of(section[1]),
            started_at=moment(section[2]),
            owners=tuple(section[3].splitlines()),
            status=section[4] or None,
            asking=_asking(section[5]),
        )

    def running(self, section: list[Any]) -> RunState:
        """RUNNING.

        Fence, holder, session id, started, lease ends, owners, status, sealed, INTERRUPT,
        message ids, posts, held, ASKING.
        """
        return RunState(
            id=self.run_id(section[0]),
            fence=int(section[0]),
            session_key=self._session,
            state="active",
            consumer=consumer_of(section[1]),
            session_id=section[2],
            started_at=moment(section[3]),
            lease_expires_at=moment(section[4]),
            owners=tuple(section[5].splitlines()),
            status=section[6] or None,
            sealed=section[7] == "1",
            interrupt=interrupt(section[8]),
            message_ids=tuple(section[9]),
            sent=tuple(section[10]),
            held=section[11] == "1",
            asking=_asking(section[12]),
        )

    def control(self, section: list[Any] | None, reason: Reason) -> ControlResult | None:
        """CONTROL: action, stopped (session, fence, ...), removed ids, session id, pending."""
        if not section:
            return None
        action, stopped, removed, session_id, pending = section
        stopped = stopped or []
        return ControlResult(
            action=action,
            stopped=tuple(
                RunAddress(int(fence), self._shard, SessionKey(session)).run_id()
                for session, fence in zip(stopped[::2], stopped[1::2], strict=True)
            ),
            removed=tuple(removed or ()),
            session_id=session_id or None,
            pending=pending == "1",
            reason=reason,
        )


def _stored(body: str) -> StoredMessage:
    return StoredMessage.model_validate_json(body, extra="ignore")


def _message(section: list[Any], text: str, body: StoredMessage, *, tagged: bool) -> BatchMessage:
    source = body.source
    return _batch_message(
        message_id=section[1],
        seq=int(section[0]),
        source=source,
        user_id=source.user_id if source else None,
        user_name=source.user_name if source else None,
        text=text,
        tagged_text=_tagged(source, text) if tagged else None,
        payload=body.payload,
        reply_to=body.reply_to,
        mentions=body.mentions,
        kind=body.kind,
        group=body.group,
        answers=section[6] or body.answers,
        sent_at=body.sent_at,
        received_at=moment(section[3]),
        deliveries=int(section[2]) + 1,
    )


def dropped(section: list[Any]) -> tuple[Dropped, ...]:
    """What a call dropped: id, reason, ..."""
    if not section:
        return ()
    return tuple(
        Dropped(message_id=message_id, reason=reason)
        for message_id, reason in zip(section[::2], section[1::2], strict=True)
    )


def _omitted(item: list[Any]) -> Omitted:
    reason, message_id, text, body = item
    source = _stored(body).source
    return Omitted(
        message_id=message_id,
        user_id=source.user_id if source else None,
        user_name=source.user_name if source else None,
        excerpt=text[:EXCERPT_CHARACTERS],
        reason=reason,
    )


def queue_place(section: list[Any] | None) -> QueuePlace | None:
    """QUEUE: position, depth, ready at, first."""
    if not section:
        return None
    return _queue_place(
        position=section[0],
        depth=section[1],
        ready_at=optional_moment(section[2]),
        first=section[3] == "1",
    )


def interrupt(section: list[Any] | None) -> Interrupt | None:
    """INTERRUPT: cause, user id, message id, requested, deadline."""
    if not section:
        return None
    return Interrupt(
        cause=section[0],
        user_id=section[1] or None,
        message_id=section[2] or None,
        requested_at=moment(section[3]),
        deadline=optional_moment(section[4]),
    )


def _participants(values: list[str]) -> tuple[Participant, ...]:
    parted = [value.partition(" ") for value in values]
    parted.sort(key=lambda parts: int(parts[0]))
    return tuple([_PARTICIPANT.validate_json(parts[2], extra="ignore") for parts in parted])


def _context(tokens: int, reported_limit: int, settings: ViewSettings) -> Context:
    limit = settings.limit_tokens or reported_limit or CONTEXT_LIMIT_TOKENS
    # The share itself is compared: a product may round to just above what it should be.
    ratio = tokens / limit
    action: ContextAction = "none"
    if ratio >= settings.compress_at:
        action = "compress"
    if settings.reset_at is not None and ratio >= settings.reset_at:
        action = "reset"
    return _context_view(tokens=tokens, limit=limit, ratio=round(ratio, 4), action=action)


def _route(place: str, messages: tuple[BatchMessage, ...], thread_id: str | None) -> Route:
    """Where a reply goes: by the newest message with a source, else by the session's last place.

    `thread_id` is the thread that was opened for a message that was sent in none.
    """
    sources = [(m.source, m.message_id) for m in messages if m.source is not None]
    source: Source | Place
    source, reply_to = sources[-1] if sources else (read_place(place), None)
    return _route_of(
        platform=source.platform,
        account=source.account,
        scope=source.scope,
        chat_id=source.chat_id,
        thread_id=source.thread_id or thread_id,
        reply_to=reply_to,
    )


def _context_message(line: list[Any], *, tagged: bool) -> ContextMessage:
    """CONTEXT: id, kept at, text, body."""
    message_id, at, text, stored = line
    body = _stored(stored)
    source = body.source
    return ContextMessage(
        message_id=message_id,
        source=source,
        user_id=source.user_id if source else None,
        user_name=source.user_name if source else None,
        text=text,
        tagged_text=_tagged(source, text) if tagged else None,
        payload=body.payload,
        reply_to=body.reply_to,
        received_at=moment(at),
    )


def _tagged(source: Source | None, text: str) -> str:
    if source is None:
        return tag(None, None, text)
    return tag(source.user_name, source.user_id, text)


def _asking(section: list[Any] | None) -> Asking | None:
    """ASKING: prompt id, until."""
    return Asking(prompt_id=section[0], expires_at=moment(section[1])) if section else None


def _data(section: list[str]) -> tuple[dict[str, JsonValue], dict[str, JsonValue] | None]:
    """The gateway's own JSON of this session id, and of the one before; nothing: it has none."""
    if not section:
        return {}, None
    current, previous = section
    return (
        _OBJECT.validate_json(current) if current else {},
        _OBJECT.validate_json(previous) if previous else None,
    )


def _text(messages: tuple[BatchMessage, ...], *, tagged: bool) -> str:
    return "\n".join([(m.tagged_text or "") if tagged else m.text for m in messages])
