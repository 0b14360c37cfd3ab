"""The whole service in this process: real app, real store, a clock that tests step.

Every answer is held against the service's own OpenAPI document, every error against
RFC 9457, wherever it is asked for.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from app.api.application import Application
from app.api.openapi import describe
from app.main import create_app
from app.settings import Settings
from app.tokens import Role, TokenEntry, add_token, hash_token
from session_router.models import Problem
from tests.sessions import Clock

Json = dict[str, Any]
STORE_PATIENCE_SECONDS = 30.0  # a machine that others use too is no store that is away
LOOPBACK = ("127.0.0.1", 50000)
SOURCE = {"platform": "discord", "chat_type": "group", "chat_id": "123", "user_id": "456"}


class Document:
    """An OpenAPI document that answers are held against."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self._paths = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operations)
            for path, operations in document["paths"].items()
        ]
        self._validators: dict[str, Draft202012Validator] = {}

    def check(self, response: httpx.Response) -> None:
        """Assert that an answer is one that the document promises."""
        request = response.request
        path = request.url.raw_path.decode().partition("?")[0]
        operations: Json = next((o for form, o in self._paths if form.fullmatch(path)), {})
        operation = operations.get(request.method.lower())
        kind = response.headers.get("content-type", "")
        if response.is_error:
            assert kind == "application/problem+json", response.text
            problem = Problem.model_validate_json(response.content)
            assert problem.status == response.status_code
            assert re.fullmatch(r"urn:session-router:problem:[a-z_]+", problem.type)
            assert problem.title
            assert problem.detail
        if operation is None:
            assert response.status_code in {200, 404, 405}
            return
        promised = operation["responses"].get(str(response.status_code))
        assert promised, f"{request.method} {path}: {response.status_code} is not documented"
        assert kind in promised["content"], kind
        if "json" not in kind:
            return
        self._validate(promised["content"][kind]["schema"], response.json())

    def _validate(self, schema: Json, value: Any) -> None:
        name = str(schema)
        if name not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            self._validators[name] = Draft202012Validator(whole)
        self._validators[name].validate(value)


@cache
def _document() -> Document:
    # The same for every service, and slow to make.
    return Document(describe(create_app(Settings(redis_url="redis://nobody"))))


class Service:
    """A running service and a client of it. Paths are called as `/v1/...`."""

    def __init__(self, app: Application, clock: Clock) -> None:
        self.app = app
        self.clock = clock
        self.headers: dict[str, str] = {}

    @property
    def document(self) -> Document:
        return _document()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        client: tuple[str, int] | None = LOOPBACK,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """Send one request, and hold its answer against the document."""
        transport = httpx.ASGITransport(self.app, client=client)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
            merged = {**self.headers, **(headers or {})}
            response = await http.request(method, path, headers=merged, **options)
            self.document.check(response)
            return response

    async def get(self, path: str, **query: Any) -> Json:
        response = await self.ask("GET", path, params=query or None)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    async def post(self, path: str, body: Json) -> Json:
        response = await self.ask("POST", path, json=body)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    async def send(self, message_id: str = "m1", user: str = "456", **fields: Any) -> Json:
        """Send a message; what is no field of a message is one of its source."""
        return await self.post("/v1/messages", message(message_id, user, **fields))

    async def heartbeat(self, run: Json, **report: Any) -> Json:
        body = {"fence": run["fence"], **report}
        return await self.post(f"/v1/runs/{run['id']}/heartbeat", body)

    async def complete(self, run: Json, outcome: str = "completed", **fields: Any) -> Json:
        body = {"fence": run["fence"], "outcome": outcome, **fields}
        return await self.post(f"/v1/runs/{run['id']}/complete", body)

    async def session(self, key: str) -> Json:
        return await self.get(f"/v1/sessions/{quote(key, safe='')}")

    def with_token(self, token: str) -> "Service":
        """The same service, called with a bearer token."""
        other = Service(self.app, self.clock)
        other.headers = {"Authorization": f"Bearer {token}"}
        return other


TOP = {"agent", "consumer", "text", "payload", "kind", "reply_to", "mentions", "control", "busy"}


def message(message_id: str = "m1", user: str | None = "456", **fields: Any) -> Json:
    """The body of a message."""
    body: Json = {"message_id": message_id, "consumer": "gw-1", "text": f"text of {message_id}"}
    source: Json = {**SOURCE, "user_id": user}
    for name, value in fields.items():
        (body if name in TOP else source)[name] = value
    return {**body, "source": source}


def write_policy(folder: Path, policy: Json) -> Path:
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(policy))
    return path


def write_token(path: Path, name: str, role: Role, agents: tuple[str, ...] | None = None) -> None:
    """Add a token to a file; the token is its name."""
    add_token(path, TokenEntry(name=name, role=role, sha256=hash_token(name), agents=agents))


@asynccontextmanager
async def running(url: str, clock: Clock | None = None, **settings: Any) -> AsyncIterator[Service]:
    """Run a service on a store, its lifespan included."""
    clock = clock or Clock()
    patient = {"store_timeout_seconds": STORE_PATIENCE_SECONDS}
    app = create_app(Settings(redis_url=url, **patient | settings), clock)
    async with app.router.lifespan_context(app):
        yield Service(app, clock)
