"""The connection to the store: addresses, time-outs, and what its errors mean."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError as StoreConnectionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError as StoreTimeoutError,
)

from app.errors import StoreFull, StoreUnavailable
from app.store.scripts import Script

CONNECTIONS_MAX = 1000
LISTEN_SECONDS = 10.0
_REFUSALS_OF_A_SICK_STORE = (
    "BUSY",
    "MISCONF",
    "NOREPLICAS",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "MASTERDOWN",
)

Reply = list[Any]


class StoreClient:
    """Calls scripts and a few plain commands on one server.

    Every error of the connection or of a server that cannot serve now is raised as
    `StoreUnavailable`, a full one as `StoreFull`. A call that timed out may have been done:
    each verb answers a repeat as it answered the first call.
    """

    def __init__(self, url: str, timeout_seconds: float) -> None:
        # One more try at once: a pooled connection may have died with the last server.
        self._redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            max_connections=CONNECTIONS_MAX,
            retry=Retry(NoBackoff(), 1, supported_errors=(StoreConnectionError,)),
        )

    async def call(self, script: Script, keys: Sequence[str], *arguments: str | int) -> Reply:
        """Run one script and return its reply."""
        try:
            try:
                reply = await self._redis.evalsha(script.sha, len(keys), *keys, *arguments)
            except NoScriptError:
                reply = await self._redis.eval(script.text, len(keys), *keys, *arguments)
        except RedisError as error:
            raise _meaning(error) from error
        return list(reply)

    async def set_if_absent(self, key: str, value: str) -> str:
        """Set a key that is not there, and return the value that it has now."""
        try:
            # Asked before it is written: a full store refuses to write what is there already.
            before = await self._redis.get(key)
            if before is None and await self._redis.set(key, value, nx=True):
                return value
            return str(before or await self._redis.get(key))
        except RedisError as error:
            raise _meaning(error) from error

    async def members(self, key: str) -> list[str]:
        """Return the members of a set, sorted."""
        try:
            found = await self._redis.smembers(key)
        except RedisError as error:
            raise _meaning(error) from error
        return sorted(map(str, found))

    async def listen(self, *channels: str) -> AsyncIterator[tuple[str, str]]:
        """Give what is published on these channels, first a pair of empty texts: it listens.

        Raises `StoreUnavailable` when the connection ends.
        """
        try:
            async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                await pubsub.subscribe(*channels)
                yield "", ""
                while True:
                    message = await pubsub.get_message(timeout=LISTEN_SECONDS)
                    if message is not None:
                        yield message["channel"], message["data"]
        except RedisError as error:
            raise _meaning(error) from error

    async def ping(self) -> None:
        """Return if the store answers."""
        try:
            await self._redis.ping()
        except RedisError as error:
            raise _meaning(error) from error

    async def close(self) -> None:
        await self._redis.aclose()


def _meaning(error: RedisError) -> Exception:
    if isinstance(error, OutOfMemoryError):
        return StoreFull()
    if isinstance(
        error, StoreConnectionError | StoreTimeoutError | BusyLoadingError | ReadOnlyError
    ):
        return StoreUnavailable()
    if isinstance(error, ResponseError) and str(error).startswith(_REFUSALS_OF_A_SICK_STORE):
        return StoreUnavailable()
    return error
