"""Where the store is: one server, the primary that Sentinels name, or a cluster's primaries.

Finding it, following a failover and following slots that move is redis-py's; here it is told
how, and given one face.
"""

import random
from typing import Any, Protocol

import redis.asyncio as redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as StoreConnectionError, ReadOnlyError

from app.store_address import (
    ClusterAddress,
    RedisUrl,
    SentinelAddress,
    ServerAddress,
    StoreAddress,
)

CONNECTIONS_MAX = 1000
LISTEN_SECONDS = 10
CLUSTER_TRIES = 3

Word = str | int


class Topology(Protocol):
    """Runs commands where their key lives, and gives clients to subscribe with.

    Raises redis-py's errors. A command may run twice: what is sent must bear that.
    """

    async def execute(self, *command: Word) -> Any: ...

    async def subscriber(self) -> redis.Redis:
        """Give a client that hears every publication of the store; its user closes it."""
        ...

    async def close(self) -> None: ...


def topology_at(address: StoreAddress, timeout_seconds: float) -> Topology:
    """Give the topology of an address; connects with the first command."""
    match address:
        case ServerAddress():
            return _Server(address, timeout_seconds)
        case SentinelAddress():
            return _Primary(address, timeout_seconds)
        case ClusterAddress():
            return _Cluster(address, timeout_seconds)


def _options(timeout_seconds: float) -> dict[str, Any]:
    return {
        "decode_responses": True,
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "max_connections": CONNECTIONS_MAX,
        # One more try at once: a pooled connection may have died with the last server.
        "retry": Retry(NoBackoff(), 1, supported_errors=(StoreConnectionError,)),
    }


def _read(url: RedisUrl) -> dict[str, Any]:
    """Credentials, database and options of a URL whose host stands for those found."""
    found: dict[str, Any] = dict(parse_url(url))
    found.pop("host", None)
    found.pop("port", None)
    if found.pop("connection_class", None) is SSLConnection:
        found["ssl"] = True
    return found


class _Server:
    def __init__(self, address: ServerAddress, timeout_seconds: float) -> None:
        self._address = address
        self._options = _options(timeout_seconds)
        self._redis = redis.Redis.from_url(address.url, **self._options)

    async def execute(self, *command: Word) -> Any:
        try:
            return await self._redis.execute_command(*command)  # type: ignore[no-untyped-call]
        except ReadOnlyError:
            # Its name may lead to another server by now.
            await self._redis.connection_pool.disconnect(inuse_connections=False)
            raise

    async def subscriber(self) -> redis.Redis:
        return redis.Redis.from_url(
            self._address.url, **self._options, health_check_interval=LISTEN_SECONDS
        )

    async def close(self) -> None:
        await self._redis.aclose()


class _Primary:
    def __init__(self, address: SentinelAddress, timeout_seconds: float) -> None:
        self._service = address.service
        self._options = _options(timeout_seconds) | _read(address.servers)
        # All of them can be asked within one call's time: else one dead machine hides the rest.
        seconds = timeout_seconds / (len(address.sentinels) + 1)
        self._sentinel = Sentinel(  # type: ignore[no-untyped-call]
            address.sentinels,
            sentinel_kwargs={
                "username": address.username,
                "password": address.password,
                "socket_timeout": seconds,
                "socket_connect_timeout": seconds,
                "ssl": self._options.get("ssl", False),
                "retry": Retry(NoBackoff(), 0),
            },
        )
        self._redis = self._primary()

    def _primary(self, **options: Any) -> redis.Redis:
        primary: redis.Redis = self._sentinel.master_for(self._service, **self._options, **options)
        return primary

    async def execute(self, *command: Word) -> Any:
        return await self._redis.execute_command(*command)  # type: ignore[no-untyped-call]

    async def subscriber(self) -> redis.Redis:
        return self._primary(health_check_interval=LISTEN_SECONDS)

    async def close(self) -> None:
        await self._redis.aclose()
        for sentinel in self._sentinel.sentinels:
            await sentinel.aclose()


class _Cluster:
    def __init__(self, address: ClusterAddress, timeout_seconds: float) -> None:
        self._options = _options(timeout_seconds) | _read(address.servers)
        self._cluster = RedisCluster(
            startup_nodes=[ClusterNode(*node) for node in address.nodes],
            # Learn a moved slot by itself: learning all anew ends everybody's connections.
            reinitialize_steps=0,
            require_full_coverage=False,
            **self._options | {"retry": Retry(NoBackoff(), CLUSTER_TRIES)},
        )

    async def execute(self, *command: Word) -> Any:
        return await self._cluster.execute_command(*command)

    async def subscriber(self) -> redis.Redis:
        await self._cluster.initialize()
        node = random.choice(self._cluster.get_primaries())  # noqa: S311
        return redis.Redis(
            host=node.host,
            port=int(node.port),
            **self._options,
            health_check_interval=LISTEN_SECONDS,
        )

    async def close(self) -> None:
        await self._cluster.aclose()
