"""The store's address, taken apart: one server, the primary that Sentinels name, or a cluster."""

import re
from dataclasses import dataclass, field
from typing import Literal, NewType
from urllib.parse import parse_qsl, unquote, urlencode

Host = tuple[str, int]
RedisUrl = NewType("RedisUrl", str)
"""A URL as redis-py reads one."""

SCHEMES = (
    "redis",
    "rediss",
    "unix",
    "redis+sentinel",
    "rediss+sentinel",
    "redis+cluster",
    "rediss+cluster",
)
SENTINEL_PORT = 26379
SERVER_PORT = 6379
_HOST = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """One server."""

    url: RedisUrl = field(repr=False)


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """The primary that these Sentinels name. `servers` has its credentials, database, options.

    A user and a password of the Sentinels' own stand in the address as the options
    `sentinel_username` and `sentinel_password`.
    """

    sentinels: tuple[Host, ...]
    service: str
    servers: RedisUrl = field(repr=False)
    username: str | None
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """A cluster, asked for at these nodes. `servers` has their credentials and options."""

    nodes: tuple[Host, ...]
    servers: RedisUrl = field(repr=False)


StoreAddress = ServerAddress | SentinelAddress | ClusterAddress


def parse_store_address(url: str) -> StoreAddress:
    """Take an address apart. Raises `ValueError`, which never repeats it: it has a password."""
    scheme, separator, rest = url.partition("://")
    if scheme not in SCHEMES or not separator:
        raise ValueError("must begin with one of " + ", ".join(f"{s}://" for s in SCHEMES))
    server_scheme, _, kind = scheme.partition("+")
    if not kind:
        return ServerAddress(RedisUrl(url))
    place, _, query = rest.partition("?")
    netloc, _, path = place.partition("/")
    credentials, at, hosts = netloc.rpartition("@")
    servers = f"{server_scheme}://{credentials}{at}"
    if kind == "cluster":
        return _cluster(hosts, path, servers, query)
    return _sentinel(hosts, path, servers, dict(parse_qsl(query)))


def _cluster(hosts: str, path: str, servers: str, query: str) -> ClusterAddress:
    if path not in {"", "0"}:
        raise ValueError("a cluster has database 0 alone: name no other behind the hosts")
    return ClusterAddress(_hosts(hosts, "cluster"), RedisUrl(f"{servers}cluster?{query}"))


def _sentinel(hosts: str, path: str, servers: str, options: dict[str, str]) -> SentinelAddress:
    service, _, database = path.partition("/")
    if not service or not re.fullmatch(r"[0-9]*", database):
        raise ValueError(
            "must name the service behind the Sentinels: redis+sentinel://host:port/service/0"
        )
    username = options.pop("sentinel_username", None)
    password = options.pop("sentinel_password", None)
    url = RedisUrl(f"{servers}primary/{database or 0}?{urlencode(options)}")
    return SentinelAddress(_hosts(hosts, "sentinel"), unquote(service), url, username, password)


def _hosts(text: str, kind: Literal["sentinel", "cluster"]) -> tuple[Host, ...]:
    default = SENTINEL_PORT if kind == "sentinel" else SERVER_PORT
    found = [_HOST.fullmatch(part) for part in text.split(",")]
    if not all(found):
        raise ValueError("must name hosts as host:port,host:port")
    hosts = [(host["v6"] or host["name"], int(host["port"] or default)) for host in found if host]
    if any(not 0 < port < 2**16 for _, port in hosts):
        raise ValueError("a port must be 1 to 65535")
    return tuple(hosts)
