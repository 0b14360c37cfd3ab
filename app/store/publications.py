"""What scripts publish: hints that something is ready, or that a holder should look."""

import asyncio
import logging
from collections.abc import Callable

from app.errors import StoreUnavailable
from app.store import keys
from app.store.store_client import StoreClient

RETRY_SECONDS = 0.5

logger = logging.getLogger(__name__)


async def listen(
    client: StoreClient, ready: Callable[[], None], signalled: Callable[[str], None]
) -> None:
    """Tell what is published, until cancelled, through every outage of the store.

    `ready` is called when a session became ready, `signalled` with the holder that should
    look. Both are also called (with an empty holder, for all) after a connection was made
    anew, since something may have been missed.
    """
    is_deaf = False
    while True:
        try:
            async for channel, text in client.listen(keys.READY_CHANNEL, keys.SIGNALS_CHANNEL):
                is_deaf = False
                if channel != keys.SIGNALS_CHANNEL:
                    ready()
                if channel != keys.READY_CHANNEL:
                    signalled(text.partition(" ")[2])
        except StoreUnavailable:
            if not is_deaf:  # told once an outage
                logger.warning("the store's publications stopped; listening again")
            is_deaf = True
        except Exception:
            logger.exception("the store's publications cannot be heard; listening again")
        await asyncio.sleep(RETRY_SECONDS)
