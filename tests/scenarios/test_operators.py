"""What a person does to a session: once, and only to what the person saw."""

import pytest

from tests.scenarios.conftest import Serve
from tests.scenarios.service import ROOM, Json, ids, session_path


async def test_while_paused_everything_waits_and_a_run_hands_nothing_over(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1")
    assert (await s.act("pause"))["changed"]
    answer = await s.send("m2")
    assert (answer["decision"], answer["reason"]) == ("queue", "paused")
    assert (await s.beat(run))["interrupt"] is None, "the run ends by itself"
    assert (await s.end(run))["next"] is None
    assert await s.claim() == []
    assert (await s.session())["state"] == "paused"


async def test_a_resumed_session_is_ready_again(serve: Serve) -> None:
    s = await serve()
    await s.end(await s.run("m1"))
    await s.act("pause")
    await s.send("m2")
    await s.send("m3", "bob")
    assert (await s.act("resume"))["changed"]
    [run] = await s.claim()
    assert ids(run) == ["m2", "m3"]


async def test_controls_act_while_paused(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.act("pause")
    answer = await s.send("m2", control="stop")
    assert answer["control"]["stopped"] == [run["id"]]
    assert (await s.end(run, "released"))["next"] is None
    reset = await s.send("m3", control="reset")
    assert (reset["reason"], reset["control"]["pending"]) == ("reset", False)


async def test_a_forced_release_fences_the_holder_out_and_keeps_batch_and_queue(
    serve: Serve,
) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.send("m2", "bob")
    assert (await s.act("release", run_id=run["id"]))["changed"]
    assert await s.is_lost(run)
    again = await s.run("m3", "carol")
    assert ids(again) == ["m1", "m2", "m3"]
    assert again["fence"] > run["fence"]
    assert again["messages"][0]["deliveries"] == 1
    assert (again["previous"]["id"], again["previous"]["ended"]) == (run["id"], "forced")


async def test_an_interrupted_holder_has_the_grace_and_no_longer(serve: Serve) -> None:
    s = await serve(interrupt_grace_seconds=20)
    run = await s.run("m1")
    assert (await s.act("interrupt"))["changed"]
    asked = (await s.beat(run))["interrupt"]
    assert (asked["cause"], asked["message_id"]) == ("operator", None)
    s.clock.step(19)
    await s.beat(run)
    s.clock.step(1)
    assert await s.is_lost(run)
    again = await s.run("m2", "bob")
    assert [m["deliveries"] for m in again["messages"]] == [1, 1]
    assert again["previous"]["ended"] == "grace"


async def test_a_reset_of_an_idle_session_starts_a_new_id_at_once(serve: Serve) -> None:
    s = await serve()
    await s.end(await s.run("m1"))
    before = (await s.session())["session"]["id"]
    assert (await s.act("reset", session_id=before))["changed"]
    view = (await s.session())["session"]
    assert (view["previous_id"], view["reset_reason"]) == (before, "operator")
    assert (await s.act("reset", session_id=before))["changed"] is False


async def test_a_reset_of_a_running_session_waits_for_its_end_and_ends_its_batch(
    serve: Serve,
) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.send("m2", "bob")
    assert [(await s.act("reset"))["changed"] for _ in range(2)] == [True, False]
    assert (await s.beat(run))["interrupt"]["cause"] == "reset"
    following = (await s.end(run, "released"))["next"]
    assert ids(following) == ["m2"], "what waits stays"
    assert following["session_id"] != run["session_id"]
    assert await s.state("m1") == ("removed", "reset")


async def test_a_waiting_message_is_removed_by_its_number(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.send("m2", "bob")
    path = f"{session_path(ROOM)}/queue/2"
    assert [(await s.ask("DELETE", path))["changed"] for _ in range(2)] == [True, False]
    assert (await s.ask("DELETE", f"{session_path(ROOM)}/queue/1"))["changed"] is False
    assert await s.state("m2") == ("removed", "operator")
    assert await s.state("m1") == ("in_run", None)
    assert (await s.end(run))["next"] is None


async def test_a_deleted_session_leaves_nothing_running_or_waiting(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.send("m2", "bob")
    assert (await s.ask("DELETE", session_path(ROOM)))["changed"]
    assert await s.is_lost(run)
    for message_id in ("m1", "m2"):
        assert await s.state(message_id) == ("removed", "session_deleted")
        user = "alice" if message_id == "m1" else "bob"
        assert (await s.send(message_id, user))["decision"] == "duplicate"
    assert (await s.call("GET", session_path(ROOM))).status_code == 404
    again = await s.run("m3")
    assert again["fence"] > run["fence"]
    assert ids(again) == ["m3"]
    assert await s.figures() == {"accepted": 3, "in_run": 1, "removed": 2}


async def test_a_paused_session_can_be_deleted_and_the_next_one_is_not_paused(
    serve: Serve,
) -> None:
    s = await serve()
    await s.end(await s.run("m1"))
    await s.act("pause")
    await s.send("m2")
    await s.ask("DELETE", session_path(ROOM))
    assert ids(await s.run("m3")) == ["m3"]


@pytest.mark.parametrize("verb", ["interrupt", "reset", "release", "pause", "resume"])
async def test_an_action_on_a_run_that_is_over_changes_nothing(serve: Serve, verb: str) -> None:
    s = await serve()
    seen = await s.run("m1")
    await s.send("m2", "bob")
    run = (await s.end(seen))["next"]
    if verb == "resume":
        await s.act("pause")
    before = await s.session()
    assert (await s.act(verb, run_id=seen["id"]))["changed"] is False
    assert (await s.act(verb, session_id="another"))["changed"] is False
    assert await s.session() == before
    right: Json = {"run_id": run["id"], "session_id": run["session_id"]}
    assert (await s.act(verb, **right))["changed"] is True


async def test_a_deletion_and_a_removal_look_at_what_was_seen_too(serve: Serve) -> None:
    s = await serve()
    seen = await s.run("m1")
    await s.send("m2", "bob")
    run = (await s.end(seen))["next"]
    await s.send("m3", "carol")
    for path in (session_path(ROOM), f"{session_path(ROOM)}/queue/3"):
        assert (await s.ask("DELETE", path, {"run_id": seen["id"]}))["changed"] is False
        assert (await s.ask("DELETE", path, {"session_id": "another"}))["changed"] is False
    assert await s.waiting() == ["m3"]
    queue = f"{session_path(ROOM)}/queue/3"
    assert (await s.ask("DELETE", queue, {"run_id": run["id"]}))["changed"] is True
    assert (await s.ask("DELETE", session_path(ROOM), {"run_id": run["id"]}))["changed"] is True


@pytest.mark.parametrize("verb", ["pause", "resume", "interrupt", "release"])
async def test_a_repeated_action_is_done_once(serve: Serve, verb: str) -> None:
    s = await serve()
    run = await s.run("m1")
    if verb == "resume":
        await s.act("pause")
    changes = [(await s.act(verb, run_id=run["id"]))["changed"] for _ in range(3)]
    assert changes == [True, False, False]


async def test_nothing_is_done_to_a_session_that_is_not_there(serve: Serve) -> None:
    s = await serve()
    for verb in ("pause", "resume", "interrupt", "release", "reset"):
        assert (await s.call("POST", f"{session_path(ROOM)}/{verb}")).status_code == 404
    assert (await s.call("DELETE", session_path(ROOM))).status_code == 404
