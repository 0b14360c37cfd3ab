"""The routers under torture, asked by the director: any of them, again and again."""

import asyncio
import time
from http import HTTPStatus
from random import Random
from typing import Self

import httpx

from app.torture.history import Json
from app.torture.senders import Stuck, tls_for

LOOK_SECONDS = 0.25
CALL_SECONDS = 5.0
FOUND_SECONDS = 15.0


class Routers:
    """A client of several routers on one store. Any of them may be away at any moment."""

    def __init__(self, urls: tuple[str, ...], token: str | None, patience_seconds: float) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._urls = urls
        self._patience_seconds = patience_seconds
        self._chance = Random(0)  # noqa: S311
        self._client = httpx.AsyncClient(
            verify=tls_for(urls), timeout=CALL_SECONDS, headers=headers
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def find(self) -> None:
        """Return when every one has answered; raises `ConnectionError` for one that does not."""
        for url in self._urls:
            deadline = time.monotonic() + FOUND_SECONDS
            while await self.ask("GET", "/healthz", None, url) is None:
                if time.monotonic() > deadline:
                    raise ConnectionError(f"{url} does not answer")
                await asyncio.sleep(LOOK_SECONDS)

    async def ask(
        self, method: str, path: str, body: Json | None = None, url: str | None = None
    ) -> Json | None:
        """Make a call; None where nobody can serve it now. Raises `Stuck` if it is refused."""
        chosen = url or self._chance.choice(self._urls)
        try:
            answer = await self._client.request(method, chosen + path, json=body)
        except httpx.HTTPError:
            return None
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            return None
        if answer.status_code != HTTPStatus.OK:
            raise Stuck(f"{method} {path} was answered {answer.status_code}: {answer.text}")
        content: Json = answer.json()
        return content

    async def insist(
        self, method: str, path: str, body: Json | None = None, url: str | None = None
    ) -> Json:
        """Make a call that must be served in the end."""
        deadline = time.monotonic() + self._patience_seconds
        while (answer := await self.ask(method, path, body, url)) is None:
            if time.monotonic() > deadline:
                raise Stuck(f"{method} {path} is not answered")
            await asyncio.sleep(LOOK_SECONDS)
        return answer
