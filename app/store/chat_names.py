"""The ids of chats that moved: under which one each is kept."""

from collections import OrderedDict

from app.errors import StoreUnavailable
from app.routing.keys import Chat, ChatName, chat_name, shard_of
from app.store import keys, scripts
from app.store.store_client import StoreClient

MOVED_MS = keys.MOVED_DAYS * 86_400_000
NAMES_MAX = 8_192
HOPS_MAX = 16


class ChatNames:
    """Moves chats, and remembers the moves that this router has met.

    What it does not know `admit` tells: the mark of a move is in the shard of the new id.
    """

    def __init__(self, client: StoreClient, shards: int) -> None:
        self._client = client
        self._shards = shards
        self._known: OrderedDict[ChatName, str] = OrderedDict()

    @property
    def are_known(self) -> bool:
        """Whether this router knows of any chat that moved."""
        return bool(self._known)

    def kept_under(self, chat: Chat) -> str:
        """The id that a chat is kept under, as far as this router knows."""
        chat_id = chat.chat_id
        for _ in range(HOPS_MAX):
            older = self._known.get(chat_name(chat._replace(chat_id=chat_id)))
            if older is None:
                break
            chat_id = older
        return chat_id

    def learn(self, chat: ChatName, kept_under: str) -> None:
        """Remember what `admit` told of a chat."""
        self._known[chat] = kept_under
        if len(self._known) > NAMES_MAX:
            self._known.popitem(last=False)

    async def move(self, chat: Chat, to: str) -> str:
        """Make `to` a name of a chat: the id that it is kept under. Raises `StoreUnavailable`."""
        first = chat.chat_id
        for _ in range(HOPS_MAX):
            older = await self._mark(chat._replace(chat_id=first), "")
            if not older:
                break
            first = older
        else:
            raise StoreUnavailable("The chat kept changing its id; try again.")
        moved = chat._replace(chat_id=to)
        if first != to:
            await self._mark(moved, first)
            self.learn(chat_name(moved), first)
        return first

    async def _mark(self, chat: Chat, kept_under: str) -> str:
        name = chat_name(chat)
        where = [keys.moved(shard_of(name, self._shards), name)]
        reply = await self._client.call(scripts.MOVE, where, kept_under, MOVED_MS)
        return str(reply[1])
