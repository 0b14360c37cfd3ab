"""What is answered while the store is away, loading, or full, and that it passes by itself."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from app.store.embedded import EmbeddedValkey
from tests.processes import wait_until
from tests.service import Json, Service, message, running

CALLS: list[tuple[str, str, Json | None]] = [
    ("POST", "/v1/messages", message("m9")),
    ("GET", "/v1/messages?platform=discord&chat_id=123&message_id=m1", None),
    ("GET", "/v1/sessions", None),
    ("GET", "/v1/sessions/agent%3Amain%3Amain", None),
    ("GET", "/v1/stats", None),
    ("GET", "/v1/runs?consumer=gw-1", None),
    ("GET", "/readyz", None),
]


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """Give a store that a test may kill."""
    with EmbeddedValkey(tmp_path / "own") as server:
        yield server


def kill(server: EmbeddedValkey) -> None:
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.poll() is not None)


async def assert_away(service: Service, method: str, path: str, body: Json | None) -> None:
    response = await service.ask(method, path, json=body)
    assert response.status_code == 503, path
    assert int(response.headers["retry-after"]) >= 1
    assert response.json()["type"].endswith(":store_unavailable")


async def test_a_dead_store_is_told_and_a_new_one_is_used_without_a_word(
    own_store: EmbeddedValkey,
) -> None:
    async with running(own_store.url) as service:
        run = (await service.send())["run"]
        kill(own_store)
        beat = {"fence": run["fence"]}
        done = {**beat, "outcome": "completed"}
        for method, path, body in [
            *CALLS,
            ("POST", f"/v1/runs/{run['id']}/heartbeat", beat),
            ("POST", f"/v1/runs/{run['id']}/complete", done),
            ("GET", f"/v1/runs/{run['id']}", None),
        ]:
            await assert_away(service, method, path, body)
        assert (await service.get("/healthz")) == {"status": "ok"}
        resolved = await service.post("/v1/resolve", {"source": message()["source"]})
        assert resolved["key"]
        assert own_store.ensure_running()
        assert (await service.get("/readyz")) == {"status": "ok"}
        again = await service.send()
        assert (again["decision"], again["run"]) == ("duplicate", run)
        assert (await service.complete(run))["next"] is None
        assert (await service.send("m9"))["decision"] == "run"


async def test_a_store_that_lost_its_scripts_gets_them_again(
    store_url: str, service: Service
) -> None:
    run = (await service.send())["run"]
    with Redis.from_url(store_url) as redis:
        redis.function_flush()
    await service.heartbeat(run)
    assert (await service.send())["decision"] == "duplicate"


async def test_a_store_that_hangs_is_away_after_the_timeout(own_store: EmbeddedValkey) -> None:
    async with running(own_store.url, store_timeout_seconds=0.2) as service:
        await service.send()
        pid = own_store.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            await assert_away(service, "GET", "/v1/stats", None)
            await assert_away(service, "POST", "/v1/messages", message("m2"))
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: _answers(own_store.url))
        assert (await service.send("m2"))["decision"] in {"interrupt", "duplicate"}
        counts = (await service.get("/v1/stats"))["messages"]
        assert counts["accepted"] == 2


def _answers(url: str) -> bool:
    with Redis.from_url(url) as redis:
        return bool(redis.ping())


async def test_a_busy_store_is_away(own_store: EmbeddedValkey) -> None:
    async with running(own_store.url, store_timeout_seconds=5) as service:
        await service.send()
        with Redis.from_url(own_store.url, socket_timeout=0.3) as redis, _long_script(redis):
            await assert_away(service, "GET", "/v1/stats", None)
            await assert_away(service, "POST", "/v1/messages", message("m2"))
        assert (await service.send("m2"))["decision"] == "interrupt"


class _long_script:  # noqa: N801
    """A script that runs until it is killed, on a server that soon says BUSY."""

    def __init__(self, redis: "Redis") -> None:
        self.redis = redis

    def __enter__(self) -> None:
        self.redis.config_set("busy-reply-threshold", 10)
        with pytest.raises(Exception, match=r"(?i)time"):
            self.redis.eval("while true do end", 0)

    def __exit__(self, *error: object) -> None:
        self.redis.script_kill()
        wait_until(self._is_over)

    def _is_over(self) -> bool:
        try:
            return bool(self.redis.ping())
        except ResponseError:
            return False


@pytest.fixture
def full(store_url: str) -> Iterator[object]:
    """Give a switch that lets the store be full."""
    with Redis.from_url(store_url) as redis:
        before = redis.config_get("maxmemory*")

        def fill() -> None:
            redis.config_set("maxmemory-policy", "noeviction")
            redis.config_set("maxmemory", 1)

        yield fill
        for name in ("maxmemory", "maxmemory-policy"):
            redis.config_set(name, before[name])


async def test_a_full_store_takes_no_message_but_lets_runs_end(
    service: Service, full: object
) -> None:
    run = (await service.send())["run"]
    await service.send("m2")
    assert callable(full)
    full()
    for body in (message("m3"), message("m1", "789", chat_id="2")):
        response = await service.ask("POST", "/v1/messages", json=body)
        assert response.status_code == 503
        assert response.json()["type"].endswith(":store_full")
        assert int(response.headers["retry-after"]) >= 1
    await service.heartbeat(run)
    following = (await service.complete(run, "interrupted"))["next"]
    assert [m["message_id"] for m in following["messages"]] == ["m2"]
    assert (await service.complete(following))["next"] is None
    for path in ("/v1/stats", "/v1/sessions", "/v1/runs?consumer=gw-1", "/readyz"):
        assert (await service.ask("GET", path)).status_code == 200
    assert (await service.get("/v1/stats"))["messages"]["done"] == 2


async def test_a_router_starts_on_a_store_that_is_full(full: object, store_url: str) -> None:
    async with running(store_url) as before:
        run = (await before.send())["run"]
    assert callable(full)
    full()
    async with running(store_url) as service:
        assert (await service.ask("GET", "/readyz")).status_code == 200
        assert (await service.complete(run))["next"] is None
        put = await service.ask("PUT", "/v1/policy", json={"defaults": {"lease_seconds": 5}})
        assert put.status_code == 200
