"""A router on one shard, and one on four: what spans chats must not depend on it."""

from collections.abc import AsyncIterator

import pytest

from tests.isolation.router import Router, router


@pytest.fixture(params=[1, 4], ids=["one shard", "four shards"])
async def there(request: pytest.FixtureRequest, store_url: str) -> AsyncIterator[Router]:
    """Give a router on an empty store."""
    async with router(store_url, shards=request.param) as running:
        yield running
