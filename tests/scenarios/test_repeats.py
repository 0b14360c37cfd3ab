"""Every call whose answer was lost is made again, and does its work once (I4)."""

from typing import Any

import pytest

from tests.scenarios.conftest import Serve
from tests.scenarios.service import Json, Service, ids


async def _whole(s: Service) -> tuple[Json, dict[str, int]]:
    return await s.session(), await s.figures()


@pytest.mark.parametrize(
    ("fields", "decision"),
    [
        ({"user": "bob"}, "queue"),
        ({"user": "alice"}, "interrupt"),
        ({"user": "alice", "busy": "steer"}, "steer"),
        ({"user": "alice", "kind": "internal"}, "queue"),
        ({"user": "alice", "control": "stop"}, "control"),
        ({"user": "alice", "control": "reset"}, "control"),
    ],
)
async def test_a_message_sent_again_changes_nothing(
    serve: Serve, fields: dict[str, Any], decision: str
) -> None:
    s = await serve()
    await s.run("m1")
    await s.send("m2", "carol")
    answer = await s.send("m3", **fields)
    assert answer["decision"] == decision
    before = await _whole(s)
    s.clock.step(1)
    for _ in range(2):
        again = await s.send("m3", **fields)
        assert (again["decision"], again["duplicate_of"]) == ("duplicate", decision)
        assert again["state"] == answer["state"]
        if answer["queue"]:
            place = answer["queue"] | {"first": False}
            assert again["queue"] == place
    assert await _whole(s) == before


@pytest.mark.parametrize("control", ["stop", "reset"])
async def test_a_control_sent_again_does_nothing_to_the_next_run(
    serve: Serve, control: str
) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.send("c", control=control)
    await s.end(run, "interrupted")
    later = await s.run("m2")
    await s.send("m3", busy="queue")
    session_id = (await s.session())["session"]["id"]
    again = await s.send("c", control=control)
    assert (again["decision"], again["control"]) == ("duplicate", None)
    assert (await s.beat(later))["interrupt"] is None
    assert await s.waiting() == ["m3"]
    assert (await s.session())["session"]["id"] == session_id


async def test_a_control_that_found_nothing_is_remembered_too(serve: Serve) -> None:
    s = await serve()
    assert (await s.send("c", control="stop"))["reason"] == "nothing_runs"
    run = await s.run("m1")
    assert (await s.send("c", control="stop"))["decision"] == "duplicate"
    assert (await s.beat(run))["interrupt"] is None


async def test_a_refused_message_may_be_sent_again_and_be_decided_anew(serve: Serve) -> None:
    s = await serve(busy={"other_sender": "reject"})
    run = await s.run("m1")
    for _ in range(2):
        assert (await s.send("m2", "bob"))["reason"] == "busy_reject"
    await s.end(run)
    assert (await s.send("m2", "bob"))["decision"] == "run"


async def test_a_lost_grant_is_given_again_to_its_own_consumer(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1")
    again = await s.send("m1")
    assert (again["decision"], again["run"]) == ("duplicate", run)
    assert (await s.send("m1", consumer="gw-2"))["run"] is None
    await s.beat(run)
    assert (await s.send("m1"))["run"] is None, "its holder has it"


@pytest.mark.parametrize(
    "end",
    [
        {"outcome": "completed"},
        {"outcome": "interrupted"},
        {"outcome": "interrupted", "requeue": True},
        {"outcome": "released"},
        {"outcome": "failed"},
        {"outcome": "completed", "seen": ["m3"]},
    ],
)
async def test_a_run_ended_again_answers_the_same(serve: Serve, end: dict[str, Any]) -> None:
    s = await serve(busy={"same_sender": "steer"})
    run = await s.run("m1")
    await s.send("m2", "bob")
    await s.send("m3")
    first = await s.end(run, **end)
    before = await _whole(s)
    assert await s.end(run, **end) == first
    assert await _whole(s) == before
    await s.beat(first["next"])
    assert (await s.end(run, **end))["next"] is None


async def test_a_heartbeat_repeated_says_a_steer_once_more_and_takes_it_once(serve: Serve) -> None:
    s = await serve(busy={"same_sender": "steer"})
    run = await s.run("m1")
    await s.send("m2")
    beats = [await s.beat(run) for _ in range(2)]
    assert beats[0] == beats[1]
    for _ in range(3):
        assert (await s.beat(run, seen=["m2", "m1", "nonsense"]))["steer"] == []
    assert [m["message_id"] for m in (await s.session())["batch"]] == ["m1", "m2"]
    assert await s.figures() == {"accepted": 2, "in_run": 2}


async def test_an_interrupt_asked_for_twice_keeps_its_first_deadline(serve: Serve) -> None:
    s = await serve(interrupt_grace_seconds=20)
    run = await s.run("m1")
    await s.send("m2")
    first = (await s.beat(run))["interrupt"]
    s.clock.step(10)
    await s.send("m3")
    await s.send("m4", control="stop")
    asked = (await s.beat(run))["interrupt"]
    assert asked["cause"] == "stop"
    for name in ("requested_at", "deadline"):
        assert asked[name] == first[name]


async def test_a_stale_holder_changes_nothing_by_any_call(serve: Serve) -> None:
    s = await serve(busy={"same_sender": "steer"})
    stale = await s.run("m1")
    await s.act("release")
    run = await s.run("m2")
    await s.send("m3")
    before = await _whole(s)
    for fence in (stale["fence"], run["fence"]):
        for verb, more in (
            ("heartbeat", {"seen": ["m3"], "status": "stale"}),
            ("complete", {"outcome": "completed", "seen": ["m3"]}),
        ):
            path = f"/v1/runs/{stale['id']}/{verb}"
            assert (await s.call("POST", path, {"fence": fence, **more})).status_code == 409
    assert await _whole(s) == before
    assert ids(run) == ["m1", "m2"]
