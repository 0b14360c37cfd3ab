"""Where the store is: one server, the primary that Sentinels name, or a cluster's primaries."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

import redis.asyncio as redis
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    parse_url,
)
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.settings import SettingsError
from app.store.pipe import Pipe
from app.store.wire import Command, Refusal, Unreachable, Wire, open_wire
from app.store_address import Host, RedisUrl, SentinelAddress, ServerAddress

LISTEN_SECONDS = 10


class Topology(Protocol):
    """Runs commands where their key lives, and gives clients to subscribe with."""

    def execute(
        self, key: str, command: Command, deadline: float, *, once: bool = False
    ) -> Coroutine[Any, Any, Any]:
        """Run a command on a key, by a time of the event loop's clock.

        A command whose connection ended is sent again, unless it is to be done `once` and may
        have been. Raises `Refusal` for what the server answered, and `Unreachable`.
        """
        ...

    async def subscriber(self, deadline: float) -> redis.Redis:
        """Give a client that hears every publication of the store; its user closes it."""
        ...

    async def close(self) -> None: ...


class Servers:
    """How to connect to servers that share credentials and options: redis-py's own part.

    Raises `SettingsError` for an option of the URL that redis-py does not take.
    """

    def __init__(self, url: RedisUrl, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        try:
            found: dict[str, Any] = dict(parse_url(url))
            found.pop("max_connections", None)
            self._class: type[AbstractConnection] = found.pop("connection_class", Connection)
            self._options = {
                "socket_timeout": timeout_seconds,
                "socket_connect_timeout": timeout_seconds,
                "protocol": 2,
                **found,
            }
            self.connection()  # knows its options only when it is made
        except (ValueError, TypeError, RedisError) as error:
            raise SettingsError(f"SESSION_ROUTER_REDIS_URL: {error}") from error

    @property
    def has_tls(self) -> bool:
        return issubclass(self._class, SSLConnection)

    def connection(self, host: Host | None = None) -> AbstractConnection:
        """A connection that is not open yet, to the URL's own host unless another is named."""
        return self._class(**self._options | _named(host))

    async def open(self, host: Host | None = None) -> Wire:
        """Open a wire. Raises `Unreachable`."""
        return await open_wire(self.connection(host), self.timeout_seconds)

    def client(self, host: Host | None = None) -> redis.Redis:
        """A client to subscribe with."""
        options = self._options | _named(host) | {"health_check_interval": LISTEN_SECONDS}
        pool = redis.ConnectionPool(connection_class=self._class, decode_responses=True, **options)
        return redis.Redis.from_pool(pool)


def _named(host: Host | None) -> dict[str, Any]:
    return {} if host is None else {"host": host[0], "port": host[1]}


class SingleServer:
    """One server."""

    def __init__(self, address: ServerAddress, timeout_seconds: float) -> None:
        self._servers = Servers(address.url, timeout_seconds)
        self._pipe = Pipe(self._servers.open)

    def execute(
        self, _key: str, command: Command, deadline: float, *, once: bool = False
    ) -> Coroutine[Any, Any, Any]:
        return self._pipe.execute(command, deadline, once=once)

    async def subscriber(self, _deadline: float) -> redis.Redis:
        return self._servers.client()

    async def close(self) -> None:
        await self._pipe.close()


class NamedPrimary:
    """The primary that Sentinels name, asked for whenever a connection is made."""

    def __init__(self, address: SentinelAddress, timeout_seconds: float) -> None:
        self._service = address.service
        self._servers = Servers(address.servers, timeout_seconds)
        # All of them can be asked within one call's time: else one dead machine hides the rest.
        seconds = timeout_seconds / (len(address.sentinels) + 1)
        self._sentinel = Sentinel(  # type: ignore[no-untyped-call]
            address.sentinels,
            sentinel_kwargs={
                "username": address.username,
                "password": address.password,
                "socket_timeout": seconds,
                "socket_connect_timeout": seconds,
                "ssl": self._servers.has_tls,
                "retry": Retry(NoBackoff(), 0),
            },
        )
        # Two at once would reorder redis-py's list under each other, and lose a Sentinel of it.
        self._discovery = asyncio.Lock()
        self._pipe = Pipe(self._open)

    def execute(
        self, _key: str, command: Command, deadline: float, *, once: bool = False
    ) -> Coroutine[Any, Any, Any]:
        return self._pipe.execute(command, deadline, once=once)

    async def subscriber(self, _deadline: float) -> redis.Redis:
        return self._servers.client(await self._primary())

    async def close(self) -> None:
        await self._pipe.close()
        for sentinel in self._sentinel.sentinels:
            await sentinel.aclose()

    async def _primary(self) -> Host:
        try:
            async with self._discovery:
                host, port = await self._sentinel.discover_master(self._service)
        except RedisError as error:
            raise Unreachable(str(error)) from error
        return host, port

    async def _open(self) -> Wire:
        wire = await self._servers.open(await self._primary())
        # The Sentinels may not know yet that it has been made a replica.
        deadline = asyncio.get_running_loop().time() + self._servers.timeout_seconds
        try:
            role = await wire.call(("ROLE",), deadline)
        except Refusal:  # who may not ask believes the Sentinels
            return wire
        except asyncio.CancelledError:
            wire.end(Unreachable("closed"))  # it is nobody's yet
            raise
        if role[0] != "master":
            reason = Unreachable("the Sentinels name a server that is no primary")
            wire.end(reason)
            raise reason
        return wire
