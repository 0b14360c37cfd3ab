"""429 where a configured limit is reached, and when to come again."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.api import limits
from app.api.limits import RequestLimit
from app.errors import TooManyRequests
from tests.service import Service, running, write_token


def served(limit: RequestLimit, token: str, count: int) -> int:
    """How many of so many requests at this moment are served."""
    taken = 0
    for _ in range(count):
        try:
            limit.take(token)
        except TooManyRequests:
            continue
        taken += 1
    return taken


def test_a_second_has_its_requests_at_once_and_then_one_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(limits, "monotonic", lambda: now.seconds)
    limit = RequestLimit(10)
    assert served(limit, "a", 50) == 10
    assert served(limit, "b", 50) == 10
    now.seconds += 0.125
    assert served(limit, "a", 50) == 1
    now.seconds += 0.05
    assert served(limit, "a", 50) == 0
    now.seconds += 3600
    assert served(limit, "a", 50) == 10


def test_without_a_limit_there_is_none() -> None:
    assert served(RequestLimit(None), "a", 100_000) == 100_000


async def test_a_token_over_its_requests_is_told_when_to_come_again(
    store_url: str, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens.yaml"
    for name in ("busy", "other"):
        write_token(tokens, name, "gateway")
    async with running(store_url, tokens_file=tokens, requests_per_second=1) as service:
        busy, other = service.with_token("busy"), service.with_token("other")
        answers = [await busy.ask("GET", "/v1/stats") for _ in range(5)]
        assert [a.status_code for a in answers].count(429) >= 2
        refused = next(a for a in answers if a.status_code == 429)
        assert refused.json()["type"].endswith(":too_many_requests")
        assert int(refused.headers["retry-after"]) == 1
        assert (await other.ask("GET", "/v1/stats")).status_code == 200
        assert (await service.ask("GET", "/v1/stats")).status_code == 401
        assert (await service.ask("GET", "/healthz")).status_code == 200


async def test_a_claim_beyond_those_that_may_wait_is_refused(store_url: str) -> None:
    async with running(store_url, claims_max=1) as service:
        body = {"consumer": "first", "wait_seconds": 20}
        waiting = asyncio.create_task(service.ask("POST", "/v1/runs/claim", json=body))
        while not service.app.services.claims.waiting():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        refused = await service.ask("POST", "/v1/runs/claim", json={"consumer": "second"})
        assert refused.status_code == 429
        assert refused.json()["type"].endswith(":too_many_claims")
        assert int(refused.headers["retry-after"]) >= 1
        waiting.cancel()


async def test_a_stream_beyond_those_that_are_kept_open_is_refused(store_url: str) -> None:
    async with running(store_url, streams_max=1) as service:
        stream: Any = service.app.services.signals.stream("", "first")
        assert await anext(stream)
        refused = await service.ask("GET", "/v1/signals?consumer=second")
        assert refused.status_code == 429
        assert refused.json()["type"].endswith(":too_many_streams")
        await stream.aclose()
        assert service.app.services.signals.open_streams() == 0


async def test_by_default_nobody_is_limited(service: Service) -> None:
    answers = [await service.ask("GET", "/healthz") for _ in range(50)]
    answers += [await service.ask("GET", "/v1/stats") for _ in range(50)]
    assert {answer.status_code for answer in answers} == {200}
