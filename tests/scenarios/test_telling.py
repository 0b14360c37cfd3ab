"""Why did the bot not answer me? What a session and a message tell of their lives."""

from typing import Any

from app.tokens import hash_token
from tests.scenarios.conftest import Serve
from tests.scenarios.service import ROOM, Json, Service, session_path


def _told(events: list[Json]) -> list[tuple[Any, ...]]:
    return [(e["event"], e["reason"], e["by"], e["message_id"]) for e in events]


async def test_the_timeline_tells_who_stopped_whom(serve: Serve) -> None:
    s = await serve(stop_by="anyone")
    run = await s.run("m1", "alice")
    s.clock.step(1)
    await s.send("m2", "bob", control="stop")
    await s.end(run, "interrupted")
    events = await s.timeline()
    assert _told(events) == [
        ("run", "session_idle", "alice", "m1"),
        ("granted", None, "gw-1", None),
        ("stop_asked", "stop", "bob", "m2"),
        ("ended", "interrupted", "gw-1", None),
    ]
    assert [e["run_id"] for e in events] == [None, run["id"], run["id"], run["id"]]
    assert events[2]["at"] > events[1]["at"]


async def test_the_timeline_tells_of_a_person_who_took_over(serve: Serve) -> None:
    s = await serve()
    await s.end(await s.run("m1"))
    await s.act("pause")
    await s.send("m2")
    told = _told(await s.timeline())
    assert told[-2:] == [("paused", None, None, None), ("queue", "paused", "alice", "m2")]


async def test_the_timeline_tells_what_was_left_out_and_why(serve: Serve) -> None:
    s = await serve(queue={"max": 1, "overflow": "drop_oldest", "ttl_seconds": 10})
    await s.run("m1")
    await s.send("m2", "bob")
    await s.send("m3", "bob")
    s.clock.step(10)
    await s.send("m4", "carol")
    told = _told(await s.timeline())
    assert ("removed", "overflow", None, "m2") in told
    assert ("removed", "expired", None, "m3") in told


async def test_the_timeline_tells_of_failures_and_of_the_dead(serve: Serve) -> None:
    s = await serve(max_deliveries=2)
    run = (await s.end(await s.run("m1"), "failed"))["next"]
    s.clock.step(30)
    assert await s.is_lost(run)
    await s.send("m2", "bob")
    told = _told(await s.timeline())
    assert ("ended", "failed", "gw-1", None) in told
    assert ("ended", "lease_expired", "gw-1", None) in told
    assert ("dead", "max_deliveries", None, "m1") in told


async def test_the_timeline_tells_of_edits_steers_and_resets(serve: Serve) -> None:
    s = await serve(busy={"same_sender": "steer"})
    run = await s.run("m1")
    await s.send("m2")
    await s.amend("m2", text="better")
    await s.beat(run, seen=["m2"])
    await s.act("reset")
    await s.end(run, "interrupted")
    told = [event[0] for event in _told(await s.timeline())]
    assert told == [
        *("run", "granted", "steer", "amended", "seen"),
        *("reset_asked", "ended", "reset"),
    ]


async def test_the_timeline_keeps_the_last_fifty_events(serve: Serve) -> None:
    s = await serve(queue={"max": 100})
    await s.run("m0")
    for number in range(1, 20):
        for event in range(3):
            await s.send(f"m{number}-{event}", f"user-{event}")
    events = await s.timeline()
    assert len(events) == 50
    assert events[-1]["message_id"] == "m19-2"


async def test_a_message_tells_its_life(serve: Serve) -> None:
    s = await serve()
    first = await s.run("m1", "bob")
    s.clock.step(1)
    await s.send("m2", "alice")
    s.clock.step(1)
    run = (await s.end(first))["next"]
    s.clock.step(1)
    await s.end(run)
    status = await s.status("m2")
    assert (status["decision"], status["run_id"]) == ("queue", run["id"])
    assert status["session_key"] == ROOM
    history = status["history"]
    assert [h["state"] for h in history] == ["waiting", "in_run", "done"]
    assert sorted({h["at"] for h in history}) == [h["at"] for h in history]


async def test_a_message_that_came_back_tells_why(serve: Serve) -> None:
    s = await serve()
    await s.end(await s.run("m1"), "failed", next=False)
    assert await s.state("m1") == ("waiting", "failed")


# --- agents --------------------------------------------------------------------------------


def _tokens() -> str:
    lines = ["tokens:"]
    for name, role, agent in (
        ("first", "operator", "main"),
        ("second", "operator", "second"),
        ("reader", "viewer", "main"),
        ("gateway", "gateway", "main"),
    ):
        lines.append(f"- {{name: {name}, role: {role}, sha256: {hash_token(name)}, ")
        lines[-1] += f"agents: [{agent}]}}"
    return "\n".join(lines)


def _as(s: Service, token: str) -> None:
    s.http.headers["authorization"] = f"Bearer {token}"


async def test_what_belongs_to_another_agent_is_not_there(serve: Serve) -> None:
    s = await serve(tokens=_tokens(), max_deliveries=1)
    _as(s, "first")
    await s.end(await s.run("dead"), "failed")
    [letter] = await s.dead_letters()
    run = await s.run("m1")
    _as(s, "second")
    assert await s.dead_letters() == []
    assert await s.figures() == {}
    fence = {"fence": run["fence"]}
    calls: list[tuple[str, str, Json | None]] = [
        *(("POST", f"{session_path(ROOM)}/{v}", None) for v in ("pause", "resume", "interrupt")),
        *(("POST", f"{session_path(ROOM)}/{v}", None) for v in ("release", "reset")),
        ("GET", session_path(ROOM), None),
        ("GET", f"{session_path(ROOM)}/timeline", None),
        ("DELETE", session_path(ROOM), None),
        ("DELETE", f"{session_path(ROOM)}/queue/1", None),
        ("POST", f"/v1/dead-letters/{letter['id']}/redrive", None),
        ("DELETE", f"/v1/dead-letters/{letter['id']}", None),
        ("GET", "/v1/messages?platform=discord&chat_id=room&message_id=m1", None),
        ("GET", f"/v1/runs/{run['id']}", None),
        ("POST", f"/v1/runs/{run['id']}/heartbeat", fence),
        ("POST", f"/v1/runs/{run['id']}/complete", fence | {"outcome": "completed"}),
    ]
    for method, path, body in calls:
        assert (await s.call(method, path, body)).status_code == 404, path
    _as(s, "first")
    assert (await s.beat(run))["interrupt"] is None
    assert [one["id"] for one in await s.dead_letters()] == [letter["id"]]


async def test_roles_do_what_is_theirs(serve: Serve) -> None:
    s = await serve(tokens=_tokens())
    _as(s, "gateway")
    await s.run("m1")
    await s.send("m2", "bob")
    assert (await s.call("POST", f"{session_path(ROOM)}/pause")).status_code == 403
    assert (await s.call("DELETE", session_path(ROOM))).status_code == 403
    assert (await s.ask("DELETE", f"{session_path(ROOM)}/queue/2"))["changed"]
    _as(s, "reader")
    assert (await s.session())["state"] == "running"
    assert (await s.call("DELETE", f"{session_path(ROOM)}/queue/1")).status_code == 403


async def test_an_operators_action_is_signed(serve: Serve) -> None:
    s = await serve(tokens=_tokens())
    _as(s, "first")
    await s.run("m1")
    await s.act("interrupt")
    assert ("stop_asked", "operator", "first", None) in _told(await s.timeline())
