"""A claim gives what it asks for, the longest-ready first, to one claimer only, and at once."""

import asyncio
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from app.errors import StoreUnavailable
from app.store.embedded import EmbeddedValkey
from tests.sessions import Clock
from tests.survival.conftest import Routers
from tests.survival.eventually import eventually
from tests.survival.router import ROOM, Router, chats, ids

WAKE_SECONDS = 0.1


async def test_a_claimed_run_carries_its_batch_and_its_session(routers: Routers) -> None:
    async with routers().at_work() as router:
        await router.offer("m1")
        await router.offer("m2", user="bob")
        (run,) = await router.claim("worker-1")
    assert ids(run) == ["m1", "m2"]
    assert (run.consumer, run.session_key) == ("worker-1", ROOM)
    assert run.session is not None
    assert run.session.key == ROOM
    assert run.session.is_new
    assert {person.user_id for person in run.session.participants} == {"alice", "bob"}
    assert (await router.status("m1")).state == "in_run"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"agents": ["coder"]}, ["coder"]),
        ({"agents": ["coder", "main"]}, ["plain", "coder", "telegram", "second"]),
        ({"platforms": ["telegram"]}, ["telegram"]),
        ({"accounts": ["second"]}, ["second"]),
        ({"accounts": ["default"], "platforms": ["discord"]}, ["plain", "coder"]),
        ({"sessions": ["agent:main:discord:group:plain"]}, ["plain"]),
        ({"sessions": ["agent:main:discord:group:nowhere"]}, []),
        ({"agents": ["nobody"]}, []),
        ({}, ["plain", "coder", "telegram", "second"]),
    ],
)
async def test_a_filter_lets_through_what_it_names_alone(
    routers: Routers, clock: Clock, wanted: dict[str, Any], found: list[str]
) -> None:
    async with routers(clock).at_work() as router:
        await _four_kinds(router, clock)
        assert chats(await router.claim(max=100, **wanted)) == found


async def _four_kinds(router: Router, clock: Clock) -> None:
    kinds: dict[str, dict[str, str]] = {
        "plain": {},
        "coder": {"agent": "coder"},
        "telegram": {"platform": "telegram"},
        "second": {"account": "second"},
    }
    for chat, fields in kinds.items():
        await router.offer("m1", chat, **fields)
        clock.step(1)


async def test_a_token_gets_the_runs_of_its_agents_alone(routers: Routers, clock: Clock) -> None:
    async with routers(clock).at_work() as router:
        await _four_kinds(router, clock)
        coder = frozenset({"coder"})
        assert chats(await router.claim(max=9, token="c", token_agents=coder)) == ["coder"]
        none = await router.claim(max=9, token="c", token_agents=coder, agents=["main"])
        assert none == ()


async def test_at_most_max_runs_are_given_the_longest_ready_first(
    routers: Routers, clock: Clock
) -> None:
    async with routers(clock).at_work() as router:
        for number in (3, 1, 2, 0):
            await router.offer("m1", f"c{number}", agent=f"agent-{number % 2}")
            clock.step(1)
        assert chats(await router.claim()) == ["c3"]
        assert chats(await router.claim(max=2)) == ["c1", "c2"]
        assert chats(await router.claim(max=100)) == ["c0"]


async def test_a_busy_session_and_a_busy_agent_keep_nobody_else_waiting(
    routers: Routers, clock: Clock
) -> None:
    async with routers(clock, drain="one").at_work() as router:
        for number in range(20):
            await router.offer(f"m{number}", "busy", user=f"user-{number}")
        for number in range(150):
            await router.offer("m1", f"crowd-{number}", agent="busy")
        clock.step(1)
        await router.offer("m1", "quiet", agent="quiet")
        served = []
        for _ in range(3):
            (run,) = await router.claim(agents=["main", "quiet"])
            served.append(run.route.chat_id)
            clock.step(1)
            await router.complete(run, next=False)
        assert served == ["busy", "quiet", "busy"]


async def test_a_session_named_by_its_key_is_found_behind_however_many_others(
    routers: Routers, clock: Clock
) -> None:
    async with routers(clock).at_work() as router:
        for number in range(130):
            await router.offer("m1", f"c{number}")
            clock.step(0.01)
        key = "agent:main:discord:group:c129"
        assert chats(await router.claim(sessions=[key])) == ["c129"]


async def test_more_than_one_look_can_take_in_is_given_without_a_pause(
    routers: Routers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.claims.LOOK_SECONDS", 60.0)
    async with routers().at_work() as router:
        for number in range(130):
            await router.offer("m1", f"c{number}")
        claims = (router.claim(f"w{n}", max=10, wait_seconds=5) for n in range(13))
        given = await asyncio.gather(*claims)
        assert sum(map(len, given)) == 130, "it waited for the next look"


async def test_a_waiting_claim_is_answered_as_soon_as_there_is_something(
    routers: Routers,
) -> None:
    async with routers().at_work() as here, routers().at_work() as there:
        delays = []
        for number in range(5):
            claim = asyncio.create_task(there.claim(wait_seconds=10))
            await _waits(there)
            since = monotonic()
            await here.offer(f"m{number}")
            (run,) = await claim
            delays.append(monotonic() - since)
            await here.complete(run)
        assert sorted(delays)[2] < WAKE_SECONDS, delays


async def _waits(router: Router, claims: int = 1) -> None:
    await eventually(lambda: router.claims.waiting() >= claims)


async def test_a_claim_that_does_not_wait_is_answered_at_once_and_one_that_waits_empty_in_time(
    routers: Routers,
) -> None:
    async with routers().at_work() as router:
        since = monotonic()
        assert await router.claim() == ()
        assert monotonic() - since < WAKE_SECONDS
        assert await router.claim(wait_seconds=0.3) == ()
        assert 0.3 <= monotonic() - since < 0.6


async def test_claims_that_do_not_wait_miss_nothing_that_was_ready_when_they_came(
    routers: Routers,
) -> None:
    async with routers().at_work() as router:
        for turn in range(10):
            for number in range(20):
                await router.offer("m1", f"c{turn}-{number}")
            given = await asyncio.gather(*(_claim_later(router, n) for n in range(20)))
            assert sum(map(len, given)) == 20, turn


async def _claim_later(router: Router, number: int) -> tuple[Any, ...]:
    for _ in range(number % 7):
        await asyncio.sleep(0)
    return await router.claim(f"w{number}")


async def test_forty_claims_on_two_routers_get_each_session_once(routers: Routers) -> None:
    async with routers().at_work() as one, routers().at_work() as two:
        claims = [
            asyncio.create_task(router.claim(f"w{number}", wait_seconds=3))
            for number in range(20)
            for router in (one, two)
        ]
        await _waits(one, 20)
        await _waits(two, 20)
        for number in range(25):
            await one.offer("m1", f"c{number}")
        given = await asyncio.gather(*claims)
    assert sorted(len(runs) for runs in given) == [0] * 15 + [1] * 25
    assert len({run.session_key for runs in given for run in runs}) == 25


async def test_a_claim_repeated_after_a_lost_answer_gives_the_same_runs(routers: Routers) -> None:
    async with routers().at_work() as router, routers().at_work() as other:
        for number in range(3):
            await router.offer("m1", f"c{number}")
        first = await router.claim(request_id="r1", max=2)
        again = await other.claim(request_id="r1", max=2)
        assert sorted(run.id for run in again) == sorted(run.id for run in first)
        assert {run.id: run for run in again} == {run.id: run for run in first}


async def test_a_repeat_leaves_out_runs_that_were_touched_and_takes_no_others(
    routers: Routers,
) -> None:
    async with routers().at_work() as router:
        for number in range(3):
            await router.offer("m1", f"c{number}")
        first, second = await router.claim(request_id="r1", max=2)
        await router.beat(first)
        assert [run.id for run in await router.claim(request_id="r1", max=2)] == [second.id]
        await router.beat(second)
        assert await router.claim(request_id="r1", max=2) == ()
        assert len(await router.claim(request_id="r2", max=2)) == 1


async def test_a_repeat_takes_the_place_of_a_claim_that_nobody_reads_any_more(
    routers: Routers,
) -> None:
    async with routers().at_work() as router:
        unread = asyncio.create_task(router.claim(request_id="r1", wait_seconds=20))
        await _waits(router)
        again = asyncio.create_task(router.claim(request_id="r1", wait_seconds=20))
        assert await unread == ()
        await router.offer("m1")
        (run,) = await again
        assert ids(run) == ["m1"]


async def test_another_consumer_or_token_with_the_same_request_id_gets_nothing_of_it(
    routers: Routers,
) -> None:
    async with routers().at_work() as router:
        await router.offer("m1")
        assert await router.claim("worker-1", request_id="r1")
        assert await router.claim("worker-2", request_id="r1") == ()
        assert await router.claim("worker-1", token="other", request_id="r1") == ()


async def test_a_head_of_another_account_waits_for_a_claim_and_gets_one(routers: Routers) -> None:
    async with routers(dm_scope="main", busy={"same_sender": "queue"}).at_work() as router:
        run = await router.run("m1", chat_type="dm")
        await router.send("m2", chat_type="dm", account="second")
        assert await router.complete(run) is None, "another account's head is not handed over"
        (claimed,) = await router.claim(accounts=["second"])
        assert ids(claimed) == ["m2"]
        await router.complete(claimed, "released", next=False)
        third = await router.send("m3", chat_type="dm")
        assert (third.decision, third.reason) == ("queue", "other_account")


async def test_a_paused_session_is_given_to_nobody_until_it_is_resumed(routers: Routers) -> None:
    async with routers().at_work() as router:
        await router.offer("m1")
        await router.act("pause")
        assert await router.claim() == ()
        claim = asyncio.create_task(router.claim(wait_seconds=5))
        await _waits(router)
        await router.act("resume")
        assert len(await claim) == 1


async def test_without_the_store_claims_that_come_and_claims_that_wait_are_refused(
    data_dir: Path,
) -> None:
    with EmbeddedValkey(data_dir, "no") as store:
        router = Router(store.url)
        async with router.at_work():
            waiting = asyncio.create_task(router.claim(wait_seconds=20))
            await _waits(router)
            store.stop()
            with pytest.raises(StoreUnavailable):
                await waiting
            with pytest.raises(StoreUnavailable):
                await router.claim()
            with pytest.raises(StoreUnavailable):
                await router.claim(request_id="r1")
        await router.client.close()
