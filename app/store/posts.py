"""What runs posted: replies to it join their session."""

from app.routing.keys import ChatName, SessionKey, shard_of
from app.store import keys, scripts
from app.store.store_client import StoreClient


class Posts:
    """Looks posts up; `heartbeat` and `complete` write them."""

    def __init__(self, client: StoreClient, shards: int) -> None:
        self._client = client
        self._shards = shards

    async def session_of(self, chat: ChatName, message_id: str) -> SessionKey | None:
        """The session whose run posted a message: `post.lua`. Raises `StoreUnavailable`."""
        shard = shard_of(chat, self._shards)
        post = keys.sent(shard, keys.home_digest(chat, message_id))
        reply = await self._client.call(scripts.POST, [post])
        return SessionKey(reply[1]) if reply[0] == "posted" else None
