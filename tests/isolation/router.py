"""A router in this process, spoken to through its HTTP API, and a clock that tests move."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from app.api.application import Application
from app.main import create_app
from app.settings import Settings
from app.store.deadlines import Deadlines
from tests.service import STORE_PATIENCE_SECONDS

Json = dict[str, Any]


class Clock:
    """The store's time, which stands still until it is moved."""

    def __init__(self, moment: str = "2026-03-02T12:00:00+00:00") -> None:
        self._now = datetime.fromisoformat(moment)

    def __call__(self) -> str:
        return str(int(self._now.timestamp()) * 1_000_000)

    def forward(self, **duration: float) -> None:
        self._now += timedelta(**duration)

    def at(self, moment: str) -> None:
        self._now = datetime.fromisoformat(moment).astimezone(UTC)


class Router:
    """Calls on one router. A call that is not answered as expected fails the test."""

    _numbers = count(1)

    def __init__(
        self, app: Application, client: httpx.AsyncClient, clock: Clock, shards: int
    ) -> None:
        self.app = app
        self.clock = clock
        self._client = client
        self._shards = shards

    async def call(
        self, method: str, path: str, body: Json | None = None, status: int = 200, token: str = ""
    ) -> Json:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self._client.request(method, path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        found: Json = answer.json()
        return found

    async def send(self, source: Json, text: str = "hi", *, status: int = 200, **more: Any) -> Json:
        """Send a message, under a new id unless `message_id` says one."""
        body = {"message_id": f"m{next(self._numbers)}", "consumer": "gw", "source": source}
        return await self.call("POST", "/v1/messages", {**body, "text": text, **more}, status)

    async def report(self, verb: str, run: Json, *, status: int = 200, **more: Any) -> Json:
        """Call on a run, `heartbeat`, `seal` or `complete`, with its fence."""
        body = {"fence": run["fence"], **more}
        return await self.call("POST", f"/v1/runs/{quote(run['id'])}/{verb}", body, status)

    async def complete(self, run: Json, outcome: str = "completed", **more: Any) -> Json:
        return await self.report("complete", run, outcome=outcome, **more)

    async def turn(self, source: Json, text: str = "hi", **more: Any) -> Json:
        """Send a message that runs at once, and complete its run; give the decision."""
        decision = await self.send(source, text, **more)
        assert decision["decision"] == "run", decision
        await self.complete(decision["run"])
        return decision

    async def claim(self, consumer: str = "worker", **more: Any) -> list[Json]:
        answer = await self.call("POST", "/v1/runs/claim", {"consumer": consumer, **more})
        runs: list[Json] = answer["runs"]
        return runs

    async def on_session(self, key: str, verb: str = "", status: int = 200, **body: Any) -> Json:
        path = f"/v1/sessions/{quote(key, safe='')}" + (f"/{verb}" if verb else "")
        return await self.call("POST" if verb else "GET", path, body or None, status)

    async def bind(self, key: str, thread_id: str, status: int = 200) -> Json:
        return await self.on_session(key, "threads", status, thread_id=thread_id)

    async def state_of(self, source: Json, message_id: str) -> Json:
        named = {name: source.get(name) for name in ("platform", "account", "scope", "chat_id")}
        query = "&".join(f"{name}={quote(value)}" for name, value in named.items() if value)
        return await self.call("GET", f"/v1/messages?{query}&message_id={message_id}")

    async def put_policy(self, **policy: Any) -> Json:
        return await self.call("PUT", "/v1/policy", policy)

    async def figures(self) -> dict[str, int]:
        stats = await self.call("GET", "/v1/stats")
        messages: dict[str, int] = stats["messages"]
        accepted, others = messages["accepted"], {**messages, "accepted": 0}
        assert accepted == sum(others.values()), messages
        return messages

    async def sweep(self) -> None:
        """Settle all that has run out."""
        client = self.app.services.client
        deadlines = Deadlines(client, self._shards, self.clock)
        for shard in deadlines.shards:
            await deadlines.settle_due(shard)
            await deadlines.retire_idle(shard)

    async def follow(self) -> None:
        """Let it look now at what it looks at twice a second: policy and aliases."""
        await self.app.services.policy.follow()


@asynccontextmanager
async def router(
    store_url: str,
    clock: Clock | None = None,
    shards: int = 1,
    policy_file: Path | None = None,
    tokens_file: Path | None = None,
) -> AsyncIterator[Router]:
    """Give a router on a store, at work as in a service."""
    clock = clock or Clock()
    settings = Settings(
        redis_url=store_url,
        shards=shards,
        policy_file=policy_file,
        tokens_file=tokens_file,
        store_timeout_seconds=STORE_PATIENCE_SECONDS,
    )
    app = create_app(settings, clock)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app)
        client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        yield Router(app, await stack.enter_async_context(client), clock, shards)


def group(platform: str, chat_id: str, user_id: str | None = "u1", **more: Any) -> Json:
    place = {"platform": platform, "chat_type": "group", "chat_id": chat_id, "user_id": user_id}
    return {**place, **more}


def dm(platform: str, user_id: str, **more: Any) -> Json:
    place = {"platform": platform, "chat_type": "dm", "chat_id": user_id, "user_id": user_id}
    return {**place, **more}
