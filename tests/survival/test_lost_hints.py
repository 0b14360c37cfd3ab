"""Publications are hints: what hears none looks at the store every second all the same."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
import pytest_asyncio

from app.store.embedded import EmbeddedValkey
from tests.service import Service, running
from tests.survival.asgi import Call
from tests.survival.conftest import RealClock

MADE_GOOD_SECONDS = 1.6


async def deaf(*_: object) -> None:
    await asyncio.Event().wait()


@pytest_asyncio.fixture
async def service(store_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    """Give a service that hears no publication."""
    monkeypatch.setattr("app.main.listen", deaf)
    async with running(store_url, RealClock()) as served:
        yield served


@pytest.mark.parametrize("open_seconds", [0.0, 0.5, 1.3])
async def test_a_stream_sends_what_it_was_not_told_of(
    service: Service, open_seconds: float
) -> None:
    stream = Call(service.app, "GET", "/v1/signals?consumer=gw-1")
    await service.send("m1")
    await stream.until_text(b"retry: ")
    await asyncio.sleep(open_seconds)
    since = monotonic()
    await service.send("m2")
    await stream.until("interrupt")
    assert monotonic() - since < MADE_GOOD_SECONDS
    await stream.leave()


async def test_a_second_stream_misses_nothing_either(service: Service) -> None:
    first = Call(service.app, "GET", "/v1/signals?consumer=gw-0")
    await asyncio.sleep(1.2)
    await service.send("m1")
    second = Call(service.app, "GET", "/v1/signals?consumer=gw-1")
    await second.until_text(b"retry: ")
    await service.send("m2")
    await second.until("interrupt", seconds=MADE_GOOD_SECONDS)
    await first.leave()
    await second.leave()


async def test_a_waiting_claim_finds_what_it_was_not_told_of(service: Service) -> None:
    body = {"consumer": "worker", "wait_seconds": 10}
    claim = Call(service.app, "POST", "/v1/runs/claim", body)
    await asyncio.sleep(0.1)
    since = monotonic()
    source = {"platform": "discord", "chat_type": "group", "chat_id": "123", "user_id": "456"}
    offered = {"message_id": "m1", "consumer": "gw-1", "dispatch": "worker", "text": "hello"}
    await service.post("/v1/messages", {**offered, "source": source})
    assert len((await claim.end()).json()["runs"]) == 1
    assert monotonic() - since < MADE_GOOD_SECONDS


async def test_streams_outlive_the_store_and_tell_what_is_outstanding_when_it_is_back(
    data_dir: Path,
) -> None:
    with EmbeddedValkey(data_dir) as store:
        async with running(store.url, RealClock()) as service:
            stream = Call(service.app, "GET", "/v1/signals?consumer=gw-1")
            await stream.until_text(b"retry: ")
            await service.send("m1")
            pid = store.pid
            assert pid is not None
            store._process.kill()  # type: ignore[union-attr]
            store._process.wait()  # type: ignore[union-attr]
            services = service.app.services
            services.signals.signalled("")
            assert (
                await service.ask("POST", "/v1/runs/claim", json={"consumer": "w"})
            ).status_code == 503
            assert store.ensure_running()
            await service.send("m2")
            await stream.until("interrupt", seconds=3.0)
            await stream.leave()
            assert services.signals.open_streams() == 0
