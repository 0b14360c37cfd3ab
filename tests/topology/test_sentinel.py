"""The service behind Sentinels: it follows the primary by itself, and loses what it says it may."""

import asyncio
from time import monotonic

import pytest
from redis.exceptions import RedisError, ResponseError

from app.signals import Signals
from app.store.topology import NamedPrimary
from app.store_address import SentinelAddress, parse_store_address
from tests.processes import wait_until
from tests.service import Service
from tests.store_server import only_on_valkey_9
from tests.survival.eventually import eventually
from tests.topology.conftest import Serve
from tests.topology.figures import in_rounds, tell
from tests.topology.sentinels import SERVICE, Sentinels
from tests.topology.servers import LOSS_WINDOW_SECONDS, START_SECONDS, Server
from tests.topology.traffic import POLICY, Traffic, traffic

SHARDS = 4
PROBE = "probe"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def promoted(sentinels: Sentinels, before: Server) -> None:
    """Return when another server is the primary."""

    def is_promoted() -> bool:
        try:
            return sentinels.primary() is not before
        except (AssertionError, RedisError):
            return False

    await asyncio.to_thread(wait_until, is_promoted, START_SECONDS)


async def two_services(serve: Serve, sentinels: Sentinels) -> list[Service]:
    return [await serve(sentinels.url, POLICY, shards=SHARDS) for _ in range(2)]


async def assert_it_goes_on(flowing: Traffic, since: float) -> None:
    """After a failover: everybody is served, fences only grew, and all comes to an end."""
    lost = await flowing.outcome(since)
    assert all(at > since - LOSS_WINDOW_SECONDS for at in lost.moments)


@in_rounds
async def test_a_killed_primary_is_followed_by_the_next_and_nothing_wedges(
    sentinels: Sentinels, serve: Serve
) -> None:
    async with traffic(await two_services(serve, sentinels)) as flowing:
        before = sentinels.primary()
        since = monotonic()
        before.kill()
        await promoted(sentinels, before)
        await assert_it_goes_on(flowing, since)


async def test_a_primary_that_stood_still_is_left_and_changes_nothing_when_it_comes_back(
    sentinels: Sentinels, serve: Serve
) -> None:
    async with traffic(await two_services(serve, sentinels)) as flowing:
        before = sentinels.primary()
        since = monotonic()
        before.stand_still()
        try:
            await promoted(sentinels, before)
            await flowing.more(10, since)
        finally:
            before.go_on()
        await asyncio.to_thread(wait_until, lambda: before.role() == "slave", START_SECONDS)
        await assert_it_goes_on(flowing, since)


@in_rounds
async def test_what_only_a_dead_primary_had_is_lost_and_no_more_than_is_published(
    sentinels: Sentinels, serve: Serve
) -> None:
    async with traffic(await two_services(serve, sentinels)) as flowing:
        before = sentinels.primary()
        replicas = sentinels.replicas()
        deaf_since = monotonic()
        for replica in replicas:
            replica.stand_still()
        await asyncio.to_thread(before.fill_the_sockets_of_its_replicas, PROBE)
        alone_since = monotonic()
        await asyncio.to_thread(wait_until, lambda: before.refuses_to_write(PROBE), START_SECONDS)
        alone_seconds = monotonic() - alone_since
        since = monotonic()
        before.kill()
        for replica in replicas:
            replica.go_on()
        await promoted(sentinels, before)
        await assert_it_goes_on(flowing, since)
        lost = await flowing.lost()
        assert lost.messages, "it had messages that no replica had"
        assert lost.ends, "it had ends that no replica had"
        assert all(one.asked_at >= deaf_since - 1 for one in lost.messages)
        tell(f"lost within {since - min(lost.moments):.1f} s before the failover")
        assert alone_seconds < LOSS_WINDOW_SECONDS + 1


@only_on_valkey_9("SENTINEL FAILOVER … COORDINATED")
@in_rounds
async def test_a_coordinated_failover_by_hand_loses_nothing(
    sentinels: Sentinels, serve: Serve
) -> None:
    async with traffic(await two_services(serve, sentinels)) as flowing:
        before = sentinels.primary()
        votes = sentinels.failovers_by_vote()
        since = monotonic()
        await asyncio.to_thread(wait_until, lambda: _hands_over(sentinels))
        await promoted(sentinels, before)
        await assert_it_goes_on(flowing, since)
        if sentinels.failovers_by_vote() > votes:
            # It answered nobody for a second: the loss of that failover is bounded above.
            tell("the machine was too slow: the Sentinels voted for another primary meanwhile")
        else:
            assert (await flowing.lost()).moments == []


def _hands_over(sentinels: Sentinels) -> bool:
    # It may know too little yet of the replicas.
    try:
        sentinels.sentinels[0].redis.execute_command("SENTINEL", "FAILOVER", SERVICE, "COORDINATED")
    except ResponseError:
        return False
    return True


async def test_publications_are_heard_again_after_a_failover(
    sentinels: Sentinels, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(Signals, "signalled", lambda _, holder: heard.append(holder))
    await serve(sentinels.url, POLICY, shards=SHARDS)
    before = sentinels.primary()
    before.kill()
    await promoted(sentinels, before)
    await eventually(lambda: sentinels.primary().redis.publish("sr:signals", "0 somebody"))
    await eventually(lambda: "somebody" in heard)


async def test_dead_sentinels_hide_no_primary(sentinels: Sentinels, serve: Serve) -> None:
    first, second, _ = sentinels.sentinels
    for sentinel in (first, second):
        sentinel.stand_still()
    try:
        service = await serve(sentinels.url, POLICY, shards=SHARDS)
        assert (await service.send())["decision"] == "run"
    finally:
        first.go_on()
        second.go_on()


async def test_who_looks_for_the_primary_at_the_same_time_loses_no_sentinel(
    sentinels: Sentinels,
) -> None:
    address = parse_store_address(sentinels.url)
    assert isinstance(address, SentinelAddress)
    topology = NamedPrimary(address, 2.0)
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    first, second, third = sentinels.sentinels
    first.stand_still()
    try:
        found = await asyncio.gather(*(topology.subscriber(deadline) for _ in range(3)))
    finally:
        first.go_on()
    second.stand_still()
    third.stand_still()
    try:
        found.append(await topology.subscriber(deadline))
    finally:
        second.go_on()
        third.go_on()
    pools = [client.connection_pool for client in found]
    ports = {pool.connection_kwargs["port"] for pool in pools}
    assert ports == {sentinels.primary().port}
    await topology.close()
