"""What a newer release adds is kept and read past; what an older one did not write is empty."""

from typing import Any

from app.routing.route import route
from app.store.admissions import routed
from app.store.figures import Figures
from session_router.models import CompleteRequest, Decision
from tests.packed import unpack, unpack_map
from tests.scripts.conftest import Open
from tests.sessions import ROOM, Sessions, granted, ids

SESSION = f"sr:{{0}}:session:{ROOM}"
COUNTS, TALLIES = "sr:{0}:counts:main:discord", "sr:{0}:tallies"
ADD = """
local fields = cmsgpack.unpack(redis.call('GET', KEYS[1]))
fields.tomorrow = 7
if fields.run then fields.run.tomorrow = 8 end
redis.call('SET', KEYS[1], cmsgpack.pack(fields))
"""

TAKE_ISOLATION = """
local fields = cmsgpack.unpack(redis.call('GET', KEYS[1]))
fields.run.isolation = nil
redis.call('SET', KEYS[1], cmsgpack.pack(fields))
"""

SHORTEN = """
local values = cmsgpack.unpack(redis.call('LINDEX', KEYS[1], 0))
for i = 19, 22 do values[i] = nil end
redis.call('LSET', KEYS[1], 0, cmsgpack.pack(values))
"""

LENGTHEN = """
local values = cmsgpack.unpack(redis.call('LINDEX', KEYS[1], 0))
for i = #values + 1, 22 do values[i] = '' end
values[23], values[24] = 'new', 'er'
redis.call('LSET', KEYS[1], 0, cmsgpack.pack(values))
"""

WRITE_WHOLE = """
local values = cmsgpack.unpack(redis.call('LINDEX', KEYS[1], 0))
values[19], values[20], values[21], values[22] = 'bob', '', 0, ''
redis.call('LSET', KEYS[1], 0, cmsgpack.pack(values))
"""


def stored(s: Sessions, key: str) -> dict[str, Any]:
    return unpack_map(s.redis.get(key))


async def test_fields_of_a_session_and_its_run_are_kept(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    s.redis.eval(ADD, 1, SESSION)
    await s.heartbeat(run, status="busy")
    assert stored(s, SESSION)["tomorrow"] == 7
    assert stored(s, SESSION)["run"]["tomorrow"] == 8
    await s.send("m2", "bob")
    following = granted(await s.complete(run))
    await s.complete(following)
    assert stored(s, SESSION)["tomorrow"] == 7


async def test_figures_are_kept_and_not_told(sessions: Open) -> None:
    s = sessions()
    await s.complete(granted(await s.send("m1")))
    for key in (COUNTS, TALLIES):
        s.redis.eval(ADD, 1, key)
    message = s.message("m2", "alice")
    assert message.source is not None
    routing = route(s.rulebook, message.agent, message.kind, message.source)
    decision = await s.store.admit(routed(message, routing, ""))
    assert isinstance(decision, Decision)
    run = granted(decision)
    await s.store.complete(run.id, CompleteRequest(fence=run.fence, outcome="completed"))
    assert stored(s, COUNTS)["tomorrow"] == stored(s, TALLIES)["tomorrow"] == 7
    figures = await Figures(s.client, 1, s.clock).read(None)
    assert (figures.messages.accepted, figures.messages.done) == (2, 2)


async def test_a_message_without_what_is_known_of_bursts_stands_before_one(sessions: Open) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.send("m2", "bob")
    await s.send("m3", "carol", group="album")
    s.redis.eval(SHORTEN, 1, f"sr:{{0}}:queue:{ROOM}")
    request = CompleteRequest(fence=run.fence, outcome="completed")
    assert ids((await s.store.complete(run.id, request)).next) == ["m2"]


async def test_a_message_whose_empty_ends_were_written_is_its_senders(sessions: Open) -> None:
    s = sessions(busy={"same_sender": "queue", "other_sender": "queue"})
    run = granted(await s.send("m1"))
    await s.send("m2", "bob")
    await s.send("m3", "carol")
    s.redis.eval(WRITE_WHOLE, 1, f"sr:{{0}}:queue:{ROOM}")
    s.policy(busy={"other_sender": "interrupt"})
    message = s.message("m4", "bob")
    assert message.source is not None
    routing = route(s.rulebook, message.agent, message.kind, message.source)
    decision = await s.store.admit(routed(message, routing, ""))
    assert isinstance(decision, Decision)
    assert decision.decision == "interrupt"
    s.look()
    assert s.order() == ["m2", "m4", "m3"]
    assert ids((await s.complete(run)).next) == ["m2", "m4", "m3"]


async def test_what_a_newer_release_wrote_of_a_message_goes_with_it_into_a_run(
    sessions: Open,
) -> None:
    s = sessions()
    run = granted(await s.send("m1"))
    await s.send("m2", "bob")
    s.redis.eval(LENGTHEN, 1, f"sr:{{0}}:queue:{ROOM}")
    request = CompleteRequest(fence=run.fence, outcome="completed")
    assert ids((await s.store.complete(run.id, request)).next) == ["m2"]
    assert unpack(s.redis.get(f"sr:{{0}}:batch:{ROOM}"))[22:] == ["new", "er"]


async def test_a_run_without_its_isolation_names_people_as_its_session_says(sessions: Open) -> None:
    s = sessions(isolation="tagged")
    run = granted(await s.send("m1"))
    assert run.messages[0].tagged_text
    s.redis.eval(TAKE_ISOLATION, 1, SESSION)
    assert granted(await s.send("m1")) == run
