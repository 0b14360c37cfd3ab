"""Replies to what the agent posted join its session; overheard lines open none."""

from tests.isolation.router import Router, dm, group

ALICE, BOB = group("discord", "room", "alice"), group("discord", "room", "bob")
TELEGRAM = group("telegram", "room", "alice")


async def test_a_reply_to_a_post_joins_its_conversation(there: Router) -> None:
    await there.put_policy(defaults={"isolation": "conversation"})
    first = await there.send(ALICE, message_id="a1")
    await there.complete(first["run"], sent=["post-1"])
    joined = await there.turn(BOB, reply_to="post-1")
    assert joined["session"]["key"] == first["session"]["key"]
    apart = await there.turn(group("discord", "room", "cleo"), reply_to="post-2")
    assert apart["session"]["key"] != first["session"]["key"]


async def test_a_reply_to_a_post_joins_its_thread_outside_threads(there: Router) -> None:
    await there.put_policy(defaults={"isolation": "thread"})
    for source, other in ((ALICE, BOB), (TELEGRAM, {**TELEGRAM, "user_id": "bob"})):
        first = await there.send(source, message_id="a1")
        await there.report("heartbeat", first["run"], sent=["post-1"])
        await there.complete(first["run"])
        joined = await there.turn(other, reply_to="post-1")
        assert joined["session"]["key"] == first["session"]["key"]
        assert joined["thread"] is None
        opened = await there.turn(other)
        assert opened["session"]["key"] != first["session"]["key"]


async def test_a_reply_inside_another_thread_or_a_dm_stays_where_it_was_sent(there: Router) -> None:
    await there.put_policy(defaults={"isolation": "thread"})
    first = await there.send({**ALICE, "thread_id": "t1"})
    await there.complete(first["run"], sent=["post-1"])
    elsewhere = await there.turn({**ALICE, "thread_id": "t2"}, reply_to="post-1")
    assert elsewhere["session"]["key"] == "agent:main:discord:thread:room:thread:t2"
    first = await there.send(dm("discord", "alice", thread_id="t1"))
    await there.complete(first["run"], sent=["post-2"])
    outside = await there.turn(dm("discord", "alice"), reply_to="post-2")
    assert outside["session"]["key"] == "agent:main:discord:dm:alice"


async def test_a_reply_to_a_post_in_a_thread_is_ones_own_session_under_per_user(
    there: Router,
) -> None:
    await there.put_policy(defaults={"isolation": "per_user"})
    first = await there.send({**BOB, "thread_id": "t1"})
    await there.complete(first["run"], sent=["post-1"])
    own = await there.turn(ALICE, reply_to="post-1")
    assert own["session"]["key"] == "agent:main:discord:group:room:alice"


async def test_where_threads_are_per_user_a_reply_joins_ones_own(there: Router) -> None:
    await there.put_policy(defaults={"isolation": "thread", "thread_isolation": "per_user"})
    first = await there.send(ALICE, message_id="a1")
    await there.complete(first["run"], sent=["post-1"])
    joined = await there.turn(BOB, reply_to="post-1")
    assert joined["session"]["key"] == "agent:main:discord:thread:room:thread:a1:bob"


async def test_an_overheard_line_opens_no_thread_and_no_conversation(there: Router) -> None:
    for isolation in ("thread", "conversation"):
        await there.put_policy(defaults={"isolation": isolation})
        kept = await there.send(ALICE, kind="context")
        assert (kept["decision"], kept["reason"]) == ("kept", "no_session")
        assert kept["session"] is None
    first = await there.send(ALICE, message_id="a1")
    await there.complete(first["run"])
    kept = await there.send(ALICE, "by the way", kind="context")
    assert (kept["decision"], kept["reason"]) == ("kept", "context")
    run = (await there.send(ALICE, "go on"))["run"]
    assert [line["text"] for line in run["context"]] == ["by the way"]
