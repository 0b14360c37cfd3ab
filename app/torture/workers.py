"""Workers: consumers that keep a claim open, beside the senders.

What they are granted goes into the same history, so that the same checks hold for it.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx

from app.torture.history import Event, Json, Verb
from app.torture.senders import Sender, Stuck, World

CLAIM: Verb = "claim"  # its events are told of as grants, and checked as such
WAIT_SECONDS = 2.0


class Worker:
    """Claims, works on what it gets as a sender does, and repeats a claim that was not answered.

    `wanted` is what its claims are restricted to.
    """

    def __init__(self, world: World, consumer: str, **wanted: Any) -> None:
        self._world = world
        self._consumer = consumer
        self._claims = {"consumer": consumer, "max": 3, "wait_seconds": WAIT_SECONDS, **wanted}
        self._sender = Sender(world, consumer)
        self.going = True

    async def work(self) -> None:
        async with asyncio.TaskGroup() as works:
            while self.going:
                for run in await self._claim():
                    works.create_task(self._sender.work(run))

    async def _claim(self) -> Sequence[Json]:
        named = {**self._claims, "request_id": str(uuid4())}
        deadline = time.monotonic() + self._world.patience_seconds
        while self.going:
            runs = await self._answered(named)
            if runs is not None:
                return runs
            if time.monotonic() > deadline:
                raise Stuck(f"a claim of {self._consumer} was not answered")
            await asyncio.sleep(0.1)
        return []

    async def _answered(self, body: Json) -> Sequence[Json] | None:
        world = self._world
        event = Event(self._consumer, CLAIM, "", body, time.monotonic())
        try:
            client = world.client_of(self._consumer)
            answer = await client.post(
                f"{world.random.choice(world.urls)}/v1/runs/claim", json=body
            )
            content = json.loads(answer.content)
        except (httpx.HTTPError, ValueError):
            return None
        received = time.monotonic()
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            return None
        if answer.status_code != HTTPStatus.OK:
            raise Stuck(f"a claim was answered {answer.status_code}: {content}")
        runs: list[Json] = content["runs"]
        for run in runs:
            target, times = str(run["id"]), (event.sent, received)
            world.history.add(
                Event(self._consumer, CLAIM, target, body, *times, HTTPStatus.OK, {"run": run})
            )
        return runs


@asynccontextmanager
async def workers(world: World, count: int, **wanted: Any) -> AsyncIterator[None]:
    """Keep so many workers at work while the block lasts."""
    at_work = [Worker(world, f"{world.ids}worker-{n}", **wanted) for n in range(count)]
    async with asyncio.TaskGroup() as tasks:
        for worker in at_work:
            tasks.create_task(worker.work())
        try:
            yield
        finally:
            for worker in at_work:
                worker.going = False
