"""Routers and services on one store, closed after the test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from redis import Redis

from tests.service import Service, running, write_policy, write_token
from tests.sessions import Clock
from tests.survival.router import Router

Routers = Callable[..., Router]
Serve = Callable[..., Awaitable[Service]]


class RealClock(Clock):
    """The store's own clock."""

    def __call__(self) -> str:
        return ""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def redis(store_url: str) -> Iterator["Redis"]:
    """Give a plain client of the store, to look and count."""
    with Redis.from_url(store_url, decode_responses=True) as client:
        yield client


@pytest_asyncio.fixture
async def routers(store_url: str) -> AsyncIterator[Routers]:
    """Give `routers(clock, **defaults)`: one more router on the store."""
    async with AsyncExitStack() as stack:

        def open_(*arguments: object, **options: object) -> Router:
            router = Router(store_url, *arguments, **options)  # type: ignore[arg-type]
            stack.push_async_callback(router.client.close)
            return router

        yield open_


@pytest_asyncio.fixture
async def serve(store_url: str, tmp_path: Path) -> AsyncIterator[Serve]:
    """Give `serve(**defaults)`: one more service in this process, on the store's own clock."""
    async with AsyncExitStack() as stack:

        async def open_(*, tokens: tuple[str, ...] = (), **defaults: object) -> Service:
            policy = write_policy(tmp_path, {"version": 1, "defaults": defaults})
            tokens_file = tmp_path / "tokens.yaml" if tokens else None
            for name in tokens:
                write_token(tmp_path / "tokens.yaml", name, "gateway")
            settings = {"policy_file": policy, "tokens_file": tokens_file}
            return await stack.enter_async_context(running(store_url, RealClock(), **settings))

        yield open_
