"""Source and policy to session key: the first step of every message."""

from dataclasses import dataclass
from typing import NamedTuple

from app.routing import keys
from app.routing.keys import Chat, ChatName, SessionKey
from app.routing.policy import PolicyFields
from app.routing.rules import Rulebook
from session_router.models import ChatType, Isolation, Kind, Resolution, Source


class MissingUser(ValueError):
    """The isolation of this chat needs a user_id, and `missing_user` is `reject`."""

    path = "source.user_id"

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True, slots=True)
class Routing:
    """Which session a message belongs to, and what holds for it there.

    `chat` is the message's own chat, the home of its id; `spans` tells that the session is
    not bound to one chat, so that it is the key that names its shard. `isolation` is what
    holds for this session. `person` is the sender as `keys.person` spells one, None without
    a user. A batch never crosses `place`: platform, account, scope, chat and thread. `rule`
    is "defaults" and every rule that matched, in order.
    """

    key: SessionKey
    chat: ChatName
    spans: bool
    isolation: Isolation
    person: str | None
    place: str
    is_moderator: bool
    fields: PolicyFields
    rule: tuple[str, ...]


class _Session(NamedTuple):
    key: SessionKey
    isolation: Isolation
    spans: bool = False


def route(rulebook: Rulebook, agent: str, kind: Kind, source: Source) -> Routing:
    """Tell the session of a message, without any I/O.

    A source of chat type `thread` does not say what its parent is. Where `thread_isolation`
    is `inherit` it belongs to the session of the group of that `chat_id`; a source that
    calls its place `dm`, `channel` or `forum` and has a `thread_id` keeps its type.

    Raises `MissingUser` where the isolation needs a user that the source lacks.
    """
    effective = rulebook.effective(agent, kind, source)
    fields = effective.fields
    scope = source.scope if source.platform in fields.scoped_platforms else None
    chat = Chat(agent, source.platform, source.account, scope, source.chat_id)
    person = None
    if source.user_id is not None:
        person = keys.person(source.platform, scope, source.user_id)
    session = _session(fields, chat, source)
    return Routing(
        key=session.key,
        chat=keys.chat_name(chat),
        spans=session.spans,
        isolation=session.isolation,
        person=person,
        place=keys.place(chat._replace(scope=source.scope), source.thread_id),
        is_moderator=person in effective.moderators or (source.is_moderator and fields.trust_roles),
        fields=fields,
        rule=effective.rule,
    )


def chat_of_source(rulebook: Rulebook, agent: str, source: Source) -> ChatName:
    """Tell the chat of a source, the home of its ids; its user and thread do not count."""
    fields = rulebook.effective(agent, "user", source).fields
    scope = source.scope if source.platform in fields.scoped_platforms else None
    return keys.chat_name(Chat(agent, source.platform, source.account, scope, source.chat_id))


def explain(rulebook: Rulebook, agent: str, kind: Kind, source: Source) -> Resolution:
    """Tell the key, the effective policy, and field by field the rule that set it.

    Raises `MissingUser` as `route` does.
    """
    effective = rulebook.effective(agent, kind, source)
    return Resolution(
        key=route(rulebook, agent, kind, source).key,
        policy=effective.fields.model_dump(mode="json"),
        rules=effective.origins,
    )


def _session(fields: PolicyFields, chat: Chat, source: Source) -> _Session:
    thread_id, isolation = source.thread_id, fields.thread_isolation
    if thread_id is not None and isolation != "inherit":
        return _thread_session(fields, isolation, chat, source, thread_id)
    if source.chat_type == "dm":
        return _dm_session(fields, chat)
    return _chat_session(fields, chat, source)


def _chat_session(fields: PolicyFields, chat: Chat, source: Source) -> _Session:
    chat_type: ChatType = "group" if source.chat_type == "thread" else source.chat_type
    match fields.isolation:
        case "shared" | "tagged" as together:
            return _Session(keys.chat_key(chat, chat_type), together)
        case "per_user":
            user_id, isolation = _user(fields, source)
            return _Session(keys.chat_key(chat, chat_type, user_id), isolation)
        case "thread" | "conversation" | "person":
            # The policy refuses these; only a model that was never validated gets here.
            raise NotImplementedError(fields.isolation)


def _dm_session(fields: PolicyFields, chat: Chat) -> _Session:
    match fields.dm_scope:
        case "per_chat":
            return _Session(keys.chat_key(chat, "dm"), "per_user")
        case "main":
            return _Session(keys.main_key(chat.agent), "shared", spans=True)
        case "person":
            # As above: refused by the policy.
            raise NotImplementedError(fields.dm_scope)


def _thread_session(
    fields: PolicyFields, isolation: Isolation, chat: Chat, source: Source, thread_id: str
) -> _Session:
    user_id = None
    if isolation == "per_user":
        user_id, isolation = _user(fields, source)
    if source.chat_type == "dm" and fields.dm_scope == "main":
        return _Session(keys.main_thread_key(chat, thread_id, user_id), isolation, spans=True)
    return _Session(keys.thread_key(chat, thread_id, user_id), isolation)


def _user(fields: PolicyFields, source: Source) -> tuple[str | None, Isolation]:
    if source.user_id is not None:
        return source.user_id, "per_user"
    if fields.missing_user == "shared":
        return None, "shared"
    raise MissingUser
