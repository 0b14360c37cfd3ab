"""What a cluster's nodes may say to a call, and where it goes then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from app.errors import StoreUnavailable
from app.store.store_client import StoreClient
from tests.store.scripted_server import Line, Peer, line

KEY = "sr:{0}:alias_places"  # slot 13907
OTHER_KEY = "sr:{3}:alias_places"  # slot 1584
SLOTS_OF_BOTH = (
    "*2\r\n*3\r\n:0\r\n:8000\r\n*2\r\n$9\r\n127.0.0.1\r\n:{first}\r\n"
    "*3\r\n:8001\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{second}\r\n"
)
TIMEOUT_SECONDS = 10.0


class Node:
    """A node that answers commands from a list, and `CLUSTER SLOTS` as it is told to."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.heard: list[str] = []
        self.slots = "*0\r\n"
        self.is_dead = False
        self.line: Line

    async def handle(self, peer: Peer) -> None:
        while True:
            command = await peer.command()
            if self.is_dead:
                return
            if command[0] == "CLUSTER":
                await peer.say(self.slots)
                continue
            self.heard.append(command[0])
            if command[0] == "ASKING":
                await peer.say("+OK\r\n")
            else:
                await peer.say(self.answers.pop(0) if self.answers else "*1\r\n$2\r\nme\r\n")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.line.port}"


def all_slots_at(node: Node) -> str:
    return f"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{node.line.port}\r\n"


@asynccontextmanager
async def cluster_of(first: Node, second: Node) -> AsyncIterator[StoreClient]:
    """Give a client of two nodes, of which the first has all slots."""
    async with AsyncExitStack() as stack:
        for node in (first, second):
            node.line = await stack.enter_async_context(line(*[node.handle] * 9))
        first.slots = second.slots = all_slots_at(first)
        client = StoreClient(f"redis+cluster://{first.address}", TIMEOUT_SECONDS)
        stack.push_async_callback(client.close)
        answers, first.answers = first.answers, []
        assert await client.members(KEY) == ["me"]
        first.heard.clear()
        first.answers = answers
        yield client


async def test_moved_is_followed_and_remembered() -> None:
    first, second = Node(), Node()
    async with cluster_of(first, second) as client:
        first.answers = [f"-MOVED 13907 {second.address}\r\n"]
        first.slots = second.slots = all_slots_at(second)
        assert await client.members(KEY) == ["me"]
        assert await client.members(KEY) == ["me"]
        assert (first.heard, second.heard) == (["SMEMBERS"], ["SMEMBERS"] * 2)


async def test_moved_without_a_name_is_on_the_same_machine() -> None:
    first, second = Node(), Node()
    async with cluster_of(first, second) as client:
        first.answers = [f"-MOVED 13907 :{second.line.port}\r\n"]
        first.slots = second.slots = all_slots_at(second)
        assert await client.members(KEY) == ["me"]
        assert second.heard == ["SMEMBERS"]


async def test_ask_is_for_one_call_and_asking_goes_right_before_it() -> None:
    first, second = Node(), Node()
    async with cluster_of(first, second) as client:
        first.answers = [f"-ASK 13907 {second.address}\r\n"] * 20
        await asyncio.gather(*(client.members(KEY) for _ in range(20)))
        assert second.heard == ["ASKING", "SMEMBERS"] * 20
        assert await client.members(KEY) == ["me"]
        assert len(second.heard) == 40


async def test_keys_in_between_are_waited_for() -> None:
    first, second = Node("-TRYAGAIN Multiple keys\r\n", "-TRYAGAIN Multiple keys\r\n"), Node()
    async with cluster_of(first, second) as client:
        assert await client.members(KEY) == ["me"]
        assert first.heard == ["SMEMBERS"] * 3


@pytest.mark.parametrize(
    "refusal", ["TRYAGAIN x", "CLUSTERDOWN x", "READONLY x", "MASTERDOWN x", "LOADING x"]
)
async def test_what_does_not_pass_is_a_store_that_is_away(refusal: str) -> None:
    first, second = Node(*[f"-{refusal}\r\n"] * 100), Node()
    async with cluster_of(first, second) as client:
        with pytest.raises(StoreUnavailable):
            await client.members(KEY)


async def test_nodes_that_send_a_call_round_in_circles_are_given_up() -> None:
    first, second = Node(), Node()
    async with cluster_of(first, second) as client:
        first.answers = [f"-MOVED 13907 {second.address}\r\n"] * 100
        second.answers = [f"-MOVED 13907 {first.address}\r\n"] * 100
        with pytest.raises(StoreUnavailable):
            await client.members(KEY)


async def test_a_slot_that_is_nobodys_is_a_store_that_is_away() -> None:
    first, second = Node("-CLUSTERDOWN Hash slot not served\r\n"), Node()
    async with cluster_of(first, second) as client:
        first.slots = "*0\r\n"
        with pytest.raises(StoreUnavailable):
            await client.members(KEY)
        first.slots = all_slots_at(first)
        assert await client.members(KEY) == ["me"]


async def test_a_dead_nodes_slot_is_asked_for_at_the_others() -> None:
    first, second = Node(), Node()
    async with cluster_of(first, second) as client:
        second.slots = SLOTS_OF_BOTH.format(first=second.line.port, second=first.line.port)
        first.slots = second.slots
        first.answers = ["-CLUSTERDOWN x\r\n"]
        assert await client.members(KEY) == ["me"]  # both are known from here on
        assert await client.members(OTHER_KEY) == ["me"]
        first.is_dead = True
        with pytest.raises(StoreUnavailable):
            await client.members(KEY)
        second.slots = all_slots_at(second)
        assert await client.members(KEY) == ["me"]
        assert second.heard == ["SMEMBERS"] * 2


async def test_who_waits_for_the_slots_when_the_client_is_closed_is_told_and_not_cancelled() -> (
    None
):
    asked = asyncio.Event()

    async def silent_on_its_slots(peer: Peer) -> None:
        await peer.command()
        asked.set()
        await peer.stay()

    async with line(silent_on_its_slots) as node:
        client = StoreClient(f"redis+cluster://127.0.0.1:{node.port}", 30)
        waiting = asyncio.create_task(client.members(KEY))
        await asked.wait()
        late = asyncio.create_task(client.members(KEY))
        await client.close()
        ends = await asyncio.gather(waiting, late, client.members(KEY), return_exceptions=True)
        assert [type(end) for end in ends] == [StoreUnavailable] * 3
        assert node.accepted == 1


async def test_a_call_in_flight_when_the_client_is_closed_asks_no_other_node() -> None:
    heard = asyncio.Event()

    async def primary(peer: Peer) -> None:
        while (await peer.command())[0] == "CLUSTER":
            replica = f"*2\r\n$9\r\nlocalhost\r\n:{node.port}\r\n"
            of_all = f"*1\r\n*4\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{node.port}\r\n"
            await peer.say(of_all + replica)
        heard.set()
        await peer.stay()

    async with line(*[primary] * 3) as node:
        client = StoreClient(f"redis+cluster://127.0.0.1:{node.port}", TIMEOUT_SECONDS)
        call = asyncio.create_task(client.members(KEY))
        await heard.wait()
        await client.close()
        with pytest.raises(StoreUnavailable):
            await call
        assert node.accepted == 1
