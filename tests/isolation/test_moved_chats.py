"""A chat whose id changed: its sessions go on, under whatever id it is called."""

import pytest

from tests.isolation.router import Router, group, router

OLD, NEW = group("telegram", "-40"), group("telegram", "-1001")
MOVE = {"platform": "telegram", "from": "-40", "to": "-1001"}


async def move(there: Router, **changed: str) -> str:
    moved = await there.call("POST", "/v1/chats/move", {**MOVE, **changed})
    chat_id: str = moved["chat_id"]
    return chat_id


async def test_a_moved_chat_goes_on_in_its_sessions_and_is_answered_where_it_is(
    there: Router,
) -> None:
    before = await there.turn(OLD)
    assert await move(there) == "-40"
    after = await there.turn(NEW)
    assert after["session"]["key"] == before["session"]["key"]
    assert after["session"]["id"] == before["session"]["id"]
    assert after["run"]["route"]["chat_id"] == "-1001"


@pytest.mark.parametrize("shards", [1, 7])
async def test_a_router_that_did_not_know_is_told_by_the_mark(store_url: str, shards: int) -> None:
    async with router(store_url, shards=shards) as one, router(store_url, shards=shards) as two:
        before = await two.turn(OLD)
        await move(one)
        for _ in range(2):
            assert (await two.turn(NEW))["session"]["key"] == before["session"]["key"]


@pytest.mark.parametrize("shards", [1, 7])
async def test_ids_stay_known_as_they_were_sent(store_url: str, shards: int) -> None:
    async with router(store_url, shards=shards) as there:
        await there.turn(OLD, message_id="m1")
        await move(there)
        again = await there.send(OLD, message_id="m1")
        assert again["decision"] == "duplicate"
        other = await there.turn(NEW, message_id="m1")
        assert other["decision"] == "run", "an id is unique in the chat that it was sent in"
        assert (await there.send(NEW, message_id="m1"))["decision"] == "duplicate"
        assert (await there.state_of(NEW, "m1"))["session_key"] == other["session"]["key"]


async def test_what_waits_under_the_new_id_ends_there(there: Router) -> None:
    early = await there.send(NEW)
    await move(there)
    waiting = await there.send(NEW)
    assert waiting["session"]["key"] != early["session"]["key"]
    assert waiting["decision"] == "run"
    await there.complete(early["run"])


async def test_a_chat_that_moves_twice_is_kept_under_its_first_id(there: Router) -> None:
    first = await there.turn(OLD)
    await move(there)
    assert await move(there, **{"from": "-1001", "to": "-2002"}) == "-40"
    third = await there.turn(group("telegram", "-2002"))
    assert third["session"]["key"] == first["session"]["key"]


async def test_a_chat_that_moves_back_is_what_it_was(there: Router) -> None:
    await move(there)
    assert await move(there, **{"from": "-1001", "to": "-40"}) == "-40"
    first = await there.turn(OLD)
    assert (await there.turn(NEW))["session"]["key"] == first["session"]["key"]


async def test_rules_and_links_go_by_the_id_that_it_is_kept_under(there: Router) -> None:
    rule = {"name": "old", "match": {"chat_id": "-40"}, "set": {"isolation": "shared"}}
    await there.put_policy(rules=[rule])
    await move(there)
    assert (await there.turn(NEW))["session"]["isolation"] == "shared"


async def test_another_account_of_the_chat_does_not_move(there: Router) -> None:
    await move(there)
    other = await there.turn({**NEW, "account": "b2"})
    assert "account:b2" in other["session"]["key"]
    assert "-1001" in other["session"]["key"]


async def test_a_conversation_goes_on_in_a_moved_chat(there: Router) -> None:
    await there.put_policy(defaults={"isolation": "conversation"})
    first = await there.turn(OLD, message_id="m1")
    await move(there)
    assert (await there.turn(NEW))["session"]["key"] == first["session"]["key"]


async def test_a_move_to_itself_is_refused(there: Router) -> None:
    body = {**MOVE, "to": "-40"}
    problem = await there.call("POST", "/v1/chats/move", body, status=422)
    assert problem["errors"][0]["path"] == "to"


@pytest.mark.parametrize("shards", [1, 7])
async def test_a_thread_that_was_bound_goes_on_in_a_moved_chat(store_url: str, shards: int) -> None:
    async with router(store_url, shards=shards) as there:
        await there.put_policy(defaults={"isolation": "thread"})
        first = await there.turn(OLD, message_id="m1")
        await there.bind(first["session"]["key"], "t9")
        await move(there)
        inside = {**NEW, "chat_type": "thread", "thread_id": "t9"}
        for _ in range(2):
            assert (await there.turn(inside))["session"]["key"] == first["session"]["key"]


@pytest.mark.parametrize("shards", [1, 7])
async def test_an_early_edit_finds_its_message_in_a_moved_chat(store_url: str, shards: int) -> None:
    async with router(store_url, shards=shards) as there:
        await there.turn(OLD)
        await move(there)
        edit = {"source": NEW, "message_id": "m2", "text": "edited"}
        assert (await there.call("POST", "/v1/messages/amend", edit))["result"] == "unknown"
        assert (await there.turn(NEW, message_id="m2"))["run"]["text"] == "edited"


@pytest.mark.parametrize("shards", [1, 7])
async def test_a_reply_to_a_post_joins_its_thread_in_a_moved_chat(
    store_url: str, shards: int
) -> None:
    async with router(store_url, shards=shards) as there:
        await there.put_policy(defaults={"isolation": "thread"})
        await move(there)
        first = await there.send(NEW, message_id="m1")
        await there.complete(first["run"], sent=["post"])
        joined = await there.turn({**NEW, "user_id": "bob"}, reply_to="post")
        assert joined["session"]["key"] == first["session"]["key"]


async def test_a_job_of_what_still_runs_under_the_new_id_reports_there(there: Router) -> None:
    early = await there.send(NEW)
    await move(there)
    to = {"session_key": early["session"]["key"], "session_id": early["session"]["id"]}
    body = {"message_id": "j1", "consumer": "job", "kind": "internal", "to": to}
    report = await there.call("POST", "/v1/messages", body)
    assert (report["decision"], report["reason"]) == ("queue", "internal")
    run = (await there.complete(early["run"]))["next"]
    assert [m["message_id"] for m in run["messages"]] == ["j1"]
