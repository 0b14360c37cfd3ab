"""Which shard has what, and how many there are."""

from app.routing.keys import SessionKey, lives_in, shard_of
from app.settings import SettingsError
from app.store import keys
from app.store.store_client import StoreClient


def shard_of_session(session: SessionKey, shards: int) -> int:
    """A session lives with its chat, one that spans chats by its own key.

    Raises `InvalidKey` for what is no session key.
    """
    return shard_of(lives_in(session), shards)


async def record_shards(client: StoreClient, shards: int) -> None:
    """Record the number of shards with the first start on a store, and hold to it.

    Raises `SettingsError` for another number than the store's, `StoreUnavailable`, `StoreFull`.
    """
    recorded = int(await client.set_if_absent(keys.SHARDS, str(shards)))
    if recorded != shards:
        raise SettingsError(
            f"SESSION_ROUTER_SHARDS is {shards}, but this store's keys are divided into "
            f"{recorded}: every router on it needs that number"
        )
