"""Calls to the store: scripts, a few plain commands, publications; what its errors mean."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from redis.exceptions import (
    BusyLoadingError,
    ClusterError,
    ConnectionError as StoreConnectionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TimeoutError as StoreTimeoutError,
)

from app.errors import StoreFull, StoreUnavailable
from app.store.keys import SHARDS
from app.store.scripts import Script
from app.store.topology import LISTEN_SECONDS, topology_at
from app.store_address import parse_store_address

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
    """Calls scripts and a few plain commands, wherever the keys live.

    Every error of the connection or of a server that cannot serve now is raised as
    `StoreUnavailable`, a full one as `StoreFull`. A call that timed out may have been done:
    each verb answers a repeat as it answered the first call.
    """

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._topology = topology_at(parse_store_address(url), timeout_seconds)

    async def call(self, script: Script, keys: Sequence[str], *arguments: str | int) -> Reply:
        """Run one script and return its reply."""
        try:
            reply = await self._execute("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            reply = await self._execute("EVAL", script.text, len(keys), *keys, *arguments)
        return list(reply)

    async def set_if_absent(self, key: str, value: str) -> str:
        """Set a key that is not there, and return the value that it has now."""
        await self._execute("SETNX", key, value)
        return str(await self._execute("GET", key))

    async def members(self, key: str) -> list[str]:
        """Return the members of a set, sorted."""
        return sorted(map(str, await self._execute("SMEMBERS", key)))

    async def ping(self) -> None:
        """Return if the store answers for the key that every router reads."""
        await self._execute("GET", SHARDS)

    async def _execute(self, *command: str | int) -> Any:
        """Every command passes here."""
        try:
            return await self._topology.execute(*command)
        except NoScriptError:
            raise
        except (RedisError, RedisClusterException) as error:
            raise _meaning(error) from error

    async def listen(self, *channels: str) -> AsyncIterator[tuple[str, str]]:
        """Give what is published on these channels, first a pair of empty texts: it listens.

        Raises `StoreUnavailable` when the connection ends.
        """
        try:
            async with (
                await self._topology.subscriber() as subscriber,
                subscriber.pubsub(ignore_subscribe_messages=True) as pubsub,
            ):
                await pubsub.subscribe(*channels)
                yield "", ""
                while True:
                    message = await pubsub.get_message(timeout=LISTEN_SECONDS)
                    if message is not None:
                        yield message["channel"], message["data"]
        except (RedisError, RedisClusterException) as error:
            raise _meaning(error) from error

    async def close(self) -> None:
        await self._topology.close()


def _meaning(error: RedisError | RedisClusterException) -> Exception:
    if isinstance(error, OutOfMemoryError):
        return StoreFull()
    if isinstance(error, StoreConnectionError | StoreTimeoutError | BusyLoadingError):
        return StoreUnavailable()
    if isinstance(error, ReadOnlyError | ClusterError | RedisClusterException):
        return StoreUnavailable()
    if isinstance(error, ResponseError) and str(error).startswith(_REFUSALS_OF_A_SICK_STORE):
        return StoreUnavailable()
    return error
