"""The whole service in this process, over HTTP, on a real store and a clock that tests step.

Everything goes through the public API; what an answer says is read as JSON, as a gateway
would read it. No test waits: time moves when a test says so.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from httpx import ASGITransport, AsyncClient, Response

from app import main
from app.api.services import Services
from app.settings import Settings
from app.store.deadlines import Deadlines
from app.sweep import Sweep
from tests.service import STORE_PATIENCE_SECONDS

Json = dict[str, Any]
START_US = 1_800_000_000_000_000
ROOM = "agent:main:discord:group:room"


class Clock:
    """The store's time as a test wants it; stands still until it is stepped."""

    def __init__(self) -> None:
        self.now_us = START_US

    def __call__(self) -> str:
        return str(self.now_us)

    def step(self, seconds: float) -> None:
        self.now_us += round(seconds * 1_000_000)


class Service:
    """Speaks to the service as a gateway and as an operator would; room and user are defaults."""

    def __init__(self, http: AsyncClient, clock: Clock, sweep: Sweep) -> None:
        self.http = http
        self.clock = clock
        self._sweep = sweep

    async def call(self, method: str, path: str, body: Json | None = None) -> Response:
        content = None if body is None else json.dumps(body)
        response = await self.http.request(method, path, content=content)
        assert response.status_code < 500, response.text
        return response

    async def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """Call, and give the JSON of an answer that must be 200."""
        response = await self.call(method, path, body)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    async def send(self, message_id: str, user: str | None = "alice", **fields: Any) -> Json:
        """Bring a message; what is no field of a message is one of its source."""
        return await self.ask("POST", "/v1/messages", message(message_id, user, **fields))

    async def run(self, message_id: str, user: str | None = "alice", **fields: Any) -> Json:
        """Bring a message that must start a run, and give that run."""
        answer = await self.send(message_id, user, **fields)
        assert answer["decision"] == "run", answer
        run: Json = answer["run"]
        return run

    async def beat(self, run: Json, **report: Any) -> Json:
        body = {"fence": run["fence"], **report}
        return await self.ask("POST", f"/v1/runs/{run['id']}/heartbeat", body)

    async def end(self, run: Json, outcome: str = "completed", **fields: Any) -> Json:
        """Complete a run."""
        body = {"fence": run["fence"], "outcome": outcome, **fields}
        return await self.ask("POST", f"/v1/runs/{run['id']}/complete", body)

    async def claim(self, **filters: Any) -> list[Json]:
        """Settle what has run out, as the service does by itself, and claim what is ready."""
        await self._sweep.run_once()
        body = {"consumer": "worker", **filters}
        runs: list[Json] = (await self.ask("POST", "/v1/runs/claim", body))["runs"]
        return runs

    async def is_lost(self, run: Json) -> bool:
        """Tell whether the holder of a run is refused."""
        path = f"/v1/runs/{run['id']}/heartbeat"
        return (await self.call("POST", path, {"fence": run["fence"]})).status_code == 409

    async def act(self, verb: str, key: str = ROOM, **seen: Any) -> Json:
        """Do what an operator does to a session."""
        return await self.ask("POST", f"{session_path(key)}/{verb}", seen or None)

    async def amend(self, message_id: str, **change: Any) -> str:
        """Edit (`text`) or delete a message of the room, and give the result."""
        source = {"platform": "discord", "chat_type": "group", "chat_id": "room"}
        body = {"source": source, "message_id": message_id, **change}
        result: str = (await self.ask("POST", "/v1/messages/amend", body))["result"]
        return result

    async def session(self, key: str = ROOM) -> Json:
        return await self.ask("GET", session_path(key))

    async def waiting(self, key: str = ROOM) -> list[str]:
        """Ids of what waits, in the order of delivery."""
        return [m["message_id"] for m in (await self.session(key))["queue"]]

    async def timeline(self, key: str = ROOM) -> list[Json]:
        events: list[Json] = (await self.ask("GET", f"{session_path(key)}/timeline"))["events"]
        return events

    async def status(self, message_id: str, **chat: str) -> Json:
        """What became of a message of the room."""
        query = {"platform": "discord", "chat_id": "room", "message_id": message_id, **chat}
        words = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        return await self.ask("GET", f"/v1/messages?{words}")

    async def state(self, message_id: str) -> tuple[str, str | None]:
        """State and reason of a message of the room."""
        status = await self.status(message_id)
        return status["state"], status["reason"]

    async def dead_letters(self) -> list[Json]:
        letters: list[Json] = (await self.ask("GET", "/v1/dead-letters?texts=true"))["dead_letters"]
        return letters

    async def figures(self) -> dict[str, int]:
        """Messages by state; `accepted` is always the sum of the others (I2)."""
        counts: dict[str, int] = (await self.ask("GET", "/v1/stats"))["messages"]
        assert counts["accepted"] == sum(counts.values()) - counts["accepted"], counts
        return {state: number for state, number in counts.items() if number}


def message(message_id: str, user: str | None, **fields: Any) -> Json:
    source: Json = {"platform": "discord", "chat_type": "group", "chat_id": "room"}
    body: Json = {"message_id": message_id, "consumer": "gw-1", "text": f"text of {message_id}"}
    if user is not None:
        source |= {"user_id": user, "user_name": user.capitalize()}
    for name, value in fields.items():
        (body if name in _OF_A_MESSAGE else source)[name] = value
    return {**body, "source": source}


_OF_A_MESSAGE = {
    *("agent", "consumer", "text", "payload", "kind", "control", "busy", "dispatch"),
    *("reply_to", "mentions", "group", "answers", "sent_at"),
}


def session_path(key: str) -> str:
    return f"/v1/sessions/{quote(key, safe='')}"


def ids(run: Json | None) -> list[str]:
    """Ids of a run's batch."""
    assert run is not None
    return [m["message_id"] for m in run["messages"]]


@asynccontextmanager
async def _claims_alone(_: object, services: Services, __: object) -> AsyncIterator[None]:
    # The sweep and the signals go by real time, and nothing here may depend on that.
    task = asyncio.create_task(services.claims.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def serving(
    store_url: str, folder: Path, policy: Mapping[str, Any], tokens: str | None = None
) -> AsyncIterator[Service]:
    """Serve a policy (and a tokens file) on the store that is at the URL."""
    policy_file, clock = folder / "policy.yaml", Clock()
    policy_file.write_text(json.dumps({"version": 1, **policy}), "utf-8")  # JSON is YAML
    tokens_file = None
    if tokens is not None:
        tokens_file = folder / "tokens.yaml"
        tokens_file.write_text(tokens, "utf-8")
    settings = Settings(
        redis_url=store_url,
        policy_file=policy_file,
        tokens_file=tokens_file,
        store_timeout_seconds=STORE_PATIENCE_SECONDS,
    )
    app = main.create_app(settings, clock)
    transport = ASGITransport(app=app)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "_at_work", _claims_alone)
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
        ):
            deadlines = Deadlines(app.services.client, settings.shards, clock)
            yield Service(http, clock, Sweep(deadlines))
