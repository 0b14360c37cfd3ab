"""`heartbeat.lua`: every reply, and the whole state after it."""

import pytest

from app.errors import LeaseLost, UnknownRun
from app.routing.keys import SessionKey
from tests.scripts.conftest import Open
from tests.sessions import ROOM, granted, shown
from tests.state import EPOCH_MS


async def test_a_heartbeat_renews_the_lease_and_this_is_all_that_changes(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    s.clock.step(10)
    beat = await s.heartbeat(run)
    assert s.changed == {
        f"session:{ROOM}": {"lease_at": 40_000, "over_at": 40_000},
        f"run:{ROOM}": {"touched": "1"},
        "due": {ROOM: 40_000},
    }
    assert beat.lease_expires_at.timestamp() * 1000 == EPOCH_MS + 40_000
    assert beat.interrupt is None


async def test_a_repeated_heartbeat_only_renews_again(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    first = await s.heartbeat(run, status="thinking")
    assert await s.heartbeat(run, status="thinking") == first
    assert s.changed == {}


async def test_what_a_holder_reports_is_kept_and_replaced(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    usage = {"context_tokens": 120_000, "context_limit": 200_000, "cost_usd": 0.25}
    await s.heartbeat(run, status="thinking", usage=usage)
    assert s.changed == {
        f"session:{ROOM}": {"tokens": 120_000, "limit": 200_000},
        f"run:{ROOM}": {"touched": "1", "status": "thinking", "usage": usage},
    }
    await s.heartbeat(run, usage={"context_tokens": 0})
    assert s.changed == {
        f"session:{ROOM}": {"tokens": 0},
        f"run:{ROOM}": {"usage": {"context_tokens": 0}},
    }
    shown = (await s.send("m2", "bob")).session
    assert shown is not None
    assert (shown.context.tokens, shown.context.limit, shown.context.action) == (0, 200_000, "none")


async def test_context_that_fills_up_is_to_be_compressed_earlier_where_people_share(
    sessions: Open,
) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.heartbeat(run, usage={"context_tokens": 119_999})
    completion = await s.complete(run, usage={"context_tokens": 120_000})
    assert shown(completion).context.action == "compress"
    assert shown(completion).context.ratio == 0.6
    own = SessionKey("agent:main:discord:group:room:alice")
    s.policy(isolation="per_user", context={"reset_at": 0.9})
    run = granted(await s.send("m2"))
    for tokens, action in ((169_999, "none"), (170_000, "compress"), (180_000, "reset")):
        await s.heartbeat(run, usage={"context_tokens": tokens})
        detail = await s.views.session(own)
        assert detail.session.context.action == action


async def test_the_holder_is_told_of_an_interrupt_until_its_run_ends(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    s.clock.step(1)
    await s.send("m2")
    for _ in range(2):
        s.clock.step(1)
        interrupt = (await s.heartbeat(run)).interrupt
        assert interrupt is not None
        assert (interrupt.cause, interrupt.user_id, interrupt.message_id) == (
            "message",
            "alice",
            "m2",
        )
        assert interrupt.requested_at.timestamp() * 1000 == EPOCH_MS + 1_000
        assert interrupt.deadline is not None
        assert interrupt.deadline.timestamp() * 1000 == EPOCH_MS + 61_000


async def test_beating_does_not_move_the_end_of_grace(sessions: Open) -> None:
    s = sessions(interrupt_grace_seconds=20)
    run = granted(await s.send("m1"))
    await s.send("m2")
    s.clock.step(19)
    await s.heartbeat(run)
    assert s.record()["lease_at"] == 49_000
    assert s.record()["over_at"] == s.state["due"][ROOM] == 20_000
    s.clock.step(1)
    with pytest.raises(LeaseLost):
        await s.heartbeat(run)
    assert s.changed == {}


async def test_at_the_deadline_the_lease_is_lost_swept_or_not(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    s.clock.step(30)
    with pytest.raises(LeaseLost):
        await s.heartbeat(run, status="late", usage={"context_tokens": 5})
    assert s.changed == {}
    await s.send("m2", "bob")
    with pytest.raises(LeaseLost):
        await s.heartbeat(run)
    assert s.changed == {}


async def test_a_wrong_fence_changes_nothing(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    for fence in (0, run.fence - 1, run.fence + 1, 2**53 - 1):
        with pytest.raises(LeaseLost):
            await s.heartbeat(run, fence=fence, status="not mine")
        assert s.changed == {}


async def test_the_run_before_cannot_beat_with_the_next_ones_fence(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.send("b1", "bob")
    following = granted(await s.complete(run))
    with pytest.raises(LeaseLost):
        await s.heartbeat(run, fence=following.fence)
    assert s.changed == {}
    with pytest.raises(LeaseLost):
        await s.heartbeat(following, fence=run.fence)
    assert s.changed == {}


async def test_a_run_that_never_was_is_unknown(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    never = run.model_copy(update={"id": run.id.replace(str(run.fence), str(run.fence + 1))})
    assert never.id != run.id
    with pytest.raises(UnknownRun):
        await s.heartbeat(never)
    assert s.changed == {}


async def test_an_ended_run_is_unknown_when_it_is_forgotten(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.complete(run)
    with pytest.raises(LeaseLost):
        await s.heartbeat(run)
    s.redis.delete(f"sr:{{0}}:ended:{run.fence}")
    with pytest.raises(UnknownRun):
        await s.heartbeat(run)
