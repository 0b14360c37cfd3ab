"""Which conversation of a chat a message joins: read, chosen, and given to `admit` to verify."""

from app.routing.conversation import Heard, choose, remember
from app.routing.keys import ChatName
from app.store.arguments import reply_id_of
from app.store.chat_memories import ChatMemories, Hearing
from session_router.models import Message, ResolveRequest, Source

MINUTE_MS = 60_000


class Conversations:
    """Chooses by the memory of a chat, one look-up a message."""

    def __init__(self, memories: ChatMemories) -> None:
        self._memories = memories

    async def hear(
        self, chat: ChatName, message: Message | ResolveRequest, known: Source, idle_minutes: int
    ) -> Hearing:
        """Choose the conversation of a message; `known` has the ids that stand in keys.

        Touches nothing. Raises `StoreUnavailable`.
        """
        seen = await self._memories.read(chat, reply_id_of(message))
        heard = Heard(
            message_id=message.message_id or "",
            user=known.user_id,
            user_name=known.user_name,
            text=message.text,
            at_ms=seen.now_ms,
            reply_to=message.reply_to,
            mentions=message.mentions,
            replied_in=seen.replied_in,
        )
        choice = choose(seen.memory, heard, idle_minutes * MINUTE_MS)
        return Hearing(choice, seen.version, remember(seen.memory, heard, choice).to_text())
