"""A service in this process on an empty store."""

from collections.abc import AsyncIterator

import pytest

from tests.service import Service, running


@pytest.fixture
async def service(store_url: str) -> AsyncIterator[Service]:
    """Give a service without tokens, with the default policy."""
    async with running(store_url) as one:
        yield one
