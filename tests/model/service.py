"""The real service in this process, on a real store, driven over HTTP from plain functions."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, nullcontext
from typing import Any, Self

import httpx
import pytest
from redis import Redis

from app import main
from app.retirement import Retirement
from app.routing.keys import SessionKey
from app.routing.policy import policy_from
from app.routing.rules import Rulebook
from app.settings import Settings
from app.store.deadlines import Deadlines
from app.store.ready_runs import Claimer, ReadyRuns
from app.sweep import Sweep
from tests.books import assert_filed_rightly
from tests.service import STORE_PATIENCE_SECONDS
from tests.state import EPOCH_MS, dump

Body = dict[str, Any]


class Service:
    """One application and one event loop for many examples; each starts with an empty store."""

    def __init__(self, url: str) -> None:
        self._now_ms = EPOCH_MS
        self._redis = Redis.from_url(url)
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        settings = Settings(redis_url=url, store_timeout_seconds=STORE_PATIENCE_SECONDS)
        self._app = main.create_app(settings, self._clock)

    def _clock(self) -> str:
        return str(self._now_ms * 1000)

    def __enter__(self) -> Self:
        self._redis.flushall()  # another test's store may have had other shards
        self._runner.run(self._start())
        return self

    async def _start(self) -> None:
        # The loops of the service go by real time; here `sweep` is called in their place.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(main, "_at_work", lambda *_: nullcontext())
            await self._connect()

    async def _connect(self) -> None:
        await self._stack.enter_async_context(self._app.router.lifespan_context(self._app))
        transport = httpx.ASGITransport(self._app)
        client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        self._client = await self._stack.enter_async_context(client)

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()
        self._redis.close()

    def begin(self, policy: Mapping[str, Any]) -> None:
        """Empty the store, and let this policy hold."""
        self._redis.flushall()
        self._now_ms = EPOCH_MS
        self.hold(policy)

    def hold(self, policy: Mapping[str, Any]) -> None:
        """Let another policy hold from now on, as a `PUT` of it will."""
        rulebook = Rulebook(policy_from({"defaults": dict(policy)}))
        self._app.services.policy.rulebook = rulebook

    def sweep(self) -> None:
        """Settle every session whose deadline has passed, as the service does by itself."""
        services = self._app.services
        deadlines = Deadlines(services.client, 1, self._clock)
        self._runner.run(Sweep(deadlines).run_once())
        self._runner.run(Retirement(deadlines).run_once())

    def claim(self, key: str, consumer: str) -> Body | None:
        """Claim the run of a session, if it is ready, as the line of claims does."""
        return self._runner.run(self._claim(SessionKey(key), consumer))

    async def _claim(self, key: SessionKey, consumer: str) -> Body | None:
        ready_runs = ReadyRuns(self._app.services.client, 1, self._clock)
        for ready in await ready_runs.find(1, [key]):
            if ready.session == key:
                run = await ready_runs.claim(ready, Claimer("", consumer, ""))
                return None if run is None else run.model_dump(mode="json")
        return None

    def set_time(self, now: int) -> None:
        """Shift the store's clock to so many milliseconds after the epoch of the tests."""
        self._now_ms = EPOCH_MS + now

    def call(self, method: str, path: str, body: Body | None = None) -> Body:
        """Make one call; a refusal is `{"refused": word}`. Anything else but 200 is a fault."""
        try:
            response = self._runner.run(self._client.request(method, path, json=body))
        except Exception as error:  # what the server would answer with 500
            raise AssertionError(f"{method} {path} {body} failed") from error
        if response.status_code in {404, 409}:
            return {"refused": response.json()["type"].rpartition(":")[2]}
        assert response.status_code == 200, f"{method} {path} {body}: {response.text}"
        answer: Body = response.json()
        return answer

    def assert_filed_rightly(self) -> None:
        """Look at every key of the store: sums, orders, indexes and deadlines (I2, I3, I5)."""
        assert_filed_rightly(dump(self._redis), self._now_ms - EPOCH_MS)


@contextmanager
def service_on(url: str) -> Iterator[Service]:
    """Start the service on an existing store."""
    with Service(url) as service:
        yield service
