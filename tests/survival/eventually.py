"""Waiting for something in this process or the store, without sleeping blindly."""

import asyncio
from collections.abc import Callable

PATIENCE_SECONDS = 10.0


async def eventually(true: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Look again and again until something holds; `TimeoutError` after so many seconds."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
