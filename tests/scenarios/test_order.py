"""The order of delivery (I3): batches, interrupts, what comes back."""

from typing import Any

import pytest

from tests.scenarios.conftest import Serve
from tests.scenarios.service import Json, Service, ids


async def _queue_up(s: Service, *senders: str) -> Json:
    """Let alice's m0 run, and messages of these senders wait behind it as m1, m2, ..."""
    run = await s.run("m0", "alice")
    for number, sender in enumerate(senders, 1):
        await s.send(f"m{number}", sender, busy="queue")
    return run


async def _batches(s: Service, run: Json) -> list[list[str]]:
    """End the run and every next one; the batches that came."""
    batches = []
    following: Json | None = (await s.end(run))["next"]
    while following is not None:
        batches.append(ids(following))
        following = (await s.end(following))["next"]
    return batches


@pytest.mark.parametrize(
    ("policy", "batches"),
    [
        ({"drain": "all"}, [["m1", "m2", "m3", "m4"]]),
        ({"drain": "all", "batch_max": 3}, [["m1", "m2", "m3"], ["m4"]]),
        ({"drain": "one"}, [["m1"], ["m2"], ["m3"], ["m4"]]),
        ({"drain": "by_sender"}, [["m1", "m3"], ["m2", "m4"]]),
        ({"drain": "by_sender", "batch_max": 1}, [["m1"], ["m2"], ["m3"], ["m4"]]),
    ],
)
async def test_batches_are_shaped_as_drain_says(
    serve: Serve, policy: dict[str, Any], batches: list[list[str]]
) -> None:
    s = await serve(**policy)
    run = await _queue_up(s, "bob", "carol", "bob", "carol")
    assert await _batches(s, run) == batches


@pytest.mark.parametrize(
    ("drain", "batches"),
    [
        ("all", [["m2", "m4", "m5", "m1", "m3"]]),
        ("one", [["m2"], ["m4"], ["m5"], ["m1"], ["m3"]]),
        ("by_sender", [["m2", "m4", "m5"], ["m1", "m3"]]),
    ],
)
async def test_an_interrupt_brings_its_senders_messages_to_the_front_in_their_order(
    serve: Serve, drain: str, batches: list[list[str]]
) -> None:
    s = await serve(drain=drain)
    run = await _queue_up(s, "bob", "alice", "bob", "alice")
    answer = await s.send("m5", "alice")
    assert (answer["decision"], answer["queue"]["position"]) == ("interrupt", 3)
    assert await _batches(s, run) == batches


async def test_the_later_interrupt_stands_before_the_earlier_of_another(serve: Serve) -> None:
    s = await serve(busy={"other_sender": "interrupt"})
    run = await s.run("m1", "alice")
    await s.send("m2", "bob")
    await s.send("m3", "carol")
    await s.send("m4", "bob")
    assert await _batches(s, run) == [["m2", "m4", "m3"]]


async def test_a_batch_that_returns_stands_before_an_interrupt(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1", "alice")
    await s.send("m2", "bob")
    await s.send("m3", "alice")
    assert ids((await s.end(run, "released"))["next"]) == ["m1", "m3", "m2"]


async def test_a_requeued_batch_comes_back_uncounted_and_says_why(serve: Serve) -> None:
    s = await serve(max_deliveries=2)
    run = await s.run("m1")
    for _ in range(4):
        again = (await s.end(run, "interrupted", requeue=True, reason="rolled back"))["next"]
        assert ids(again) == ["m1"]
        assert again["messages"][0]["deliveries"] == 1
        previous = again["previous"]
        assert (previous["id"], previous["ended"]) == (run["id"], "interrupted")
        assert previous["reason"] == "rolled back"
        run = again


async def test_requeue_goes_with_an_interrupt_alone(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1")
    body = {"fence": run["fence"], "outcome": "completed", "requeue": True}
    assert (await s.call("POST", f"/v1/runs/{run['id']}/complete", body)).status_code == 422


async def test_a_seen_steer_ends_with_the_batch_and_an_unseen_one_goes_on_waiting(
    serve: Serve,
) -> None:
    s = await serve(busy={"same_sender": "steer"})
    run = await s.run("m1")
    for number in (2, 3, 4):
        assert (await s.send(f"m{number}"))["decision"] == "steer"
    assert [m["message_id"] for m in (await s.beat(run))["steer"]] == ["m2", "m3", "m4"]
    await s.beat(run, seen=["m2"])
    ended = await s.end(run, seen=["m4"])
    assert ended["returned"] == ["m3"]
    assert ids(ended["next"]) == ["m3"]
    assert [(await s.state(m))[0] for m in ("m1", "m2", "m4")] == ["done"] * 3


async def test_a_seen_steer_comes_back_with_its_batch(serve: Serve) -> None:
    s = await serve(busy={"same_sender": "steer"})
    run = await s.run("m1")
    await s.send("m2")
    await s.beat(run, seen=["m2"])
    again = (await s.end(run, "failed"))["next"]
    assert [(m["message_id"], m["deliveries"]) for m in again["messages"]] == [("m1", 2), ("m2", 2)]


async def test_what_others_sent_before_a_steer_is_not_offered_with_it(serve: Serve) -> None:
    s = await serve(busy={"same_sender": "steer", "other_sender": "queue"})
    run = (await s.send("m1"))["run"]
    assert (await s.send("m2", "bob"))["decision"] == "queue"
    assert (await s.send("m3"))["decision"] == "steer"
    assert [m["message_id"] for m in (await s.beat(run))["steer"]] == ["m3"]


async def test_a_steer_from_another_route_waits_at_the_back(serve: Serve) -> None:
    s = await serve(busy={"same_sender": "steer"}, thread_isolation="inherit")
    run = await s.run("m1")
    await s.send("m2", "bob", busy="queue")
    answer = await s.send("m3", chat_type="thread", thread_id="5")
    assert (answer["decision"], answer["queue"]["position"]) == ("queue", 2)
    assert (await s.beat(run))["steer"] == []


async def test_an_interrupt_may_come_from_another_route(serve: Serve) -> None:
    s = await serve(thread_isolation="inherit")
    run = await s.run("m1")
    answer = await s.send("m2", chat_type="thread", thread_id="5")
    assert answer["decision"] == "interrupt"
    batch = (await s.end(run, "interrupted"))["next"]
    assert (batch["route"]["thread_id"], ids(batch)) == ("5", ["m2"])


async def test_a_run_of_a_background_notice_belongs_to_nobody(serve: Serve) -> None:
    s = await serve()
    await s.end(await s.run("m0", "alice"))
    run = await s.run("job", "alice", kind="internal")
    answer = await s.send("m1", "alice")
    assert (answer["decision"], answer["reason"]) == ("queue", "other_sender_active")
    assert answer["active_run"]["owners"] == []
    stop = await s.send("m2", "alice", control="stop")
    assert stop["control"]["stopped"] == [run["id"]], "a participant may stop it"


async def test_a_bot_that_the_platform_calls_a_moderator_is_still_a_bot(serve: Serve) -> None:
    s = await serve(busy={"same_sender": "interrupt", "other_sender": "interrupt"})
    run = await s.run("m1")
    bot: Json = {"user": "bot", "is_bot": True, "is_moderator": True}
    assert (await s.send("m2", **bot))["decision"] == "queue"
    assert (await s.send("m3", control="stop", **bot))["reason"] == "not_owner"
    assert (await s.beat(run))["interrupt"] is None
