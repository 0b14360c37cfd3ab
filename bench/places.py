"""One size of a curve: a store with so much in it, a router on it, and what waits there."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from redis import Redis

from app.store.embedded import EmbeddedValkey
from app.store.scripts import ADMIT, LIBRARY
from app.store.store_client import StoreClient
from bench.machine import Connection, Json, Router
from bench.seeding import Seeder

STORE_SECONDS = 60.0
LOG_LENGTH = 10_000
OPTIONS = ("--appendonly", "no", "--slowlog-max-len", str(LOG_LENGTH))
ADMIT_CALL = f"FCALL {LIBRARY.function(ADMIT)} ".encode()


@dataclass(frozen=True)
class Block:
    """Some calls one after the other: each one's latency, and the store's median time for one."""

    http_ms: list[float]
    store_us: float


@dataclass
class Place:
    """A store and a router of its own. `crowd` are tasks that wait at the router meanwhile."""

    size: int
    folder: Path
    crowd: list[asyncio.Task[None]] = field(default_factory=list)
    calls_made: int = 0

    async def prepare(self, stack: AsyncExitStack, policy: Json) -> Seeder:
        """Start the store, which keeps nothing on disk before `open`; give what fills it."""
        store = EmbeddedValkey(self.folder / "data", "everysec", OPTIONS)
        self.store = stack.enter_context(store)
        self.redis: Any = stack.enter_context(Redis.from_url(store.url, socket_timeout=None))
        client = StoreClient(store.url, STORE_SECONDS)
        stack.push_async_callback(client.close)
        return Seeder(client, policy)

    def start(self, stack: AsyncExitStack, policy: Json) -> None:
        self.redis.config_set("appendonly", "yes")
        self.router = Router(self.folder / "router", self.store, policy)
        stack.callback(self.router.stop)

    async def open(self, stack: AsyncExitStack) -> None:
        """Wait for the first append-only file and for the router."""
        await asyncio.to_thread(self._await_file)
        self.router.await_ready()
        self.connection = await Connection.open(self.router.port)
        stack.callback(self.connection.close)
        stack.push_async_callback(self._disperse)

    def _await_file(self) -> None:
        for key in ("aof_rewrite_scheduled", "aof_rewrite_in_progress"):
            while self.redis.info("persistence")[key]:
                time.sleep(0.05)

    async def _disperse(self) -> None:
        for task in self.crowd:
            task.cancel()
        await asyncio.gather(*self.crowd, return_exceptions=True)

    def require_crowd(self) -> None:
        """Raise what ended a task that should still wait."""
        for task in self.crowd:
            if task.done():
                task.result()
                raise AssertionError("it ended by itself")

    async def ask(self, bodies: Sequence[Json], decision: str) -> tuple[Block, list[Json]]:
        """Send messages one by one; every answer has to be this decision."""
        self.redis.slowlog_reset()
        self.redis.config_set("slowlog-log-slower-than", 0)
        http_ms, answers = [], []
        for body in bodies:
            since = time.perf_counter()
            answer = await self.connection.post("/v1/messages", body)
            http_ms.append((time.perf_counter() - since) * 1000)
            assert answer["decision"] == decision, answer
            answers.append(answer)
        self.redis.config_set("slowlog-log-slower-than", -1)
        found = self.redis.slowlog_get(LOG_LENGTH)
        store_us = [call["duration"] for call in found if ADMIT_CALL in call["command"]]
        # The first message under a policy asks twice: the store wants the settings whole.
        extra = len(store_us) - len(bodies)
        assert extra in {0, 1}, "the log of the store has not every call, or others too"
        return Block(http_ms, float(median(store_us))), answers
