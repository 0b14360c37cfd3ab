"""Wounds that public projects reported, each told again until it heals.

Every test fails on the naive behaviour that its issue describes.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.scenarios.conftest import Serve
from tests.scenarios.service import Json, Service, ids, message


async def test_a_message_between_the_last_look_at_the_queue_and_the_release_is_not_lost(
    serve: Serve,
) -> None:
    """vercel/chat 928: look, find nothing, release: what came in between waited for ever."""
    s = await serve()
    run, delivered = await s.run("m0"), ["m0"]
    for number in range(1, 41):
        ends, comes = s.end(run), s.send(f"m{number}", "bob", consumer="gw-2")
        # Both orders, and whatever the loop makes of them.
        first, second = (ends, comes) if number % 2 else (comes, ends)
        answers = await asyncio.gather(first, second)
        ended, came = answers if number % 2 else answers[::-1]
        runs: list[Json] = [r for r in (ended["next"], came["run"]) if r is not None]
        assert len(runs) == 1, "exactly one of the two hands the message to a run"
        run = runs[0]
        delivered += ids(run)
    assert delivered == [f"m{number}" for number in range(41)]


async def test_no_message_overwrites_another_that_is_pending(serve: Serve) -> None:
    """hermes-agent 4947, PR 8274: one pending slot a session, and the last to come had it."""
    s = await serve()
    run = await s.run("m1")
    for number, user in enumerate(("bob", "carol", "bob", "alice", "bob"), 2):
        await s.send(f"m{number}", user, busy="queue")
    batch = (await s.end(run))["next"]
    assert ids(batch) == ["m2", "m3", "m4", "m5", "m6"]
    assert batch["text"].splitlines() == [f"text of m{number}" for number in range(2, 7)]


async def test_a_stop_is_never_replayed_as_a_prompt(serve: Serve) -> None:
    """hermes-agent PR 2497: a /stop that met a busy session became the next turn's text."""
    s = await serve()
    run = await s.run("m1")
    stop = await s.send("m2", text="/stop", control="stop")
    assert (stop["decision"], stop["state"]) == ("control", None)
    assert stop["control"]["stopped"] == [run["id"]]
    await s.send("m3", "bob")
    batch = (await s.end(run, "interrupted"))["next"]
    assert ids(batch) == ["m3"], "neither the stop nor what was stopped runs again"
    assert (await s.end(batch))["next"] is None
    assert await s.figures() == {"accepted": 2, "done": 1, "removed": 1}
    assert (await s.call("GET", _status_path("m2"))).status_code == 404


async def test_a_stop_that_is_sent_again_does_not_kill_the_next_run(serve: Serve) -> None:
    """hermes-agent PR 2497: what was typed at one run must not reach another."""
    s = await serve()
    run = await s.run("m1")
    await s.send("m2", text="/stop", control="stop")
    await s.end(run, "interrupted")
    later = await s.run("m3")
    again = await s.send("m2", text="/stop", control="stop")
    assert (again["decision"], again["duplicate_of"]) == ("duplicate", "control")
    assert (await s.beat(later))["interrupt"] is None


async def test_b_does_not_interrupt_a(serve: Serve) -> None:
    """hermes-agent PR 1495: in a shared session anybody's message killed the running turn."""
    s = await serve()
    run = await s.run("m1", "alice")
    answer = await s.send("m2", "bob")
    assert (answer["decision"], answer["reason"]) == ("queue", "other_sender_active")
    assert (await s.beat(run))["interrupt"] is None
    assert ids((await s.end(run))["next"]) == ["m2"]


async def test_b_cannot_lend_himself_the_right_to_interrupt(serve: Serve) -> None:
    """hermes-agent PR 1495: the message's own mode is a wish, the policy decides."""
    s = await serve()
    run = await s.run("m1", "alice")
    for number, mode in enumerate(("interrupt", "steer"), 2):
        assert (await s.send(f"m{number}", "bob", busy=mode))["decision"] == "queue"
    beat = await s.beat(run)
    assert (beat["interrupt"], beat["steer"]) == (None, [])


@pytest.mark.parametrize("mode", ["interrupt", "steer", "reject"])
async def test_a_background_notice_interrupts_nobody(serve: Serve, mode: str) -> None:
    """hermes-agent PR 20941: a finished background job cut off the answer to its own user."""
    s = await serve(busy={"same_sender": mode, "other_sender": mode})
    run = await s.run("m1")
    answer = await s.send("job", "alice", kind="internal", busy=None)
    assert (answer["decision"], answer["reason"]) == ("queue", "internal")
    beat = await s.beat(run)
    assert (beat["interrupt"], beat["steer"]) == (None, [])
    assert ids((await s.end(run))["next"]) == ["job"]


Recovery = Callable[[Service, Json], Awaitable[None]]


async def _crash(s: Service, _: Json) -> None:
    s.clock.step(30)


async def _force(s: Service, _: Json) -> None:
    await s.act("release")


async def _fail(s: Service, run: Json) -> None:
    await s.end(run, "failed", next=False)


@pytest.mark.parametrize("recover", [_crash, _force, _fail])
async def test_recovery_of_a_lost_run_keeps_the_queue(serve: Serve, recover: Recovery) -> None:
    """Openclaw 89208: the sweep that freed a stuck session threw its queue away."""
    s = await serve()
    run = await s.run("m1")
    await s.send("m2", "bob")
    await s.send("m3", "carol")
    await recover(s, run)
    assert await s.is_lost(run)
    assert ids(await s.run("m4", "dave")) == ["m1", "m2", "m3", "m4"]


async def test_one_webhook_delivered_to_ten_gateways_is_one_run(serve: Serve) -> None:
    """hermes-agent 68502: a webhook was retried while the first was at work: two answers."""
    s = await serve()
    answers = await asyncio.gather(*(s.send("m1", consumer=f"gw-{n}") for n in range(10)))
    assert sorted(a["decision"] for a in answers) == ["duplicate"] * 9 + ["run"]
    assert sum(a["run"] is not None for a in answers) == 1
    run = next(a["run"] for a in answers if a["run"])
    await s.end(run)
    again = await s.send("m1", consumer=run["consumer"])
    assert (again["decision"], again["state"], again["run"]) == ("duplicate", "done", None)
    assert await s.figures() == {"accepted": 1, "done": 1}


async def test_a_duplicate_of_what_waits_takes_no_second_place(serve: Serve) -> None:
    """hermes-agent 68502: the queue had the retried message twice."""
    s = await serve()
    run = await s.run("m1")
    await s.send("m2", "bob")
    await s.send("m2", "bob", consumer="gw-2")
    assert ids((await s.end(run))["next"]) == ["m2"]


async def test_what_was_refused_was_not_seen(serve: Serve) -> None:
    """Novu 11593: an id was remembered before its message was stored, and its retry dropped."""
    s = await serve(queue={"max": 1}, bot_limit={"max": 0})
    run = await s.run("m1")
    await s.send("m2", "bob")
    refused = await s.send("m3", "carol")
    assert (refused["decision"], refused["reason"]) == ("reject", "queue_full")
    assert (await s.call("GET", _status_path("m3"))).status_code == 404
    await s.end(run)
    assert (await s.send("m3", "carol"))["decision"] == "queue"


async def test_an_id_of_an_invalid_call_was_not_seen(serve: Serve) -> None:
    """Novu 11593: nothing is known of a message that was never accepted."""
    s = await serve()
    body = message("m1", "alice", kind="nonsense")
    assert (await s.call("POST", "/v1/messages", body)).status_code == 422
    assert ids(await s.run("m1")) == ["m1"]


async def test_a_steer_inherits_nothing_of_the_owners_rights(serve: Serve) -> None:
    """Openclaw PR 76777: a steered message was taken for the run's owner speaking."""
    s = await serve(isolation="tagged", busy={"other_sender": "steer"})
    run = await s.run("m1", "alice")
    assert (await s.send("m2", "mallory"))["decision"] == "steer"
    offered = (await s.beat(run))["steer"]
    assert [(m["message_id"], m["user_id"]) for m in offered] == [("m2", "mallory")]
    assert offered[0]["tagged_text"] == "[Mallory · mallory] text of m2"
    await s.beat(run, seen=["m2"])
    stop = await s.send("m3", "mallory", control="stop")
    assert (stop["decision"], stop["reason"]) == ("reject", "not_owner")
    reset = await s.send("m4", "mallory", control="reset")
    assert (reset["decision"], reset["reason"]) == ("reject", "not_owner")
    answer = await s.send("m5", "mallory")
    assert answer["reason"] == "other_sender_active"
    assert answer["active_run"]["owners"] == ["discord:alice"]
    assert (await s.send("m6", "alice"))["reason"] == "same_sender_active"


def _status_path(message_id: str) -> str:
    return f"/v1/messages?platform=discord&chat_id=room&message_id={message_id}"
