"""Waiting for a store that is not there yet, or not able to serve yet, when a router starts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from app.errors import StoreFull, StoreUnavailable

STORE_AWAITED_SECONDS = 30

logger = logging.getLogger(__name__)


async def until_answered(call: Callable[[], Awaitable[None]]) -> None:
    """Make a call once a second until the store serves it.

    Raises `StoreUnavailable` or `StoreFull` after `STORE_AWAITED_SECONDS`.
    """
    for _ in range(STORE_AWAITED_SECONDS):
        try:
            return await call()
        except (StoreUnavailable, StoreFull) as error:
            logger.warning("not served by the store yet: %s", error.__cause__ or error)
            await asyncio.sleep(1)
    return await call()
