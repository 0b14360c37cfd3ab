"""One primary, two replicas, three Sentinels, in a hurry: a failover takes about two seconds."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from redis.exceptions import RedisError

from tests.processes import wait_until
from tests.topology.servers import (
    KEEPS_A_REPLICA,
    PASSWORD,
    START_SECONDS,
    Server,
    free_ports,
)

SERVICE = "sessions"
DOWN_AFTER_MS = 1000
SERVER_OPTIONS = (
    *("--requirepass", PASSWORD, "--masterauth", PASSWORD, "--save", "", "--appendonly", "no"),
    *("--repl-diskless-sync-delay", "0", "--repl-backlog-size", "16mb"),
    *KEEPS_A_REPLICA,
)
SENTINEL_CONFIG = """
requirepass "{password}"
sentinel sentinel-pass "{password}"
sentinel monitor {service} 127.0.0.1 {port} 2
sentinel auth-pass {service} {password}
sentinel down-after-milliseconds {service} {down_after_ms}
sentinel failover-timeout {service} 4000
sentinel parallel-syncs {service} 2
"""
# What a Sentinel does every second or ten it does here ten times as often.
IN_A_HURRY = (
    *("INFO-PERIOD", 200, "ASK-PERIOD", 100, "PUBLISH-PERIOD", 200),
    *("ELECTION-TIMEOUT", 1000, "MIN-LINK-RECONNECT-PERIOD", 500),
)


class Sentinels:
    """The servers and their Sentinels, and what an operator does to them."""

    def __init__(self, servers: list[Server], sentinels: list[Server]) -> None:
        self.servers = servers
        self.sentinels = sentinels

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        password = quote(PASSWORD, safe="")
        options = f"sentinel_password={password}"
        return f"redis+sentinel://:{password}@{hosts}/{SERVICE}/0?{options}"

    def primary(self) -> Server:
        """The server that most of the Sentinels name; fails if it has not the role yet."""
        named = [self._named_by(sentinel) for sentinel in self.sentinels]
        port = max(named, key=named.count)
        (primary,) = [server for server in self.servers if server.port == port]
        assert primary.role() == "master"
        return primary

    def _named_by(self, sentinel: Server) -> int:
        _, port = sentinel.redis.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return int(port)

    def replicas(self) -> list[Server]:
        primary = self.primary()
        return [server for server in self.servers if server is not primary]

    def failovers_by_vote(self) -> int:
        """How often a replica was promoted without its primary's help, as their logs have it."""
        return sum(server.log.count("MODE enabled (user request") for server in self.servers)

    def heal(self) -> None:
        """Start what is dead, and return when two replicas follow one primary."""
        for server in self.servers:
            if server.is_dead:
                server.launch()
        wait_until(self.is_whole, START_SECONDS * 2)

    def is_whole(self) -> bool:
        """Tell whether the Sentinels agree, know all, and both replicas are in step.

        And whether no failover goes on: the primary of before serves until it is told.
        """
        try:
            primary = self.primary()
            roles = [server.role() for server in self.servers]
            copies = primary.redis.info("replication")
            in_step = [copies.get(f"slave{n}", {}).get("state") == "online" for n in (0, 1)]
            views = [s.redis.sentinel_master(SERVICE) for s in self.sentinels]
        except (AssertionError, RedisError):
            return False
        is_alone = roles.count("master") == 1
        return is_alone and all(in_step) and all(_is_calm(view) for view in views)


def _is_calm(view: dict[str, Any]) -> bool:
    known = (view["num-other-sentinels"], view["num-slaves"]) == (2, 2)
    is_in_trouble = any(view[f"is_{trouble}"] for trouble in ("sdown", "odown"))
    return known and not is_in_trouble and "failover_in_progress" not in view["flags"]


@contextmanager
def sentinels_in(folder: Path) -> Iterator[Sentinels]:
    """Start them all, and give them when they know each other."""
    ports = free_ports(6)
    with ExitStack() as stack:
        servers = []
        for port in ports[:3]:
            follows = () if port == ports[0] else ("--replicaof", f"127.0.0.1 {ports[0]}")
            server = Server(folder / f"server-{port}", port, *SERVER_OPTIONS, *follows)
            servers.append(stack.enter_context(server))
        for server in servers:
            server.await_answer()
        sentinels = [_sentinel(folder, port, ports[0]) for port in ports[3:]]
        for sentinel in sentinels:
            stack.enter_context(sentinel)
        for sentinel in sentinels:
            sentinel.await_answer()
            sentinel.redis.execute_command("SENTINEL", "DEBUG", *IN_A_HURRY)
        setup = Sentinels(servers, sentinels)
        wait_until(setup.is_whole, START_SECONDS)
        yield setup


def _sentinel(folder: Path, port: int, primary_port: int) -> Server:
    config = folder / f"sentinel-{port}.conf"
    config.write_text(
        SENTINEL_CONFIG.format(
            password=PASSWORD, service=SERVICE, port=primary_port, down_after_ms=DOWN_AFTER_MS
        )
    )
    return Server(folder / f"sentinel-{port}", port, first=(str(config), "--sentinel"))
