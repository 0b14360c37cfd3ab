"""Nothing is granted to a client that is gone, however closely it missed the grant."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from app.api.services import Services
from app.store.ready_runs import Claimer, ReadyRuns, ReadySession
from session_router.models import Run
from tests.service import Json, Service, running
from tests.survival.asgi import Call
from tests.survival.eventually import eventually

KEY = "agent:main:discord:group:123:456"


@pytest_asyncio.fixture
async def service(store_url: str) -> AsyncIterator[Service]:
    async with running(store_url) as served:
        yield served


def services(service: Service) -> Services:
    found: Services = service.app.services
    return found


def claim(service: Service, **wanted: Any) -> Call:
    body = {"consumer": "worker", "wait_seconds": 20, **wanted}
    return Call(service.app, "POST", "/v1/runs/claim", body)


async def waits(service: Service, claims: int) -> None:
    await eventually(lambda: services(service).claims.waiting() == claims)


async def offer(service: Service, message_id: str = "m1", **fields: Any) -> None:
    source = {"platform": "discord", "chat_type": "group", "chat_id": "123", "user_id": "456"}
    body = {"message_id": message_id, "consumer": "gw-1", "dispatch": "worker", "text": "hello"}
    await service.post("/v1/messages", {**body, "source": {**source, **fields}})


async def test_a_claim_whose_client_left_before_the_message_takes_nothing(
    service: Service,
) -> None:
    gone, stays = claim(service), claim(service, consumer="other")
    await waits(service, 2)
    await gone.leave()
    await waits(service, 1)
    await offer(service)
    (run,) = (await stays.end()).json()["runs"]
    assert run["consumer"] == "other"
    await waits(service, 0)
    assert (await service.get("/v1/runs", consumer="worker"))["runs"] == []


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("most", [1, 2])
async def test_a_run_granted_while_its_client_left_goes_back_at_once_and_uncounted(
    service: Service, monkeypatch: pytest.MonkeyPatch, turns: int, most: int
) -> None:
    for user_id in ("456", "789")[:most]:
        await offer(service, f"of-{user_id}", user_id=user_id)
    granted = 0
    grant = ReadyRuns.claim

    async def grant_and_lose(runs: ReadyRuns, ready: ReadySession, claimer: Claimer) -> Run | None:
        nonlocal granted
        run = await grant(runs, ready, claimer)
        granted += 1
        if granted == most:
            call.disconnect()
            for _ in range(turns):
                await asyncio.sleep(0)
        return run

    monkeypatch.setattr(ReadyRuns, "claim", grant_and_lose)
    call = claim(service, max=most)
    await call.end()
    monkeypatch.undo()
    await _goes_back(service, most)


async def _goes_back(service: Service, most: int) -> None:
    again: list[Json] = []
    while len(again) < most:
        more = await claim(service, consumer="other", max=2, wait_seconds=5).end()
        assert more.json()["runs"], "it did not go back"
        again += more.json()["runs"]
    assert (await service.get("/v1/runs", consumer="worker"))["runs"] == []
    for run in again:
        assert [message["deliveries"] for message in run["messages"]] == [1]
        assert run["previous"]["ended"] == "released"


async def test_a_repeat_of_a_client_that_left_again_leaves_nothing_behind(
    service: Service,
) -> None:
    await offer(service)
    first = await claim(service, request_id="r1").end()
    repeat = claim(service, request_id="r1")
    repeat.disconnect()
    await repeat.end()
    again = await claim(service, request_id="r1").end()
    (run,) = again.json()["runs"]
    assert [message["deliveries"] for message in run["messages"]] == [1]
    assert run["fence"] >= first.json()["runs"][0]["fence"]


async def test_a_hundred_clients_that_come_and_go_leave_no_claim_behind(service: Service) -> None:
    calls = [claim(service, consumer=f"w{number}") for number in range(100)]
    await waits(service, 100)
    await asyncio.gather(*(call.leave() for call in calls))
    assert services(service).claims.waiting() == 0
