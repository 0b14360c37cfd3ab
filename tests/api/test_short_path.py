"""The short path answers, counts and logs as FastAPI would, and FastAPI is not asked."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi.routing import APIRouter
from redis import Redis
from starlette.types import Receive, Scope, Send

from app import metrics
from app.api import limits, patience, short_path
from app.api.short_path import HOT as HOT_VERBS
from app.errors import StoreFull, StoreUnavailable
from app.store.session_store import SessionStore
from tests.service import LOOPBACK, Json, Service, message, running, write_token

MESSAGES = "/v1/messages"
GATEWAY = {"Authorization": "Bearer gateway", "X-Request-Id": "r-1"}

Pieces = Callable[[], AsyncIterator[bytes]]


@dataclass
class Request:
    """What is sent; `{run}` and `{fence}` in it are those of the first run that was granted."""

    method: str
    path: str
    content: bytes | Pieces = b""
    headers: dict[str, str] = field(default_factory=dict)


class Seen(NamedTuple):
    """What came of one request: its answer, its lines of the log, what it added to the counts."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    lines: list[Json]
    counted: dict[str, float]


Play = Callable[..., Awaitable[list[Seen]]]


def post(path: str, body: Any, **headers: str) -> Request:
    return Request("POST", path, json.dumps(body).encode(), headers)


def large(size: int) -> bytes:
    return json.dumps({**message("large"), "text": "x" * size}).encode()


async def stalled() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.Event().wait()


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 10_000


FENCE = {"fence": "{fence}"}
BEAT, END = "/v1/runs/{run}/heartbeat", "/v1/runs/{run}/complete"
HOT = [
    post(MESSAGES, message("m1")),
    post(BEAT, FENCE),
    post(END, {**FENCE, "outcome": "completed"}),
]
REQUESTS = [
    HOT[0],
    post(MESSAGES, message("m1")),
    post(MESSAGES, message("m2", user="789")),
    post(MESSAGES, message("m3", chat_type="dm", payload={"a": [1, None]})),
    post(MESSAGES, {**message("m4"), "kind": "context"}),
    post(MESSAGES, {**message("m5"), "control": "stop"}),
    post(MESSAGES, {**message("m6"), "source": None}),
    post(MESSAGES, {**message("m7"), "unknown": 1}),
    post(MESSAGES, {**message("m8"), "agent": "another"}),
    post(MESSAGES, message("m9", user=None)),
    post(MESSAGES, []),
    post(MESSAGES, message("m10"), Authorization="Bearer nobody"),
    post(MESSAGES, message("m11"), Authorization="Basic gateway"),
    post(MESSAGES, message("m12"), Authorization="Bearer viewer"),
    post(MESSAGES, message("m13"), **{"Content-Type": "text/plain"}),
    post(f"{MESSAGES}?a=b", message("m14")),
    post(f"{MESSAGES}/", message("m15")),
    post("/v1/%6Dessages", message("m16")),
    post("/v1/messages%0A", message("m17")),
    post("/V1/messages", message("m18")),
    Request("POST", MESSAGES),
    Request("POST", MESSAGES, b"{"),
    Request("POST", MESSAGES, b"\xff\xfe"),
    Request("POST", MESSAGES, large(200 * 1024)),
    Request("POST", MESSAGES, large(300 * 1024)),
    *(Request("POST", path, endless) for path in (MESSAGES, BEAT, END)),
    *(Request("POST", path, stalled) for path in (MESSAGES, BEAT, END)),
    Request("GET", MESSAGES),
    Request("HEAD", MESSAGES),
    Request("OPTIONS", MESSAGES),
    Request("PUT", MESSAGES, b"{}"),
    Request("PATCH", BEAT, b"{}"),
    post(BEAT, FENCE),
    post(BEAT, {**FENCE, "seen": ["m1"], "hold": True, "usage": {"context_tokens": 5}}),
    post(BEAT, {"fence": 1}),
    post(BEAT, {**FENCE, "next": True}),
    post(BEAT, FENCE, Authorization="Bearer stranger"),
    post("/v1/runs/claim/heartbeat", FENCE),
    post("/v1/runs//heartbeat", FENCE),
    post("/v1/runs/a/b/heartbeat", FENCE),
    post("/v1/runs/a%2Fb/heartbeat", FENCE),
    post("/v1/runs/%C3%BC%00/heartbeat", FENCE),
    post(f"{BEAT}/", FENCE),
    post(END, {**FENCE, "outcome": "nonsense"}),
    post(END, {**FENCE, "outcome": "completed"}),
    post(END, {**FENCE, "outcome": "completed"}),
    post(END, {**FENCE, "outcome": "completed"}, Authorization="Bearer stranger"),
    post("/v1/runs/{run}/completed", FENCE),
]


def counts() -> dict[str, float]:
    """What this process has counted of calls and decisions."""
    return {
        f"{sample.name} {sorted(sample.labels.items())}": sample.value
        for family in metrics._registry.collect()
        for sample in family.samples
        if sample.name.endswith(("calls_total", "decisions_total", "call_seconds_count"))
    }


class Stage:
    """A service, and who calls it."""

    def __init__(self, service: Service, log: pytest.LogCaptureFixture) -> None:
        transport = httpx.ASGITransport(service.app, raise_app_exceptions=False, client=LOOPBACK)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")
        self._log = log
        self._run: Json = {"id": "nothing", "fence": 0}

    async def send(self, request: Request) -> Seen:
        """Send a request, and tell all that came of it."""
        self._log.clear()
        before = counts()
        path, headers = request.path.replace("{run}", self._run["id"]), GATEWAY | request.headers
        content = self._written(request.content)
        response = await self._http.request(request.method, path, content=content, headers=headers)
        added = {name: value - before.get(name, 0) for name, value in counts().items()}
        if request is HOT[0] and response.status_code == 200:
            self._run = response.json()["run"]
        return Seen(
            response.status_code,
            sorted(response.headers.items()),
            response.content,
            [_told(record) for record in self._log.records if record.name == "app.api.calls"],
            {name: value for name, value in added.items() if value},
        )

    def _written(self, content: bytes | Pieces) -> bytes | AsyncIterator[bytes]:
        if not isinstance(content, bytes):
            return content()
        return content.replace(b'"{fence}"', str(self._run["fence"]).encode())


def _told(record: logging.LogRecord) -> Json:
    fields: Json = vars(record)["fields"]
    return {name: value for name, value in fields.items() if name != "ms"}


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.yaml"
    write_token(path, "gateway", "gateway", ("main",))
    write_token(path, "stranger", "gateway", ("other",))
    write_token(path, "viewer", "viewer")
    return path


@pytest.fixture
def routed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the calls that FastAPI's router has seen."""
    seen: list[str] = []
    call = APIRouter.__call__

    async def watched(self: APIRouter, scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(f"{scope['method']} {scope['path']}")
        await call(self, scope, receive, send)

    monkeypatch.setattr(APIRouter, "__call__", watched)
    return seen


@pytest.fixture
def play(
    store_url: str, tokens: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Play:
    """Give what sends requests one after the other to a service on an empty store."""
    caplog.set_level(logging.DEBUG, "app.api.calls")
    monkeypatch.setattr(patience, "BODY_SECONDS", 0.05)

    async def played(requests: Iterable[Request], *, is_short: bool, **settings: Any) -> list[Seen]:
        monkeypatch.setattr(short_path, "HOT", HOT_VERBS if is_short else frozenset())
        with Redis.from_url(store_url) as redis:
            redis.flushall()
        async with running(store_url, tokens_file=tokens, **settings) as service:
            stage = Stage(service, caplog)
            return [await stage.send(request) for request in requests]

    return played


async def test_what_comes_of_a_call_is_the_same_on_both_paths(play: Play) -> None:
    short, long = await play(REQUESTS, is_short=True), await play(REQUESTS, is_short=False)
    for request, of_short, of_long in zip(REQUESTS, short, long, strict=True):
        assert of_short == of_long, f"{request.method} {request.path} {request.content!r:.200}"
    statuses = {seen.status for seen in short}
    assert statuses == {200, 400, 401, 403, 404, 405, 408, 409, 413, 422}


@pytest.mark.parametrize("error", [RuntimeError("a surprise"), StoreUnavailable(), StoreFull()])
async def test_an_error_is_answered_the_same_on_both_paths(
    play: Play, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fail(*_: object) -> None:
        raise error

    for verb in ("admit", "heartbeat", "complete"):
        monkeypatch.setattr(SessionStore, verb, fail)
    monkeypatch.setattr(SessionStore, "session_of_run", lambda *_: "agent:main:main")
    short = await play(HOT, is_short=True)
    assert {seen.status for seen in short} <= {500, 503}
    assert short == await play(HOT, is_short=False)


async def test_a_token_over_its_requests_is_answered_the_same_on_both_paths(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "monotonic", lambda: 1000.0)
    short = await play(HOT, is_short=True, requests_per_second=1)
    assert [seen.status for seen in short] == [200, 429, 429]
    assert short == await play(HOT, is_short=False, requests_per_second=1)


async def test_no_hot_call_passes_the_router(play: Play, routed: list[str]) -> None:
    short = await play([*HOT, Request("GET", "/healthz")], is_short=True)
    assert [seen.status for seen in short] == [200] * 4
    assert routed == ["GET /healthz"]
    await play(HOT, is_short=False)
    assert len(routed) == 4
