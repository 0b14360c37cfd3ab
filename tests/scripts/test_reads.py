"""The scripts that only read: what they tell, and that they change nothing."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.errors import UnknownMessage, UnknownRun, UnknownSession
from app.routing.keys import ChatName, SessionKey
from app.store import keys, scripts
from tests.scripts.conftest import Open
from tests.sessions import ROOM, Sessions, granted
from tests.state import EPOCH_MS, EPOCH_US

CHAT = ChatName("agent:main:discord:room")
SESSION = SessionKey(ROOM)


async def call(s: Sessions, script: scripts.Script, names: Sequence[str], *arguments: Any) -> Any:
    reply = await s.client.call(script, names, *arguments)
    s.look()
    assert s.changed == {}
    return reply


# --- run.lua -----------------------------------------------------------------------------


async def test_an_active_run_is_shown_with_its_batch_and_interrupt(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.heartbeat(run, status="thinking")
    await s.send("m2")
    shown = await s.views.run(run.id)
    assert (shown.state, shown.fence, shown.session_key) == ("active", run.fence, ROOM)
    assert (shown.consumer, shown.status, shown.owners) == ("gw-1", "thinking", ("discord:alice",))
    assert shown.message_ids == ("m1",)
    assert shown.interrupt is not None
    assert shown.interrupt.message_id == "m2"
    s.look()
    assert s.changed == {}


@pytest.mark.parametrize("outcome", ["completed", "interrupted", "failed", "released"])
async def test_an_ended_run_is_remembered_by_its_outcome(sessions: Open, outcome: str) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    s.clock.step(2)
    await s.complete(run, outcome, reason="because")
    shown = await s.views.run(run.id)
    assert (shown.state, shown.outcome, shown.ended) == ("ended", outcome, None)
    assert (shown.reason, shown.consumer, shown.owners) == ("because", "gw-1", ("discord:alice",))
    assert shown.ended_at is not None
    assert shown.ended_at.timestamp() * 1000 == EPOCH_MS + 2_000
    assert shown.session_id == run.session_id


async def test_a_run_that_was_lost_says_why(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    s.clock.step(31)
    await s.send("m2", "bob")
    shown = await s.views.run(run.id)
    assert (shown.state, shown.outcome, shown.ended) == ("ended", None, "lease_expired")


async def test_a_run_past_its_deadline_is_not_unknown_before_the_sweep(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    s.clock.step(30)
    reply = await call(s, scripts.RUN, keys.session_keys(0, SESSION), s.clock(), str(run.fence))
    assert reply[0] == "over"
    shown = await s.views.run(run.id)
    assert (shown.state, shown.ended) == ("ended", "lease_expired")


async def test_a_run_that_never_was_is_unknown(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    reply = await call(s, scripts.RUN, keys.session_keys(0, SESSION), s.clock(), "17")
    assert reply == ["unknown"]
    for run_id in (run.id.replace(str(run.fence), "17"), run.id + "A", "x", "", "1.0.", "1.0.é"):
        with pytest.raises(UnknownRun):
            await s.views.run(run_id)


# --- held.lua ----------------------------------------------------------------------------


@pytest.mark.parametrize("shards", [1, 5])
async def test_a_consumer_holds_what_was_granted_to_it(sessions: Open, shards: int) -> None:
    s = sessions(shards=shards)
    for number in range(4):
        await s.send("m1", chat_id=f"c{number}", consumer=f"gw-{number % 2}")
    held = await s.views.held_runs("", "gw-1")
    assert {run.session_key for run in held} == {
        "agent:main:discord:group:c1",
        "agent:main:discord:group:c3",
    }
    assert await s.views.held_runs("", "gw-9") == ()
    assert await s.views.held_runs("other", "gw-1") == ()
    s.clock.step(30)
    assert await s.views.held_runs("", "gw-1") == ()


async def test_held_lists_session_and_fence(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    assert await call(s, scripts.HELD, [keys.consumer_runs(0, "/gw-1")]) == [
        "held",
        ROOM,
        str(run.fence),
    ]
    assert await call(s, scripts.HELD, [keys.consumer_runs(0, "/gw-2")]) == ["held"]


# --- message.lua -------------------------------------------------------------------------


async def test_a_messages_state_and_history_follow_it(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    s.clock.step(1)
    await s.send("b1", "bob")
    waiting = await s.views.message(CHAT, "b1")
    assert (waiting.state, waiting.reason, waiting.run_id) == ("waiting", None, None)
    assert [step.state for step in waiting.history] == ["waiting"]
    s.clock.step(1)
    following = granted(await s.complete(run))
    in_run = await s.views.message(CHAT, "b1")
    assert (in_run.state, in_run.run_id, in_run.decision) == ("in_run", following.id, "queue")
    s.clock.step(1)
    await s.complete(following)
    done = await s.views.message(CHAT, "b1")
    assert (done.state, done.reason, done.session_key) == ("done", "completed", ROOM)
    assert [(step.state, step.at.timestamp() * 1000 - EPOCH_MS) for step in done.history] == [
        ("waiting", 1_000),
        ("in_run", 2_000),
        ("done", 3_000),
    ]


async def test_a_message_that_came_back_ends_its_history_as_waiting(sessions: Open) -> None:
    s = sessions()
    await s.complete(granted(await s.send("m1")), "released", next=False)
    back = await s.views.message(CHAT, "m1")
    assert (back.state, back.reason) == ("waiting", "released")
    assert back.history[-1].state == "waiting"


async def test_a_message_that_never_came_is_unknown(sessions: Open) -> None:
    s = sessions(queue={"max": 0})
    await s.send("m1")
    await s.send("refused")
    for message_id in ("refused", "m2", "M1"):
        with pytest.raises(UnknownMessage):
            await s.views.message(CHAT, message_id)
        home = keys.home(0, keys.home_digest(CHAT, message_id))
        assert await call(s, scripts.MESSAGE, [home]) == ["unknown"]


async def test_a_message_is_found_where_its_pointer_leads(sessions: Open) -> None:
    s = sessions(shards=7, dm_scope="main")
    for number in range(8):
        await s.send("m1", chat_type="dm", chat_id=f"c{number}")
        chat = ChatName(f"agent:main:discord:c{number}")
        status = await s.views.message(chat, "m1")
        assert status.session_key == "agent:main:main"
    pointer = next(home for home in s.state.values() if type(home).__name__ == "Pointer")
    assert pointer.session == "agent:main:main"
    chat = next(
        ChatName(f"agent:main:discord:c{n}")
        for n in range(8)
        if f"c{n}" in next(k for k, v in s.state.items() if v is pointer)
    )
    shard = int(next(k for k, v in s.state.items() if v is pointer).partition("/")[0])
    home = keys.home(shard, keys.home_digest(chat, "m1"))
    assert await call(s, scripts.MESSAGE, [home]) == ["pointer", "agent:main:main"]


# --- session.lua and summary.lua -----------------------------------------------------------


async def test_a_session_is_shown_whole(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.complete(run)
    run = granted(await s.send("m2"))
    s.clock.step(1)
    await s.send("b1", "bob")
    detail = await s.views.session(SESSION)
    assert detail.state == "running"
    assert detail.run is not None
    assert detail.run.id == run.id
    assert [m.message_id for m in detail.batch] == ["m2"]
    assert [(m.message_id, m.user_id, m.text, m.deliveries) for m in detail.queue] == [
        ("b1", "bob", "text of b1", 1)
    ]
    assert detail.counters.model_dump() == {
        "accepted": 3,
        "waiting": 1,
        "in_run": 1,
        "done": 1,
        "dead": 0,
        "removed": 0,
    }
    assert detail.last_active_at is not None
    assert detail.last_active_at.timestamp() * 1000 == EPOCH_MS + 1_000
    names = keys.session_keys(0, SESSION)
    nobody = "agent:main:discord:group:nobody"
    reply = await call(s, scripts.SUMMARY, names, s.clock(), nobody, SESSION, nobody)
    word, before, summary, after = reply
    assert (word, before, after) == ("summaries", [], [])
    assert summary[0] == "running"
    assert detail.run is not None
    fence, started_ms = str(detail.run.fence), detail.run.started_at.timestamp() * 1000
    assert summary[2:] == [
        1,
        EPOCH_MS + 1_000,
        *(fence, "/gw-1", f"{started_ms:.0f}", str(EPOCH_MS + 30_000)),
        str(EPOCH_MS + 1_000),
    ]


async def test_a_held_session_says_when_it_goes_on(sessions: Open) -> None:
    s = sessions(retry_delay_seconds=10)
    await s.complete(granted(await s.send("m1")), "failed")
    detail = await s.views.session(SESSION)
    assert (detail.state, detail.run) == ("waiting", None)
    assert detail.ready_at is not None
    assert detail.ready_at.timestamp() * 1000 == EPOCH_MS + 10_000
    assert detail.queue[0].deliveries == 2


async def test_a_session_that_never_was_is_unknown(sessions: Open) -> None:
    s = sessions()
    for key in (ROOM, "agent:main:main", "nonsense", "agent:main:discord:group:a%3aB"):
        with pytest.raises(UnknownSession):
            await s.views.session(SessionKey(key))
    names = keys.session_keys(0, SESSION)
    assert await call(s, scripts.SESSION, names, s.clock()) == ["unknown"]
    assert await call(s, scripts.SUMMARY, names, s.clock(), SESSION) == ["summaries", []]


# --- sessions.lua and stats.lua ------------------------------------------------------------


async def test_an_index_is_read_in_pages(sessions: Open) -> None:
    s = sessions()
    names = [f"agent:main:discord:group:c{number}" for number in range(3)]
    for number in (2, 0, 1):
        s.clock.step(1)
        await s.send("m1", chat_id=f"c{number}")
    index = keys.index(0, "sessions", "main:discord")
    reply = await call(s, scripts.INDEX, [index], "key", "-", 2, 2, "")
    assert reply == ["page", 2, names[1], 0, names[0], 0, names[1], 0]
    reply = await call(s, scripts.INDEX, [index], "key", f"({names[1]}", 2, 2, "")
    assert reply == ["page", 1, names[2], 0, names[2], 0]
    index = keys.index(0, "running", "main:discord")
    reply = await call(s, scripts.INDEX, [index], "time", "-inf", 2, 9, "")
    first, second, third = (str(EPOCH_MS + seconds * 1_000) for seconds in (1, 2, 3))
    assert reply == ["page", 2, names[0], second, names[2], first, names[0], second]
    reply = await call(s, scripts.INDEX, [index], "time", third, 9, 9, "")
    assert reply == ["page", 1, names[1], third, names[1], third]
    nothing = keys.index(0, "running", "main:telegram")
    reply = await call(s, scripts.INDEX, [nothing], "time", "-inf", 2, 2, "")
    assert reply == ["page", 0, "", 0]


async def test_a_filtered_page_tells_how_far_it_looked(sessions: Open) -> None:
    s = sessions()
    for number, user in enumerate(("alice", "bob", "alice", "carol")):
        await s.send("m1", user, chat_id=f"c{number}")
    index = keys.index(0, "sessions", "main:discord")
    names = [f"agent:main:discord:group:c{number}" for number in range(4)]
    alice = '"user_id":"alice"'
    reply = await call(s, scripts.INDEX, [index], "key", "-", 1, 9, alice)
    assert reply == ["page", 1, names[0], 0, names[0], 0]
    reply = await call(s, scripts.INDEX, [index], "key", f"({names[0]}", 9, 2, alice)
    assert reply == ["page", 2, names[2], 0, names[2], 0]
    reply = await call(s, scripts.INDEX, [index], "key", "-", 9, 9, "", ":c", "p:c3")
    assert reply == ["page", 4, names[3], 0, names[3], 0]
    reply = await call(s, scripts.INDEX, [index], "key", "-", 9, 9, alice, "c3")
    assert reply == ["page", 4, names[3], 0]


async def test_figures_are_of_one_moment(sessions: Open) -> None:
    s = sessions()
    await s.send("m1")
    await s.send("m1", chat_id="2")
    s.clock.step(1)
    await s.send("b1", "bob")
    s.clock.step(1)
    stats = await call(s, scripts.STATS, keys.stats(0), s.clock())
    word, now_ms, tallies, counts, buckets, first_due = stats
    assert (word, now_ms) == ("stats", EPOCH_MS + 2_000)
    bucket, counted = counts
    assert (tallies, bucket) == ([], "main:discord")
    assert dict(zip(counted[::2], counted[1::2], strict=True)) == {
        "accepted": 3,
        "in_run": 2,
        "waiting": 1,
        "granted": 2,
    }
    assert first_due == str(EPOCH_MS + 30_000)
    assert buckets == ["main:discord", 2, 2, 0, 0, str(EPOCH_MS + 1_000)]


async def test_an_empty_store_has_no_figures_and_its_own_clock(sessions: Open) -> None:
    s = sessions()
    stats = await call(s, scripts.STATS, keys.stats(0), "")
    word, now_ms, tallies, counts, buckets, first_due = stats
    assert (word, tallies, counts, buckets, first_due) == ("stats", [], [], [], "")
    seconds, microseconds = s.redis.time()
    assert abs(now_ms - (seconds * 1000 + microseconds // 1000)) < 60_000
    assert now_ms > EPOCH_US // 10**6
