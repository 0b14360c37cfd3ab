"""A cluster: which node has a slot, one pipe to each node, and following what moves.

The client side of the cluster's specification: MOVED says who has a slot for good, ASK who has
this one call's keys meanwhile, TRYAGAIN that they are in between.
"""

import asyncio
import random
from typing import Any

import redis.asyncio as redis
from redis.crc import key_slot

from app.store.pipe import Pipe
from app.store.topology import Servers
from app.store.wire import Command, Refusal, TooLate, Unanswered, Unreachable
from app.store_address import ClusterAddress, Host

SLOTS = 16384
TRIES = 6
PAUSE_SECONDS = 0.05  # while keys are in between, or nobody is elected yet


class Cluster:
    """Runs each command on the primary that has its key's slot."""

    def __init__(self, address: ClusterAddress, timeout_seconds: float) -> None:
        self._servers = Servers(address.servers, timeout_seconds)
        self._seconds_a_node = timeout_seconds / 3
        self._seeds = address.nodes
        self._nodes: set[Host] = set()  # replicas too: they know who was elected
        self._owners: list[Host | None] = [None] * SLOTS
        self._pipes: dict[Host, Pipe] = {}
        self._learning: asyncio.Task[None] | None = None
        self._is_closed = False

    async def execute(
        self, key: str, command: Command, deadline: float, *, once: bool = False
    ) -> Any:
        slot = key_slot(key.encode())
        owner = self._owners[slot] or await self._learned(slot, deadline)
        asking = False
        for tries_left in reversed(range(TRIES)):
            try:
                return await self._pipe(owner).execute(command, deadline, asking=asking, once=once)
            except Unreachable as error:
                if isinstance(error, TooLate) or (once and isinstance(error, Unanswered)):
                    self._learn()
                    raise
                if not tries_left:
                    raise
                owner, asking = await self._another(slot, owner, deadline), False
            except Refusal as refusal:
                if not tries_left:
                    raise
                owner, asking = await self._redirected(refusal, slot, owner, deadline)
        raise AssertionError

    async def _redirected(
        self, refusal: Refusal, slot: int, owner: Host, deadline: float
    ) -> tuple[Host, bool]:
        match refusal.word:
            case "MOVED":
                owner = self._owners[slot] = _redirection(refusal, owner)
                self._learn(owner)  # it is seldom one slot alone
                return owner, False
            case "ASK":
                return _redirection(refusal, owner), True
            case "TRYAGAIN" | "CLUSTERDOWN" | "READONLY" | "MASTERDOWN":
                await asyncio.sleep(PAUSE_SECONDS)
                return await self._learned(slot, deadline), False
            case _:
                raise refusal

    async def _another(self, slot: int, dead: Host, deadline: float) -> Host:
        owner = await self._learned(slot, deadline)
        if owner == dead:
            raise Unreachable(f"no other node has slot {slot} yet")
        return owner

    async def _learned(self, slot: int, deadline: float) -> Host:
        """Who has a slot, by the word of the cluster now."""
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.shield(self._learn())
        except TimeoutError as error:
            raise TooLate from error
        owner = self._owners[slot]
        if owner is None:
            raise Unreachable(f"slot {slot} is nobody's")
        return owner

    def _learn(self, *who_knows: Host) -> asyncio.Task[None]:
        """Ask for the slots, once for all who want to know meanwhile."""
        if self._learning is None:
            self._learning = asyncio.create_task(self._ask_for_slots(*who_knows))
            self._learning.add_done_callback(_heard)
        return self._learning

    async def _ask_for_slots(self, *who_knows: Host) -> None:
        known = list(self._nodes)
        random.shuffle(known)
        try:
            for node in dict.fromkeys([*who_knows, *known, *self._seeds]):
                deadline = asyncio.get_running_loop().time() + self._seconds_a_node
                try:
                    ranges = await self._pipe(node).execute(("CLUSTER", "SLOTS"), deadline)
                except (Refusal, Unreachable):
                    continue
                return await self._note(ranges, node)
        except asyncio.CancelledError:
            raise Unreachable("closed") from None  # its callers are not cancelled
        finally:
            self._learning = None
        raise Unreachable("no node of the cluster answers")

    async def _note(self, ranges: list[Any], asked: Host) -> None:
        owners: list[Host | None] = [None] * SLOTS
        self._nodes = {asked}
        for first, last, *nodes in ranges:
            hosts = [(name or asked[0], port) for name, port, *_ in nodes]
            owners[first : last + 1] = [hosts[0]] * (last + 1 - first)
            self._nodes.update(hosts)
        self._owners = owners
        for node in self._pipes.keys() - self._nodes:
            if self._pipes[node].is_idle:  # else a later look closes it
                await self._pipes.pop(node).close()

    def _pipe(self, node: Host) -> Pipe:
        if self._is_closed:
            raise Unreachable("closed")
        if node not in self._pipes:
            self._pipes[node] = Pipe(lambda: self._servers.open(node))
        return self._pipes[node]

    async def subscriber(self, deadline: float) -> redis.Redis:
        await self._learned(0, deadline)
        primaries = [owner for owner in set(self._owners) if owner is not None]
        return self._servers.client(random.choice(primaries))  # noqa: S311

    async def close(self) -> None:
        self._is_closed = True
        learning = self._learning
        if learning is not None:
            await asyncio.sleep(0)  # else it may not have begun, and its callers were cancelled
            learning.cancel()
            await asyncio.wait([learning])
        for pipe in self._pipes.values():
            await pipe.close()


def _redirection(refusal: Refusal, asked: Host) -> Host:
    """The node in `MOVED 3999 127.0.0.1:6381`; without a name it is the asked one's machine."""
    name, _, port = refusal.rest.rpartition(" ")[2].rpartition(":")
    return name or asked[0], int(port)


def _heard(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # whoever asked may be gone
