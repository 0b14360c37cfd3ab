"""Idle sessions are retired by a walk: each is met once a round, a few in each step."""

import asyncio
from typing import Any

import pytest

from app import retirement
from app.errors import StoreUnavailable
from app.retirement import Retirement
from app.store import keys
from app.store.deadlines import WALKED_A_SECOND
from tests.sessions import Clock
from tests.survival.books import assert_nothing_strands, calls_of, sessions
from tests.survival.conftest import Routers
from tests.survival.router import ROOM, Router

DAY = 86_400
STEP = 10  # sessions
STEP_SECONDS = STEP / WALKED_A_SECOND


async def _idle(router: Router, *chats: str, **fields: Any) -> None:
    for chat in chats:
        await router.complete(await router.run("m1", chat=chat, **fields))


def _chats(count: int) -> list[str]:
    return [f"c{number:02}" for number in range(count)]


async def test_a_round_comes_by_the_sessions_of_every_bucket_step_by_step(
    routers: Routers, clock: Clock, redis: Any
) -> None:
    router = routers(clock, session_ttl_days=1)
    for platform in ("discord", "slack", "telegram"):
        await _idle(router, *_chats(15), platform=platform)
    clock.step(DAY - STEP_SECONDS)
    assert not await router.retirement.run_once()
    retired = []
    for _ in range(5):
        clock.step(STEP_SECONDS)
        retired.append(await router.retirement.run_once())
    assert sum(retired) == 45
    assert max(retired) <= STEP
    assert not sessions(redis)


async def test_several_routers_share_one_walk_at_its_pace(routers: Routers, clock: Clock) -> None:
    several = [routers(clock, session_ttl_days=1) for _ in range(4)]
    await _idle(several[0], *_chats(40))
    clock.step(DAY - STEP_SECONDS)
    assert not await several[0].retirement.run_once()
    clock.step(STEP_SECONDS)
    retired = await asyncio.gather(*(router.retirement.run_once() for router in several))
    assert STEP <= sum(retired) <= STEP + len(several) - 1


async def test_what_comes_before_and_behind_the_place_of_the_walk_is_met_in_the_next_round(
    routers: Routers, clock: Clock, redis: Any
) -> None:
    router = routers(clock, session_ttl_days=1)
    await _idle(router, "k", "m", "o")
    await router.retirement.run_once()
    redis.hset("sr:{0}:walk", "session", "agent:main:discord:group:m")
    await _idle(router, "a", "l", "n", "z")
    clock.step(DAY)
    assert await router.retirement.run_once() == 7
    assert not sessions(redis)


async def test_a_step_is_one_look_at_a_bounded_number_of_sessions(
    routers: Routers, clock: Clock, redis: Any
) -> None:
    router = routers(clock)
    await _idle(router, *_chats(40))
    await router.retirement.run_once()
    clock.step(STEP_SECONDS)
    redis.config_resetstat()
    assert not await router.retirement.run_once()
    cost = calls_of(redis)
    assert (cost["fcall"], cost["mget"]) == (1, 1)
    assert cost["zrangebylex"] <= 2, "behind the last one, and from the start"
    assert cost["get"] == cost["mset"] == 0


@pytest.mark.parametrize("state", ["running", "waiting", "paused"])
async def test_the_walk_passes_what_is_not_idle(
    routers: Routers, clock: Clock, redis: Any, state: str
) -> None:
    router = routers(clock, session_ttl_days=1, lease_seconds=3600)
    if state == "waiting":
        await router.offer("m1")
    else:
        run = await router.run("m1")
        if state == "paused":
            await router.complete(run)
            await router.act("pause")
    clock.step(2 * DAY)
    redis.config_resetstat()
    assert not await router.retirement.run_once()
    assert calls_of(redis)["fcall"] == 1, "nothing was to be settled"


async def test_what_an_older_release_left_among_the_deadlines_is_settled_there(
    routers: Routers, clock: Clock, redis: Any
) -> None:
    router = routers(clock, session_ttl_days=1)
    await _idle(router, "room", "other")
    soon = clock.now_us // 1000 + 1000
    redis.zadd(keys.due(0), {ROOM: soon, "agent:main:discord:group:other": soon + 2 * DAY * 1000})
    clock.step(1)
    await router.sweep.run_once()
    assert not router.settled
    assert redis.zscore(keys.due(0), ROOM) is None, "it has no deadline"
    assert ROOM in sessions(redis)
    clock.step(2 * DAY)
    await router.sweep.run_once()
    assert router.settled == {"retired": 1}
    assert await router.retirement.run_once() == 1
    assert not redis.exists(keys.due(0))
    assert_nothing_strands(redis, clock.now_us // 1000)


async def test_a_clock_that_went_back_does_not_stop_the_walk(
    routers: Routers, clock: Clock, redis: Any
) -> None:
    router = routers(clock, session_ttl_days=1)
    await _idle(router, "room")
    clock.step(3 * DAY)
    redis.hset("sr:{0}:walk", mapping={"bucket": "main:discord", "session": ROOM, "at": 2**52})
    assert await router.retirement.run_once() == 1


async def test_the_walk_goes_on_after_outages_and_faults(
    monkeypatch: pytest.MonkeyPatch, routers: Routers, caplog: pytest.LogCaptureFixture
) -> None:
    steps: list[BaseException | int] = [
        *(1, StoreUnavailable(), RuntimeError("a fault"), 0, asyncio.CancelledError())
    ]

    async def run_once(_retirement: Retirement) -> int:
        step = steps.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step

    monkeypatch.setattr(Retirement, "run_once", run_once)
    monkeypatch.setattr(retirement, "PERIOD_SECONDS", 0.0)
    with pytest.raises(asyncio.CancelledError):
        await routers().retirement.run()
    assert not steps
    assert [one.message for one in caplog.records if one.levelname == "ERROR"] == [
        "a step of the retirement failed; the next one tries again"
    ]
