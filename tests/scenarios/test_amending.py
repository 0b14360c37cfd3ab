"""Edits and deletions: of what still waits, and of nothing else."""

from tests.scenarios.conftest import Serve
from tests.scenarios.service import ids


async def test_an_edit_reaches_what_waits_and_keeps_its_place(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1")
    for number in (2, 3, 4):
        await s.send(f"m{number}", "bob")
    assert await s.amend("m3", text="better") == "updated"
    assert await s.amend("m3", text="better") == "unchanged"
    following = (await s.end(run))["next"]
    assert ids(following) == ["m2", "m3", "m4"]
    assert following["text"] == "text of m2\nbetter\ntext of m4"


async def test_a_deletion_takes_a_message_out_once(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.send("m2", "bob")
    assert [await s.amend("m2", delete=True) for _ in range(2)] == ["removed", "removed"]
    assert await s.amend("m2", text="too late") == "removed"
    assert await s.state("m2") == ("removed", "deleted")
    assert (await s.end(run))["next"] is None
    assert await s.figures() == {"accepted": 2, "done": 1, "removed": 1}


async def test_what_a_run_has_or_had_is_left_as_it_is(serve: Serve) -> None:
    s = await serve(max_deliveries=2)
    run = await s.run("m1")
    for change in ({"text": "other"}, {"delete": True}):
        assert await s.amend("m1", **change) == "already_delivered"
    await s.end(run)
    assert await s.amend("m1", delete=True) == "already_delivered"
    assert await s.state("m1") == ("done", "completed")


async def test_an_edit_that_is_repeated_when_a_run_has_its_text_is_told_so(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.send("m2", "bob")
    assert await s.amend("m2", text="better") == "updated"
    following = (await s.end(run))["next"]
    assert following["text"] == "better"
    assert await s.amend("m2", text="better") == "unchanged"
    assert await s.amend("m2", text="text of m2") == "already_delivered"
    assert await s.amend("m2", delete=True) == "already_delivered"
    await s.end(following)
    assert await s.amend("m2", text="better") == "unchanged"


async def test_a_dead_letter_is_not_edited(serve: Serve) -> None:
    s = await serve(max_deliveries=1)
    await s.end(await s.run("m1"), "failed")
    assert await s.amend("m1", text="other") == "already_delivered"


async def test_what_came_back_from_a_run_may_be_edited_and_deleted(serve: Serve) -> None:
    s = await serve()
    await s.send("m1", dispatch="worker")
    run = await s.run("m2", "bob")
    await s.end(run, "released", next=False)
    assert await s.amend("m1", text="better") == "updated"
    assert await s.amend("m2", delete=True) == "removed"
    again = await s.run("m3")
    assert again["text"] == "better\ntext of m3"


async def test_an_offered_steer_is_edited_until_it_is_seen(serve: Serve) -> None:
    s = await serve(busy={"same_sender": "steer"})
    run = await s.run("m1")
    await s.send("m2")
    assert await s.amend("m2", text="better") == "updated"
    assert [m["text"] for m in (await s.beat(run))["steer"]] == ["better"]
    await s.beat(run, seen=["m2"])
    assert await s.amend("m2", text="best") == "already_delivered"


async def test_a_deleted_steer_is_offered_no_longer(serve: Serve) -> None:
    s = await serve(busy={"same_sender": "steer"})
    run = await s.run("m1")
    await s.send("m2")
    assert await s.amend("m2", delete=True) == "removed"
    assert (await s.beat(run, seen=["m2"]))["steer"] == []
    assert await s.state("m2") == ("removed", "deleted")


async def test_an_interrupt_stands_though_its_message_is_removed(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.send("m2")
    await s.amend("m2", delete=True)
    assert (await s.beat(run))["interrupt"]["message_id"] == "m2"


async def test_a_resend_is_compared_with_the_text_sent_and_the_text_amended(serve: Serve) -> None:
    s = await serve()
    run = await s.run("m1")
    await s.send("m2", "bob", text="first")
    await s.amend("m2", text="second")
    for text in ("first", "second"):
        again = await s.send("m2", "bob", text=text)
        assert (again["decision"], again["duplicate_of"]) == ("duplicate", "queue")
    for user, text in (("bob", "third"), ("carol", "first"), ("carol", "second")):
        refused = await s.send("m2", user, text=text)
        assert (refused["decision"], refused["reason"]) == ("reject", "id_reused")
    assert (await s.end(run))["next"]["text"] == "second"


async def test_of_the_source_only_the_chat_counts(serve: Serve) -> None:
    s = await serve(isolation="per_user")
    run = await s.run("m1", "bob")
    await s.send("m2", "bob", busy="queue")
    assert await s.amend("m2", text="better") == "updated", "the edit names no user"
    assert (await s.end(run))["next"]["text"] == "better"


async def test_what_never_came_is_unknown(serve: Serve) -> None:
    s = await serve()
    assert await s.amend("m1", text="better") == "unknown"
    assert await s.amend("m1", delete=True) == "unknown"


async def test_a_control_is_nothing_to_edit(serve: Serve) -> None:
    s = await serve()
    await s.run("m1")
    await s.send("m2", control="stop")
    assert await s.amend("m2", text="go on") == "unknown"


async def test_an_edit_names_a_text_or_a_deletion_not_both(serve: Serve) -> None:
    s = await serve()
    source = {"platform": "discord", "chat_type": "group", "chat_id": "room"}
    body = {"source": source, "message_id": "m1"}
    for change in ({}, {"text": "x", "delete": True}):
        assert (await s.call("POST", "/v1/messages/amend", body | change)).status_code == 422
