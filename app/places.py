"""Where a message belongs: routing with what the store knows of people and conversations."""

from typing import NamedTuple

from app.conversations import Conversations
from app.policy_in_force import PolicyInForce
from app.routing.route import Routing, explain_key, hears_conversations, route
from app.store.aliases import Aliases
from app.store.chat_memories import Hearing
from session_router.models import Resolution, ResolveRequest


class Placed(NamedTuple):
    """The routing of a message, and how its conversation was chosen, if one was."""

    routing: Routing
    hearing: Hearing | None


class Places:
    """Places messages by the policy in force. All raise `StoreUnavailable`, `MissingPart`."""

    def __init__(
        self, policy: PolicyInForce, aliases: Aliases, conversations: Conversations
    ) -> None:
        self._policy = policy
        self._aliases = aliases
        self._conversations = conversations

    async def place(self, message: ResolveRequest, *, teach: bool) -> Placed:
        """Tell where a message belongs; `teach` its aliases, or touch nothing."""
        rulebook, agent, kind = self._policy.rulebook, message.agent, message.kind
        source = message.source
        fields = rulebook.effective(agent, kind, source).fields
        known = await self._aliases.known(agent, source, fields, teach=teach)
        first = route(rulebook, agent, kind, source, message.message_id, known=known)
        if not hears_conversations(fields, source):
            return Placed(first, None)
        idle_minutes = fields.conversation_idle_minutes
        hearing = await self._conversations.hear(first.chat, message, known, idle_minutes)
        opener = hearing.choice.conversation or None
        chosen = route(
            rulebook, agent, kind, source, message.message_id, known=known, conversation=opener
        )
        return Placed(chosen, hearing)

    async def explain(self, message: ResolveRequest) -> Resolution:
        """Tell the key, the policy behind it, and why this conversation."""
        routing, hearing = await self.place(message, teach=False)
        rulebook = self._policy.rulebook
        told = explain_key(rulebook, message.agent, message.kind, message.source, routing.key)
        return told.model_copy(update={"why": hearing.choice.why if hearing else None})
