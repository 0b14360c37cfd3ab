"""Three primaries with two replicas each, in a hurry: a failover takes about three seconds.

Two, for with `min-replicas-to-write 1` a replica that has become the primary needs one itself.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from redis.exceptions import RedisError, ResponseError

from tests.processes import wait_until
from tests.topology.servers import (
    KEEPS_A_REPLICA,
    PASSWORD,
    START_SECONDS,
    Server,
    free_ports,
)

SLOTS = 16384
PRIMARIES = 3
REPLICAS = 2  # of each
NODE_OPTIONS = (
    *("--requirepass", PASSWORD, "--masterauth", PASSWORD, "--save", "", "--appendonly", "no"),
    *("--repl-diskless-sync-delay", "0", "--cluster-enabled", "yes"),
    *("--cluster-node-timeout", "1500", "--cluster-replica-validity-factor", "0"),
    *("--cluster-allow-replica-migration", "no"),  # whom a test cuts off, nobody helps
    *KEEPS_A_REPLICA,
)


class Cluster:
    """The nodes, and what an operator does to them."""

    def __init__(self, nodes: list[Server]) -> None:
        self.nodes = nodes

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"redis+cluster://:{quote(PASSWORD, safe='')}@{hosts}"

    def id_of(self, node: Server) -> str:
        return str(node.redis.cluster("MYID"))

    def primaries(self) -> list[Server]:
        """The nodes that say that they are primaries."""
        return [node for node in self.nodes if not node.is_dead and node.role() == "master"]

    def replicas_of(self, primary: Server) -> list[Server]:
        """The nodes that say that they follow a primary."""
        roles = [(node, node.redis.execute_command("ROLE")) for node in self.nodes]
        return [
            node for node, (role, *where) in roles if role == "slave" and where[1] == primary.port
        ]

    def owner(self, slot: int) -> Server:
        """The node that has a slot, by its own word."""
        for node in self.primaries():
            for first, last, (_, port, *_), *_ in node.redis.cluster("SLOTS"):
                if first <= slot <= last and port == node.port:
                    return node
        raise AssertionError(f"slot {slot} is nobody's")

    def slot_of(self, key: str) -> int:
        return int(self.primaries()[0].redis.cluster("KEYSLOT", key))

    def move_at_once(self, slot: int, there: Server) -> None:
        """Move a slot as Valkey 9 does: in the background, handed over in one step."""
        here = self.owner(slot)
        to = ("NODE", self.id_of(there))
        here.redis.cluster("MIGRATESLOTS", "SLOTSRANGE", slot, slot, *to)
        wait_until(lambda: self._has_moved(slot, there), START_SECONDS)

    def _has_moved(self, slot: int, there: Server) -> bool:
        try:
            return self.owner(slot) is there
        except AssertionError:  # between the two
            return False

    def move_key_by_key(self, slot: int, there: Server) -> None:
        """Move a slot as every other server does: its keys one after the other."""
        here = self.owner(slot)
        self.begin_to_move(slot, there)
        while names := here.redis.cluster("GETKEYSINSLOT", slot, 3):
            with suppress(ResponseError):  # one may be gone by now
                here.redis.migrate("127.0.0.1", there.port, names, 0, 5000, auth=PASSWORD)
        for node in [there, here, *self.primaries()]:
            node.redis.cluster("SETSLOT", slot, "NODE", self.id_of(there))

    def begin_to_move(self, slot: int, there: Server) -> None:
        """Let both sides know of it; every key is where it was."""
        here = self.owner(slot)
        there.redis.cluster("SETSLOT", slot, "IMPORTING", self.id_of(here))
        here.redis.cluster("SETSLOT", slot, "MIGRATING", self.id_of(there))

    def empty(self) -> None:
        for node in self.primaries():
            node.redis.flushall()

    def heal(self) -> None:
        """Start what is dead, and return when every primary has its replicas in step."""
        for node in self.nodes:
            if node.is_dead:
                node.launch()
        wait_until(self.is_whole, START_SECONDS * 2)

    def is_whole(self) -> bool:
        """Tell whether all nodes agree on three primaries, and each has its replicas in step."""
        try:
            primaries = self.primaries()
            infos = [_info(node) for node in self.nodes]
            copies = [node.redis.info("replication") for node in primaries]
        except RedisError:
            return False
        return (
            len(primaries) == PRIMARIES
            and all(info.get("cluster_state") == "ok" for info in infos)
            and all(info.get("cluster_known_nodes") == str(len(self.nodes)) for info in infos)
            and all(_in_step(copy) == REPLICAS for copy in copies)
        )


@contextmanager
def cluster_in(folder: Path) -> Iterator[Cluster]:
    """Start all nodes, and give them when the cluster stands."""
    ports = free_ports(2 * PRIMARIES * (1 + REPLICAS))
    with ExitStack() as stack:
        nodes = []
        for port, bus_port in zip(ports[::2], ports[1::2], strict=True):
            bus = ("--cluster-port", str(bus_port))
            node = Server(folder / f"node-{port}", port, *NODE_OPTIONS, *bus)
            nodes.append(stack.enter_context(node))
        for node in nodes:
            node.await_answer()
        cluster = Cluster(nodes)
        _introduce(nodes, ports[1::2])
        _divide(cluster)
        wait_until(cluster.is_whole, START_SECONDS)
        yield cluster


def _introduce(nodes: list[Server], bus_ports: list[int]) -> None:
    for number, node in enumerate(nodes, 1):
        node.redis.cluster("SET-CONFIG-EPOCH", number)
    for node, bus_port in zip(nodes[1:], bus_ports[1:], strict=True):
        nodes[0].redis.cluster("MEET", "127.0.0.1", node.port, bus_port)
    known = str(len(nodes))
    wait_until(lambda: all(_info(n)["cluster_known_nodes"] == known for n in nodes), START_SECONDS)


def _info(node: Server) -> dict[str, str]:
    return dict(node.redis.cluster("INFO"))


def _in_step(copies: dict[str, Any]) -> int:
    replicas = [copies.get(f"slave{number}", {}) for number in range(REPLICAS)]
    return sum(replica.get("state") == "online" for replica in replicas)


def _divide(cluster: Cluster) -> None:
    primaries, replicas = cluster.nodes[:PRIMARIES], cluster.nodes[PRIMARIES:]
    bounds = [SLOTS * part // PRIMARIES for part in range(PRIMARIES + 1)]
    for number, primary in enumerate(primaries):
        primary.redis.cluster("ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
        for replica in replicas[number::PRIMARIES]:
            replica.redis.cluster("REPLICATE", cluster.id_of(primary))
