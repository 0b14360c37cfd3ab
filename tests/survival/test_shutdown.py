"""Told to end, a router ends at once, in good order, and leaves every lease as it is."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.store.embedded import EmbeddedValkey
from tests.faults.services import Service
from tests.processes import wait_until
from tests.survival import servers
from tests.survival.router import Router

ENDS_SECONDS = 20.0


@pytest.fixture
def store(data_dir: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(data_dir, "no") as running:
        yield running


def call(service: Service, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(service.url + path, data, timeout=5) as answer:
        return json.load(answer)


def message(message_id: str = "m1", **fields: Any) -> dict[str, Any]:
    source = {"platform": "discord", "chat_type": "group", "chat_id": "1", "user_id": "2"}
    return {"message_id": message_id, "consumer": "gw-1", "source": source, **fields}


@pytest.fixture(autouse=True)
def _what_holds_up_the_end_does_so_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    # So that no slow machine is taken for it.
    monkeypatch.setenv("SESSION_ROUTER_SHUTDOWN_SECONDS", "60")


@pytest.mark.parametrize("workers", [1, 2])
def test_streams_claims_and_half_read_requests_do_not_hold_up_the_end(
    tmp_path: Path, store: EmbeddedValkey, workers: int
) -> None:
    arguments = ("--redis-url", store.url, "--workers", str(workers))
    with Service(tmp_path / "router", *arguments) as service:
        service.await_ready()
        run = call(service, "/v1/messages", message())["run"]
        port = service.port
        streams = [servers.stream(port, f"gw-{number}") for number in range(8)]
        streams += [servers.feed(port) for _ in range(4)]
        claims = [servers.waiting_claim(port, f"w-{number}") for number in range(8)]
        halves = [servers.half_read(port), servers.half_a_head(port)]
        idle = servers.Hanging(port, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        idle.read_until(b"200 OK")
        time.sleep(0.3)  # the claims are in line
        assert servers.end(service) < ENDS_SECONDS
        for stream in streams:
            assert stream.read_end().count(b"event: reconnect") == 1
        for claim in claims:
            answer = claim.read_end()
            assert answer.startswith(b"HTTP/1.1 200 OK")
            assert b'{"runs":[]}' in answer
        for half in halves:
            assert b"200 OK" not in half.read_end()
        assert idle.read_end().count(b"HTTP/1.1") == 1
        assert not service.errors
        for client in (*streams, *claims, *halves, idle):
            client.close()
    asyncio.run(_assert_lease_is_as_it_was(store, run))


async def _assert_lease_is_as_it_was(store: EmbeddedValkey, run: Any) -> None:
    router = Router(store.url)
    state = await router.views.run(run["id"])
    assert (state.state, state.fence) == ("active", run["fence"])
    assert state.lease_expires_at == datetime.fromisoformat(run["lease_expires_at"])
    await router.client.close()


def test_a_request_whose_body_comes_while_the_router_ends_is_answered(
    tmp_path: Path, store: EmbeddedValkey
) -> None:
    with Service(tmp_path / "router", "--redis-url", store.url) as service:
        service.await_ready()
        text = servers.request(message(), "/v1/messages")
        client = servers.Hanging(service.port, text[:-20])
        time.sleep(0.2)
        process = servers._process(service)
        process.terminate()
        time.sleep(0.15)
        client.send(text[-20:])
        assert b'"decision":"run"' in client.read_end()
        process.wait(5)
        client.close()


def test_with_a_store_that_does_not_answer_the_router_ends_all_the_same(
    tmp_path: Path, store: EmbeddedValkey
) -> None:
    with Service(tmp_path / "router", "--redis-url", store.url) as service:
        service.await_ready()
        streams = [servers.stream(service.port, f"gw-{number}") for number in range(3)]
        claims = [servers.waiting_claim(service.port, f"w-{number}") for number in range(3)]
        store.stop()
        time.sleep(0.3)
        assert servers.end(service) < ENDS_SECONDS
        for client in (*streams, *claims):
            client.close()


def test_the_embedded_store_ends_after_the_last_answer(tmp_path: Path) -> None:
    with Service(tmp_path / "router") as service:
        service.await_ready()
        stream, claim = servers.stream(service.port), servers.waiting_claim(service.port)
        call(service, "/v1/messages", message("m1"))
        call(service, "/v1/messages", message("m2"))
        stream.read_until(b"event: interrupt")
        assert servers.end(service) < ENDS_SECONDS
        assert b"event: reconnect" in stream.read_end()
        assert b'{"runs":[]}' in claim.read_end()
        stream.close()
        claim.close()


def test_every_worker_tells_every_listener_what_any_of_them_answered(
    tmp_path: Path, store: EmbeddedValkey
) -> None:
    arguments = ("--redis-url", store.url, "--workers", "2")
    with Service(tmp_path / "router", *arguments) as service:
        service.await_ready()
        listeners = [servers.feed(service.port) for _ in range(4)]
        for listener in listeners:
            listener.read_until(b"event: stats")
        wait_until(lambda: len(call(service, "/v1/routers")["routers"]) == 2)
        time.sleep(2)  # both know that somebody listens
        for listener in listeners:  # what came before a router heard the others is a gap
            listener.got = b""
            listener.read_until(b"event: stats")
            listener.got = b""
        for number in range(20):
            call(service, "/v1/messages", message(f"m{number}", kind="internal"))
        for listener in listeners:
            for number in range(20):
                listener.read_until(f'"message_id":"m{number}"'.encode())
            assert b"event: gap" not in listener.got
            listener.close()
