"""Calls to the store: scripts, a few plain commands, publications; what its errors mean."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from time import perf_counter
from typing import Any, assert_never

from app import metrics, tracing
from app.errors import StoreFull, StoreUnavailable
from app.store import scripts
from app.store.cluster import Cluster
from app.store.keys import SHARDS
from app.store.scripts import Library, Script
from app.store.topology import LISTEN_SECONDS, NamedPrimary, SingleServer, Topology
from app.store.wire import CONNECTION_ENDED, Command, Refusal, Unanswered, Unreachable
from app.store_address import (
    ClusterAddress,
    SentinelAddress,
    ServerAddress,
    StoreAddress,
    parse_store_address,
)

_WORDS_OF_A_SICK_STORE = {
    "ASK",
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOREPLICAS",
    "READONLY",
    "TRYAGAIN",
}

FUNCTION_NOT_FOUND = "ERR Function not found"
LIBRARY_EXISTS = "already exists"
IN_DOUBT = (
    "The store's answer was lost, so this may have been done: look, or repeat it with what you saw."
)

Reply = list[Any]


class StoreClient:
    """Calls scripts and a few plain commands, wherever the keys live.

    Every error of the connection or of a server that cannot serve now is raised as
    `StoreUnavailable`, a full one as `StoreFull`. A call that timed out may have been done:
    each verb answers a repeat as it answered the first call. An act is different: it could be
    done to what came meanwhile, so it is sent again only where it was certainly not done.
    """

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._topology = _topology_at(parse_store_address(url), timeout_seconds)

    async def call(self, script: Script, keys: Sequence[str], *arguments: str | int) -> Reply:
        """Run one script and return its reply."""
        started = perf_counter()
        try:
            with tracing.calling_store(script.verb):
                return await self._run(script, keys, arguments)
        except Exception as error:
            metrics.store_failed(error)
            raise
        finally:
            metrics.store_answered(script.verb, perf_counter() - started)

    async def _run(self, script: Script, keys: Sequence[str], arguments: Command) -> Reply:
        library = scripts.LIBRARY
        command = ("FCALL", library.function(script), len(keys), *keys, *arguments)
        try:
            reply: Reply = await self._execute(keys[0], command, once=script.is_act)
        except Refusal as refusal:
            if str(refusal) != FUNCTION_NOT_FOUND:
                raise
            await self._load(library, keys[0])
            reply = await self._execute(keys[0], command, once=script.is_act)
        return reply

    async def _load(self, library: Library, key: str) -> None:
        """Load a library where this key lives, unless somebody else was first."""
        try:
            await self._execute(key, ("FUNCTION", "LOAD", library.text))
        except Refusal as refusal:
            if LIBRARY_EXISTS not in str(refusal):
                raise

    async def set_if_absent(self, key: str, value: str) -> str:
        """Set a key that is not there, and return the value that it has now."""
        # Asked before it is written: a full store refuses to write what is there already.
        before = await self._execute(key, ("GET", key))
        if before is None:
            await self._execute(key, ("SETNX", key, value))
            before = await self._execute(key, ("GET", key))
        return str(before)

    async def members(self, key: str) -> list[str]:
        """Return the members of a set, sorted."""
        return sorted(map(str, await self._execute(key, ("SMEMBERS", key))))

    async def ping(self) -> None:
        """Return if the store answers for the key that every router reads."""
        await self._execute(SHARDS, ("GET", SHARDS))

    async def _execute(self, key: str, command: Command, *, once: bool = False) -> Any:
        """Every command passes here. Raises `Refusal` for what is no trouble of the store's."""
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        try:
            return await self._topology.execute(key, command, deadline, once=once)
        except Unreachable as error:
            in_doubt = once and isinstance(error, Unanswered)
            raise StoreUnavailable(IN_DOUBT if in_doubt else None) from error
        except Refusal as refusal:
            if refusal.word == "OOM":
                raise StoreFull from refusal
            if refusal.word in _WORDS_OF_A_SICK_STORE:
                raise StoreUnavailable from refusal
            raise

    async def listen(self, *channels: str) -> AsyncIterator[tuple[str, str]]:
        """Give what is published on these channels; a pair of empty texts where it begins.

        It begins again where the library has connected anew by itself. Raises
        `StoreUnavailable` when the connection ends.
        """
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        try:
            async with (
                await self._topology.subscriber(deadline) as subscriber,
                subscriber.pubsub() as pubsub,
            ):
                await pubsub.subscribe(*channels)
                while True:
                    message = await pubsub.get_message(timeout=LISTEN_SECONDS)
                    if message is None:
                        continue
                    if message["type"] == "message":
                        yield message["channel"], message["data"]
                    elif message["channel"] == channels[-1]:
                        yield "", ""
        except (Unreachable, *CONNECTION_ENDED) as error:
            raise StoreUnavailable from error

    async def close(self) -> None:
        await self._topology.close()


def _topology_at(address: StoreAddress, timeout_seconds: float) -> Topology:
    match address:
        case ServerAddress():
            return SingleServer(address, timeout_seconds)
        case SentinelAddress():
            return NamedPrimary(address, timeout_seconds)
        case ClusterAddress():
            return Cluster(address, timeout_seconds)
        case _:
            assert_never(address)
