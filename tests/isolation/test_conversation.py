"""Isolation `conversation` through the API: a message joins the talk that it belongs to."""

import asyncio
from typing import Any

import pytest

from app.tagging import PROMPT_NOTE
from tests.isolation.router import Json, Router, group, router

CONVERSATION = {"isolation": "conversation"}
ROOM = "agent:main:discord:group:room"


def who(user: str, **more: Any) -> Json:
    return group("discord", "room", user, user_name=user.capitalize(), **more)


def opened_by(message_id: str) -> str:
    return f"{ROOM}:conversation:{message_id}"


@pytest.fixture
async def room(there: Router) -> Router:
    """Give a router whose chats are told apart by conversation."""
    await there.put_policy(defaults=CONVERSATION)
    return there


async def key_of(room: Router, user: str, text: str = "hi", **more: Any) -> str:
    key: str = (await room.send(who(user), text, **more))["session"]["key"]
    return key


async def test_talks_that_cross_each_other_stay_apart(room: Router) -> None:
    assert await key_of(room, "ana", "copy the table", message_id="a1") == opened_by("a1")
    assert await key_of(room, "ben", "my token expired", message_id="b1") == opened_by("b1")
    assert await key_of(room, "ana", "I meant staging") == opened_by("a1")
    assert await key_of(room, "cleo", "ana: leave out the log") == opened_by("a1")
    assert await key_of(room, "dev", "six digits", reply_to="b1") == opened_by("b1")
    assert await key_of(room, "eve", "yes", mentions=["ben"]) == opened_by("b1")
    assert await key_of(room, "fay", "is it open?", message_id="f1") == opened_by("f1")


async def test_who_was_silent_for_long_opens_a_new_one(room: Router) -> None:
    await key_of(room, "ana", message_id="a1")
    room.clock.forward(minutes=19)
    assert await key_of(room, "ana") == opened_by("a1")
    room.clock.forward(minutes=20)
    assert await key_of(room, "ana", message_id="a3") == opened_by("a3")


async def test_a_reply_joins_even_what_the_memory_has_forgotten(room: Router) -> None:
    await key_of(room, "ana", message_id="a1")
    for number in range(60):
        await key_of(room, f"user{number}")
    assert await key_of(room, "zoe", "about that", reply_to="a1") == opened_by("a1")


async def test_a_conversation_is_tagged(room: Router) -> None:
    first = await room.send(who("ana"), "copy", message_id="a1")
    assert first["session"]["isolation"] == "conversation"
    assert first["session"]["prompt_note"] == PROMPT_NOTE
    assert first["run"]["text"] == "[Ana · ana] copy"
    told_at = await room.report(
        "heartbeat", first["run"], usage={"context_tokens": 60, "context_limit": 100}
    )
    assert told_at["interrupt"] is None
    detail = await room.on_session(opened_by("a1"))
    assert detail["session"]["context"]["action"] == "compress"


async def test_resolve_says_why_and_touches_nothing(room: Router) -> None:
    await key_of(room, "ana", message_id="a1")
    body: Json = {"source": who("ben"), "text": "ana: why?", "message_id": "b1"}
    told = await room.call("POST", "/v1/resolve", body)
    assert told["key"] == opened_by("a1")
    assert told["why"] == "addresses Ana, who last talked here just now"
    assert await room.call("POST", "/v1/resolve", body) == told
    assert (await room.figures())["accepted"] == 1
    plain = await room.call("POST", "/v1/resolve", {"source": who("cat"), "message_id": "c1"})
    assert (plain["key"], plain["why"]) == (
        opened_by("c1"),
        "opens a new one: Cat takes part in no other",
    )


async def test_the_timeline_keeps_why_each_message_belongs_there(room: Router) -> None:
    await key_of(room, "ana", message_id="a1")
    await key_of(room, "ben", "ok", message_id="b1", reply_to="a1")
    path = f"/v1/sessions/{opened_by('a1').replace(':', '%3A')}/timeline"
    events = (await room.call("GET", path))["events"]
    why = {e["message_id"]: e["reason"] for e in events if e["event"] == "conversation"}
    assert why == {"a1": "opens a new one: Ana takes part in no other", "b1": "replies to a1"}


async def test_a_resend_finds_its_conversation_whatever_came_since(room: Router) -> None:
    first = await room.send(who("ana"), "copy", message_id="a1")
    await key_of(room, "ana", "hm", reply_to="nowhere")
    await key_of(room, "ben", message_id="b1")
    again = await room.send(who("ana"), "copy", message_id="a1")
    assert (again["decision"], again["duplicate_of"]) == ("duplicate", "run")
    assert again["run"] == first["run"]


async def test_what_is_refused_leaves_no_trace_in_the_memory(there: Router) -> None:
    await there.put_policy(defaults=CONVERSATION | {"busy": {"other_sender": "reject"}})
    await there.send(who("ana"), message_id="a1")
    refused = await there.send(who("ben"), "hm", reply_to="a1", message_id="b1")
    assert (refused["decision"], refused["reason"]) == ("reject", "busy_reject")
    assert await key_of(there, "ben", "my own", message_id="b2") == opened_by("b2")


async def test_a_control_opens_no_conversation(room: Router) -> None:
    stopped = await room.send(who("ana"), control="stop", message_id="s1")
    assert (stopped["decision"], stopped["reason"]) == ("control", "nothing_runs")
    await room.on_session(opened_by("s1"), status=404)
    await key_of(room, "ana", message_id="a1")
    stopped = await room.send(who("ana"), control="stop")
    assert stopped["reason"] == "stopped"
    assert stopped["session"]["key"] == opened_by("a1")


async def test_platform_threads_and_dms_are_no_conversations(room: Router) -> None:
    threaded = await room.send(who("ana", thread_id="9"))
    assert threaded["session"]["key"] == "agent:main:discord:thread:room:thread:9"
    alone = await room.send({**who("ana"), "chat_type": "dm", "chat_id": "ana"})
    assert alone["session"]["key"] == "agent:main:discord:dm:ana"


async def test_many_at_once_on_two_routers_are_each_placed_once(store_url: str) -> None:
    async with router(store_url) as one, router(store_url) as two:
        await one.put_policy(defaults=CONVERSATION)
        await two.follow()
        sent = await asyncio.gather(
            *(
                (one, two)[number % 2].send(who(f"user{number % 6}"), message_id=f"m{number}")
                for number in range(48)
            )
        )
        by_user: dict[int, set[str]] = {}
        for number, decision in enumerate(sent):
            by_user.setdefault(number % 6, set()).add(decision["session"]["key"])
        assert all(len(found) == 1 for found in by_user.values()), "one talk for each of them"
        assert len(set.union(*by_user.values())) == 6
        assert (await one.figures())["accepted"] == 48
