"""The service on a cluster: shards on different nodes, slots that move, a primary that dies."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count
from time import monotonic
from urllib.parse import quote

import pytest

from app.errors import StoreUnavailable
from app.routing.keys import ChatName, shard_of
from app.store import keys
from app.store.deadlines import Deadlines
from app.store.store_client import StoreClient
from tests.processes import wait_until
from tests.service import Json, Service
from tests.store_server import only_on_valkey_9
from tests.survival.asgi import Call
from tests.topology.books import Lost
from tests.topology.clusters import PRIMARIES, Cluster
from tests.topology.conftest import Serve
from tests.topology.figures import in_rounds, tell
from tests.topology.servers import LOSS_WINDOW_SECONDS, START_SECONDS, Server
from tests.topology.traffic import POLICY, Traffic, traffic

SHARDS = 64
# With replicas in step there is no more on its way to them than this.
IN_STEP_SECONDS = 1.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def two_services(serve: Serve, cluster: Cluster) -> list[Service]:
    return [await serve(cluster.url, POLICY, shards=SHARDS) for _ in range(2)]


def shard_of_chat(chat_id: str) -> int:
    return shard_of(ChatName(f"agent:main:discord:{chat_id}"), SHARDS)


def busiest_slot(cluster: Cluster) -> int:
    """The slot of the shard in which the first talker's chat is."""
    return cluster.slot_of(keys.due(shard_of_chat("chat-0")))


async def lost_of_one_primary(flowing: Traffic, since: float, within_seconds: float) -> Lost:
    """Give what was lost; none of it was acknowledged sooner, or after the primary was dead."""
    lost = await flowing.outcome(since)
    for at in lost.moments:
        assert since - within_seconds < at < since + IN_STEP_SECONDS
    return lost


@in_rounds
async def test_a_killed_primary_is_followed_by_its_replica(cluster: Cluster, serve: Serve) -> None:
    async with traffic(await two_services(serve, cluster)) as flowing:
        dead = cluster.owner(busiest_slot(cluster))
        since = monotonic()
        dead.kill()
        await followed(cluster)
        await lost_of_one_primary(flowing, since, IN_STEP_SECONDS)


@in_rounds
async def test_what_only_a_dead_primary_had_is_lost_and_no_more_than_is_published(
    cluster: Cluster, serve: Serve
) -> None:
    async with traffic(await two_services(serve, cluster)) as flowing:
        dead = cluster.owner(busiest_slot(cluster))
        replicas = cluster.replicas_of(dead)
        probe = f"{keys.due(shard_of_chat('chat-0'))}:probe"
        deaf_since = monotonic()
        for replica in replicas:
            replica.stand_still()
        await asyncio.to_thread(dead.fill_the_sockets_of_its_replicas, probe)
        await asyncio.to_thread(wait_until, lambda: dead.refuses_to_write(probe), START_SECONDS)
        since = monotonic()
        dead.kill()
        for replica in replicas:
            replica.go_on()
        await followed(cluster)
        lost = await lost_of_one_primary(flowing, since, LOSS_WINDOW_SECONDS)
        assert lost.messages, "it had messages that no replica had"
        assert lost.ends, "it had ends that no replica had"
        assert all(one.asked_at >= deaf_since - 1 for one in lost.messages)
        tell(f"lost within {since - min(lost.moments):.1f} s before the failover")


async def followed(cluster: Cluster) -> None:
    """Return when there are as many primaries as before."""
    await asyncio.to_thread(
        wait_until, lambda: len(cluster.primaries()) == PRIMARIES, START_SECONDS
    )


@pytest.mark.parametrize(
    "how", ["key by key", pytest.param("at once", marks=only_on_valkey_9("CLUSTER MIGRATESLOTS"))]
)
async def test_slots_move_between_nodes_under_traffic_and_nothing_is_lost(
    cluster: Cluster, serve: Serve, how: str
) -> None:
    move: Callable[[Cluster, int, Server], None] = (
        Cluster.move_key_by_key if how == "key by key" else Cluster.move_at_once
    )
    async with traffic(await two_services(serve, cluster)) as flowing:
        since = monotonic()
        slots = sorted({cluster.slot_of(keys.due(shard)) for shard in range(SHARDS)})
        for slot in [busiest_slot(cluster), *slots[::8]]:
            here = cluster.owner(slot)
            there = next(node for node in cluster.primaries() if node is not here)
            await asyncio.to_thread(move, cluster, slot, there)
        assert (await flowing.outcome(since)).moments == []


async def test_no_script_begins_where_a_key_of_it_may_be_on_its_way(
    cluster: Cluster, serve: Serve
) -> None:
    service = await serve(cluster.url, POLICY, shards=SHARDS)
    run = (await service.send(chat_id="chat-0"))["run"]
    slot = busiest_slot(cluster)
    here = cluster.owner(slot)
    there = next(node for node in cluster.primaries() if node is not here)
    cluster.begin_to_move(slot, there)
    path, body = f"/v1/runs/{run['id']}/complete", {"fence": run["fence"], "outcome": "completed"}
    refused = [await service.ask("POST", path, json=body) for _ in range(2)]
    assert [answer.status_code for answer in refused] == [503, 503]
    cluster.move_key_by_key(slot, there)
    await service.complete(run)
    messages = (await service.get("/v1/stats"))["messages"]
    assert (messages["accepted"], messages["in_run"], messages["done"]) == (1, 0, 1)


async def test_the_walk_waits_for_a_slot_that_moves_and_goes_on_behind(
    cluster: Cluster, serve: Serve
) -> None:
    service = await serve(cluster.url, POLICY, shards=SHARDS)
    await service.complete((await service.send(chat_id="chat-0"))["run"])
    slot = busiest_slot(cluster)
    here = cluster.owner(slot)
    there = next(node for node in cluster.primaries() if node is not here)
    (shard,) = (one for one in range(SHARDS) if cluster.slot_of(keys.due(one)) == slot)
    cluster.begin_to_move(slot, there)
    client = StoreClient(cluster.url, 1.0)
    deadlines = Deadlines(client, SHARDS)
    with pytest.raises(StoreUnavailable):
        await deadlines.retire_idle(shard)
    cluster.move_key_by_key(slot, there)  # two walks could not be one again
    assert await deadlines.retire_idle(shard) == 0
    await client.close()


async def test_every_shard_is_listed_counted_signalled_and_keeps_its_dead(
    cluster: Cluster, serve: Serve
) -> None:
    policy = POLICY | {"lease_seconds": 600, "max_deliveries": 1}
    service, other = [await serve(cluster.url, policy, shards=SHARDS) for _ in range(2)]
    runs = await fill_every_shard(cluster, service)
    listed = [one["key"] async for one in pages(other, "/v1/sessions", "sessions")]
    assert listed == sorted(run["session_key"] for run in runs)
    assert (await other.get("/v1/stats"))["sessions"]["running"] == SHARDS
    assert len((await other.get("/v1/runs", consumer="gw-1"))["runs"]) == SHARDS
    stream = Call(service.app, "GET", "/v1/signals?consumer=gw-1")
    await stream.until_text(b"retry: ")
    for session in listed:
        await other.post(f"/v1/sessions/{quote(session, safe='')}/interrupt", {})
    await stream.until(*["interrupt"] * SHARDS)
    await stream.leave()
    for run in runs:
        await service.complete(run, "failed")
    letters = [letter async for letter in pages(other, "/v1/dead-letters", "dead_letters")]
    assert len(letters) == (await service.get("/v1/stats"))["messages"]["dead"] == SHARDS


async def test_every_shard_is_swept_and_claimed(cluster: Cluster, serve: Serve) -> None:
    service, other = await two_services(serve, cluster)
    runs = await fill_every_shard(cluster, service)
    claimed: set[str] = set()
    async with asyncio.timeout(30):
        while len(claimed) < SHARDS:
            body = {"consumer": "worker", "max": 100, "wait_seconds": 5}
            found = (await other.post("/v1/runs/claim", body))["runs"]
            claimed |= {run["session_key"] for run in found}
    assert claimed == {run["session_key"] for run in runs}


async def fill_every_shard(cluster: Cluster, service: Service) -> list[Json]:
    """Send one message to a chat in each shard; give the runs."""
    chats: dict[int, str] = {}
    for number in count():
        chats.setdefault(shard_of_chat(f"c{number}"), f"c{number}")
        if len(chats) == SHARDS:
            break
    nodes = {cluster.owner(cluster.slot_of(keys.due(shard))) for shard in chats}
    assert len(nodes) == PRIMARIES
    runs = [(await service.send("m1", f"u-{c}", chat_id=c))["run"] for c in chats.values()]
    assert {int(run["id"].split(".")[1]) for run in runs} == set(range(SHARDS))
    return runs


async def pages(service: Service, path: str, name: str) -> AsyncIterator[Json]:
    """Go through all pages of a list."""
    query: dict[str, object] = {"limit": 40}
    while True:
        page = await service.get(path, **query)
        for one in page[name]:
            yield one
        if page["cursor"] is None:
            return
        query["cursor"] = page["cursor"]
