"""The live feed tells what happens, on every router, and holds up nobody."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import BaseModel
from redis import Redis

from app import feed
from app.api.services import Services
from app.store.events import Answered
from session_router.models import (
    Action,
    DeadLetterEvent,
    DecisionEvent,
    GapEvent,
    LeaseLostEvent,
    PolicyEvent,
    RunEndedEvent,
    RunGrantedEvent,
    Stats,
)
from tests.service import Json, Service, running, write_token
from tests.survival.asgi import Call
from tests.survival.conftest import Serve
from tests.survival.eventually import eventually

KEY = "agent:main:discord:group:123:456"
MODELS: dict[str, type[BaseModel]] = {
    "stats": Stats,
    "decision": DecisionEvent,
    "run_granted": RunGrantedEvent,
    "run_ended": RunEndedEvent,
    "lease_lost": LeaseLostEvent,
    "dead_letter": DeadLetterEvent,
    "action": Action,
    "policy": PolicyEvent,
    "gap": GapEvent,
}


@pytest.fixture
def serve(serve: Serve, redis: "Redis") -> Serve:
    """Give `serve(**defaults)`: one more service, which hears what is published."""
    number = 0

    async def open_(**defaults: Any) -> Service:
        nonlocal number
        number += 1
        service = await serve(**defaults)
        await eventually(lambda: redis.pubsub_numsub("sr:events")[0][1] == number)
        return service

    return open_


def services(service: Service) -> Services:
    found: Services = service.app.services
    return found


async def watch(service: Service, token: str = "") -> Call:
    """Open a stream that has brought its first figures."""
    stream = Call(service.app, "GET", "/v1/events", token=token)
    await stream.until_text(b"event: stats")
    return stream


def events(stream: Call, *names: str) -> list[Json]:
    """The data of these events so far, each as its model has it."""
    found = []
    for name, data in stream.events():
        if name != "reconnect":
            MODELS[name].model_validate_json(json.dumps(data))
        if name in names:
            found.append(data)
    return found


async def brought(stream: Call, *names: str, count: int = 1) -> list[Json]:
    """Wait until a stream has brought so many of these events."""
    await eventually(lambda: len(events(stream, *names)) >= count)
    found = events(stream, *names)
    assert len(found) == count
    return found


async def figures_with(stream: Call, **messages: int) -> None:
    """Wait until the newest figures of a stream have these numbers of messages."""
    wanted = messages.items()
    await eventually(lambda: wanted <= events(stream, "stats")[-1]["messages"].items())


async def test_decisions_grants_and_ends_are_told_with_their_reasons(serve: Serve) -> None:
    service = await serve()
    stream = await watch(service)
    run = (await service.send("m1"))["run"]
    await service.send("m2")
    following = (await service.complete(run, "interrupted", reason="asked to"))["next"]
    decisions = await brought(stream, "decision", count=2)
    at = decisions[0].pop("at")
    assert at.endswith("Z")
    assert decisions[0] == {
        "session_key": KEY,
        "message_id": "m1",
        "kind": "user",
        "decision": "run",
        "reason": "session_idle",
    }
    assert (decisions[1]["decision"], decisions[1]["reason"]) == ("interrupt", "same_sender_active")
    granted = await brought(stream, "run_granted", count=2)
    assert [(g["run_id"], g["by"], g["consumer"], g["messages"]) for g in granted] == [
        (run["id"], "message", "gw-1", 1),
        (following["id"], "next", "gw-1", 1),
    ]
    (ended,) = await brought(stream, "run_ended")
    assert (ended["run_id"], ended["session_key"]) == (run["id"], KEY)
    assert (ended["outcome"], ended["reason"]) == ("interrupted", "asked to")
    assert "text of" not in stream.body.decode()
    await stream.leave()


async def test_a_refusal_is_told_with_the_session_that_it_was_for(serve: Serve) -> None:
    service = await serve()
    stream = await watch(service)
    await service.send("m1", control="stop", user="456")
    (decision,) = await brought(stream, "decision")
    assert (decision["decision"], decision["session_key"]) == ("control", KEY)
    await stream.leave()


async def test_a_claimed_run_is_told(serve: Serve) -> None:
    service = await serve()
    stream = await watch(service)
    await service.post("/v1/messages", {**_body("m1"), "dispatch": "worker"})
    (run,) = (await service.post("/v1/runs/claim", {"consumer": "w-1"}))["runs"]
    (granted,) = await brought(stream, "run_granted")
    assert (granted["run_id"], granted["by"], granted["consumer"]) == (run["id"], "claim", "w-1")
    await stream.leave()


def _body(message_id: str) -> Json:
    source = {"platform": "discord", "chat_type": "group", "chat_id": "123", "user_id": "456"}
    return {"message_id": message_id, "consumer": "gw-1", "source": source, "text": ""}


async def test_a_lost_lease_and_a_dead_letter_are_told_by_whichever_script_found_them(
    serve: Serve,
) -> None:
    service = await serve(lease_seconds=1, max_deliveries=1)
    stream = await watch(service)
    run = (await service.send("m1"))["run"]
    (lost,) = await brought(stream, "lease_lost")
    assert (lost["run_id"], lost["consumer"], lost["ended"]) == (run["id"], "gw-1", "lease_expired")
    (dead,) = await brought(stream, "dead_letter")
    (letter,) = (await service.get("/v1/dead-letters"))["dead_letters"]
    assert (dead["id"], dead["message_id"], dead["session_key"]) == (letter["id"], "m1", KEY)
    await stream.leave()


async def test_what_people_do_and_a_policy_put_in_force_are_told(serve: Serve) -> None:
    service = await serve()
    stream = await watch(service)
    run = (await service.send("m1"))["run"]
    await service.post(f"/v1/sessions/{quote(KEY, safe='')}/release", {"run_id": run["id"]})
    revision = (await service.ask("PUT", "/v1/policy", json={"version": 1})).json()["revision"]
    (policy,) = await brought(stream, "policy")
    assert (policy["revision"], policy["by"]) == (revision, None)
    told = await brought(stream, "action", count=2)
    kept = (await service.get("/v1/actions", limit=2))["actions"]
    assert told == kept[::-1]
    assert (told[0]["action"], told[0]["run_id"]) == ("release", run["id"])
    await stream.leave()


async def test_figures_come_at_once_and_each_second_by_one_reading_for_all(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "STATS_SECONDS", 60.0)
    service = await serve()
    figures = services(service).figures
    readings = 0
    read = figures.parts

    async def counted() -> Any:
        nonlocal readings
        readings += 1
        return await read()

    monkeypatch.setattr(figures, "parts", counted)
    first = await watch(service)
    others = [await watch(service) for _ in range(2)]
    before = readings
    await service.send("m1")
    services(service).feed._stats_at = 0.0
    for stream in (first, *others):
        await figures_with(stream, in_run=1)
    assert readings == before + 1
    for stream in (first, *others):
        await stream.leave()


async def test_a_decision_on_one_router_reaches_a_stream_on_another(serve: Serve) -> None:
    here, there = await serve(), await serve()
    stream = await watch(there)
    await eventually(lambda: services(here).feed.is_heard)
    await here.send("m1")
    (decision,) = await brought(stream, "decision")
    assert decision["message_id"] == "m1"
    await stream.leave()


async def test_while_nobody_listens_nothing_is_gathered_and_nothing_published(
    serve: Serve, redis: "Redis"
) -> None:
    service = await serve()
    assert not services(service).feed.is_heard
    await service.send("m1")
    assert services(service).feed._answered == []
    calls = redis.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"]
    await service.send("m2")
    after = redis.info("commandstats")["cmdstat_publish"]["calls"]
    assert after == calls + 1, "the interrupt's signal alone"


async def test_a_router_stops_telling_once_the_last_has_gone(serve: Serve, redis: "Redis") -> None:
    here, there = await serve(), await serve()
    stream = await watch(there)
    await eventually(lambda: services(here).feed.is_heard)
    await stream.leave()
    redis.delete("sr:{routers}:heard")  # as its expiry does, seconds later
    await here.send("m1")
    await eventually(lambda: not services(here).feed.is_heard)


async def test_a_slow_reader_is_told_of_its_gap_and_goes_on_and_holds_up_nobody(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "BUFFERED_MAX", 3)
    service = await serve()
    slow, quick = await watch(service), await watch(service)
    slow.pause()
    for number in range(1, 9):
        await service.send(f"m{number}", kind="internal")
        await brought(quick, "decision", count=number)
    slow.resume()
    (gap,) = await brought(slow, "gap")
    seen = events(slow, "decision", "run_granted")
    assert gap["missed"] == 9 - len(seen) > 0, "each is brought, or counted as missed"
    before = len(events(slow, "decision"))
    await service.send("m9", kind="internal")
    await eventually(lambda: len(events(slow, "decision")) > before)
    assert events(slow, "decision")[-1]["message_id"] == "m9"
    assert events(quick, "gap") == []
    await slow.leave()
    await quick.leave()


async def test_what_a_router_could_not_gather_is_a_gap(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "GATHERED_MAX", 2)
    service = await serve()
    stream = await watch(service)
    for number in range(5):
        services(service).feed._tell(Answered("run_ended", KEY, _ended(str(number))))
    (gap,) = await brought(stream, "gap")
    assert gap == {"missed": 3}
    assert [e["run_id"] for e in events(stream, "run_ended")] == ["0", "1"]
    await stream.leave()


def _ended(run_id: str) -> Json:
    return {"session_key": KEY, "run_id": run_id, "outcome": "completed", "reason": None}


async def test_after_a_lost_connection_there_is_a_gap_of_unknown_size(
    serve: Serve, redis: "Redis"
) -> None:
    service = await serve()
    stream = await watch(service)
    redis.client_kill_filter(_type="pubsub")
    assert await brought(stream, "gap") == [{"missed": None}]
    await service.send("m1")
    await brought(stream, "decision")
    await stream.leave()


@pytest.fixture
async def guarded(store_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """Give a service with tokens of single agents."""
    tokens = tmp_path / "tokens.yaml"
    write_token(tokens, "olga", "operator")
    write_token(tokens, "of-main", "viewer", ("main",))
    write_token(tokens, "gw-of-main", "gateway", ("main",))
    async with running(store_url, tokens_file=tokens) as service:
        yield service


async def test_a_stream_tells_of_the_tokens_agents_alone(guarded: Service) -> None:
    olga = guarded.with_token("olga")
    all_, viewer, gateway = [
        await watch(guarded, token) for token in ("olga", "of-main", "gw-of-main")
    ]
    for agent in ("other", "main"):
        run = (await olga.send("m1", agent=agent))["run"]
        key = quote(run["session_key"], safe="")
        await olga.post(f"/v1/sessions/{key}/release", {"run_id": run["id"]})
        await olga.complete((await _claim(olga, agent)), "completed")
    await brought(all_, "run_ended", count=2)
    await brought(all_, "lease_lost", count=2)
    for stream in (viewer, gateway):
        await brought(stream, "run_ended")
        names = ("decision", "run_granted", "run_ended", "lease_lost", "action")
        told = events(stream, *names)
        assert len(told) == 6
        assert {one["session_key"].split(":")[1] for one in told} == {"main"}
        await figures_with(stream, done=1)
        await stream.leave()
    await all_.leave()


async def _claim(service: Service, agent: str) -> Json:
    body = {"consumer": "w-1", "agents": [agent]}
    (run,) = (await service.post("/v1/runs/claim", body))["runs"]
    found: Json = run
    return found


async def test_without_a_token_there_is_no_stream(guarded: Service) -> None:
    response = await guarded.ask("GET", "/v1/events")
    assert response.status_code == 401


async def test_a_comment_keeps_a_stream_alive_whose_store_is_away(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "KEEP_ALIVE_SECONDS", 0.1)
    monkeypatch.setattr(feed, "STATS_SECONDS", 60.0)
    stream = await watch(await serve())
    await stream.until_text(b": still here\n\n: still here\n\n")
    await stream.leave()


async def test_streams_end_with_the_service_and_leave_nothing_behind(serve: Serve) -> None:
    service = await serve()
    streams = [await watch(service) for _ in range(5)]
    gone = streams.pop()
    gone.pause()
    await gone.leave()
    assert services(service).feed.open_streams() == 4
    services(service).let_go()
    for stream in streams:
        await stream.end()
        assert stream.events()[-1] == ("reconnect", {})
    assert services(service).feed.open_streams() == 0


async def test_a_newer_routers_events_are_passed_on_and_its_scripts_passed_over(
    serve: Serve, redis: "Redis"
) -> None:
    service = await serve()
    stream = await watch(service)
    redis.publish("sr:events", json.dumps(["tea_is_ready", "0"]))
    batch = {"missed": 0, "events": [["gap", "main", {"missed": 1}]]}
    redis.publish("sr:answers", f"0 {json.dumps(batch)}")
    await eventually(lambda: b'"missed":1' in stream.body)
    assert b"tea_is_ready" not in stream.body
    await stream.leave()
    await asyncio.sleep(0)
