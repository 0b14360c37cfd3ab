"""Which shard has what, and how many there are."""

import asyncio
import logging

from app.errors import StoreUnavailable
from app.routing.keys import SessionKey, chat_of, shard_of
from app.settings import SettingsError
from app.store import keys
from app.store.store_client import StoreClient

STORE_AWAITED_SECONDS = 30

logger = logging.getLogger(__name__)


def shard_of_session(session: SessionKey, shards: int) -> int:
    """A session lives with its chat, one that spans chats by its own key.

    Raises `InvalidKey` for what is no session key.
    """
    return shard_of(chat_of(session) or session, shards)


async def record_shards(client: StoreClient, shards: int) -> None:
    """Record the number of shards with the first start on a store, and hold to it.

    Waits `STORE_AWAITED_SECONDS` for a store that is not there yet. Raises `SettingsError`
    for another number than the store's, and `StoreUnavailable`.
    """
    recorded = int(await _first_call(client, shards))
    if recorded != shards:
        raise SettingsError(
            f"SESSION_ROUTER_SHARDS is {shards}, but this store's keys are divided into "
            f"{recorded}: every router on it needs that number"
        )


async def _first_call(client: StoreClient, shards: int) -> str:
    for _ in range(STORE_AWAITED_SECONDS):
        try:
            return await client.set_if_absent(keys.SHARDS, str(shards))
        except StoreUnavailable as error:
            logger.warning("the store does not answer yet: %s", error.__cause__)
            await asyncio.sleep(1)
    return await client.set_if_absent(keys.SHARDS, str(shards))
