"""What a holder reports beside its beats: posts, and the gateway's own data."""

from app.routing.keys import ChatName
from app.store import keys
from app.store.posts import Posts
from tests.scripts.conftest import Open
from tests.sessions import ROOM, granted


async def test_the_next_holder_finds_what_was_posted(sessions: Open) -> None:
    s = sessions(max_deliveries=9)
    run = granted(await s.send("m1"))
    await s.heartbeat(run, sent=["p1"])
    await s.heartbeat(run, sent=["p1", "p2"])
    s.clock.step(30)
    await s.sweep()
    second = await s.claim()
    assert second is not None
    assert second.previous is not None
    assert (second.previous.ended, second.previous.sent) == ("lease_expired", ("p1", "p2"))
    third = granted(await s.complete(second, "failed", sent=["p3"]))
    assert third.previous is not None
    assert third.previous.sent == ("p1", "p2", "p3"), "what all tries posted"


async def test_a_post_names_its_session_while_ids_are_remembered(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.complete(run, sent=["p1"])
    chat = ChatName("agent:main:discord:room")
    assert await Posts(s.client, 1).session_of(chat, "p1") == ROOM
    assert await Posts(s.client, 1).session_of(chat, "p2") is None
    assert s.redis.pttl(keys.sent(0, keys.home_digest(chat, "p1"))) > 86_000_000


async def test_where_replies_join_nothing_no_post_is_kept_but_the_next_holder_is_told(
    sessions: Open,
) -> None:
    s = sessions(isolation="person")
    run = granted(await s.send("m1"))
    await s.heartbeat(run, sent=["p1"])
    assert not s.redis.keys("*:sent:*")
    second = granted(await s.complete(run, "released", sent=["p2"]))
    assert second.previous is not None
    assert second.previous.sent == ("p1", "p2")
    assert not s.redis.keys("*:sent:*")


async def test_a_run_remembers_its_last_hundred_posts(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.heartbeat(run, sent=[f"a{n}" for n in range(100)])
    await s.heartbeat(run, sent=["b1"])
    sent = (await s.views.run(run.id)).sent
    assert (len(sent), sent[0], sent[-1]) == (100, "a1", "b1")


async def test_data_is_in_every_grant_until_it_is_replaced(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    assert run.data == {}
    await s.heartbeat(run, data={"transcript": "t-1"})
    await s.complete(run, data={"transcript": "t-1", "model": "x"})
    run = granted(await s.send("m2"))
    assert run.data == {"transcript": "t-1", "model": "x"}
    assert run.previous_data is None


async def test_a_reset_starts_empty_and_shows_the_old_until_a_run_completes(
    sessions: Open,
) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.send("x1", control="reset")
    completion = await s.complete(run, "interrupted", data={"transcript": "t-1"})
    assert completion.session is not None
    assert completion.session.is_new
    run = granted(await s.send("m2"))
    assert (run.data, run.previous_data) == ({}, {"transcript": "t-1"})
    again = granted(await s.complete(run, "released", data={"transcript": "t-2"}))
    assert (again.data, again.previous_data) == ({"transcript": "t-2"}, {"transcript": "t-1"})
    await s.complete(again)
    run = granted(await s.send("m3"))
    assert (run.data, run.previous_data) == ({"transcript": "t-2"}, None)


async def test_posts_are_known_over_a_hand_over_to_the_same_holder(sessions: Open) -> None:
    s = sessions(max_deliveries=9)
    run = granted(await s.send("m1"))
    second = granted(await s.complete(run, "released", sent=["p1"]))
    third = granted(await s.complete(second, "released", sent=["p2"]))
    assert third.previous is not None
    assert third.previous.sent == ("p1", "p2")
