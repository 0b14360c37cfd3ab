"""Lines of context: kept for the next run, and nothing more."""

from typing import Any

import pytest

from app.errors import TooLarge
from session_router.models import Decision
from tests.scripts.conftest import Open
from tests.sessions import ROOM, Sessions, granted


async def hear(s: Sessions, message_id: str, user: str = "bob", **fields: Any) -> Decision:
    return await s.send(message_id, user, kind="context", **fields)


def texts(s: Sessions) -> list[str]:
    return [text for _, _, text in s.state.get(f"context:{ROOM}", [])]


async def test_an_overheard_line_is_kept_and_starts_nothing(sessions: Open) -> None:
    s = sessions()
    decision = await hear(s, "c1", text="nice weather")
    assert (decision.decision, decision.reason, decision.state) == ("kept", "context", None)
    assert s.state == {f"context:{ROOM}": [("c1", 0, "nice weather")]}


async def test_the_next_run_carries_it_until_one_completes(sessions: Open) -> None:
    s = sessions()
    await hear(s, "c1", text="nice weather")
    run = granted(await s.send("m1"))
    assert [(c.message_id, c.user_id, c.text) for c in run.context] == [
        ("c1", "bob", "nice weather")
    ]
    await hear(s, "c2", text="too hot")
    again = granted(await s.complete(run, "released"))
    assert [c.message_id for c in again.context] == ["c1", "c2"]
    await hear(s, "c3", text="later")
    await s.complete(again)
    assert texts(s) == ["later"]
    run = granted(await s.send("m2"))
    assert [c.message_id for c in run.context] == ["c3"]
    await s.complete(run)
    assert f"context:{ROOM}" not in s.state


async def test_a_grant_that_is_told_again_has_the_same_context(sessions: Open) -> None:
    s = sessions()
    await hear(s, "c1")
    run = granted(await s.send("m1"))
    await hear(s, "c2")
    assert granted(await s.send("m1")).context == run.context


async def test_sent_again_it_replaces_itself_and_as_a_message_it_leaves(sessions: Open) -> None:
    s = sessions()
    await hear(s, "c1", text="one")
    await hear(s, "c2", text="two")
    await hear(s, "c1", text="one, edited")
    assert texts(s) == ["two", "one, edited"]
    run = granted(await s.send("c2", "bob", text="two"))
    assert [c.message_id for c in run.context] == ["c1"]


async def test_the_newest_are_kept(sessions: Open) -> None:
    s = sessions(context_max=2)
    for message_id in ("c1", "c2", "c3"):
        await hear(s, message_id, text=message_id)
    assert texts(s) == ["c2", "c3"]


async def test_it_is_bounded_in_bytes(sessions: Open) -> None:
    s = sessions()
    for message_id in ("c1", "c2", "c3"):
        await hear(s, message_id, text=message_id + "x" * 30_000)
    assert [text[:2] for text in texts(s)] == ["c2", "c3"]
    with pytest.raises(TooLarge):
        await hear(s, "c4", text="x" * 65_536)


async def test_old_lines_are_told_no_more(sessions: Open) -> None:
    s = sessions(context_ttl_seconds=60)
    await hear(s, "c1")
    s.clock.step(40)
    await hear(s, "c2")
    s.clock.step(20)
    assert [c.message_id for c in granted(await s.send("m1")).context] == ["c2"]


async def test_a_reset_clears_it(sessions: Open) -> None:
    s = sessions()
    await s.complete(granted(await s.send("m1")))
    await hear(s, "c1")
    await s.send("x1", control="reset")
    assert granted(await s.send("m2")).context == ()


async def test_it_delays_and_interrupts_nothing(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    before = dict(s.record())
    assert (await hear(s, "c1", "alice")).decision == "kept"
    assert s.record() == before
    assert (await s.heartbeat(run)).interrupt is None


async def test_in_a_tagged_session_it_is_tagged(sessions: Open) -> None:
    s = sessions(isolation="tagged")
    await hear(s, "c1", text="hello")
    (line,) = granted(await s.send("m1")).context
    assert line.tagged_text == "[Bob · bob] hello"


async def test_a_grant_told_again_has_no_line_that_was_too_old_for_it(sessions: Open) -> None:
    s = sessions(context_ttl_seconds=60)
    await hear(s, "c1")
    s.clock.step(40)
    await hear(s, "c2")
    s.clock.step(20)
    run = granted(await s.send("m1"))
    assert granted(await s.send("m1")).context == run.context


async def test_a_line_that_no_run_was_told_is_not_forgotten_with_those_told(
    sessions: Open,
) -> None:
    s = sessions(busy={"other_sender": "queue"})
    await hear(s, "c1")
    run = granted(await s.send("m1"))
    await s.send("c1", "bob", text="text of c1")  # no line any more
    await hear(s, "c2")
    later = granted(await s.complete(run))
    assert [c.message_id for c in later.context] == ["c2"]
