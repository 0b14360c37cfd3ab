"""`stop` and `reset`: whom they reach, and that what was stopped never runs again."""

import pytest

from tests.scenarios.conftest import Serve
from tests.scenarios.endings import ENDS, Ending
from tests.scenarios.service import ROOM, Json, ids

THREAD = {"chat_type": "thread", "thread_id": "5"}
NOT_COMPLETED = [end for end in ENDS if end not in {"completed", "session_deleted"}]


@pytest.mark.parametrize("control", ["stop", "reset"])
@pytest.mark.parametrize("end", NOT_COMPLETED)
async def test_what_was_stopped_never_runs_again_however_its_run_ends(
    serve: Serve, end: str, control: str
) -> None:
    max_run_seconds = 40 if end == "max_run" else 3600
    s = await serve(busy={"same_sender": "steer"}, max_run_seconds=max_run_seconds)
    run = await s.run("m1")
    await s.send("m2", "bob")
    await s.send("m3")
    await s.beat(run, seen=["m3"])
    await s.send("m4", control=control)
    await ENDS[end](s, run)
    assert ids(await s.run("m5", "bob")) == ["m2", "m5"]
    reason = "stopped" if control == "stop" else "reset"
    assert [await s.state(m) for m in ("m1", "m3")] == [("removed", reason)] * 2
    assert await s.figures() == {"accepted": 4, "in_run": 2, "removed": 2}


async def test_a_run_that_completes_although_it_was_stopped_is_done(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.send("m2", control="stop")
    await s.end(run)
    assert await s.state("m1") == ("done", "completed")


@pytest.mark.parametrize("first", ["stop", "reset"])
async def test_a_stop_and_a_reset_of_one_run_both_hold(serve: Serve, first: str) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.send("m2", control=first)
    await s.send("m3", control="reset" if first == "stop" else "stop")
    await s.end(run, "released")
    assert (await s.state("m1"))[0] == "removed"
    assert (await s.session())["session"]["previous_id"] == run["session_id"]


async def test_an_interrupt_before_a_stop_does_not_save_the_batch(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.send("m2")
    await s.send("m3", control="stop")
    assert (await s.beat(run))["interrupt"]["cause"] == "stop"
    assert (await s.end(run, "failed"))["next"] is None
    assert await s.state("m1") == ("removed", "stopped")
    assert await s.state("m2") == ("removed", "stopped")


async def test_a_stop_removes_its_senders_waiting_messages_and_nobody_elses(serve: Serve) -> None:
    s = await serve()
    await s.run("m1", "alice")
    await s.send("m2", "bob")
    await s.send("m3", "alice", busy="queue")
    answer = await s.send("m4", "alice", control="stop")
    assert answer["control"]["removed"] == ["m3"]
    assert await s.waiting() == ["m2"]
    assert await s.state("m3") == ("removed", "stopped")


async def test_a_refused_stop_removes_and_signals_nothing(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1", "alice")
    await s.send("m2", "bob")
    assert (await s.send("m3", "bob", control="stop"))["reason"] == "not_owner"
    assert await s.waiting() == ["m2"]
    assert (await s.beat(run))["interrupt"] is None
    assert (await s.send("m3", "alice", control="stop"))["reason"] == "stopped", "the id is free"


async def test_a_stop_finds_the_senders_runs_in_the_chat_and_its_threads(serve: Serve) -> None:
    s = await serve(isolation="per_user")
    in_thread = await s.run("m1", "alice", **THREAD)
    bobs = await s.run("m2", "bob")
    elsewhere = await s.run("m3", "alice", chat_id="other")
    other_agent = await s.run("m4", "alice", agent="second")
    answer = await s.send("m5", "alice", control="stop")
    assert answer["control"]["stopped"] == [in_thread["id"]]
    assert (await s.beat(in_thread))["interrupt"]["cause"] == "stop"
    for run in (bobs, elsewhere, other_agent):
        assert (await s.beat(run))["interrupt"] is None


async def test_a_stop_in_a_thread_stays_in_the_thread(serve: Serve) -> None:
    s = await serve(isolation="shared", thread_isolation="per_user")
    thread = {"chat_type": "thread", "chat_id": "5"}
    # The chat has the name of the thread: the key of every thread in it says `:thread:5`.
    mods = {"control": "stop", "is_moderator": True}
    five = await s.run("m1", "alice", thread_id="5", **thread)
    others = [
        await s.run("m2", "alice", thread_id="9", **thread),
        await s.run("m3", "alice", thread_id="55", **thread),
        await s.run("m4", "alice", chat_id="5"),
    ]
    answer = await s.send("m5", "mod", thread_id="5", **thread, **mods)
    assert answer["control"]["stopped"] == [five["id"]]
    for run in others:
        assert (await s.beat(run))["interrupt"] is None


async def test_a_stop_looks_no_further_than_the_run_of_its_own_session(serve: Serve) -> None:
    s = await serve(isolation="per_user")
    own = await s.run("m1", "alice")
    in_thread = await s.run("m2", "alice", **THREAD)
    answer = await s.send("m3", "alice", control="stop")
    assert answer["control"]["stopped"] == [own["id"]]
    assert (await s.beat(in_thread))["interrupt"] is None


@pytest.mark.parametrize(
    ("who", "stop_by"), [({"user": "bob"}, "anyone"), ({"user": "mod", "is_moderator": True}, None)]
)
async def test_who_may_stop_anybody_stops_every_run_of_the_chat(
    serve: Serve, who: Json, stop_by: str | None
) -> None:
    s = await serve(isolation="per_user", stop_by=stop_by or "owner")
    runs = [await s.run("m1", "alice"), await s.run("m2", "carol", **THREAD)]
    answer = await s.send("m3", control="stop", **who)
    assert set(answer["control"]["stopped"]) == {run["id"] for run in runs}


async def test_a_stranger_with_nothing_of_his_own_is_told_that_nothing_runs(serve: Serve) -> None:
    s = await serve(isolation="per_user")
    run = await s.run("m1", "alice")
    answer = await s.send("m2", "bob", control="stop")
    assert (answer["decision"], answer["reason"]) == ("control", "nothing_runs")
    assert (await s.beat(run))["interrupt"] is None
    assert await s.figures() == {"accepted": 1, "in_run": 1}


async def test_a_session_of_all_dms_is_stopped_from_its_own_key_alone(serve: Serve) -> None:
    s = await serve(rules=({"match": {"user_name": "Alice"}, "set": {"dm_scope": "main"}},))
    run = await s.run("m1", "alice", chat_type="dm")
    answer = await s.send("m2", "alice", user_name="Other", chat_type="dm", control="stop")
    assert answer["reason"] == "nothing_runs"
    answer = await s.send("m3", "alice", chat_type="dm", control="stop")
    assert answer["control"]["stopped"] == [run["id"]]


async def test_what_is_accepted_while_a_reset_is_pending_belongs_to_the_new_id(
    serve: Serve,
) -> None:
    s = await serve()
    run = await s.run("m1")
    answer = await s.send("m2", control="reset")
    assert (answer["control"]["pending"], answer["session"]["id"]) == (True, run["session_id"])
    await s.send("m3", busy="queue")
    batch = (await s.end(run, "interrupted"))["next"]
    assert ids(batch) == ["m3"]
    view = (await s.session())["session"]
    assert view["id"] == batch["session_id"] != run["session_id"]
    assert (view["previous_id"], view["reset_reason"]) == (run["session_id"], "control")
    assert view["is_new"]
    await s.end(batch)
    assert not (await s.session())["session"]["is_new"]


async def test_participants_outlive_a_reset_and_may_reset_again(serve: Serve) -> None:
    s = await serve()
    await s.end(await s.run("m1"))
    ids_seen = {(await s.session())["session"]["id"]}
    for number in (2, 3):
        answer = await s.send(f"m{number}", control="reset")
        assert (answer["reason"], answer["control"]["pending"]) == ("reset", False)
        ids_seen.add(answer["control"]["session_id"])
    assert len(ids_seen) == 3


@pytest.mark.parametrize("ending", [ENDS["released"], ENDS["failed"], ENDS["requeued"]])
async def test_a_sealed_runs_batch_does_not_come_back_after_a_reset(
    serve: Serve, ending: Ending
) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.ask("POST", f"/v1/runs/{run['id']}/seal", {"fence": run["fence"]})
    assert (await s.send("m2", control="reset"))["control"]["pending"]
    await ending(s, run)
    assert await s.state("m1") == ("removed", "reset")
    assert await s.waiting(ROOM) == []
