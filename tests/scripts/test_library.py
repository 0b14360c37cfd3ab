"""The functions of the library live on: what is one call's own must end with it."""

from typing import Any

import pytest

from app.store import scripts
from app.store.scripts import Script
from app.store.store_client import StoreClient
from app.store.wire import Refusal
from tests.scripts.conftest import Open
from tests.sessions import ROOM

OTHER = "agent:main:discord:group:other"
# What is kept between calls, after many that have nothing in common, in KiB.
KEPT = """
TAG, name = 'sr:{0}:', 'agent:main:discord:group:room'
collectgarbage()
local before = collectgarbage('count')
for i = 1, 50000 do
  text(i)
  BUCKET = 'main:' .. i
  key = keys_of({})
  assert(key.sessions == 'sr:{0}:sessions:main:' .. i)
end
collectgarbage()
return collectgarbage('count') - before
"""


async def test_what_a_call_had_in_hand_when_it_failed_is_not_the_next_calls(
    sessions: Open,
) -> None:
    s = sessions()
    broken = f"sr:{{0}}:timeline:{ROOM}"
    s.redis.set(broken, "no list")
    with pytest.raises(Refusal, match="WRONGTYPE"):
        await s.send("m1", "alice")
    s.redis.flushall()
    await s.send("m1", "bob", chat_id="other")
    assert {name for name in s.state if name.startswith(("session:", "run:", "batch:"))} == {
        f"session:{OTHER}",
        f"run:{OTHER}",
        f"batch:{OTHER}",
    }
    assert s.state["stats"]["accepted:main:discord"] == 1
    assert [event.by for event in s.state[f"timeline:{OTHER}"]] == ["bob", "/gw-1"]


async def test_two_releases_share_a_store_and_each_calls_its_own_functions(
    sessions: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = sessions()
    await s.send("m1", "alice")
    with monkeypatch.context() as patch:
        newer = scripts.library_of(scripts.LIBRARY.body + "-- a newer release")
        patch.setattr(scripts, "LIBRARY", newer)
        assert (await s.send("m2", "bob")).decision == "queue"
    assert (await s.send("m3", "alice")).decision == "interrupt"
    assert len(s.redis.execute_command("FUNCTION", "LIST")) == 2


def test_texts_and_names_of_keys_are_kept_for_the_next_calls_and_not_for_ever(
    sessions: Open,
) -> None:
    source = (scripts.LUA / "session/keys.lua").read_text()
    assert sessions().redis.eval(source + KEPT, 0) < 500


async def test_settings_that_are_known_by_heart_are_those_of_each_session(sessions: Open) -> None:
    s = sessions(busy={"other_sender": "queue"})
    await s.send("m1", "alice")
    s.policy(busy={"other_sender": "interrupt"})
    await s.send("m1", "alice", chat_id="other")
    assert (await s.send("m2", "bob", chat_id="other")).decision == "interrupt"
    s.policy(busy={"other_sender": "queue"})
    assert (await s.send("m2", "bob")).decision == "queue"


async def test_settings_are_sent_whole_once_and_again_where_the_store_lost_them(
    sessions: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = sessions()
    sent_whole: list[str] = []
    call = StoreClient.call

    async def noted(self: StoreClient, script: Script, names: Any, *arguments: Any) -> Any:
        if script is scripts.ADMIT and arguments[2]:
            sent_whole.append(arguments[3])
        return await call(self, script, names, *arguments)

    monkeypatch.setattr(StoreClient, "call", noted)
    await s.send("m1", "alice")
    await s.send("m2", "bob")
    assert (await s.send("m2", "bob")).decision == "duplicate"
    assert sent_whole == ["m1"]
    # As on a replica that was elected before it had them: that they are known by heart is
    # no proof that they are stored.
    (name,) = s.redis.keys("sr:{0}:settings:*")
    s.redis.delete(name)
    assert (await s.send("m3", "bob")).decision == "queue"
    assert sent_whole == ["m1", "m3"]
    assert s.redis.exists(name)
    s.redis.flushall()
    assert (await s.send("m4", "bob")).decision == "run"
    assert sent_whole == ["m1", "m3", "m4"]
    assert s.redis.exists(name)
