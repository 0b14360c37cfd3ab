"""Workers: consumers that keep a claim open, beside the senders.

What they ask for and are granted goes into the same history, and the same checks hold for it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from app.torture.history import Json, Verb
from app.torture.senders import Sender, Stuck, World

CLAIM: Verb = "claim"
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
                for run in await self.claim():
                    works.create_task(self._sender.work(run))

    async def claim(self) -> Sequence[Json]:
        """Claim until it is answered; the runs that it brought."""
        named = {**self._claims, "request_id": str(uuid4())}
        runs = await self._answered(named)
        if runs and self._world.chance(0.1):  # as if this answer had been lost
            runs = [*runs, *await self._answered(named)]
        return runs

    async def _answered(self, body: Json) -> Sequence[Json]:
        """Claim again and again until the service has answered; the runs that it gave."""
        world = self._world
        deadline = time.monotonic() + world.patience_seconds
        while self.going:
            url = world.random.choice(world.urls)
            event = await world.call(url, self._consumer, CLAIM, body["request_id"], body)
            if event.done:
                return event.runs
            if not event.unknown:
                raise Stuck(f"a claim was answered {event.status}: {event.answer}")
            if time.monotonic() > deadline:
                raise Stuck(f"a claim of {self._consumer} was not answered")
            await asyncio.sleep(0.1)
        return []


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
