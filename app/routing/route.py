"""Source and policy to session key: the first step of every message."""

from typing import NamedTuple

from app.routing import keys
from app.routing.isolation import Sent, Session, session_of
from app.routing.keys import Chat, ChatName, SessionKey
from app.routing.policy import PolicyFields
from app.routing.rules import Effective, Rulebook, scope_under
from session_router.models import Isolation, Kind, Resolution, Source


class Routing(NamedTuple):
    """Which session a message belongs to, and what holds for it there.

    `chat` is the message's own chat as it was sent, the home of its id; `lives_in` names the
    shard of the session, as `keys.lives_in` tells it from the key. `isolation`
    is what holds for this session, and `people_share` whether several people may be in it.
    `person` is the sender as `keys.person` spells one, None without a user. A batch never
    crosses `place`: platform, account, scope, chat and thread. `rule` is "defaults" and every
    rule that matched, in order. `thread_id` is the thread that the reply goes to;
    `opens_thread` tells that the gateway must make one for this message, and `thread_id` is
    None then where its id is not known before. `bound_as` names the thread that it was sent
    in, where that may have been bound to a session.
    """

    key: SessionKey
    chat: ChatName
    lives_in: str
    isolation: Isolation
    person: str | None
    place: str
    is_moderator: bool
    fields: PolicyFields
    rule: tuple[str, ...]
    thread_id: str | None = None
    opens_thread: bool = False
    bound_as: SessionKey | None = None
    people_share: bool = True

    @property
    def spans(self) -> bool:
        """Whether the session is not bound to one chat."""
        return self.lives_in == self.key


def route(  # noqa: PLR0913
    rulebook: Rulebook,
    agent: str,
    kind: Kind,
    source: Source,
    message_id: str | None = None,
    *,
    known: Source | None = None,
    effective: Effective | None = None,
    conversation: str | None = None,
) -> Routing:
    """Tell the session of a message, without any I/O.

    `known` is the source under the ids that stand in keys, where aliases or a move say other
    ones; the home of the message's id goes by the source as it was sent. `effective` is what
    holds for the message; None goes by the source as it was sent, too. `conversation` is the
    opener of the conversation that was chosen for it; None opens one.

    A source of chat type `thread` does not say what its parent is. Where `thread_isolation`
    is `inherit` it belongs to the session of the group of that `chat_id`; a source that
    calls its place `dm`, `channel` or `forum` and has a `thread_id` keeps its type.

    Raises `MissingUser` where the isolation needs a user that the source lacks, and
    `MissingMessageId` where it needs the message's id.
    """
    effective = effective or rulebook.effective(agent, kind, source)
    fields, people = effective.fields, rulebook.people
    scope = scope_under(fields, source)
    known = known or source
    chat = _chat(agent, source, scope, known.chat_id)
    person = None
    if known.user_id is not None:
        person = people.person(source.platform, scope, known.user_id)
    link = people.link_of(chat)
    session = session_of(fields, Sent(known, chat, person, link, message_id, conversation))
    thread_id = session.thread_id or known.thread_id
    # A chat that moved keeps its new id in routes; in a DM an alias is the same chat.
    routed = known.chat_id if source.chat_type == "dm" else source.chat_id
    name = keys.chat_name(chat)
    sent_as = name
    if known.chat_id != source.chat_id:
        sent_as = keys.chat_name(_chat(agent, source, scope, source.chat_id))
    return Routing(
        key=session.key,
        chat=sent_as,
        lives_in=session.key if session.spans else name,
        isolation=session.isolation,
        person=person,
        place=keys.place(_chat(agent, source, source.scope, routed), thread_id),
        is_moderator=person in effective.moderators or (source.is_moderator and fields.trust_roles),
        fields=fields,
        rule=effective.rule,
        thread_id=thread_id,
        opens_thread=session.opens_thread,
        bound_as=session.bound_as,
        people_share=_people_share(agent, source, session),
    )


def hears_conversations(fields: PolicyFields, source: Source) -> bool:
    """Tell whether the session of a source depends on which conversation it joins."""
    if fields.isolation != "conversation" or source.chat_type == "dm":
        return False
    return source.thread_id is None or fields.thread_isolation == "inherit"


def _people_share(agent: str, source: Source, session: Session) -> bool:
    # A DM has one person, its threads too; only `main` brings several into one session.
    if source.chat_type == "dm":
        return session.key == keys.main_key(agent)
    return session.isolation not in {"per_user", "person"}


def chat_of_source(rulebook: Rulebook, agent: str, source: Source) -> Chat:
    """Tell the chat of a source, the home of its ids; its user and thread do not count."""
    return _chat(agent, source, rulebook.scope_of(agent, source), source.chat_id)


def _chat(agent: str, source: Source, scope: str | None, chat_id: str) -> Chat:
    return Chat(agent, source.platform, source.account, scope, chat_id)


def explain(
    rulebook: Rulebook, agent: str, kind: Kind, source: Source, message_id: str | None = None
) -> Resolution:
    """Tell the key, the effective policy, and field by field the rule that set it.

    Raises as `route` does.
    """
    key = route(rulebook, agent, kind, source, message_id).key
    return explain_key(rulebook, agent, kind, source, key)


def explain_key(
    rulebook: Rulebook, agent: str, kind: Kind, source: Source, key: SessionKey
) -> Resolution:
    """Tell the policy behind a key that was found with what the store knows."""
    effective = rulebook.effective(agent, kind, source)
    return Resolution(
        key=key,
        policy=effective.fields.model_dump(mode="json"),
        rules=effective.origins,
    )
