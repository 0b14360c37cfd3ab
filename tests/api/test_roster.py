"""Routers and consumers that are there."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from app import VERSION
from app.api.services import Services
from tests.service import Json, Service, running, write_token
from tests.survival.asgi import Call


@pytest.fixture
async def guarded(store_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """Give a service of two shards with tokens."""
    tokens = tmp_path / "tokens.yaml"
    write_token(tokens, "gwen", "gateway")
    write_token(tokens, "vic", "viewer")
    write_token(tokens, "of-main", "viewer", ("main",))
    write_token(tokens, "of-nobody", "viewer", ("nobody",))
    async with running(store_url, tokens_file=tokens, shards=2) as service:
        yield service


def services(service: Service) -> Services:
    found: Services = service.app.services
    return found


async def consumers(service: Service, who: str = "vic") -> dict[str, Json]:
    """Let the router announce whom it saw, and give the consumers by name."""
    await services(service).presence.announce()
    page = await service.with_token(who).get("/v1/consumers")
    return {one["consumer"]: one for one in page["consumers"]}


async def test_every_router_that_is_there_is_listed(store_url: str) -> None:
    async with running(store_url) as one, running(store_url, clock=one.clock) as other:
        for service in (one, other):
            await services(service).presence.announce()
        (router,) = {
            (router["version"], router["name"].rpartition("-")[2].isdigit())
            for router in (await one.get("/v1/routers"))["routers"]
        }
        assert router == (VERSION, True)
        assert len((await one.get("/v1/routers"))["routers"]) == 2
        one.clock.step(61)
        await services(one).presence.announce()
        (left,) = (await one.get("/v1/routers"))["routers"]
        assert datetime.fromisoformat(left["last_seen_at"]).timestamp() == one.clock.now_us / 1e6


async def test_a_consumer_is_seen_by_its_calls_with_the_runs_that_it_holds(
    guarded: Service,
) -> None:
    gwen = guarded.with_token("gwen")
    for chat in range(4):
        await gwen.send("m1", chat_id=str(chat))
    await gwen.send("m1", agent="other")
    await gwen.send("m1", agent="other", consumer="gw-2", chat_id="9")
    seen = await consumers(guarded)
    assert seen["gw-1"].items() >= {
        "token": "gwen", "agents": ["main", "other"], "runs": 5
    }.items()  # fmt: skip
    assert seen["gw-2"].items() >= {"agents": ["other"], "runs": 1}.items()


async def test_a_token_sees_consumers_of_its_agents_and_their_runs_alone(
    guarded: Service,
) -> None:
    gwen = guarded.with_token("gwen")
    await gwen.send("m1")
    await gwen.send("m1", agent="other")
    await gwen.send("m1", agent="other", consumer="gw-2")
    seen = await consumers(guarded, "of-main")
    assert {name: (one["agents"], one["runs"]) for name, one in seen.items()} == {
        "gw-1": (["main"], 1)
    }
    assert await consumers(guarded, "of-nobody") == {}


async def test_who_listens_for_signals_is_seen_and_who_is_silent_is_forgotten(
    guarded: Service,
) -> None:
    stream = Call(guarded.app, "GET", "/v1/signals?consumer=gw-7", token="gwen")
    await stream.until_text(b"retry: ")
    assert (await consumers(guarded))["gw-7"].items() >= {"agents": [], "runs": 0}.items()
    guarded.clock.step(3_601)
    assert list(await consumers(guarded)) == ["gw-7"], "it still listens"
    await stream.leave()
    guarded.clock.step(3_601)
    assert await consumers(guarded) == {}
