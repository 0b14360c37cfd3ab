"""Bursts that are one message: their parts wait for each other, and count as one."""

from tests.scripts.conftest import Open
from tests.sessions import Sessions, granted, ids


async def album(s: Sessions, *parts: str, user: str = "alice", every: float = 0.1) -> None:
    for part in parts:
        assert (await s.send(part, user, group="g1")).state == "waiting"
        s.clock.step(every)


async def test_an_album_of_four_is_one_run(sessions: Open) -> None:
    s = sessions()
    first = await s.send("p1", group="g1")
    assert (first.decision, first.reason) == ("queue", "group")
    assert first.queue is not None
    assert first.queue.ready_at is not None
    await album(s, "p2", "p3", "p4")
    assert await s.claim() is None, "its parts still wait for each other"
    s.clock.step(1.5)
    await s.sweep()
    run = await s.claim()
    assert ids(run) == ["p1", "p2", "p3", "p4"]
    assert run is not None
    assert [m.group for m in run.messages] == ["g1"] * 4


async def test_each_part_makes_the_others_wait_anew_up_to_a_bound(sessions: Open) -> None:
    s = sessions(debounce_max_ms=2_000)
    await s.send("p1", group="g1")
    s.clock.step(1)
    await s.send("p2", group="g1")
    assert s.record()["group_at"] == 2_000, "not 2.5 s: two seconds from the first"
    s.clock.step(1)
    await s.sweep()
    assert ids(await s.claim()) == ["p1", "p2"]


async def test_a_late_part_waits_for_the_run_of_its_siblings_and_interrupts_nobody(
    sessions: Open,
) -> None:
    s = sessions()
    await album(s, "p1", "p2")
    s.clock.step(2)
    await s.sweep()
    run = await s.claim()
    assert run is not None
    s.clock.step(10)
    late = await s.send("p3", group="g1")
    assert (late.decision, late.reason) == ("queue", "group")
    assert (await s.heartbeat(run)).interrupt is None
    assert (await s.complete(run)).next is None, "held at the hand-over, for more of its parts"
    s.clock.step(1.5)
    await s.sweep()
    assert ids(await s.claim()) == ["p3"]


async def test_an_album_interrupts_once_and_is_handed_over_whole(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    first = await s.send("p1", group="g1")
    again = await s.send("p2", group="g1")
    assert [first.decision, again.decision] == ["interrupt", "interrupt"]
    s.clock.step(2)
    assert ids((await s.complete(run, "interrupted")).next) == ["p1", "p2"]


async def test_an_open_burst_holds_what_comes_behind_it_and_nothing_before(sessions: Open) -> None:
    s = sessions()
    await s.send("w1", "bob", dispatch="worker")
    await s.send("p1", group="g1")
    decision = await s.send("m2", "carol")
    assert ids(decision.run) == ["w1"]
    assert decision.queue is not None
    assert (decision.queue.position, decision.state) == (2, "waiting")
    assert s.order() == ["p1", "m2"]
    await s.complete(granted(decision), next=False)
    held = await s.send("m3", "carol")
    assert (held.decision, held.reason) == ("queue", "group")
    s.clock.step(2)
    await s.sweep()
    assert ids(await s.claim()) == ["p1", "m2", "m3"]


async def test_a_late_part_joins_its_waiting_siblings(sessions: Open) -> None:
    s = sessions(busy={"same_sender": "queue"})
    run = granted(await s.send("m1"))
    for message_id, fields in (("p1", {"group": "g1"}), ("t1", {}), ("p2", {"group": "g1"})):
        await s.send(message_id, **fields)
    assert s.order() == ["p1", "p2", "t1"]
    s.clock.step(2)
    assert ids((await s.complete(run)).next) == ["p1", "p2", "t1"]


async def test_a_burst_counts_as_one_message(sessions: Open) -> None:
    s = sessions(drain="one", busy={"same_sender": "queue"})
    run = granted(await s.send("m1"))
    await album(s, "p1", "p2", "p3")
    await s.send("m2")
    s.clock.step(2)
    batch = granted(await s.complete(run))
    assert ids(batch) == ["p1", "p2", "p3"]
    assert ids((await s.complete(batch)).next) == ["m2"]


async def test_the_last_try_of_a_burst_is_its_own_and_whole(sessions: Open) -> None:
    s = sessions(max_deliveries=2, busy={"same_sender": "queue"})
    run = granted(await s.send("m1"))
    await album(s, "p1", "p2")
    await s.send("m2")
    s.clock.step(2)
    batch = granted(await s.complete(run))
    assert ids(batch) == ["p1", "p2", "m2"]
    last = granted(await s.complete(batch, "failed"))
    assert ids(last) == ["p1", "p2"]
    await s.complete(last, "failed")
    assert s.counters()["dead"] == 2


async def test_bursts_of_two_people_with_one_id_are_apart(sessions: Open) -> None:
    s = sessions(drain="one")
    run = granted(await s.send("m1", "carol"))
    await s.send("a1", "alice", group="g1")
    await s.send("b1", "bob", group="g1")
    await s.send("a2", "alice", group="g1")
    assert s.order() == ["a1", "a2", "b1"]
    s.clock.step(2)
    assert ids((await s.complete(run)).next) == ["a1", "a2"]


async def test_without_a_window_a_part_runs_at_once(sessions: Open) -> None:
    s = sessions(group_ms=0)
    assert (await s.send("p1", group="g1")).decision == "run"


async def test_parts_that_come_back_are_still_one(sessions: Open) -> None:
    s = sessions(drain="one")
    await album(s, "p1", "p2")
    s.clock.step(2)
    await s.sweep()
    run = await s.claim()
    assert run is not None
    await s.complete(run, "released", next=False)
    late = await s.send("p3", group="g1")
    assert late.reason == "group"
    assert s.order() == ["p1", "p2", "p3"]
    s.clock.step(2)
    await s.sweep()
    assert ids(await s.claim()) == ["p1", "p2", "p3"]


async def test_a_burst_that_does_not_fit_is_not_cut(sessions: Open) -> None:
    s = sessions(busy={"same_sender": "queue"})
    run = granted(await s.send("m1"))
    for number in range(6):
        await s.send(f"w{number}", text="x" * 150_000)
    await s.send("p1", group="g1", text="x" * 100_000)
    await s.send("p2", group="g1", text="x" * 100_000)
    s.clock.step(2)
    batch = granted(await s.complete(run))
    assert ids(batch) == ["w0", "w1", "w2", "w3", "w4", "w5"]
    assert ids((await s.complete(batch)).next) == ["p1", "p2"]


async def test_a_part_that_comes_back_finds_its_siblings(sessions: Open) -> None:
    s = sessions(drain="one")
    await s.send("p1", group="g1")
    s.clock.step(2)
    await s.sweep()
    run = await s.claim()
    assert run is not None
    await s.send("b1", "bob")
    await s.send("p2", group="g1")
    assert (await s.complete(run, "released")).next is None, "its newest part keeps it open"
    assert s.order() == ["p1", "p2", "b1"]
    s.clock.step(2)
    await s.sweep()
    assert ids(await s.claim()) == ["p1", "p2"]


async def test_a_part_that_comes_after_the_bound_waits_for_nothing(sessions: Open) -> None:
    s = sessions(debounce_max_ms=2_000)
    await s.send("p1", group="g1")
    s.clock.step(3)
    decision = await s.send("p2", group="g1")
    assert (decision.decision, ids(decision.run)) == ("run", ["p1", "p2"])


async def test_a_part_that_runs_at_once_is_in_the_run_wherever_it_stands(sessions: Open) -> None:
    s = sessions(group_ms=0)
    await s.send("p1", group="g1", dispatch="worker")
    await s.send("m2", dispatch="worker")
    decision = await s.send("p2", group="g1")
    assert ids(decision.run) == ["p1", "p2", "m2"]
    assert (decision.state, decision.queue) == ("in_run", None)
