"""A person's act is sent once: again only where it was certainly not done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.errors import StoreUnavailable
from app.store import scripts
from app.store.scripts import Script
from app.store.store_client import StoreClient
from app.store.topology import NamedPrimary
from app.store_address import Host
from tests.store.scripted_server import Handler, Line, Peer, line

TIMEOUT_SECONDS = 5.0
SHORT_SECONDS = 0.3
KEY = "sr:{0}:s:x"
DONE = "*1\r\n$7\r\nchanged\r\n"
UNSAID = ""
IN_DOUBT = "may have been done"
ACTS = [
    scripts.INTERRUPT,
    scripts.RESET,
    scripts.RELEASE,
    scripts.PAUSE,
    scripts.REMOVE,
    scripts.DELETE,
    scripts.REDRIVE,
    scripts.DISCARD,
    scripts.PUT_POLICY,
]
OF_GATEWAYS = [scripts.ADMIT, scripts.HEARTBEAT, scripts.COMPLETE, scripts.CLAIM, scripts.MOVE]


class Store:
    """A server of any topology. It hangs up where its answers say nothing."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.heard: list[str] = []
        self.slots_at: list[int] = []
        self.line: Line

    async def handle(self, peer: Peer) -> None:
        while True:
            word, *rest = await peer.command()
            if word == "ROLE":
                await peer.say("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
            elif word == "CLUSTER":
                await peer.say(self._slots())
            else:
                self.heard.append(rest[0].rpartition("_")[0] if word == "FCALL" else word)
                answer = self.answers.pop(0) if self.answers else DONE
                if answer is None:
                    return
                await peer.say(answer)

    def _slots(self) -> str:
        port = self.slots_at.pop(0) if self.slots_at else self.line.port
        return f"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n"


@asynccontextmanager
async def client_of(
    store: Store, url: str, timeout_seconds: float = TIMEOUT_SECONDS
) -> AsyncIterator[StoreClient]:
    handlers: list[Handler] = [store.handle] * 9
    async with line(*handlers) as store.line:
        client = StoreClient(url.format(port=store.line.port), timeout_seconds)
        try:
            yield client
        finally:
            await client.close()


@pytest.fixture(params=["redis", "redis+sentinel", "redis+cluster"])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give an address of each topology, but for the port. The Sentinel names its own."""

    async def named(self: NamedPrimary) -> Host:
        options = self._sentinel.sentinels[0].connection_pool.connection_kwargs
        return options["host"], options["port"]

    monkeypatch.setattr(NamedPrimary, "_primary", named)
    service = "/mymaster/0" if request.param == "redis+sentinel" else ""
    return f"{request.param}://127.0.0.1:{{port}}{service}"


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.verb)
async def test_an_act_whose_answer_was_lost_is_not_sent_again_and_told_to_be_in_doubt(
    url: str, act: Script
) -> None:
    store = Store(None)
    async with client_of(store, url) as client:
        with pytest.raises(StoreUnavailable, match=IN_DOUBT):
            await client.call(act, [KEY])
        assert store.heard == [act.verb]
        assert await client.call(act, [KEY]) == ["changed"], "the next one finds a connection"


@pytest.mark.parametrize("verb", OF_GATEWAYS, ids=lambda verb: verb.verb)
async def test_a_gateways_call_whose_answer_was_lost_is_sent_again(url: str, verb: Script) -> None:
    store = Store(None)
    async with client_of(store, url) as client:
        assert await client.call(verb, [KEY]) == ["changed"]
        assert store.heard == [verb.verb] * 2


async def test_an_act_that_is_not_answered_in_time_is_in_doubt(url: str) -> None:
    store = Store(UNSAID)
    async with client_of(store, url, SHORT_SECONDS) as client:
        with pytest.raises(StoreUnavailable, match=IN_DOUBT):
            await client.call(scripts.RESET, [KEY])
        assert store.heard == ["reset"]


async def test_an_act_beside_a_call_that_ran_out_of_time_is_in_doubt(url: str) -> None:
    store = Store("+OK\r\n", UNSAID, UNSAID)
    async with client_of(store, url, SHORT_SECONDS) as client:
        await client.ping()
        hurried = asyncio.create_task(client.ping())
        await asyncio.sleep(SHORT_SECONDS / 4)
        client._timeout_seconds = TIMEOUT_SECONDS
        with pytest.raises(StoreUnavailable, match=IN_DOUBT):
            await client.call(scripts.RESET, [KEY])
        assert store.heard == ["GET", "GET", "reset"]
        with pytest.raises(StoreUnavailable):
            await hurried


@pytest.mark.parametrize("refusal", ["READONLY x", "MASTERDOWN x"])
async def test_an_act_that_a_replica_refused_is_sent_again(url: str, refusal: str) -> None:
    store = Store(f"-{refusal}\r\n")
    async with client_of(store, url) as client:
        assert await client.call(scripts.RESET, [KEY]) == ["changed"]
        assert store.heard == ["reset", "reset"]


async def test_an_act_that_the_server_did_not_know_is_sent_again_when_it_is_loaded(
    url: str,
) -> None:
    store = Store("-ERR Function not found\r\n", "+session_router\r\n")
    async with client_of(store, url) as client:
        assert await client.call(scripts.RESET, [KEY]) == ["changed"]
        assert store.heard == ["reset", "FUNCTION", "reset"]


async def test_an_act_that_a_server_lost_after_it_was_loaded_is_in_doubt(url: str) -> None:
    store = Store("-ERR Function not found\r\n", "+session_router\r\n", None)
    async with client_of(store, url) as client:
        with pytest.raises(StoreUnavailable, match=IN_DOUBT):
            await client.call(scripts.RESET, [KEY])
        assert store.heard == ["reset", "FUNCTION", "reset"]


@pytest.mark.parametrize("way", ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"])
async def test_an_act_goes_where_the_cluster_sends_it(way: str) -> None:
    store = Store()
    async with client_of(store, "redis+cluster://127.0.0.1:{port}") as client:
        store.answers = [f"-{way} 1 127.0.0.1:{store.line.port}\r\n"]
        store.answers += ["+OK\r\n"] * (way == "ASK")
        assert await client.call(scripts.RESET, [KEY]) == ["changed"]
        assert [word for word in store.heard if word != "ASKING"] == ["reset", "reset"]


async def test_an_act_whose_node_cannot_be_reached_goes_to_the_one_that_has_its_slot_now() -> None:
    async with line() as gone:
        pass
    store = Store()
    async with client_of(store, "redis+cluster://127.0.0.1:{port}") as client:
        store.slots_at = [gone.port]
        assert await client.call(scripts.RESET, [KEY]) == ["changed"]
        assert (store.heard, store.slots_at) == (["reset"], [])


async def test_an_act_that_nothing_was_sent_of_is_not_said_to_be_in_doubt() -> None:
    async with line() as gone:
        pass
    client = StoreClient(f"redis://127.0.0.1:{gone.port}", TIMEOUT_SECONDS)
    with pytest.raises(StoreUnavailable, match="nothing is known to be done"):
        await client.call(scripts.RESET, [KEY])
    await client.close()
