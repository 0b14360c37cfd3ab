"""Which session key: what each isolation makes of a message's place and sender."""

from typing import ClassVar, Final, Literal, NamedTuple

from app.routing import keys
from app.routing.keys import Chat, SessionKey
from app.routing.policy import PolicyFields
from session_router.models import ChatType, Isolation, Source

# Where a thread made for a message has the message's own id, so its key is known before.
PREDICTABLE_THREADS: Final = frozenset({"discord", "slack", "matrix"})


class MissingPart(ValueError):
    """The isolation of this chat needs a part that the message lacks; `path` names it."""

    path: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class MissingUser(MissingPart):
    """The isolation of this chat needs a user_id, and `missing_user` is `reject`."""

    path = "source.user_id"


class MissingMessageId(MissingPart):
    """Under this isolation a message opens a thread of its own, which is named after it."""

    path = "message_id"


class Session(NamedTuple):
    """A session's key and how it isolates; the rest as in `Routing`."""

    key: SessionKey
    isolation: Isolation
    spans: bool = False
    thread_id: str | None = None
    opens_thread: bool = False
    bound_as: SessionKey | None = None


class Sent(NamedTuple):
    """A message as routing looks at it; `link` is the one that its chat is in."""

    source: Source
    chat: Chat
    person: str | None
    link: str | None
    message_id: str | None
    conversation: str | None = None


def session_of(fields: PolicyFields, sent: Sent) -> Session:
    """Tell the session of a message; raises `MissingPart`."""
    if sent.source.thread_id is not None:
        isolation = _in_thread(fields)
        if isolation != "inherit":
            return _thread_session(fields, isolation, sent, sent.source.thread_id)
    if sent.source.chat_type == "dm":
        return _dm_session(fields, sent)
    return _chat_session(fields, sent)


def _in_thread(fields: PolicyFields) -> Literal["tagged", "shared", "per_user", "inherit"]:
    # Where the thread is the session, there is nothing to inherit.
    if fields.thread_isolation == "inherit" and fields.isolation == "thread":
        return "tagged"
    return fields.thread_isolation


def _chat_session(fields: PolicyFields, sent: Sent) -> Session:
    match fields.isolation:
        case "shared" | "tagged" as together:
            return _together(sent, together)
        case "per_user":
            return _per_user(fields, sent)
        case "person":
            return _of_person(fields, sent)
        case "thread":
            return _own_thread(fields, sent)
        case "conversation":
            return _conversation(sent)


def _conversation(sent: Sent) -> Session:
    opener = sent.conversation or sent.message_id
    if opener is None:
        raise MissingMessageId
    key = keys.conversation_key(sent.chat, _chat_type(sent.source), opener)
    return Session(key, "conversation")


def _together(sent: Sent, isolation: Isolation) -> Session:
    if sent.link is not None:
        return Session(keys.link_key(sent.chat.agent, sent.link), isolation, spans=True)
    return Session(keys.chat_key(sent.chat, _chat_type(sent.source)), isolation)


def _per_user(fields: PolicyFields, sent: Sent) -> Session:
    if sent.person is None:
        return _without_user(fields, sent)
    if sent.link is not None:
        linked = keys.link_key(sent.chat.agent, sent.link)
        return Session(keys.inside(linked, sent.person), "per_user", spans=True)
    key = keys.chat_key(sent.chat, _chat_type(sent.source), sent.source.user_id)
    return Session(key, "per_user")


def _of_person(fields: PolicyFields, sent: Sent) -> Session:
    if sent.person is None:
        return _without_user(fields, sent)
    return Session(keys.person_key(sent.chat.agent, sent.person), "person", spans=True)


def _without_user(fields: PolicyFields, sent: Sent) -> Session:
    if fields.missing_user == "reject":
        raise MissingUser
    return _together(sent, "shared")


def _own_thread(fields: PolicyFields, sent: Sent) -> Session:
    if sent.message_id is None:
        raise MissingMessageId
    isolation = _in_thread(fields)
    if isolation != "inherit" and sent.chat.platform in PREDICTABLE_THREADS:
        session = _thread_session(fields, isolation, sent, sent.message_id)
        return session._replace(thread_id=sent.message_id, opens_thread=True)
    shown, user_id = _inside_thread(fields, "tagged" if isolation == "inherit" else isolation, sent)
    return Session(keys.opener_key(sent.chat, sent.message_id, user_id), shown, opens_thread=True)


def _chat_type(source: Source) -> ChatType:
    return "group" if source.chat_type == "thread" else source.chat_type


def _dm_session(fields: PolicyFields, sent: Sent) -> Session:
    spanning = _spanning_dm(fields, sent)
    if spanning is not None:
        return Session(spanning, "shared" if fields.dm_scope == "main" else "person", spans=True)
    return Session(keys.chat_key(sent.chat, "dm"), "per_user")


def _spanning_dm(fields: PolicyFields, sent: Sent) -> SessionKey | None:
    """The session that a DM belongs to, where it spans chats."""
    match fields.dm_scope:
        case "per_chat":
            return None
        case "main":
            return keys.main_key(sent.chat.agent)
        case "person":
            if sent.person is not None:
                return keys.person_key(sent.chat.agent, sent.person)
            if fields.missing_user == "reject":
                raise MissingUser
            return None


def _thread_session(
    fields: PolicyFields,
    isolation: Literal["tagged", "shared", "per_user"],
    sent: Sent,
    thread_id: str,
) -> Session:
    shown, user_id = _inside_thread(fields, isolation, sent)
    in_chat = keys.thread_key(sent.chat, thread_id, user_id)
    # A DM opens no threads, so none of its threads is bound.
    bound_as = None if sent.source.chat_type == "dm" else in_chat
    spanning = _spanning_of_thread(fields, sent)
    if spanning is None:
        return Session(in_chat, shown, bound_as=bound_as)
    key = keys.inside(spanning, keys.place(sent.chat, thread_id, mark="thread:"))
    if user_id is not None and sent.person is not None:
        key = keys.inside(key, sent.person)
    return Session(key, shown, spans=True, bound_as=bound_as)


def _inside_thread(
    fields: PolicyFields, isolation: Literal["tagged", "shared", "per_user"], sent: Sent
) -> tuple[Isolation, str | None]:
    """How a session inside a thread isolates, and the user whose own it is."""
    if isolation != "per_user":
        return isolation, None
    if sent.source.user_id is None:
        if fields.missing_user == "reject":
            raise MissingUser
        return "shared", None
    return "per_user", sent.source.user_id


def _spanning_of_thread(fields: PolicyFields, sent: Sent) -> SessionKey | None:
    if sent.source.chat_type == "dm":
        return _spanning_dm(fields, sent)
    return None if sent.link is None else keys.link_key(sent.chat.agent, sent.link)
