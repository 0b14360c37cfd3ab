"""Workers: processes that keep a claim open, beside the senders of `tests.faults`.

What they are granted goes into the same history, so that the same checks hold for it.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx

from tests.faults.history import Event, Json, Verb
from tests.faults.senders import GIVE_UP_SECONDS, Sender, World

CLAIM: Verb = "claim"  # its events are told of as grants, and checked as such
WAIT_SECONDS = 2.0


class Worker:
    """Claims, works on what it gets as a sender does, and repeats a claim that was not answered."""

    def __init__(self, world: World, consumer: str) -> None:
        self._world = world
        self._consumer = consumer
        self._sender = Sender(world, consumer)
        self.going = True

    async def work(self) -> None:
        async with asyncio.TaskGroup() as works:
            while self.going:
                for run in await self._claim():
                    works.create_task(self._sender.work(run))

    async def _claim(self) -> Sequence[Json]:
        body = {"consumer": self._consumer, "max": 3, "wait_seconds": WAIT_SECONDS}
        named = {**body, "request_id": str(uuid4())}
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while self.going:
            runs = await self._answered(named)
            if runs is not None:
                return runs
            assert time.monotonic() < deadline, "a claim was not answered"
            await asyncio.sleep(0.1)
        return []

    async def _answered(self, body: Json) -> Sequence[Json] | None:
        url = self._world.random.choice(self._world.urls)
        sent = time.monotonic()
        try:
            client = self._world._client_of(self._consumer)
            answer = await client.post(f"{url}/v1/runs/claim", json=body)
        except httpx.HTTPError:
            return None
        if answer.status_code == 503:
            return None
        assert answer.status_code == 200, answer.text
        runs: list[Json] = json.loads(answer.content)["runs"]
        for run in runs:
            self._world.history.events.append(
                Event(
                    *(self._consumer, CLAIM, run["id"], body, sent, time.monotonic()),
                    status=200,
                    answer={"run": run},
                )
            )
        return runs


@asynccontextmanager
async def workers(world: World, count: int) -> AsyncIterator[None]:
    """Keep so many workers at work while the block lasts."""
    at_work = [Worker(world, f"worker-{number}") for number in range(count)]
    async with asyncio.TaskGroup() as tasks:
        for worker in at_work:
            tasks.create_task(worker.work())
        try:
            yield
        finally:
            for worker in at_work:
                worker.going = False
