"""Seal: the gate before a reply goes out, and what becomes of a sealed run that dies."""

from typing import Any

import pytest
from redis import Redis

from app.errors import LeaseLost, UnknownRun
from session_router.models import Run
from tests.sessions import Clock
from tests.survival.books import assert_nothing_strands, messages
from tests.survival.conftest import Routers
from tests.survival.router import Router, ids


async def sealed_run(router: Router) -> Run:
    run = await router.run("m1")
    assert (await router.seal(run)).sealed
    return run


async def test_a_sealed_run_says_so_and_sealing_it_again_changes_nothing(
    routers: Routers, clock: Clock
) -> None:
    router = routers(clock)
    run = await sealed_run(router)
    for _ in range(2):
        assert await router.seal(run) == await router.seal(run)
    assert (await router.beat(run)).sealed
    assert (await router.views.run(run.id)).sealed
    assert [e.event for e in (await router.views.timeline(run.session_key)).events] == [  # type: ignore[arg-type]
        *("run", "granted", "sealed")
    ]
    await router.complete(run)
    assert (await router.views.run(run.id)).sealed


async def test_an_interrupt_that_came_first_keeps_a_run_open(
    routers: Routers, clock: Clock, redis: "Redis"
) -> None:
    router = routers(clock)
    run = await router.run("m1")
    await router.send("m2")
    for _ in range(2):
        answer = await router.seal(run)
        assert not answer.sealed
        assert answer.interrupt is not None
        assert (answer.interrupt.cause, answer.interrupt.message_id) == ("message", "m2")
    following = await router.complete(run, "interrupted")
    assert ids(following) == ["m2"]
    assert messages(redis) == {"accepted": 2, "done": 1, "in_run": 1}


async def test_a_steer_that_was_not_seen_keeps_a_run_open_until_it_is(
    routers: Routers, clock: Clock
) -> None:
    router = routers(clock, busy={"same_sender": "steer"})
    run = await router.run("m1")
    await router.send("m2")
    answer = await router.seal(run)
    assert not answer.sealed
    assert answer.interrupt is None
    assert [m.message_id for m in answer.steer] == ["m2"]
    assert (await router.seal(run, seen=["m2"])).sealed
    await router.complete(run)
    assert (await router.status("m2")).state == "done"


@pytest.mark.parametrize("fence", [-1, 1])
async def test_a_stale_holder_seals_nothing(routers: Routers, clock: Clock, fence: int) -> None:
    router = routers(clock)
    run = await router.run("m1")
    with pytest.raises(LeaseLost):
        await router.seal(run.model_copy(update={"fence": run.fence + fence}))
    assert not (await router.beat(run)).sealed


async def test_a_run_whose_lease_is_over_is_not_sealed_swept_or_not(
    routers: Routers, clock: Clock
) -> None:
    router = routers(clock, lease_seconds=1)
    run = await router.run("m1")
    clock.step(1)
    with pytest.raises(LeaseLost):
        await router.seal(run)
    await router.swept()
    with pytest.raises(LeaseLost):
        await router.seal(run)
    with pytest.raises(UnknownRun):
        await router.seal(run.model_copy(update={"id": run.id.replace(str(run.fence), "1")}))


@pytest.mark.parametrize("mode", ["interrupt", "steer", "queue", "reject"])
@pytest.mark.parametrize("user", ["alice", "bob"])
async def test_what_comes_while_the_reply_is_being_sent_waits_behind_it(
    routers: Routers, clock: Clock, mode: str, user: str
) -> None:
    router = routers(clock, busy={"same_sender": mode, "other_sender": mode})
    run = await sealed_run(router)
    decision = await router.send("m2", user=user)
    assert (decision.decision, decision.reason) == ("queue", "run_sealed")
    beat = await router.beat(run)
    assert (beat.sealed, beat.interrupt, beat.steer) == (True, None, ())
    assert ids(await router.complete(run)) == ["m2"]


async def test_a_stop_is_too_late_and_still_removes_what_its_sender_has_waiting(
    routers: Routers, clock: Clock
) -> None:
    router = routers(clock)
    run = await sealed_run(router)
    await router.send("m2")
    await router.send("m3", user="bob")
    decision = await router.send("m4", control="stop")
    assert (decision.decision, decision.reason) == ("control", "too_late")
    assert decision.control is not None
    assert (decision.control.stopped, decision.control.removed) == ((), ("m2",))
    assert (await router.beat(run)).interrupt is None
    assert ids(await router.complete(run)) == ["m3"]
    assert (await router.status("m1")).state == "done"


@pytest.mark.parametrize("by", ["control", "operator"])
async def test_a_reset_waits_for_the_end_of_a_sealed_run(
    routers: Routers, clock: Clock, by: str
) -> None:
    router = routers(clock)
    run = await sealed_run(router)
    if by == "control":
        decision = await router.send("m2", control="reset")
        assert decision.control is not None
        assert decision.control.pending
    else:
        assert await router.act("reset")
    assert (await router.beat(run)).interrupt is None
    await router.complete(run)
    assert (await router.status("m1")).state == "done"
    after = await router.run("m3")
    assert after.session_id != run.session_id


@pytest.mark.parametrize("resend", [False, True])
@pytest.mark.parametrize("outcome", ["failed", "released", "lease"])
async def test_a_batch_with_a_reset_pending_never_runs_again_sealed_or_not(
    routers: Routers, clock: Clock, redis: "Redis", outcome: str, resend: bool
) -> None:
    router = routers(clock, lease_seconds=1, resend_unconfirmed=resend)
    run = await sealed_run(router)
    await router.act("reset")
    if outcome == "lease":
        clock.step(1)
        await router.swept()
    else:
        assert await router.complete(run, outcome) is None
    counted = messages(redis)
    assert not {"waiting", "in_run"} & counted.keys()
    unconfirmed = outcome == "lease" and not resend
    assert counted == {"accepted": 1, "done" if unconfirmed else "removed": 1}
    assert (await router.run("m2")).session_id != run.session_id


async def test_an_operator_cannot_interrupt_a_sealed_run(routers: Routers, clock: Clock) -> None:
    router = routers(clock)
    run = await sealed_run(router)
    assert not await router.act("interrupt")
    assert (await router.beat(run)).interrupt is None


DEATHS: dict[str, dict[str, Any]] = {
    "lease_expired": {"lease_seconds": 5},
    "max_run": {"lease_seconds": 5, "max_run_seconds": 2},
    "forced": {},
}


async def die(router: Router, clock: Clock, how: str) -> None:
    if how == "forced":
        await router.act("release")
    else:
        clock.step(5)
        assert await router.swept() == {how: 1}


@pytest.mark.parametrize("how", DEATHS)
async def test_a_sealed_run_that_dies_is_done_with_its_delivery_unknown_and_not_repeated(
    routers: Routers, clock: Clock, redis: "Redis", how: str
) -> None:
    router = routers(clock, **DEATHS[how])
    run = await sealed_run(router)
    await router.send("m2")
    await die(router, clock, how)
    status = await router.status("m1")
    assert (status.state, status.history[-1].delivery) == ("done", "unknown")
    assert messages(redis) == {"accepted": 2, "done": 1, "waiting": 1}
    with pytest.raises(LeaseLost):
        await router.complete(run)
    async with router.at_work():
        (following,) = await router.claim()
    assert ids(following) == ["m2"]
    assert following.previous is None
    assert_nothing_strands(redis, clock.now_us // 1000)


@pytest.mark.parametrize("how", DEATHS)
async def test_with_resend_unconfirmed_it_comes_back_and_says_that_it_was_sealed(
    routers: Routers, clock: Clock, how: str
) -> None:
    router = routers(clock, resend_unconfirmed=True, **DEATHS[how])
    run = await sealed_run(router)
    await die(router, clock, how)
    async with router.at_work():
        (again,) = await router.claim()
    assert ids(again) == ["m1"]
    assert again.previous is not None
    assert (again.previous.id, again.previous.ended, again.previous.sealed) == (run.id, how, True)
    assert again.messages[0].deliveries == (1 if how == "forced" else 2)


@pytest.mark.parametrize("how", DEATHS)
async def test_a_run_that_dies_before_it_is_sealed_runs_again(
    routers: Routers, clock: Clock, how: str
) -> None:
    router = routers(clock, **DEATHS[how])
    await router.run("m1")
    await die(router, clock, how)
    async with router.at_work():
        (again,) = await router.claim()
    assert ids(again) == ["m1"]
    assert again.previous is not None
    assert not again.previous.sealed


@pytest.mark.parametrize(("outcome", "state"), [("failed", "waiting"), ("released", "waiting")])
async def test_the_word_of_its_holder_counts_for_a_sealed_run_too(
    routers: Routers, clock: Clock, outcome: str, state: str
) -> None:
    router = routers(clock)
    run = await sealed_run(router)
    await router.complete(run, outcome, next=False)
    assert (await router.status("m1")).state == state
