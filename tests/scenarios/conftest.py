"""A service with the policy that a scenario wants."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.service import Service, serving

Serve = Callable[..., Awaitable[Service]]


@pytest.fixture
async def serve(store_url: str, tmp_path: Path) -> AsyncIterator[Serve]:
    """Give `serve(**defaults)`: a service in whose rooms people share one session."""
    async with AsyncExitStack() as stack:

        async def open_(
            *, rules: tuple[Any, ...] = (), tokens: str | None = None, **defaults: Any
        ) -> Service:
            policy = {"defaults": {"isolation": "shared"} | defaults, "rules": [*rules]}
            return await stack.enter_async_context(serving(store_url, tmp_path, policy, tokens))

        yield open_
