"""`admit.lua`: every reply, and the whole state after it."""

from typing import Any

import pytest

from app.routing.route import route
from app.store.admissions import routed
from session_router.models import Decision
from tests.scripts.conftest import Open
from tests.sessions import ROOM, Sessions, granted, ids, shown
from tests.state import DAY, End, Event, Home, M, State, tally

ACTIVE = "active:agent:main:discord:room"
PLACE = "discord:default::room:"
MONTH_MS = 30 * DAY * 1000
ALICE, BOB, CAROL = "discord:alice", "discord:bob", "discord:carol"


def home(state: str, **fields: Any) -> Home:
    return Home(ROOM, state, **fields)


def stats(**counts: int) -> State:
    return {f"{state}:main:discord": number for state, number in counts.items()}


async def busy(sessions: Sessions, *waiting: tuple[str, str]) -> Decision:
    """Let alice's m1 run, and others wait behind it, a second apart."""
    first = await sessions.send("m1", "alice")
    for message_id, user in waiting:
        sessions.clock.step(1)
        await sessions.send(message_id, user)
    return first


# --- run -------------------------------------------------------------------------------


async def test_a_first_message_runs_and_this_is_all_that_is_stored(sessions: Open) -> None:
    s = sessions()
    decision = await s.send("m1", "alice")
    settings_id = s.record()["settings"]
    assert s.state == {
        f"session:{ROOM}": {
            "id": 0,
            "seq": 1,
            "settings": settings_id,
            "new": "1",
            "fence": 1,
            "lease_at": 30_000,
            "over_at": 30_000,
            "last_at": 0,
            "keep_ms": MONTH_MS,
            "place": PLACE,
        },
        f"run:{ROOM}": {
            "fence": 1,
            "by": "m1",
            "consumer": "/gw-1",
            "session_id": 0,
            "started_at": 0,
            "max_at": 3_600_000,
            "owners": [ALICE],
            "lease_ms": 30_000,
            "grace_ms": 60_000,
            "back_from": None,
            "place": PLACE,
            "omitted": "0",
            "isolation": "shared",
        },
        f"batch:{ROOM}": [M("m1", 1, ALICE, decision="run", fence=1, granted_at=0)],
        f"participants:{ROOM}": {ALICE: (1, "Alice")},
        f"timeline:{ROOM}": [
            Event(0, "run", "session_idle", "alice", "m1"),
            Event(0, "granted", "", "/gw-1", fence=1),
        ],
        ACTIVE: {ROOM},
        "fence": 1,
        "settings": [settings_id],
        "stats": stats(accepted=1, in_run=1) | tally(granted=1),
        "due": {ROOM: 30_000},
        "buckets": {"main:discord"},
        "sessions:main:discord": {ROOM: 0},
        "running:main:discord": {ROOM: 0},
        "consumer:/gw-1": {ROOM: 1},
        "id:m1": home("in_run", decision="run", fence=1, granted_at=0),
    }
    assert (decision.decision, decision.reason, decision.state) == ("run", "session_idle", "in_run")
    assert decision.session is not None
    assert decision.session.is_new
    assert decision.queue is None
    assert decision.active_run is None


async def test_a_stored_body_is_what_was_sent(sessions: Open) -> None:
    s = sessions()
    payload = {"ids": [12345678901234567890, 1.5, -0.0], "empty": [{}, [], None], "": "ü\u0000"}
    decision = await s.send("m1", payload=payload, reply_to={"message_id": "m0"}, mentions=["bob"])
    message = granted(decision).messages[0]
    assert message.payload == payload
    assert message.text == "text of m1"
    assert message.mentions == ("bob",)
    assert message.model_dump()["reply_to"] == {"message_id": "m0", "user_id": None}


async def test_a_message_to_an_idle_session_runs_in_the_same_generation(sessions: Open) -> None:
    s = sessions()
    first = await s.send("m1", "alice")
    await s.complete(granted(first))
    s.clock.step(5)
    decision = await s.send("m2", "bob", consumer="gw-2")
    assert decision.decision == "run"
    assert decision.session is not None
    assert decision.session.id == first.session.id if first.session else None
    assert not decision.session.is_new
    fence = 5_000_000
    assert s.changed == {
        f"session:{ROOM}": {
            "seq": 2,
            "fence": fence,
            "lease_at": 35_000,
            "over_at": 35_000,
            "last_at": 5_000,
        },
        f"run:{ROOM}": {
            "fence": fence,
            "by": "m2",
            "consumer": "/gw-2",
            "session_id": 0,
            "started_at": 5_000,
            "max_at": 3_605_000,
            "owners": [BOB],
            "lease_ms": 30_000,
            "grace_ms": 60_000,
            "back_from": None,
            "place": PLACE,
            "omitted": "0",
            "isolation": "shared",
        },
        f"batch:{ROOM}": [M("m2", 2, BOB, at=5_000, decision="run", fence=fence, granted_at=5_000)],
        f"participants:{ROOM}": {BOB: (2, "Bob")},
        f"timeline:{ROOM}": [
            Event(5_000, "run", "session_idle", "bob", "m2"),
            Event(5_000, "granted", "", "/gw-2", fence=fence),
        ],
        ACTIVE: {ROOM},
        "fence": fence,
        "stats": stats(accepted=2, in_run=1) | tally(granted=2),
        "due": {ROOM: 35_000},
        "running:main:discord": {ROOM: 5_000},
        "consumer:/gw-2": {ROOM: fence},
        "id:m2": home("in_run", decision="run", fence=fence, accepted_at=5_000, granted_at=5_000),
    }


async def test_a_free_session_runs_what_waits_first_and_this_message_last(sessions: Open) -> None:
    s = sessions()
    first = await busy(s, ("b1", "bob"), ("c1", "carol"))
    await s.complete(granted(first), next=False)
    assert s.record()["ready"] == "main:discord:default"
    s.clock.step(1)
    decision = await s.send("b2", "bob")
    assert decision.decision == "run"
    assert ids(decision.run) == ["b1", "c1", "b2"]
    assert granted(decision).route.reply_to == "b2"
    assert decision.queue is None
    assert s.counters() == {"accepted": 4, "done": 1, "in_run": 3}
    assert "ready:main:discord:default" not in s.state


# --- queue -----------------------------------------------------------------------------


async def test_another_senders_message_waits_and_this_is_all_that_changes(sessions: Open) -> None:
    s = sessions()
    first = await s.send("m1", "alice")
    s.clock.step(1)
    decision = await s.send("m2", "bob")
    assert s.changed == {
        f"session:{ROOM}": {"seq": 2, "last_at": 1_000},
        f"queue:{ROOM}": [M("m2", 2, BOB, at=1_000)],
        f"senders:{ROOM}": {BOB: 1},
        f"participants:{ROOM}": {BOB: (2, "Bob")},
        f"timeline:{ROOM}": [Event(1_000, "queue", "other_sender_active", "bob", "m2")],
        "backlog:main:discord": {ROOM: 1_000},
        "stats": stats(accepted=2, waiting=1),
        "id:m2": home("waiting", accepted_at=1_000),
    }
    assert (decision.decision, decision.reason) == ("queue", "other_sender_active")
    assert decision.queue is not None
    assert (decision.queue.position, decision.queue.depth, decision.queue.first) == (1, 1, True)
    assert decision.queue.ready_at is None
    assert decision.active_run is not None
    assert decision.active_run.id == granted(first).id
    assert decision.active_run.owners == (ALICE,)
    again = await s.send("m3", "bob")
    assert again.queue is not None
    assert (again.queue.position, again.queue.depth, again.queue.first) == (2, 2, False)


async def test_of_two_owners_none_is_the_same_sender(sessions: Open) -> None:
    s = sessions()
    first = await busy(s, ("b1", "bob"))
    await s.complete(granted(first), "released", next=False)
    decision = await s.send("c1", "carol")
    assert ids(decision.run) == ["m1", "b1", "c1"]
    for number, user in enumerate(("alice", "bob", "carol")):
        decision = await s.send(f"x{number}", user)
        assert (decision.decision, decision.reason) == ("queue", "other_sender_active")
    assert "interrupt_at" not in s.state[f"run:{ROOM}"]


async def test_without_a_user_a_message_waits_and_owns_nothing(sessions: Open) -> None:
    s = sessions(missing_user="shared")
    await s.send("m1", None)
    assert "owners" in s.state[f"run:{ROOM}"]
    assert s.state[f"run:{ROOM}"]["owners"] == [""]
    assert f"participants:{ROOM}" not in s.state
    decision = await s.send("m2", None)
    assert (decision.decision, decision.reason) == ("queue", "other_sender_active")
    assert s.state[f"senders:{ROOM}"] == {"": 1}


async def test_a_message_without_a_user_renews_the_idle_clock(sessions: Open) -> None:
    s = sessions(missing_user="shared")
    await s.send("m1", None)
    assert s.record().get("last_at") == 0
    s.clock.step(5)
    await s.send("m2", None)
    assert s.record()["last_at"] == 5_000


async def test_a_session_that_only_a_bot_spoke_in_is_not_idle_since_1970(sessions: Open) -> None:
    s = sessions(max_deliveries=1)
    await s.send("m1", "robot", is_bot=True)
    s.clock.step(31)
    await s.send("m2", "robot", is_bot=True)
    assert s.record()["dead"] == 1
    s.clock.step(31)
    s.policy(bot_limit={"max": 0, "per_seconds": 60}, max_deliveries=1)
    decision = await s.send("m3", "robot", is_bot=True)
    assert decision.reason == "bot_limit"
    assert s.record()["dead"] == 2
    assert s.record()["last_at"] + s.record()["keep_ms"] > s.clock.now
    await s.sweep()
    assert s.record()["dead"] == 2, "it is not retired"


# --- interrupt -------------------------------------------------------------------------


async def test_the_sole_owner_interrupts_and_this_is_all_that_changes(sessions: Open) -> None:
    s = sessions()
    await busy(s, ("b1", "bob"))
    s.clock.step(1)
    decision = await s.send("m2", "alice")
    assert s.changed == {
        f"session:{ROOM}": {"seq": 3, "last_at": 2_000, "jumped": "1"},
        f"run:{ROOM}": {
            "interrupt_at": 2_000,
            "interrupt_cause": "message",
            "interrupt_user": "alice",
            "interrupt_message": "m2",
            "grace_at": 62_000,
        },
        f"queue:{ROOM}": [
            M("m2", 3, ALICE, at=2_000, decision="interrupt"),
            M("b1", 2, BOB, at=1_000),
        ],
        f"senders:{ROOM}": {ALICE: 1},
        f"participants:{ROOM}": {ALICE: (3, "Alice")},
        f"timeline:{ROOM}": [Event(2_000, "interrupt", "same_sender_active", "alice", "m2")],
        "stats": stats(accepted=3, waiting=2),
        "news": {"/gw-1": 2_000},
        "id:m2": home("waiting", decision="interrupt", accepted_at=2_000),
    }
    assert (decision.decision, decision.reason) == ("interrupt", "same_sender_active")
    assert decision.queue is not None
    assert (decision.queue.position, decision.queue.depth, decision.queue.first) == (1, 2, True)


async def test_a_second_interrupt_leaves_the_first_request_and_its_deadline(sessions: Open) -> None:
    s = sessions(lease_seconds=120)
    await s.send("m1")
    s.clock.step(1)
    await s.send("m2")
    assert s.record()["over_at"] == s.state["due"][ROOM] == 61_000
    s.clock.step(1)
    decision = await s.send("m3")
    assert decision.decision == "interrupt"
    assert s.order() == ["m2", "m3"]
    assert f"run:{ROOM}" not in s.changed
    assert s.record()["over_at"] == 61_000


async def test_an_interrupt_brings_its_senders_waiting_messages_along_in_order(
    sessions: Open,
) -> None:
    queueing = {"same_sender": "queue"}
    s = sessions(busy=queueing)
    first = await busy(s, ("b1", "bob"), ("a1", "alice"), ("c1", "carol"), ("a2", "alice"))
    s.policy()
    s.clock.step(1)
    decision = await s.send("a3", "alice")
    assert decision.decision == "interrupt"
    assert s.order() == ["a1", "a2", "a3", "b1", "c1"]
    assert decision.queue is not None
    assert (decision.queue.position, decision.queue.depth, decision.queue.first) == (3, 5, False)
    s.clock.step(1)
    await s.send("b2", "bob", is_moderator=True)
    assert s.order() == ["b1", "b2", "a1", "a2", "a3", "c1"]
    completion = await s.complete(granted(first), "interrupted")
    assert ids(completion.next) == ["b1", "b2", "a1", "a2", "a3", "c1"]


async def test_an_interrupt_of_who_has_nothing_waiting_does_not_read_the_queue(
    sessions: Open,
) -> None:
    s = sessions(batch_max=1)
    first = await busy(s, ("b1", "bob"), ("c1", "carol"), ("b2", "bob"))
    message = s.message("a1", "alice")
    assert message.source is not None
    routing = route(s.rulebook, message.agent, message.kind, message.source)
    s.redis.config_resetstat()
    decision = await s.store.admit(routed(message, routing, ""))
    assert not {"cmdstat_lrange", "cmdstat_lrem"} & s.redis.info("commandstats").keys()
    s.look()
    assert isinstance(decision, Decision)
    assert decision.decision == "interrupt"
    assert s.order() == ["a1", "b1", "c1", "b2"]
    run = await s.complete(granted(first), "interrupted")
    assert ids(run.next) == ["a1"]
    assert ids((await s.complete(granted(run))).next) == ["b1"], "and all are in order again"
    assert "jumped" not in s.record()


async def test_the_backlog_knows_its_oldest_also_when_a_jumped_batch_comes_back(
    sessions: Open,
) -> None:
    s = sessions()
    first = await busy(s, ("b1", "bob"))
    s.clock.step(1)
    await s.send("a1", "alice")
    second = await s.complete(granted(first), "interrupted")
    assert ids(second.next) == ["a1", "b1"]
    await s.complete(granted(second), "released", next=False)
    assert s.state["backlog:main:discord"] == {ROOM: 1_000}


async def test_a_moderator_interrupts_anybodys_run(sessions: Open) -> None:
    s = sessions()
    await s.send("m1", "alice")
    decision = await s.send("m2", "bob", is_moderator=True)
    assert (decision.decision, decision.reason) == ("interrupt", "same_sender_active")


async def test_a_role_that_is_not_trusted_interrupts_nobody(sessions: Open) -> None:
    s = sessions(trust_roles=False, moderators=["discord:carol"])
    await s.send("m1", "alice")
    assert (await s.send("m2", "bob", is_moderator=True)).decision == "queue"
    assert (await s.send("m3", "carol")).decision == "interrupt"


async def test_the_policy_may_let_others_interrupt(sessions: Open) -> None:
    s = sessions(busy={"other_sender": "interrupt"})
    await s.send("m1", "alice")
    decision = await s.send("m2", "bob")
    assert (decision.decision, decision.reason) == ("interrupt", "other_sender_active")


async def test_without_grace_an_interrupted_run_has_its_lease(sessions: Open) -> None:
    s = sessions(interrupt_grace_seconds=None)
    await s.send("m1")
    await s.send("m2")
    assert "grace_at" not in s.state[f"run:{ROOM}"]
    assert s.record()["over_at"] == 30_000


# --- bots ------------------------------------------------------------------------------


async def test_a_bot_never_interrupts_and_owns_nothing(sessions: Open) -> None:
    s = sessions(busy={"other_sender": "interrupt", "same_sender": "interrupt"})
    first = await s.send("m1", "robot", is_bot=True)
    assert s.state[f"run:{ROOM}"]["owners"] == [""]
    assert f"participants:{ROOM}" not in s.state
    decision = await s.send("m2", "robot", is_bot=True, is_moderator=True)
    assert decision.decision == "queue"
    assert (await s.complete(granted(first))).next is not None


async def test_more_bots_than_the_limit_in_a_window_are_rejected(sessions: Open) -> None:
    s = sessions(bot_limit={"max": 2, "per_seconds": 60})
    await s.send("m1", "robot", is_bot=True)
    await s.send("m2", "other", is_bot=True)
    s.clock.step(59)
    decision = await s.send("m3", "robot", is_bot=True)
    assert (decision.decision, decision.reason, decision.state) == ("reject", "bot_limit", None)
    assert s.counters()["accepted"] == 2
    assert (await s.send("p1", "alice")).decision == "run"
    s.clock.step(1)
    assert (await s.send("m3", "robot", is_bot=True)).decision == "queue"
    assert s.record()["bots"] == 1


async def test_a_refused_bot_leaves_a_session_that_is_not_there_away(sessions: Open) -> None:
    s = sessions(bot_limit={"max": 0, "per_seconds": 60})
    decision = await s.send("m1", "robot", is_bot=True)
    assert (decision.decision, decision.reason) == ("reject", "bot_limit")
    assert decision.session is None
    assert s.state == {}


# --- reject ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"busy": {"same_sender": "reject"}}, "busy_reject"),
        ({"queue": {"max": 0}}, "queue_full"),
        ({"queue": {"max_per_sender": 0}}, "sender_queue_full"),
        ({"queue": {"max": 0, "max_per_sender": 0}}, "queue_full"),
    ],
)
async def test_a_refusal_leaves_a_line_in_the_timeline_and_nothing_else(
    sessions: Open, policy: dict[str, Any], reason: str
) -> None:
    s = sessions(**policy)
    first = await s.send("m1", "alice")
    s.clock.step(1)
    decision = await s.send("m2", "alice")
    assert (decision.decision, decision.reason, decision.state) == ("reject", reason, None)
    assert decision.queue is None
    assert decision.active_run is not None
    assert s.changed == {f"timeline:{ROOM}": [Event(1_000, "reject", reason, "alice", "m2")]}
    await s.complete(granted(first))
    assert (await s.send("m2", "alice")).decision == "run"


async def test_the_queue_is_full_for_all_and_for_one_sender_apart(sessions: Open) -> None:
    s = sessions(queue={"max": 3, "max_per_sender": 2})
    await busy(s, ("b1", "bob"), ("b2", "bob"))
    assert (await s.send("b3", "bob")).reason == "sender_queue_full"
    assert (await s.send("c1", "carol")).decision == "queue"
    assert (await s.send("d1", "dave")).reason == "queue_full"
    assert (await s.send("m2", "alice")).reason == "queue_full"
    assert set(s.changed) == {f"timeline:{ROOM}"}


async def test_what_came_back_from_a_run_does_not_count_as_waiting(sessions: Open) -> None:
    s = sessions(queue={"max": 2, "max_per_sender": 1}, retry_delay_seconds=10)
    first = await s.send("m1", "alice")
    await s.complete(granted(first), "failed")
    assert s.record()["back"] == 1
    assert (await s.send("m2", "alice")).decision == "queue"
    assert (await s.send("m3", "alice")).reason == "sender_queue_full"
    assert (await s.send("b1", "bob")).decision == "queue"
    assert (await s.send("c1", "carol")).reason == "queue_full"
    assert s.order() == ["m1", "m2", "b1"]


# --- duplicate -------------------------------------------------------------------------


async def test_a_lost_grant_is_given_again_to_the_same_consumer(sessions: Open) -> None:
    s = sessions()
    first = await s.send("m1", "alice")
    s.clock.step(1)
    again = await s.send("m1", "alice")
    assert s.changed == {}
    assert (again.decision, again.reason) == ("duplicate", "known_id")
    assert (again.duplicate_of, again.state) == ("run", "in_run")
    assert again.run == first.run
    assert again.active_run is None


async def test_a_grant_that_is_given_again_has_the_message_as_it_was_stored(
    sessions: Open,
) -> None:
    s = sessions()
    first = granted(await s.send("m1", "alice", mentions=["bot"]))
    again = granted(await s.send("m1", "alice", mentions=["another"]))
    assert again == first
    assert again.messages[0].mentions == ("bot",)


async def test_what_one_call_settles_and_accepts_is_counted_where_each_came_from(
    sessions: Open,
) -> None:
    s = sessions(dm_scope="main")
    granted(await s.send("m1", "alice", platform="discord", chat_type="dm", chat_id="d1"))
    s.clock.step(31)  # the lease is over, and its message waits again
    await s.send("m2", "alice", platform="telegram", chat_type="dm", chat_id="d2")
    stats = s.state["stats"]
    assert (stats["accepted:main:discord"], stats["accepted:main:telegram"]) == (1, 1)


STRANGE = 'a "b" \\ / \x00 \x1f \x7f \u2028 \n \r\n é \U0001f600 {} [] %d \\u0041'


async def test_texts_reach_the_holder_as_they_were_sent_at_once_or_after_waiting(
    sessions: Open,
) -> None:
    s = sessions(busy={"same_sender": "queue"})
    sent: dict[str, Any] = {"text": STRANGE, "payload": {"p": [STRANGE, 2**53 + 1, [], {}]}}
    first = granted(await s.send("m1", "alice", **sent))
    await s.send("m2", "alice", **sent)
    await s.send("m3", "alice", **sent | {"text": ""})
    completion = await s.complete(first)
    assert completion.next is not None
    one, (two, three) = first.messages[0], completion.next.messages
    assert one.text == two.text == STRANGE
    assert three.text == ""
    assert one.payload == two.payload == three.payload == sent["payload"]
    assert one.source == two.source == three.source


async def test_what_waited_and_what_has_just_come_are_told_apart(sessions: Open) -> None:
    s = sessions()
    first = granted(await s.send("m1", "alice"))
    await s.send("m2", "bob", text="")
    await s.send("m3", "bob", text="of m4")
    await s.complete(first, next=False)
    run = granted(await s.send("m4", "carol", text="of m4"))
    assert [m.text for m in run.messages] == ["", "of m4", "of m4"]
    assert [m.user_id for m in run.messages] == ["bob", "bob", "carol"]


async def test_a_grant_that_is_given_again_names_people_as_it_did_whatever_the_policy_says_then(
    sessions: Open,
) -> None:
    s = sessions(isolation="tagged")
    run = granted(await s.send("m1"))
    assert run.messages[0].tagged_text
    s.policy(isolation="shared")
    assert (await s.send("m2", "bob")).decision == "queue"
    assert granted(await s.send("m1")) == run


async def test_a_grant_is_not_given_to_another_consumer_or_token(sessions: Open) -> None:
    s = sessions()
    first = await s.send("m1", "alice")
    for other in ({"consumer": "gw-2"}, {"token": "other"}):
        again = await s.send("m1", "alice", **other)
        assert s.changed == {}
        assert (again.decision, again.duplicate_of, again.state) == ("duplicate", "run", "in_run")
        assert again.run is None
        assert again.active_run is not None
        assert again.active_run.id == granted(first).id


async def test_a_grant_is_not_given_again_after_its_holders_first_call(sessions: Open) -> None:
    s = sessions()
    first = await s.send("m1", "alice")
    await s.heartbeat(granted(first))
    again = await s.send("m1", "alice")
    assert (again.duplicate_of, again.run) == ("run", None)
    assert s.changed == {}


async def test_a_grant_is_not_given_again_after_its_lease(sessions: Open) -> None:
    s = sessions()
    await s.send("m1", "alice")
    s.clock.step(30)
    again = await s.send("m1", "alice")
    assert (again.decision, again.run) == ("duplicate", None)
    assert s.changed == {}


async def test_a_grant_that_does_not_reach_its_message_is_given_again_too(sessions: Open) -> None:
    s = sessions(drain="one")
    first = await busy(s, ("b1", "bob"))
    await s.complete(granted(first), next=False)
    decision = await s.send("c1", "carol")
    assert decision.decision == "run"
    assert ids(decision.run) == ["b1"]
    assert decision.state == "waiting"
    assert decision.queue is not None
    assert (decision.queue.position, decision.queue.depth, decision.queue.first) == (1, 1, True)
    again = await s.send("c1", "carol")
    assert (again.decision, again.duplicate_of, again.state) == ("duplicate", "run", "waiting")
    assert again.queue is not None
    assert again.queue.position == 1
    assert again.run == decision.run
    assert s.changed == {}


@pytest.mark.parametrize("user", ["alice", "bob"])
async def test_a_repeat_of_what_waits_says_where_it_waits_now(sessions: Open, user: str) -> None:
    s = sessions()
    await busy(s, ("c1", "carol"))
    s.clock.step(1)
    first = await s.send("m2", user)
    await s.send("m3", "carol", is_moderator=True)
    again = await s.send("m2", user)
    assert s.changed == {}
    assert (again.decision, again.duplicate_of, again.state) == (
        "duplicate",
        first.decision,
        "waiting",
    )
    assert again.queue is not None
    assert (again.queue.position, again.queue.depth, again.queue.first) == (3, 3, False)
    assert again.active_run is not None
    assert again.run is None


async def test_an_id_is_known_until_dedupe_seconds_after_its_end(sessions: Open) -> None:
    s = sessions(dedupe_seconds=600)
    first = await s.send("m1", "alice")
    await s.complete(granted(first))
    assert s.state["id:m1"].ttl == 600
    assert s.state["ended:1"].ttl == 600
    again = await s.send("m1", "alice")
    assert (again.decision, again.duplicate_of, again.state) == ("duplicate", "run", "done")
    assert again.run is None
    assert s.changed == {}


@pytest.mark.parametrize("other", [{"user": "bob"}, {"text": "other"}, {"user": None}])
async def test_a_known_id_with_another_sender_or_text_is_refused(
    sessions: Open, other: dict[str, Any]
) -> None:
    s = sessions(missing_user="shared")
    await s.send("m1", "alice")
    decision = await s.send("m1", **{"user": "alice", **other})
    assert (decision.decision, decision.reason, decision.state) == ("reject", "id_reused", "in_run")
    assert decision.run is None
    assert s.changed == {}


async def test_one_id_in_two_chats_is_two_messages(sessions: Open) -> None:
    s = sessions()
    for place in ({}, {"chat_id": "2"}, {"account": "b"}, {"platform": "telegram"}, {"agent": "x"}):
        assert (await s.send("m1", "alice", **place)).decision == "run"
    assert (await s.send("m1", "alice", chat_type="channel")).decision == "duplicate"
    assert (await s.send("m1", "alice", thread_id="9")).decision == "duplicate"


# --- what has run out ------------------------------------------------------------------


async def test_a_lease_that_is_over_ends_with_the_next_message_and_nothing_is_lost(
    sessions: Open,
) -> None:
    s = sessions()
    first = await busy(s, ("b1", "bob"))
    s.clock.step(29)
    decision = await s.send("c1", "carol", consumer="gw-2")
    fence = 30_000_000
    assert decision.decision == "run"
    run = granted(decision)
    assert [(m.message_id, m.deliveries) for m in run.messages] == [("m1", 2), ("b1", 1), ("c1", 1)]
    assert run.previous is not None
    assert (run.previous.id, run.previous.ended) == (granted(first).id, "lease_expired")
    assert s.changed == {
        f"session:{ROOM}": {
            "seq": 3,
            "fence": fence,
            "lease_at": 60_000,
            "over_at": 60_000,
            "last_at": 30_000,
        },
        f"run:{ROOM}": {
            "fence": fence,
            "by": "c1",
            "consumer": "/gw-2",
            "started_at": 30_000,
            "max_at": 3_630_000,
            "owners": [ALICE, BOB, CAROL],
            "back_from": 1,
        },
        f"batch:{ROOM}": [
            M("m1", 1, ALICE, decision="run", fence=fence, granted_at=30_000, returns=1),
            M("b1", 2, BOB, at=1_000, fence=fence, granted_at=30_000),
            M("c1", 3, CAROL, at=30_000, decision="run", fence=fence, granted_at=30_000),
        ],
        f"queue:{ROOM}": None,
        f"senders:{ROOM}": None,
        f"participants:{ROOM}": {CAROL: (3, "Carol")},
        f"timeline:{ROOM}": [
            Event(30_000, "ended", "lease_expired", "/gw-1", fence=1),
            Event(30_000, "run", "session_idle", "carol", "c1"),
            Event(30_000, "granted", "", "/gw-2", fence=fence),
        ],
        "fence": fence,
        "stats": stats(accepted=3, waiting=0, in_run=3)
        | tally(granted=2, ended_lease_expired=1, redelivered=1, run_ms=30_000, run_within_60=1),
        "due": {ROOM: 60_000},
        "backlog:main:discord": None,
        "consumer:/gw-1": None,
        "consumer:/gw-2": {ROOM: fence},
        "lost:/gw-1": [(ROOM, 1, "lease_expired")],
        "news": {"/gw-1": 30_000},
        "ended:1": End(
            session=ROOM,
            ended="lease_expired",
            outcome="",
            reason="",
            next=None,
            at=30_000,
            consumer="/gw-1",
            session_id=0,
            started_at=0,
            owners=(ALICE,),
            status="",
            ttl=DAY,
        ),
        "id:m1": home("in_run", decision="run", fence=fence, granted_at=30_000),
        "id:b1": home("in_run", fence=fence, accepted_at=1_000, granted_at=30_000),
        "id:c1": home("in_run", decision="run", fence=fence, accepted_at=30_000, granted_at=30_000),
    }


async def test_a_lease_is_good_until_its_deadline_and_over_at_it(sessions: Open) -> None:
    s = sessions()
    await s.send("m1", "alice")
    s.clock.step(29.999)
    assert (await s.send("m2", "bob")).decision == "queue"
    s.clock.step(0.001)
    assert (await s.send("m3", "bob")).decision == "run"


async def test_a_run_ends_at_max_run_whatever_it_beats(sessions: Open) -> None:
    s = sessions(max_run_seconds=45)
    first = await s.send("m1", "alice")
    s.clock.step(20)
    await s.heartbeat(granted(first))
    assert s.record()["over_at"] == 45_000
    s.clock.step(25)
    decision = await s.send("m2", "bob")
    previous = granted(decision).previous
    assert previous is not None
    assert previous.ended == "max_run"
    assert [m.deliveries for m in granted(decision).messages] == [2, 1]


async def test_an_interrupt_nobody_answers_ends_the_run_uncounted(sessions: Open) -> None:
    s = sessions(interrupt_grace_seconds=10, retry_delay_seconds=60)
    first = await s.send("m1", "alice")
    s.clock.step(1)
    await s.send("m2", "alice")
    s.clock.step(10)
    decision = await s.send("b1", "bob")
    assert [(m.message_id, m.deliveries) for m in granted(decision).messages] == [
        ("m1", 1),
        ("m2", 1),
        ("b1", 1),
    ]
    previous = granted(decision).previous
    assert previous is not None
    assert (previous.id, previous.ended) == (granted(first).id, "grace")
    assert "retry_at" not in s.record()
    assert "fails" not in s.record()


async def test_what_ran_out_is_settled_even_if_the_message_is_refused(sessions: Open) -> None:
    s = sessions(retry_delay_seconds=60, queue={"max": 0})
    await s.send("m1", "alice")
    s.clock.step(30)
    decision = await s.send("m2", "bob")
    assert (decision.decision, decision.reason) == ("reject", "queue_full")
    assert s.order() == ["m1"]
    assert s.record()["retry_at"] == 90_000
    assert s.counters() == {"accepted": 1, "waiting": 1}


# --- retry delay and dead letters -------------------------------------------------------


async def test_a_lost_lease_holds_the_session_from_its_deadline(sessions: Open) -> None:
    s = sessions(retry_delay_seconds=10)
    await s.send("m1", "alice")
    s.clock.step(35)
    decision = await s.send("m2", "bob")
    assert (decision.decision, decision.reason) == ("queue", "retry_delay")
    assert decision.active_run is None
    assert decision.queue is not None
    assert decision.queue.ready_at is not None
    assert decision.queue.ready_at.timestamp() * 1000 == int(s.clock()) / 1000 + 5_000
    assert s.record()["retry_at"] == s.state["due"][ROOM] == 40_000
    assert s.state["waiting:main:discord"] == {ROOM: 35_000}
    s.clock.step(4.999)
    assert (await s.send("m3", "bob")).reason == "retry_delay"
    s.clock.step(0.001)
    decision = await s.send("m4", "bob")
    assert ids(decision.run) == ["m1", "m2", "m3", "m4"]
    assert "retry_at" not in s.record()


async def test_the_retry_delay_doubles_with_each_failure_until_a_run_completes(
    sessions: Open,
) -> None:
    s = sessions(retry_delay_seconds=10, max_deliveries=100)
    run = granted(await s.send("m0", "alice"))
    for number, delay in enumerate((10, 20, 40), start=1):
        await s.complete(run, "failed")
        assert s.record()["retry_at"] == s.clock.now + delay * 1000
        assert s.record()["fails"] == number
        s.clock.step(delay)
        run = granted(await s.send(f"m{number}", "alice"))
    await s.complete(run, "completed")
    assert "fails" not in s.record()
    await s.complete(granted(await s.send("n1", "alice")), "failed")
    assert s.record()["retry_at"] == s.clock.now + 10_000


async def test_a_message_whose_runs_failed_too_often_becomes_a_dead_letter(sessions: Open) -> None:
    s = sessions(max_deliveries=2)
    run = granted(await s.send("m1", "alice"))
    again = await s.complete(run, "failed")
    assert [m.deliveries for m in granted(again).messages] == [2]
    s.clock.step(30)
    decision = await s.send("m2", "bob")
    assert ids(decision.run) == ["m2"]
    letter = s.state["letters"]["m1"]
    assert (letter.session, letter.at) == (ROOM, 30_000)
    assert letter.message == M("m1", 1, ALICE, decision="run", fence=2, granted_at=0, returns=1)
    assert s.state["id:m1"] == home(
        "dead", decision="run", reason="max_deliveries", fence=2, granted_at=0, since=30_000
    )
    assert s.record()["dead"] == 1
    assert s.counters() == {"accepted": 2, "in_run": 1, "dead": 1}
    again_sent = await s.send("m1", "alice")
    assert (again_sent.decision, again_sent.state) == ("duplicate", "dead")


async def test_the_last_try_of_a_message_is_alone_at_either_end(sessions: Open) -> None:
    s = sessions(max_deliveries=2, busy={"same_sender": "queue"})
    first = await s.send("m1", "alice")
    await s.send("m2", "alice")
    completion = await s.complete(granted(first), "failed")
    assert ids(completion.next) == ["m1"]
    completion = await s.complete(granted(completion), "failed")
    assert ids(completion.next) == ["m2"]
    assert s.record()["dead"] == 1


async def test_a_batch_stops_before_a_last_try(sessions: Open) -> None:
    s = sessions(max_deliveries=2)
    first = await s.send("m1", "alice")
    await s.complete(granted(first), "failed", next=False)
    s.policy(max_deliveries=3)
    assert ids((await s.send("m2", "alice")).run) == ["m1", "m2"]


async def test_with_one_delivery_every_message_is_a_batch_of_its_own(sessions: Open) -> None:
    s = sessions(max_deliveries=1)
    first = await busy(s, ("b1", "bob"), ("b2", "bob"))
    completion = await s.complete(granted(first))
    assert ids(completion.next) == ["b1"]
    completion = await s.complete(granted(completion))
    assert ids(completion.next) == ["b2"]


# --- routes and shapes ------------------------------------------------------------------


async def test_another_accounts_head_keeps_a_message_waiting(sessions: Open) -> None:
    s = sessions(dm_scope="main")
    main = "agent:main:main"
    dm = {"chat_type": "dm", "chat_id": "dm1"}
    first = await s.send("m1", "alice", **dm)
    await s.send("m2", "bob", account="second", chat_type="dm", chat_id="dm2")
    completion = await s.complete(granted(first))
    assert completion.next is None
    assert s.state["ready:main:discord:second"] == {main: 0}
    decision = await s.send("m3", "alice", **dm)
    assert (decision.decision, decision.reason) == ("queue", "other_account")
    assert decision.active_run is None
    assert decision.queue is not None
    assert decision.queue.ready_at is None
    decision = await s.send("m4", "bob", account="second", chat_type="dm", chat_id="dm2")
    assert ids(decision.run) == ["m2"]
    assert decision.state == "waiting"
    assert s.order(main) == ["m3", "m4"]


async def test_a_batch_never_crosses_routes(sessions: Open) -> None:
    s = sessions(thread_isolation="inherit")
    first = await s.send("m1", "alice")
    await s.send("b1", "bob")
    await s.send("b2", "bob", thread_id="t1")
    await s.send("b3", "bob")
    completion = await s.complete(granted(first))
    assert ids(completion.next) == ["b1"]
    completion = await s.complete(granted(completion))
    assert ids(completion.next) == ["b2"]
    assert granted(completion).route.thread_id == "t1"
    assert ids((await s.complete(granted(completion))).next) == ["b3"]


WAITING = (("b1", "bob"), ("c1", "carol"), ("b2", "bob"), ("d1", "dave"))


@pytest.mark.parametrize(
    ("policy", "batches"),
    [
        ({"drain": "all"}, [["b1", "c1", "b2", "d1"]]),
        ({"drain": "one"}, [["b1"], ["c1"], ["b2"], ["d1"]]),
        ({"drain": "by_sender"}, [["b1", "b2"], ["c1"], ["d1"]]),
        ({"drain": "all", "batch_max": 3}, [["b1", "c1", "b2"], ["d1"]]),
        ({"drain": "by_sender", "batch_max": 1}, [["b1"], ["c1"], ["b2"], ["d1"]]),
    ],
)
async def test_batches_are_shaped_as_drain_says(
    sessions: Open, policy: dict[str, Any], batches: list[list[str]]
) -> None:
    s = sessions(**policy)
    completion = await s.complete(granted(await busy(s, *WAITING)))
    for batch in batches:
        assert ids(completion.next) == batch
        completion = await s.complete(granted(completion))
    assert completion.next is None
    assert s.counters() == {"accepted": 5, "done": 5}


async def test_by_sender_stops_at_another_route_of_that_sender(sessions: Open) -> None:
    s = sessions(drain="by_sender", thread_isolation="inherit")
    first = await s.send("m1", "alice")
    await s.send("b1", "bob")
    await s.send("b2", "bob", thread_id="t1")
    await s.send("b3", "bob")
    assert ids((await s.complete(granted(first))).next) == ["b1"]


async def test_a_batch_holds_a_mebibyte_at_most(sessions: Open) -> None:
    s = sessions()
    first = await s.send("m1", "alice")
    for number in range(8):
        await s.send(f"b{number}", "bob", text="x" * 150_000)
    completion = await s.complete(granted(first))
    assert len(granted(completion).messages) == 6
    completion = await s.complete(granted(completion))
    assert len(granted(completion).messages) == 2


async def test_a_batch_that_returns_stands_in_front_in_its_old_order(sessions: Open) -> None:
    s = sessions()
    first = await busy(s, ("b1", "bob"), ("c1", "carol"))
    second = await s.complete(granted(first))
    assert ids(second.next) == ["b1", "c1"]
    await s.send("d1", "dave")
    third = await s.complete(granted(second), "released", next=False)
    assert third.next is None
    assert s.order() == ["b1", "c1", "d1"]


# --- one session, many chats ------------------------------------------------------------


@pytest.mark.parametrize("shards", [1, 7])
async def test_one_session_of_all_dms_lives_in_its_own_shard(sessions: Open, shards: int) -> None:
    s = sessions(shards=shards, dm_scope="main")
    main = "agent:main:main"
    first = await s.send("m1", "alice", chat_type="dm", chat_id="a")
    await s.send("m1", "bob", chat_type="dm", chat_id="b")
    again = await s.send("m1", "bob", chat_type="dm", chat_id="b")
    assert (again.decision, again.duplicate_of, again.state) == ("duplicate", "queue", "waiting")
    assert s.changed == {}
    await s.send("t1", "carol", platform="telegram", chat_type="dm", chat_id="c")
    completion = await s.complete(granted(first))
    assert [m.source and m.source.chat_id for m in granted(completion).messages] == ["b"]
    assert shown(completion).key == main
    homes = [value for name, value in s.state.items() if "id:" in name]
    assert {home.session for home in homes} == {main}
    pointers = [home for home in homes if not isinstance(home, Home)]
    assert all(pointer.ttl == 30 * DAY for pointer in pointers)
    assert len(homes) - len(pointers) == 3
    assert (shards > 1) == bool(pointers)


@pytest.mark.parametrize("shards", [1, 7])
async def test_a_policy_change_does_not_make_a_known_id_new(sessions: Open, shards: int) -> None:
    s = sessions(shards=shards)
    dm = {"chat_type": "dm", "chat_id": "a"}
    first = await s.send("m1", "alice", **dm)
    s.policy(dm_scope="main")
    again = await s.send("m1", "alice", **dm)
    assert (again.decision, again.duplicate_of) == ("duplicate", "run")
    assert again.session is not None
    assert first.session is not None
    assert again.session.key == first.session.key
    assert s.changed == {}
    second = await s.send("m2", "alice", **dm)
    assert second.decision == "run"
    s.policy(dm_scope="per_chat")
    again = await s.send("m2", "alice", **dm)
    assert (again.decision, again.duplicate_of) == ("duplicate", "run")
    assert again.session is not None
    assert again.session.key == "agent:main:main"
    assert again.run == second.run
    assert s.changed == {}


# --- the rest of the record --------------------------------------------------------------


async def test_the_last_fifty_people_are_participants(sessions: Open) -> None:
    s = sessions(queue={"max": 100})
    for number in range(51):
        await s.send(f"m{number}", f"user{number}")
    await s.send("again", "user1")
    people = s.state[f"participants:{ROOM}"]
    assert set(people) == {f"discord:user{number}" for number in range(1, 51)}
    assert people["discord:user1"] == (52, "User1")
    decision = await s.send("m51", "user51")
    assert decision.session is not None
    shown = [person.user_id for person in decision.session.participants]
    assert shown == [*(f"user{number}" for number in range(3, 51)), "user1", "user51"]


async def test_a_session_keeps_the_settings_of_its_last_message(sessions: Open) -> None:
    s = sessions()
    first = await s.send("m1", "alice")
    s.policy(drain="one", lease_seconds=7)
    await s.send("b1", "bob")
    await s.send("c1", "carol")
    s.policy()
    completion = await s.complete(granted(first))
    assert ids(completion.next) == ["b1"]
    assert granted(completion).lease_seconds == 7
    assert len(s.state["settings"]) == 2


async def test_fences_only_grow_when_the_clock_steps_back(sessions: Open) -> None:
    s = sessions()
    fences = []
    for number in range(4):
        run = granted(await s.send(f"m{number}", "alice"))
        fences.append(run.fence)
        await s.complete(run)
        s.clock.step(-3600)
    assert fences == sorted(set(fences))
    assert fences[3] == fences[0] + 3
    await s.send("other", "alice", chat_id="2")
    assert s.record("agent:main:discord:group:2")["fence"] > s.record()["id"]


async def test_a_fresh_store_draws_from_the_clock_and_each_shard_for_itself(
    sessions: Open,
) -> None:
    s = sessions(shards=4)
    s.clock.step(10)
    for number in range(8):
        run = granted(await s.send("m1", "alice", chat_id=f"chat{number}"))
        assert run.fence >= int(s.clock())
    assert sum(name.endswith("fence") for name in s.state) > 1
