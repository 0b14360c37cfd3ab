"""What waits, and until when: debounce, workers, retry delay, ttl, and what was left out."""

from datetime import datetime

import pytest

from tests.scenarios.conftest import Serve
from tests.scenarios.service import START_US, ids

DEBOUNCE = {"debounce_ms": 1000, "debounce_max_ms": 2500}


def _seconds(moment: str) -> float:
    """Seconds since the start of the test."""
    at = datetime.fromisoformat(moment).timestamp()
    return round(at - START_US / 1_000_000, 3)


async def test_a_burst_is_one_run_when_it_is_over(serve: Serve) -> None:
    s = await serve(**DEBOUNCE)
    ready = []
    for number in range(1, 5):
        answer = await s.send(f"m{number}", ("alice", "bob")[number % 2])
        assert (answer["decision"], answer["reason"]) == ("queue", "debounce")
        ready.append(_seconds(answer["queue"]["ready_at"]))
        s.clock.step(0.8)
    assert ready == [1.0, 1.8, 2.5, 2.5], "newest + debounce, oldest + max at the latest"
    [run] = await s.claim()
    assert ids(run) == ["m1", "m2", "m3", "m4"]


async def test_a_debounce_holds_until_it_is_over(serve: Serve) -> None:
    s = await serve(**DEBOUNCE)
    await s.send("m1")
    s.clock.step(0.999)
    assert await s.claim() == []
    s.clock.step(0.001)
    assert [ids(run) for run in await s.claim()] == [["m1"]]


async def test_a_background_notice_neither_opens_nor_prolongs_a_debounce(serve: Serve) -> None:
    s = await serve(**DEBOUNCE)
    await s.end(await s.run("job-1", kind="internal"))
    await s.send("m1")
    s.clock.step(0.5)
    answer = await s.send("job-2", kind="internal")
    assert (answer["reason"], _seconds(answer["queue"]["ready_at"])) == ("debounce", 1.0)


async def test_a_finished_run_hands_over_without_a_debounce(serve: Serve) -> None:
    s = await serve(**DEBOUNCE)
    await s.send("m1")
    s.clock.step(1)
    [run] = await s.claim()
    await s.send("m2", "bob")
    assert ids((await s.end(run))["next"]) == ["m2"]


async def test_a_debounce_ends_with_the_last_message_that_it_held(serve: Serve) -> None:
    s = await serve(**DEBOUNCE)
    await s.send("m1")
    assert await s.amend("m1", delete=True) == "removed"
    assert (await s.session())["ready_at"] is None
    assert (await s.send("job", kind="internal"))["decision"] == "run"


async def test_a_message_for_workers_waits_for_a_claim(serve: Serve) -> None:
    s = await serve()
    answer = await s.send("m1", dispatch="worker")
    assert (answer["decision"], answer["reason"]) == ("queue", "dispatch_worker")
    assert (await s.session())["state"] == "waiting"
    [run] = await s.claim()
    assert (ids(run), run["consumer"]) == (["m1"], "worker")


async def test_an_inline_message_takes_along_what_waits_for_workers(serve: Serve) -> None:
    s = await serve()
    await s.send("m1", "bob", dispatch="worker")
    assert ids(await s.run("m2")) == ["m1", "m2"]


async def test_a_worker_message_to_a_busy_session_meets_the_busy_policy(serve: Serve) -> None:
    s = await serve()
    await s.run("m1")
    assert (await s.send("m2", dispatch="worker"))["decision"] == "interrupt"


async def test_the_retry_delay_doubles_and_ends_with_a_success(serve: Serve) -> None:
    s = await serve(retry_delay_seconds=10, max_deliveries=9)
    run = await s.run("m1")
    for delay in (10, 20, 40):
        await s.end(run, "failed")
        answer = await s.send(f"after-{delay}", "bob")
        assert answer["reason"] == "retry_delay"
        s.clock.step(delay)
        [run] = await s.claim()
    await s.end(run)
    await s.end(await s.run("m2"), "failed")
    s.clock.step(10)
    assert (await s.send("m3"))["decision"] == "run"


async def test_what_waits_too_long_expires_and_is_named(serve: Serve) -> None:
    s = await serve(queue={"ttl_seconds": 60})
    run = await s.run("m1")
    await s.send("m2", "bob", text="x" * 300)
    for _ in range(3):
        s.clock.step(20)
        await s.beat(run)
    answer = await s.send("m3", "carol")
    assert answer["dropped"] == [{"message_id": "m2", "reason": "expired"}]
    assert await s.state("m2") == ("removed", "expired")
    following = (await s.end(run))["next"]
    assert ids(following) == ["m3"]
    omitted = {"message_id": "m2", "user_id": "bob", "user_name": "Bob", "reason": "expired"}
    assert following["omitted"] == [{**omitted, "excerpt": "x" * 200}]
    assert following["omitted_count"] == 1


async def test_what_came_back_from_a_run_never_expires_and_is_never_dropped(serve: Serve) -> None:
    s = await serve(queue={"ttl_seconds": 60, "max": 1, "overflow": "drop_oldest"})
    run = await s.run("m1")
    await s.end(run, "released", next=False)
    s.clock.step(3600)
    await s.send("m2", dispatch="worker")
    answer = await s.send("m3", dispatch="worker")
    assert answer["dropped"] == [{"message_id": "m2", "reason": "overflow"}]
    assert await s.waiting() == ["m1", "m3"]


async def test_what_came_back_stays_when_what_never_ran_expires(serve: Serve) -> None:
    s = await serve(queue={"ttl_seconds": 60})
    run = await s.run("m1")
    await s.send("m2", "bob")
    await s.end(run, "released", next=False)
    s.clock.step(60)
    answer = await s.send("m3", "carol")
    assert answer["dropped"] == [{"message_id": "m2", "reason": "expired"}]
    assert ids(answer["run"]) == ["m1", "m3"]


async def test_only_the_senders_own_message_is_dropped_for_another(serve: Serve) -> None:
    s = await serve(queue={"max": 2, "overflow": "drop_oldest"})
    await s.run("m1")
    await s.send("m2", "bob")
    await s.send("m3", "carol")
    refused = await s.send("m4", "dave")
    assert (refused["decision"], refused["reason"]) == ("reject", "queue_full")
    answer = await s.send("m5", "carol")
    assert answer["dropped"] == [{"message_id": "m3", "reason": "overflow"}]
    assert answer["queue"]["first"] is False, "carol has been told before"
    assert await s.waiting() == ["m2", "m5"]


async def test_twenty_are_named_and_all_are_counted(serve: Serve) -> None:
    s = await serve(queue={"max": 1, "overflow": "drop_oldest"})
    run = await s.run("m0")
    for number in range(1, 27):
        await s.send(f"m{number}", "bob")
    following = (await s.end(run))["next"]
    assert ids(following) == ["m26"]
    assert following["omitted_count"] == 25
    assert [o["message_id"] for o in following["omitted"]] == [f"m{n}" for n in range(6, 26)]


@pytest.mark.parametrize("outcome", ["interrupted", "released", "failed"])
async def test_what_was_left_out_is_told_until_a_run_completes(serve: Serve, outcome: str) -> None:
    s = await serve(queue={"max": 1, "overflow": "drop_oldest"})
    run = await s.run("m1")
    await s.send("m2", "bob")
    await s.send("m3", "bob")
    told = (await s.end(run))["next"]
    await s.end(told, outcome, next=False)
    again = await s.run("m4")
    assert [o["message_id"] for o in again["omitted"]] == ["m2"]
    await s.end(again)
    assert (await s.run("m5"))["omitted"] == []


async def test_what_is_dropped_while_a_run_completes_is_told_to_the_next(serve: Serve) -> None:
    s = await serve(queue={"max": 1, "overflow": "drop_oldest"})
    run = await s.run("m1")
    await s.send("m2", "bob")
    await s.send("m3", "bob")
    first = (await s.end(run))["next"]
    await s.send("m4", "bob", busy="queue")
    await s.send("m5", "bob", busy="queue")
    second = (await s.end(first))["next"]
    assert [o["message_id"] for o in first["omitted"]] == ["m2"]
    assert [o["message_id"] for o in second["omitted"]] == ["m4"]
    assert second["omitted_count"] == 1
