"""What chats in `conversation` isolation remember, as the store keeps it: opaque and versioned."""

from collections.abc import Callable
from dataclasses import dataclass

from app.routing.chat_memory import ChatMemory
from app.routing.conversation import Choice
from app.routing.keys import ChatName, SessionKey, conversation_of, shard_of
from app.store import keys, scripts
from app.store.clock import stores_clock
from app.store.store_client import StoreClient


@dataclass(frozen=True, slots=True)
class SeenMemory:
    """A chat's memory at a moment of the store's clock.

    `replied_in` is the conversation of the message replied to, where its home tells it, or
    the run that posted it.
    """

    now_ms: int
    version: int
    memory: ChatMemory
    replied_in: str | None


@dataclass(frozen=True, slots=True)
class Hearing:
    """The choice for one message, and what the chat's memory becomes with it.

    `version` is that of the memory which was looked at: `admit` verifies it.
    """

    choice: Choice
    version: int
    memory_text: str


class ChatMemories:
    """Reads memories; `admit` writes them. `clock` as in `SessionStore`."""

    def __init__(
        self, client: StoreClient, shards: int, clock: Callable[[], str] = stores_clock
    ) -> None:
        self._client = client
        self._shards = shards
        self._clock = clock

    async def read(self, chat: ChatName, replied_id: str | None) -> SeenMemory:
        """What a chat remembers now: `memory.lua`. Raises `StoreUnavailable`."""
        shard = shard_of(chat, self._shards)
        where = [keys.memory(shard, chat)]
        if replied_id is not None:
            digest = keys.home_digest(chat, replied_id)
            where += [keys.home(shard, digest), keys.sent(shard, digest)]
        reply = await self._client.call(scripts.MEMORY, where, self._clock())
        _, now_ms, version, text, session = reply
        replied_in = conversation_of(SessionKey(session)) if session else None
        return SeenMemory(now_ms, version, ChatMemory.from_text(text or None), replied_in)
