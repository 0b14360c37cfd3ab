"""A message on its way into the store: what `admit.lua` is given, and what it answers."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from app.errors import TooLarge
from app.routing.keys import (
    ChatName,
    SessionKey,
    is_opened_by,
    lives_in,
    opens_unknown,
    thread_part,
)
from app.routing.route import Routing
from app.store import keys
from app.store.arguments import (
    body_of,
    boundaries,
    flag,
    hearing_arguments,
    milliseconds,
    participant_of,
    reply_id_of,
    text_print,
)
from app.store.chat_memories import Hearing
from app.store.holders import holder_of
from app.store.replies import Reader, StoredBody, dropped, queue_place
from app.store.session_settings import StoredSettings, settings_of
from app.store.store_client import Reply
from app.store.unchecked import unchecked
from session_router.models import Decision, FieldError, Message, ThreadToOpen, To

LINE_BYTES_MAX = 64 * 1024
NO_SETTINGS: Final = StoredSettings("", "")  # those that the session has
_decision = unchecked(Decision)


class Admission(NamedTuple):
    """A message, the session that it belongs to, and the token that brought it.

    `chat` is the home of its id, `lives_in` names the session's shard. `routing` is None for a
    message that was sent `to` a session. `hearing` is how its conversation was chosen, where the
    session depends on that.
    """

    message: Message
    session: SessionKey
    chat: ChatName
    lives_in: str
    body: StoredBody
    settings: StoredSettings
    routing: Routing | None
    token_name: str
    hearing: Hearing | None = None


def routed(
    message: Message, routing: Routing, token_name: str, hearing: Hearing | None = None
) -> Admission:
    """A message that came from a source."""
    return Admission(
        message,
        routing.key,
        routing.chat,
        routing.lives_in,
        body_of(message, routing),
        settings_of(routing.fields, routing.isolation, people_share=routing.people_share),
        routing,
        token_name,
        hearing,
    )


def sent_to(message: Message, to: To, token_name: str) -> Admission:
    """A message to a session; one that spans chats is the home of what is sent to it."""
    session = SessionKey(to.session_key)
    home, body = lives_in(session), body_of(message, None)
    return Admission(message, session, ChatName(home), home, body, NO_SETTINGS, None, token_name)


@dataclass(frozen=True, slots=True)
class ChatRenamed:
    """The chat of this message is kept under another id: route it again."""

    chat: ChatName
    kept_under: str


class ConversationMoved:
    """The chat has gone on since the message's conversation was chosen: choose again."""


def admit_arguments(
    admission: Admission,
    digest: str,
    clock: str,
    early: tuple[str, str, str],
    *,
    with_settings: bool,
) -> tuple[str | int, ...]:
    """What `admit.lua` reads as ARGV; `early` is an edit that was found in the chat's shard.

    The settings are sent by their id alone, and whole where the store asks for them.

    Raises `TooLarge` for a line of context that a session could not keep.
    """
    message, routing = admission.message, admission.routing
    source, settings = message.source, admission.settings
    person = routing.person if routing else None
    is_bot = source is not None and source.is_bot
    owns = message.kind == "user" and person is not None and not is_bot
    user_id = (source.user_id if source else None) or ""
    bound_as = routing.bound_as if routing else None
    body, print_of_text = admission.body.text, text_print(message.text)
    if (
        message.kind == "context"
        and len(message.text.encode()) + len(body.encode()) > LINE_BYTES_MAX
    ):
        what = "is over 64 KiB with all that is kept of a line of context"
        raise TooLarge(errors=(FieldError(path="text", message=what),))
    return (
        clock,
        settings.settings_id,
        settings.text if with_settings else "",
        message.message_id,
        digest,
        # What tells a resend from another message under the same id; by the user as sent, for who
        # that is may have changed since, with identities and aliases.
        text_print(user_id) + print_of_text,
        person or "",
        flag(owns),
        flag(routing is not None and routing.is_moderator),
        flag(is_bot),
        routing.place if routing else "",
        holder_of(admission.token_name, message.consumer),
        user_id,
        participant_of(source) if owns and source else "",
        message.kind,
        message.control or "",
        message.busy or "",
        message.dispatch,
        thread_part(source.thread_id if source else None),
        message.text,
        body,
        boundaries(routing.fields.reset, clock) if routing else "",
        "" if bound_as is None else keys.thread_digest(bound_as),
        *hearing_arguments(admission.hearing),
        message.group or "",
        message.answers or "",
        reply_id_of(message) or "",
        milliseconds(message.sent_at),
        message.to.session_id if message.to else "",
        print_of_text,
        *early,
    )


def read_decision(reply: Reply, session: SessionKey, shard: int, admission: Admission) -> Decision:
    """What `admit.lua` decided, as the gateway is told."""
    word, reason, state, session_section, run, active, queue, control, gone = reply
    reader = Reader(session, shard, admission.settings.text, admission.body)
    repeated = word == "duplicate"
    return _decision(
        decision=word,
        reason="known_id" if repeated else reason,
        session=reader.session(session_section) if session_section else None,
        run=reader.run(run, session_section) if run else None,
        active_run=reader.active(active) if active else None,
        queue=queue_place(queue),
        thread=_thread(admission.message, session, word, session_section),
        control=reader.control(control, reason),
        duplicate_of=reason if repeated else None,
        state=None if state == "control" else state,
        dropped=dropped(gone),
        rule=admission.routing.rule if admission.routing else (),
    )


def _thread(
    message: Message, session: SessionKey, word: str, section: list[Any] | None
) -> ThreadToOpen | None:
    """The thread to open, told by the session that has the message: the policy may be another's.

    A reject is not answered in a thread, and a control opens none.
    """
    source, message_id = message.source, message.message_id
    is_inside = source is None or source.thread_id is not None or message.control is not None
    if is_inside or word == "reject" or not is_opened_by(session, message_id):
        return None
    if not opens_unknown(session):
        return ThreadToOpen(action="create", thread_id=message_id)
    bound = section[8] if section else ""
    return ThreadToOpen(action="create", thread_id=bound or None)
