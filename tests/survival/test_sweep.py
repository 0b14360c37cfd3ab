"""The sweep settles what has run out, with no traffic, and says why."""

import asyncio

import pytest
from redis import Redis

from app.errors import LeaseLost, UnknownSession
from app.routing.keys import SessionKey
from app.store.deadlines import ROUND_MAX
from app.sweep import PAUSE_SECONDS, PERIOD_SECONDS
from session_router.models import Run
from tests.sessions import Clock
from tests.survival.books import assert_nothing_strands, calls_of, messages, traces_of
from tests.survival.conftest import Routers
from tests.survival.router import ROOM, Router, ids

DAY = 86_400


async def test_a_run_whose_lease_ended_goes_back_counted_and_is_ready(
    routers: Routers, clock: Clock
) -> None:
    router = routers(clock, lease_seconds=30)
    run = await router.run("m1")
    clock.step(29.999)
    assert not await router.swept()
    clock.step(0.001)
    assert await router.swept() == {"lease_expired": 1}
    assert await router.ends() == ["lease_expired"]
    (again,) = await _claimed(router)
    assert [m.deliveries for m in again.messages] == [2]
    assert again.previous is not None
    assert (again.previous.id, again.previous.ended) == (run.id, "lease_expired")


async def _claimed(router: Router) -> tuple[Run, ...]:
    async with router.at_work():
        return await router.claim()


async def test_beats_do_not_carry_a_run_over_max_run_seconds(
    routers: Routers, clock: Clock
) -> None:
    router = routers(clock, lease_seconds=30, max_run_seconds=50)
    run = await router.run("m1")
    for _ in range(2):
        clock.step(24)
        await router.beat(run)
    clock.step(2)
    assert await router.swept() == {"max_run": 1}
    assert await router.ends() == ["max_run"]
    with pytest.raises(LeaseLost):
        await router.beat(run)


async def test_who_does_not_stop_within_the_grace_has_lost_the_run_and_nothing_is_counted(
    routers: Routers, clock: Clock
) -> None:
    router = routers(clock, lease_seconds=30, interrupt_grace_seconds=5)
    run = await router.run("m1")
    assert (await router.send("m2")).decision == "interrupt"
    clock.step(3)
    await router.beat(run)
    clock.step(2)
    assert await router.swept() == {"grace": 1}
    assert await router.ends() == ["grace"]
    (again,) = await _claimed(router)
    assert [(m.message_id, m.deliveries) for m in again.messages] == [("m1", 1), ("m2", 1)]


async def test_the_last_lost_run_of_a_message_makes_it_a_dead_letter_and_the_rest_goes_on(
    routers: Routers, clock: Clock, redis: "Redis"
) -> None:
    router = routers(clock, lease_seconds=1, max_deliveries=1)
    await router.run("m1")
    await router.send("m2", user="bob")
    clock.step(1)
    assert await router.swept() == {"lease_expired": 1}
    assert messages(redis) == {"accepted": 2, "dead": 1, "waiting": 1}
    (run,) = await _claimed(router)
    assert ids(run) == ["m2"]


async def test_waiting_messages_expire_by_themselves_and_are_told_of(
    routers: Routers, clock: Clock, redis: "Redis"
) -> None:
    router = routers(clock, queue={"ttl_seconds": 10}, busy={"same_sender": "queue"})
    run = await router.run("m1")
    await router.send("m2")
    clock.step(10)
    assert not await router.swept(), "an expiry is no end of a run"
    status = await router.status("m2")
    assert (status.state, status.reason) == ("removed", "expired")
    assert messages(redis) == {"accepted": 2, "in_run": 1, "removed": 1}
    await router.complete(run)
    assert [gone.message_id for gone in (await router.run("m3")).omitted] == ["m2"]


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [({"debounce_ms": 700}, 0.7), ({"debounce_ms": 700, "debounce_max_ms": 300}, 0.3)],
)
async def test_a_debounce_that_is_over_makes_its_session_ready(
    routers: Routers, clock: Clock, redis: "Redis", settings: dict[str, int], seconds: float
) -> None:
    router = routers(clock, **settings)
    assert (await router.send("m1")).reason == "debounce"
    clock.step(seconds - 0.001)
    await router.swept()
    assert not redis.exists("sr:{0}:ready_sets")
    clock.step(0.001)
    await router.swept()
    assert redis.smembers("sr:{0}:ready_sets") == {"main:discord:default"}


async def test_a_retry_delay_that_is_over_makes_its_session_ready_and_doubles_each_time(
    routers: Routers, clock: Clock, redis: "Redis"
) -> None:
    router = routers(clock, lease_seconds=1, retry_delay_seconds=4, max_deliveries=9)
    await router.run("m1")
    for delay_seconds in (4, 8, 16):
        clock.step(1)
        assert await router.swept() == {"lease_expired": 1}
        clock.step(delay_seconds - 0.001)
        await router.swept()
        assert not redis.exists("sr:{0}:ready_sets"), delay_seconds
        clock.step(0.001)
        await router.swept()
        await _claimed(router)


async def test_a_session_idle_for_long_enough_is_retired_whole_and_its_ids_stay_known(
    routers: Routers, clock: Clock, redis: "Redis"
) -> None:
    router = routers(clock, session_ttl_days=2, dedupe_seconds=3 * DAY)
    await router.complete(await router.run("m1"))
    clock.step(2 * DAY - 0.001)
    assert not await router.swept()
    clock.step(0.001)
    assert await router.swept() == {"retired": 1}
    assert traces_of(redis, ROOM) == set()
    with pytest.raises(UnknownSession):
        await router.views.session(SessionKey(ROOM))
    assert (await router.status("m1")).state == "done"
    assert (await router.send("m1")).decision == "duplicate"
    assert messages(redis) == {"accepted": 1, "done": 1}


@pytest.mark.parametrize("state", ["paused", "waiting", "running"])
async def test_a_session_that_is_not_idle_is_never_retired(
    routers: Routers, clock: Clock, state: str
) -> None:
    router = routers(clock, session_ttl_days=1, lease_seconds=3600, max_run_seconds=4 * DAY)
    if state == "waiting":
        await router.offer("m1")
    else:
        run = await router.run("m1")
        if state == "paused":
            await router.complete(run)
            await router.act("pause")
    for _ in range(72):
        clock.step(3599)
        if state == "running":
            await router.beat(run)
        assert not await router.swept()
    assert (await router.views.session(SessionKey(ROOM))).state == state


async def test_a_paused_session_is_retired_after_it_was_resumed(
    routers: Routers, clock: Clock
) -> None:
    router = routers(clock, session_ttl_days=1)
    await router.complete(await router.run("m1"))
    await router.act("pause")
    clock.step(2 * DAY)
    await router.act("resume")
    assert await router.swept() == {"retired": 1}


async def test_what_several_routers_settle_at_once_is_settled_once(
    routers: Routers, clock: Clock, redis: "Redis"
) -> None:
    several = [routers(clock, lease_seconds=1) for _ in range(4)]
    for number in range(30):
        await several[0].run(f"m{number}", chat=f"c{number}")
    clock.step(1)
    rounds = await asyncio.gather(*(router.swept() for router in several))
    assert sum(round_["lease_expired"] for round_ in rounds) == 30
    assert messages(redis) == {"accepted": 30, "waiting": 30}
    for number in range(30):
        assert await several[0].ends(f"agent:main:discord:group:c{number}") == ["lease_expired"]
    assert_nothing_strands(redis, clock.now_us // 1000)


async def test_a_round_is_bounded_and_says_when_there_is_more(
    routers: Routers, clock: Clock
) -> None:
    router = routers(clock, lease_seconds=1)
    for number in range(ROUND_MAX + 10):
        await router.run("m1", chat=f"c{number}")
    clock.step(1)
    assert await router.sweep.run_once() == PAUSE_SECONDS
    assert router.settled == {"lease_expired": ROUND_MAX}
    assert await router.swept() == {"lease_expired": 10}


async def test_the_sweep_wakes_for_the_next_deadline_and_within_its_period(
    routers: Routers, clock: Clock
) -> None:
    router = routers(clock, lease_seconds=10)
    await router.run("m1")
    assert await router.sweep.run_once() == PERIOD_SECONDS
    clock.step(9.6)
    assert await router.sweep.run_once() == pytest.approx(0.4)
    clock.step(0.399)
    assert await router.sweep.run_once() == PAUSE_SECONDS


@pytest.mark.parametrize("shards", [1, 8])
async def test_a_sweep_that_finds_nothing_makes_one_call_a_shard_whatever_exists(
    routers: Routers, clock: Clock, redis: "Redis", shards: int
) -> None:
    router = routers(clock, shards=shards)
    await router.swept()
    costs = []
    for number in range(2):
        for chat in range(30 * number):
            await router.run("m1", chat=f"c{chat}")
        redis.config_resetstat()
        await router.sweep.run_once()
        assert not router.settled
        costs.append(calls_of(redis))
    for cost in costs:
        assert cost["fcall"] == shards
        assert cost["zrangebyscore"] == 2 * shards
        assert cost["get"] == cost["mset"] == 0


async def test_the_cost_of_a_sweep_follows_what_is_due(
    routers: Routers, clock: Clock, redis: "Redis"
) -> None:
    router = routers(clock, lease_seconds=10)
    for chat in range(5):
        await router.run("m1", chat=f"due{chat}")
    clock.step(5)
    for chat in range(60):
        await router.run("m1", chat=f"later{chat}")
    clock.step(5)
    redis.config_resetstat()
    await router.sweep.run_once()
    assert router.settled == {"lease_expired": 5}
    assert calls_of(redis)["fcall"] <= 1 + 5 * 2
