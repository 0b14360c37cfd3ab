"""`complete.lua`: every reply, and the whole state after it."""

from typing import Any

import pytest

from app.errors import LeaseLost, UnknownRun
from tests.scripts.conftest import Open
from tests.sessions import ROOM, granted, ids, shown
from tests.state import DAY, DeadLetter, End, Event, Home, M, State, tally

ALICE, BOB = "discord:alice", "discord:bob"


def home(state: str, **fields: Any) -> Home:
    return Home(ROOM, state, **fields)


def stats(**counts: int) -> State:
    return {f"{state}:main:discord": number for state, number in counts.items()}


def end(**fields: Any) -> End:
    known = {
        "session": ROOM,
        "ended": "",
        "outcome": "completed",
        "reason": "",
        "next": None,
        "at": 2_000,
        "consumer": "/gw-1",
        "session_id": 0,
        "started_at": 0,
        "owners": (ALICE,),
        "status": "",
        "ttl": DAY,
    }
    return End(**{**known, **fields})


async def test_a_completed_run_leaves_an_idle_session_and_this_is_all_that_changes(
    sessions: Open,
) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    s.clock.step(2)
    completion = await s.complete(run)
    assert s.changed == {
        f"session:{ROOM}": {
            "fence": None,
            "lease_at": None,
            "over_at": None,
            "new": None,
            "last_at": 2_000,
            "done": 1,
        },
        f"run:{ROOM}": None,
        f"batch:{ROOM}": None,
        "stats": stats(in_run=0, done=1) | tally(ended_completed=1, run_ms=2_000, run_within_5=1),
        "due": None,
        "running:main:discord": None,
        "consumer:/gw-1": None,
        f"timeline:{ROOM}": [Event(2_000, "ended", "completed", "/gw-1", fence=1)],
        "active:agent:main:discord:room": None,
        "ended:1": end(),
        "id:m1": home(
            "done",
            decision="run",
            reason="completed",
            fence=1,
            granted_at=0,
            since=2_000,
            ttl=DAY,
        ),
    }
    assert completion.next is None
    assert completion.returned == ()
    assert shown(completion).key == ROOM
    assert not shown(completion).is_new


async def test_the_next_batch_is_granted_in_the_same_step(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    s.clock.step(1)
    await s.send("b1", "bob")
    s.clock.step(1)
    completion = await s.complete(run)
    fence = 2_000_000
    following = granted(completion)
    assert ids(following) == ["b1"]
    assert following.consumer == "gw-1"
    assert following.previous is None
    assert s.changed == {
        f"session:{ROOM}": {
            "fence": fence,
            "lease_at": 32_000,
            "over_at": 32_000,
            "new": None,
            "last_at": 2_000,
            "done": 1,
        },
        f"run:{ROOM}": {
            "fence": fence,
            "by": "",
            "started_at": 2_000,
            "max_at": 3_602_000,
            "owners": [BOB],
        },
        f"batch:{ROOM}": [M("b1", 2, BOB, at=1_000, fence=fence, granted_at=2_000)],
        f"queue:{ROOM}": None,
        f"senders:{ROOM}": None,
        "fence": fence,
        "stats": stats(waiting=0, done=1)
        | tally(granted=2, ended_completed=1, run_ms=2_000, run_within_5=1),
        "due": {ROOM: 32_000},
        "backlog:main:discord": None,
        "consumer:/gw-1": {ROOM: fence},
        f"timeline:{ROOM}": [
            Event(2_000, "ended", "completed", "/gw-1", fence=1),
            Event(2_000, "granted", "", "/gw-1", fence=fence),
        ],
        "ended:1": end(next=fence),
        "id:m1": home(
            "done",
            decision="run",
            reason="completed",
            fence=1,
            granted_at=0,
            since=2_000,
            ttl=DAY,
        ),
        "id:b1": home("in_run", fence=fence, accepted_at=1_000, granted_at=2_000),
    }


async def test_without_next_what_waits_is_ready_for_a_claim(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.send("b1", "bob")
    s.clock.step(2)
    completion = await s.complete(run, next=False)
    assert completion.next is None
    assert s.state["ready:main:discord:default"] == {ROOM: 2_000}
    assert s.state["waiting:main:discord"] == {ROOM: 2_000}
    assert "due" not in s.state
    assert s.record()["ready"] == "main:discord:default"


async def test_an_interrupted_batch_is_done_and_the_session_stays_new(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    completion = await s.complete(run, "interrupted")
    assert shown(completion).is_new
    assert s.state["id:m1"].state == "done"
    assert s.state["id:m1"].reason == "interrupted"
    assert s.counters() == {"accepted": 1, "done": 1}


async def test_a_released_batch_comes_back_uncounted_and_this_is_all_that_changes(
    sessions: Open,
) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    s.clock.step(2)
    await s.complete(run, "released", reason="shutting down", next=False)
    assert s.changed == {
        f"session:{ROOM}": {
            "fence": None,
            "lease_at": None,
            "over_at": None,
            "last_at": 2_000,
            "back": 1,
            "ready": "main:discord:default",
        },
        f"run:{ROOM}": None,
        f"batch:{ROOM}": None,
        f"queue:{ROOM}": [M("m1", 1, ALICE, decision="run", fence=1, granted_at=0)],
        f"senders:{ROOM}": {ALICE: 1},
        "stats": stats(in_run=0, waiting=1) | tally(ended_released=1, run_ms=2_000, run_within_5=1),
        "due": None,
        "running:main:discord": None,
        "waiting:main:discord": {ROOM: 2_000},
        "backlog:main:discord": {ROOM: 0},
        "ready:main:discord:default": {ROOM: 2_000},
        "ready_sets": {"main:discord:default"},
        "consumer:/gw-1": None,
        f"timeline:{ROOM}": [Event(2_000, "ended", "released", "/gw-1", fence=1)],
        "active:agent:main:discord:room": None,
        "ended:1": end(outcome="released", reason="shutting down"),
        "id:m1": home(
            "waiting", decision="run", reason="released", fence=1, granted_at=0, since=2_000
        ),
    }
    following = granted(await s.send("m2", consumer="gw-2"))
    assert [m.deliveries for m in following.messages] == [1, 1]
    assert following.previous is not None
    assert following.previous.model_dump() == {
        "id": run.id,
        "ended": "released",
        "reason": "shutting down",
        "sealed": False,
        "sent": (),
    }


async def test_a_failed_batch_comes_back_counted_and_runs_again(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    s.clock.step(2)
    completion = await s.complete(run, "failed", reason="the model said no")
    following = granted(completion)
    assert [(m.message_id, m.deliveries) for m in following.messages] == [("m1", 2)]
    assert following.previous is not None
    assert (following.previous.ended, following.previous.reason) == ("failed", "the model said no")
    assert following.fence > run.fence
    assert shown(completion).is_new
    assert s.state[f"batch:{ROOM}"] == [
        M("m1", 1, ALICE, decision="run", fence=2_000_000, granted_at=2_000, returns=1)
    ]
    assert s.counters() == {"accepted": 1, "in_run": 1}


async def test_after_a_failure_with_a_delay_nothing_is_granted(sessions: Open) -> None:
    s = sessions(retry_delay_seconds=10)
    run = granted(await s.send("m1"))
    await s.send("b1", "bob")
    s.clock.step(2)
    completion = await s.complete(run, "failed")
    assert completion.next is None
    assert s.order() == ["m1", "b1"]
    assert s.record()["retry_at"] == s.state["due"][ROOM] == 12_000
    assert "ready:main:discord:default" not in s.state


async def test_a_dead_letter_lets_the_session_go_on_and_this_is_all_that_changes(
    sessions: Open,
) -> None:
    s = sessions(max_deliveries=1)
    run = granted(await s.send("m1"))
    s.clock.step(2)
    await s.complete(run, "failed")
    message = M("m1", 1, ALICE, decision="run", fence=1, granted_at=0)
    assert s.changed == {
        f"session:{ROOM}": {
            "fence": None,
            "lease_at": None,
            "over_at": None,
            "last_at": 2_000,
            "dead": 1,
            "born": 1,
        },
        f"run:{ROOM}": None,
        f"batch:{ROOM}": None,
        "stats": stats(in_run=0, dead=1)
        | tally(ended_failed=1, died=1, run_ms=2_000, run_within_5=1),
        "due": None,
        "running:main:discord": None,
        "consumer:/gw-1": None,
        "letters": {"m1": DeadLetter(ROOM, 2_000, message)},
        "dead:main:discord": {"m1": 2_000},
        f"timeline:{ROOM}": [
            Event(2_000, "ended", "failed", "/gw-1", fence=1),
            Event(2_000, "dead", "max_deliveries", message="m1"),
        ],
        "active:agent:main:discord:room": None,
        "ended:1": end(outcome="failed"),
        "id:m1": home(
            "dead",
            decision="run",
            reason="max_deliveries",
            fence=1,
            granted_at=0,
            since=2_000,
        ),
    }


async def test_a_dead_letter_under_a_retry_delay_holds_what_comes_and_strands_nothing(
    sessions: Open,
) -> None:
    s = sessions(max_deliveries=1, retry_delay_seconds=10)
    await s.complete(granted(await s.send("m1")), "failed")
    decision = await s.send("m2", "bob")
    assert (decision.decision, decision.reason) == ("queue", "retry_delay")
    assert s.state["due"] == {ROOM: 10_000}
    s.clock.step(10)
    assert ids((await s.send("m3", "bob")).run) == ["m2"]


async def test_usage_at_the_end_counts_for_the_session(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    completion = await s.complete(run, usage={"context_tokens": 50_000, "context_limit": 100_000})
    assert shown(completion).context.ratio == 0.5
    assert s.record()["tokens"] == 50_000
    assert s.record()["limit"] == 100_000


async def test_completed_ends_the_newness_of_a_session(sessions: Open) -> None:
    s = sessions()
    for number, outcome in enumerate(("interrupted", "released", "failed", "completed")):
        decision = await s.send(f"m{number}")
        assert decision.session is not None
        assert decision.session.is_new
        await s.complete(granted(decision), outcome, next=False)
    decision = await s.send("last")
    assert decision.session is not None
    assert not decision.session.is_new


# --- repeats -----------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["completed", "interrupted", "released", "failed"])
async def test_a_repeat_after_a_lost_answer_answers_the_same_and_changes_nothing(
    sessions: Open, outcome: str
) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.send("b1", "bob")
    s.clock.step(2)
    first = await s.complete(run, outcome)
    assert first.next is not None
    s.clock.step(1)
    assert await s.complete(run, outcome) == first
    assert s.changed == {}


async def test_next_is_not_given_again_once_its_holder_has_called(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.send("b1", "bob")
    following = granted(await s.complete(run))
    await s.heartbeat(following)
    again = await s.complete(run)
    assert again.next is None
    assert shown(again).key == ROOM
    assert s.changed == {}


async def test_next_is_not_given_again_when_it_is_over(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.send("b1", "bob")
    following = granted(await s.complete(run))
    s.clock.step(30)
    assert (await s.complete(run)).next is None
    assert s.changed == {}
    with pytest.raises(LeaseLost):
        await s.complete(following)
    await s.send("c1", "carol")
    assert (await s.complete(run)).next is None
    assert s.changed == {}


async def test_a_repeat_that_asked_for_no_next_gets_none_though_one_runs_since(
    sessions: Open,
) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.complete(run, next=False)
    await s.send("m2")
    assert (await s.complete(run, next=True)).next is None
    assert s.changed == {}


# --- stale holders -----------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["completed", "interrupted", "released", "failed"])
async def test_a_holder_whose_lease_is_over_changes_nothing(sessions: Open, outcome: str) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.send("b1", "bob")
    s.clock.step(30)
    with pytest.raises(LeaseLost):
        await s.complete(run, outcome, usage={"context_tokens": 9})
    assert s.changed == {}
    await s.send("c1", "carol", consumer="gw-2")
    with pytest.raises(LeaseLost):
        await s.complete(run, outcome, usage={"context_tokens": 9})
    assert s.changed == {}


async def test_a_wrong_fence_ends_nothing(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    for fence in (0, run.fence - 1, run.fence + 1):
        with pytest.raises(LeaseLost):
            await s.complete(run, fence=fence)
        assert s.changed == {}
    await s.send("b1", "bob")
    following = granted(await s.complete(run))
    for stale, fence in ((run, following.fence), (following, run.fence)):
        with pytest.raises(LeaseLost):
            await s.complete(stale, fence=fence)
        assert s.changed == {}


async def test_a_run_that_never_was_is_unknown(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    other = granted(await s.send("m1", chat_id="2"))
    never = run.model_copy(update={"id": run.id.replace(str(run.fence), str(other.fence))})
    with pytest.raises(UnknownRun):
        await s.complete(never, fence=other.fence)
    assert s.changed == {}


async def test_a_run_of_another_session_is_not_ended_by_its_number(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    other = granted(await s.send("m1", chat_id="2"))
    await s.complete(other)
    crossed = run.model_copy(update={"id": run.id.replace(str(run.fence), str(other.fence))})
    with pytest.raises(UnknownRun):
        await s.complete(crossed, fence=other.fence)
    assert s.changed == {}


async def test_sessions_end_their_runs_apart(sessions: Open) -> None:
    s = sessions(isolation="per_user")
    runs = {user: granted(await s.send(f"{user}1", user)) for user in ("alice", "bob")}
    await s.send("bob2", "bob")
    await s.complete(runs["alice"])
    bob = f"{ROOM}:bob"
    assert s.order(bob) == ["bob2"]
    assert all("bob" not in name for name in s.changed)
    assert ids((await s.complete(runs["bob"], "interrupted")).next) == ["bob2"]
    assert s.state["sessions:main:discord"] == {f"{ROOM}:alice": 0, bob: 0}


async def test_a_steer_that_expired_is_not_returned(sessions: Open) -> None:
    s = sessions(busy={"same_sender": "steer"}, queue={"ttl_seconds": 12})
    run = granted(await s.send("m1"))
    await s.send("s1")
    s.clock.step(12)
    completion = await s.complete(run)
    assert completion.returned == ()
    assert s.state["id:s1"].reason == "expired"
