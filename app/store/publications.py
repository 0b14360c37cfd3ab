"""What is published: that something is ready, that a holder should look, the live feed."""

import asyncio
import logging
from collections.abc import Callable

from app.errors import StoreUnavailable
from app.store import keys
from app.store.store_client import StoreClient

RETRY_SECONDS = 0.5

logger = logging.getLogger(__name__)


async def listen(
    client: StoreClient,
    ready: Callable[[], None],
    signalled: Callable[[str], None],
    told: Callable[[str, str], None],
) -> None:
    """Tell what is published, until cancelled, through every outage of the store.

    `ready` is called when a session became ready, `signalled` with the holder that should
    look, `told` with a channel of the live feed and what it said. All are also called (with an
    empty holder, for all, and an empty channel) after a connection was made anew, since
    something may have been missed.
    """
    channels = (
        keys.READY_CHANNEL,
        keys.SIGNALS_CHANNEL,
        keys.EVENTS_CHANNEL,
        keys.ANSWERS_CHANNEL,
    )
    is_deaf = False
    while True:
        try:
            async for channel, text in client.listen(*channels):
                is_deaf = False
                if channel in {keys.READY_CHANNEL, ""}:
                    ready()
                if channel in {keys.SIGNALS_CHANNEL, ""}:
                    signalled(text.partition(" ")[2])
                if channel in {keys.EVENTS_CHANNEL, keys.ANSWERS_CHANNEL, ""}:
                    told(channel, text)
        except StoreUnavailable:
            if not is_deaf:  # told once an outage
                logger.warning("the store's publications stopped; listening again")
            is_deaf = True
        except Exception:
            logger.exception("the store's publications cannot be heard; listening again")
        await asyncio.sleep(RETRY_SECONDS)
