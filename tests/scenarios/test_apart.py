"""Under `per_user` nothing that one user sends touches another (I9)."""

from tests.scenarios.conftest import Serve
from tests.scenarios.service import ids

ALICE, BOB = (f"agent:main:discord:group:room:{user}" for user in ("alice", "bob"))


async def test_what_one_user_sends_is_neither_seen_by_nor_delays_nor_interrupts_another(
    serve: Serve,
) -> None:
    s = await serve(isolation="per_user", queue={"max": 2}, bot_limit={"max": 1})
    alices = await s.run("m1", "alice")
    before = await s.session(ALICE)
    await s.run("m2", "bob")
    for number, fields in enumerate(
        ({}, {"busy": "steer"}, {"busy": "interrupt"}, {"kind": "internal"}, {"control": "reset"}),
        3,
    ):
        await s.send(f"m{number}", "bob", **fields)
    assert await s.session(ALICE) == before
    beat = await s.beat(alices)
    assert (beat["interrupt"], beat["steer"]) == (None, [])
    assert (await s.end(alices))["next"] is None
    assert ids(await s.run("m9", "alice")) == ["m9"]


async def test_a_pause_of_one_user_does_not_hold_another(serve: Serve) -> None:
    s = await serve(isolation="per_user")
    await s.end(await s.run("m1", "bob"))
    await s.act("pause", BOB)
    assert ids(await s.run("m2", "alice")) == ["m2"]


async def test_only_a_stop_that_is_permitted_crosses_over(serve: Serve) -> None:
    s = await serve(isolation="per_user")
    run = await s.run("m1", "alice")
    assert (await s.send("m2", "bob", control="stop"))["reason"] == "nothing_runs"
    assert (await s.beat(run))["interrupt"] is None
    answer = await s.send("m3", "mod", control="stop", is_moderator=True)
    assert answer["control"]["stopped"] == [run["id"]]
