"""`ask.lua`, and what `admit.lua` makes of a message while a run asks."""

from typing import Any

import pytest

from app.errors import LeaseLost, RunSealed
from app.store import scripts
from session_router.models import Decision, Heartbeat, Run
from tests.scripts.conftest import Open
from tests.sessions import ROOM, Sessions, granted, ids
from tests.state import EPOCH_MS


async def asking(s: Sessions, **fields: object) -> Run:
    """Start alice's run, and let it ask."""
    run = granted(await s.send("m1"))
    await s.ask(run, "delete?", **fields)
    return run


def said(decision: Decision) -> tuple[str, str]:
    return decision.decision, decision.reason


async def test_a_plain_text_of_the_owner_answers_and_interrupts_nobody(sessions: Open) -> None:
    s = sessions()
    run = await asking(s)
    decision = await s.send("yes")
    assert said(decision) == ("answer", "asking")
    assert decision.state == "waiting"
    assert decision.active_run is not None
    assert decision.active_run.asking is not None
    assert decision.active_run.asking.prompt_id == "delete?"
    beat = await s.heartbeat(run)
    assert beat.interrupt is None
    assert beat.steer == ()
    assert [(m.message_id, m.answers) for m in beat.answers] == [("yes", "delete?")]
    beat = await s.heartbeat(run, seen=["yes"])
    assert beat.answers == ()
    await s.complete(run)
    assert s.counters() == {"accepted": 2, "done": 2}


async def test_what_is_no_answer_follows_the_busy_policy(sessions: Open) -> None:
    s = sessions(thread_isolation="inherit")
    await asking(s, reply_to="post")
    cases = {
        "b1": ("bob", {}, ("queue", "other_sender_active")),
        "r1": ("alice", {"reply_to": "another"}, ("interrupt", "same_sender_active")),
        "q1": ("alice", {"busy": "queue"}, ("queue", "same_sender_active")),
        "i1": ("alice", {"kind": "internal"}, ("queue", "internal")),
        "t1": ("alice", {"thread_id": "9"}, ("interrupt", "same_sender_active")),
        "r2": ("alice", {"reply_to": "post"}, ("answer", "asking")),
        "r3": ("bob", {"reply_to": "post"}, ("queue", "other_sender_active")),
    }
    for message_id, (user, fields, expected) in cases.items():
        assert said(await s.send(message_id, user, **fields)) == expected, message_id


async def test_a_button_answers_its_own_prompt_only(sessions: Open) -> None:
    s = sessions(thread_isolation="inherit")
    run = await asking(s)
    gone = await s.send("c1", answers="another")
    assert said(gone) == ("reject", "prompt_gone")
    assert said(await s.send("c2", "bob", answers="delete?")) == ("reject", "not_owner")
    assert "id:c1" not in s.state
    assert said(await s.send("c3", answers="delete?", thread_id="9")) == ("answer", "asking")
    assert ids_of_answers(await s.heartbeat(run)) == ["c3"]
    await s.ask(run, None)
    assert said(await s.send("c4", answers="delete?")) == ("reject", "prompt_gone")


def ids_of_answers(beat: Heartbeat) -> list[str]:
    return [m.message_id for m in beat.answers]


@pytest.mark.parametrize(
    ("who", "user", "fields", "expected"),
    [
        ("anyone", "bob", {}, "answer"),
        ("anyone", "bob", {"is_bot": True}, "queue"),
        (("bob",), "bob", {}, "answer"),
        (("bob",), "alice", {}, "interrupt"),
        (("bot",), "bot", {"is_bot": True}, "answer"),
        ("owners", "bob", {"is_moderator": True}, "interrupt"),
    ],
)
async def test_who_may_answer(
    sessions: Open, who: object, user: str, fields: dict[str, Any], expected: str
) -> None:
    s = sessions()
    await asking(s, who=who)
    assert (await s.send("x1", user, **fields)).decision == expected


async def test_an_answer_that_was_not_seen_stands_in_front_for_the_next_run(
    sessions: Open,
) -> None:
    s = sessions()
    run = await asking(s)
    await s.send("b1", "bob")
    await s.send("yes")
    completion = await s.complete(run)
    assert completion.returned == ("yes",)
    assert ids(completion.next) == ["yes", "b1"]


async def test_nothing_is_lost_when_the_asker_dies(sessions: Open) -> None:
    s = sessions()
    await asking(s)
    await s.send("yes")
    s.clock.step(30)
    await s.sweep()
    run = await s.claim()
    assert ids(run) == ["m1", "yes"]


async def test_one_prompt_at_a_time_and_a_repeat_extends_nothing(sessions: Open) -> None:
    s = sessions()
    run = await asking(s, expires_seconds=60)
    s.clock.step(5)
    again = await s.ask(run, "delete?", expires_seconds=60)
    assert again.expires_at is not None
    assert again.expires_at.timestamp() * 1000 - EPOCH_MS == 60_000
    await s.ask(run, "sure?")
    assert said(await s.send("c1", answers="delete?")) == ("reject", "prompt_gone")
    assert said(await s.send("c2", answers="sure?")) == ("answer", "asking")


async def test_a_run_may_tell_later_where_it_asks_and_whom(sessions: Open) -> None:
    s = sessions()
    run = await asking(s, expires_seconds=60)
    s.clock.step(5)
    again = await s.ask(run, "delete?", reply_to="post", who=["bob"], expires_seconds=60)
    assert again.expires_at is not None
    assert again.expires_at.timestamp() * 1000 - EPOCH_MS == 60_000
    assert said(await s.send("yes", "bob", reply_to="post")) == ("answer", "asking")


async def test_a_user_of_another_platform_is_not_the_one_who_is_asked(sessions: Open) -> None:
    s = sessions(dm_scope="main")
    run = granted(await s.send("m1", "7", chat_type="dm", chat_id="7"))
    await s.ask(run, "delete?", who=["7"])
    there = {"platform": "telegram", "chat_type": "dm", "chat_id": "7"}
    assert said(await s.send("x1", "7", answers="delete?", **there)) == ("reject", "not_owner")


async def test_an_answer_from_another_route_can_be_seen(sessions: Open) -> None:
    s = sessions(thread_isolation="inherit")
    run = await asking(s)
    await s.send("yes", answers="delete?", thread_id="9")
    await s.heartbeat(run, seen=["yes"])
    again = granted(await s.complete(run, "released"))
    assert ids(again) == ["m1"]
    assert ids((await s.complete(again)).next) == ["yes"]


async def test_a_prompt_expires(sessions: Open) -> None:
    s = sessions(lease_seconds=100)
    await asking(s, expires_seconds=60)
    s.clock.step(60)
    assert said(await s.send("c1", answers="delete?")) == ("reject", "prompt_gone")
    assert said(await s.send("late")) == ("interrupt", "same_sender_active")


async def test_the_time_that_a_run_asks_does_not_count(sessions: Open) -> None:
    s = sessions(max_run_seconds=100, lease_seconds=3600)
    run = granted(await s.send("m1"))
    s.clock.step(10)
    await s.ask(run, "delete?", expires_seconds=1_000)
    assert s.record()["over_at"] == 1_100_000
    s.clock.step(500)
    await s.ask(run, None)
    assert s.record()["over_at"] == 600_000
    await s.ask(run, "again?", expires_seconds=50)
    assert s.record()["over_at"] == 650_000
    s.clock.step(139)
    await s.heartbeat(run)
    s.clock.step(1)
    await s.sweep()
    events = s.state[f"timeline:{ROOM}"]
    assert [e.reason for e in events if e.event == "ended"] == ["max_run"]


async def test_sealing_withdraws_the_prompt_after_the_answers_were_seen(sessions: Open) -> None:
    s = sessions()
    run = await asking(s)
    await s.send("yes")
    refused = await s.seal(run)
    assert not refused.sealed
    assert [m.message_id for m in refused.answers] == ["yes"]
    assert (await s.seal(run, "yes")).sealed
    assert said(await s.send("c1", answers="delete?")) == ("reject", "prompt_gone")
    with pytest.raises(RunSealed):
        await s.ask(run, "more?")


async def test_a_stale_holder_asks_nobody(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    s.clock.step(30)
    with pytest.raises(LeaseLost):
        await s.ask(run, "delete?")
    assert s.changed == {}


async def test_answers_pass_the_queue_limits(sessions: Open) -> None:
    s = sessions(queue={"max": 0})
    await asking(s)
    assert said(await s.send("yes")) == ("answer", "asking")
    assert said(await s.send("b1", "bob")) == ("reject", "queue_full")


async def test_a_resent_answer_is_a_duplicate(sessions: Open) -> None:
    s = sessions()
    await asking(s)
    await s.send("yes")
    again = await s.send("yes")
    assert (again.decision, again.duplicate_of) == ("duplicate", "answer")


async def test_a_held_run_is_left_alone_but_answered(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.heartbeat(run, hold=True)
    assert said(await s.send("m2")) == ("queue", "run_held")
    await s.ask(run, "delete?")
    assert said(await s.send("yes")) == ("answer", "asking")
    await s.ask(run, None)
    await s.heartbeat(run, hold=False)
    assert said(await s.send("m3")) == ("interrupt", "same_sender_active")
    assert said(await s.send("x1", control="stop")) == ("control", "stopped")


async def test_a_held_run_is_stopped_all_the_same(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.heartbeat(run, hold=True)
    assert said(await s.send("x1", control="stop")) == ("control", "stopped")
    assert (await s.heartbeat(run)).interrupt is not None


async def test_a_batch_takes_no_more_answers_than_it_may_hold(
    sessions: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = "BATCH_WITH_STEERS_MAX = {}"
    body = scripts.LIBRARY.body.replace(bound.format(1000), bound.format(3))
    monkeypatch.setattr(scripts, "LIBRARY", scripts.library_of(body))
    s = sessions(busy={"same_sender": "queue"})
    run = await asking(s)
    for answer in ("a1", "a2"):
        assert said(await s.send(answer)) == ("answer", "asking")
        await s.heartbeat(run, seen=[answer])
    assert said(await s.send("a3")) == ("queue", "same_sender_active")
