"""A driver for the scripts, with the policy that a test wants."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.sessions import Sessions

Open = Callable[..., Sessions]


@pytest.fixture
async def sessions(store_url: str) -> AsyncIterator[Open]:
    """Give `sessions(**policy)`: a driver on the empty store."""
    opened: list[Sessions] = []

    def open_(**options: Any) -> Sessions:
        opened.append(Sessions(store_url, **options))
        return opened[-1]

    yield open_
    for one in opened:
        await one.close()
