"""Where a message belongs: routing with what the store knows of people, chats and conversations."""

from typing import NamedTuple

from app.conversations import Conversations
from app.policy_in_force import PolicyInForce
from app.routing.keys import chat_name, thread_of
from app.routing.policy import PolicyFields
from app.routing.route import Routing, chat_of_source, explain_key, hears_conversations, route
from app.store.admissions import ChatRenamed
from app.store.aliases import Aliases
from app.store.arguments import reply_id_of
from app.store.chat_memories import Hearing
from app.store.chat_names import ChatNames
from app.store.posts import Posts
from session_router.models import (
    Message,
    Move,
    MoveRequest,
    Resolution,
    ResolveRequest,
    Source,
)


class Placed(NamedTuple):
    """The routing of a message, and how its conversation was chosen, if one was."""

    routing: Routing
    hearing: Hearing | None


class Places:
    """Places messages by the policy in force. All raise `StoreUnavailable`, `MissingPart`."""

    def __init__(
        self,
        policy: PolicyInForce,
        aliases: Aliases,
        chat_names: ChatNames,
        conversations: Conversations,
        posts: Posts,
    ) -> None:
        self._policy = policy
        self._aliases = aliases
        self._chat_names = chat_names
        self._conversations = conversations
        self._posts = posts

    async def place(
        self, message: Message | ResolveRequest, source: Source, *, teach: bool
    ) -> Placed:
        """Tell where a message from a source belongs; `teach` its aliases, or touch nothing."""
        rulebook, agent, kind = self._policy.rulebook, message.agent, message.kind
        renamed = self._renamed(agent, source)
        # Rules go by the id that a moved chat is kept under.
        effective = rulebook.effective(agent, kind, renamed)
        fields = effective.fields
        known, message_id = renamed, message.message_id
        if self._aliases.may_know(renamed):
            known = await self._aliases.known(agent, renamed, fields, teach=teach)
        replied_id = reply_id_of(message)
        if replied_id is not None and _opens_thread(fields, known):
            message_id, known = await self._joined(message, replied_id, known)
        first = route(rulebook, agent, kind, source, message_id, known=known, effective=effective)
        if not hears_conversations(fields, source):
            return Placed(first, None)
        idle_minutes = fields.conversation_idle_minutes
        chat = chat_of_source(rulebook, agent, source)
        kept = chat_name(chat._replace(chat_id=renamed.chat_id))
        hearing = await self._conversations.hear(kept, message, known, idle_minutes)
        opener = hearing.choice.conversation or None
        chosen = route(
            rulebook,
            agent,
            kind,
            source,
            message_id,
            known=known,
            effective=effective,
            conversation=opener,
        )
        return Placed(chosen, hearing)

    def _renamed(self, agent: str, source: Source) -> Source:
        """The source under the id that its chat is kept under."""
        if not self._chat_names.are_known:
            return source
        chat = chat_of_source(self._policy.rulebook, agent, source)
        kept_under = self._chat_names.kept_under(chat)
        if kept_under == source.chat_id:
            return source
        return source.model_copy(update={"chat_id": kept_under})

    async def _joined(
        self, message: Message | ResolveRequest, replied_id: str, known: Source
    ) -> tuple[str | None, Source]:
        """Let a reply to what a run posted join its thread, where each message opens one."""
        chat = chat_name(chat_of_source(self._policy.rulebook, message.agent, known))
        session = await self._posts.session_of(chat, replied_id)
        match thread_of(session) if session else None:
            case "thread", thread_id:
                return message.message_id, known.model_copy(update={"thread_id": thread_id})
            case "opener", opener:
                return opener, known
            case _:
                return message.message_id, known

    def learn_name(self, renamed: ChatRenamed) -> None:
        """Remember that a chat is kept under another id."""
        self._chat_names.learn(renamed.chat, renamed.kept_under)

    async def move(self, request: MoveRequest) -> Move:
        """Make a chat's new id a name of it."""
        source = Source(
            platform=request.platform,
            account=request.account,
            scope=request.scope,
            chat_type="group",
            chat_id=request.from_,
        )
        chat = chat_of_source(self._policy.rulebook, request.agent, source)
        return Move(chat_id=await self._chat_names.move(chat, request.to))

    async def explain(self, message: ResolveRequest) -> Resolution:
        """Tell the key, the policy behind it, and why this conversation."""
        routing, hearing = await self.place(message, message.source, teach=False)
        rulebook = self._policy.rulebook
        told = explain_key(rulebook, message.agent, message.kind, message.source, routing.key)
        return told.model_copy(update={"why": hearing.choice.why if hearing else None})


def _opens_thread(fields: PolicyFields, source: Source) -> bool:
    in_chat = source.chat_type != "dm" and source.thread_id is None
    return in_chat and fields.isolation == "thread"
