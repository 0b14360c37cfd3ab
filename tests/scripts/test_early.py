"""Edits that come before their message, and messages that come too late."""

from datetime import UTC, datetime

from app.routing.keys import ChatName
from session_router.models import AmendRequest, Source
from tests.scripts.conftest import Open
from tests.sessions import Sessions, granted
from tests.state import EPOCH_MS

CHAT = ChatName("agent:main:discord:room")
SOURCE = Source(platform="discord", chat_type="group", chat_id="room")


async def amend(s: Sessions, message_id: str, text: str | None) -> str:
    request = AmendRequest(source=SOURCE, message_id=message_id, text=text, delete=text is None)
    return (await s.store.amend(CHAT, request)).result


async def test_an_edit_that_overtakes_its_message_is_applied(sessions: Open) -> None:
    s = sessions()
    assert await amend(s, "m1", "first edit") == "unknown"
    assert await amend(s, "m1", "second edit") == "unknown"
    run = granted(await s.send("m1", text="as sent"))
    assert run.text == "second edit"
    assert not [name for name in s.state if name.startswith("early:")]
    for text in ("as sent", "second edit"):
        assert (await s.send("m1", text=text)).decision == "duplicate"
    assert (await s.send("m1", text="other")).reason == "id_reused"


async def test_a_deletion_that_overtakes_its_message_keeps_it_out(sessions: Open) -> None:
    s = sessions()
    assert await amend(s, "m1", None) == "unknown"
    assert await amend(s, "m1", "an edit on its way") == "unknown"
    decision = await s.send("m1")
    assert (decision.decision, decision.reason, decision.state) == ("reject", "deleted", None)
    assert "id:m1" not in s.state


async def test_it_is_kept_for_a_minute(sessions: Open) -> None:
    s = sessions()
    await amend(s, "m1", "edit")
    (name,) = s.redis.keys("*early:*")
    assert 0 < s.redis.pttl(name) <= 60_000


async def test_an_early_edit_finds_a_session_in_another_shard(sessions: Open) -> None:
    s = sessions(shards=7, dm_scope="main")
    chat = ChatName("agent:main:discord:c7")
    source = Source(platform="discord", chat_type="dm", chat_id="c7", user_id="alice")
    request = AmendRequest(source=source, message_id="m1", text="edited")
    assert (await s.store.amend(chat, request)).result == "unknown"
    run = granted(await s.send("m1", "alice", chat_type="dm", chat_id="c7"))
    assert run.text == "edited"


async def test_what_is_older_than_ids_are_remembered_is_refused(sessions: Open) -> None:
    s = sessions(dedupe_seconds=60)
    old, young = (datetime.fromtimestamp((EPOCH_MS + ms) / 1000, UTC) for ms in (-60_000, -59_999))
    decision = await s.send("m1", sent_at=old)
    assert (decision.decision, decision.reason) == ("reject", "too_old")
    run = granted(await s.send("m2", sent_at=young))
    assert run.messages[0].sent_at == young


async def test_a_late_repeat_of_a_known_message_is_a_duplicate_not_too_old(
    sessions: Open,
) -> None:
    s = sessions(dedupe_seconds=60)
    sent_at = datetime.fromtimestamp(EPOCH_MS / 1000, UTC)
    await s.send("m1", sent_at=sent_at)
    s.clock.step(20)
    await s.heartbeat(granted(await s.send("m1", sent_at=sent_at)))
    s.clock.step(25)
    s.clock.step(20)
    assert (await s.send("m1", sent_at=sent_at)).decision == "duplicate"
