"""A script's way to the store: the service's wire, beside what redis-py offers.

One script with the arguments of a real call (`heartbeat` for a run that is not there, 24 keys and
no writes), 64 callers at once, on one store over its Unix socket. The three ways take turns, round
by round, so that what else the machine does falls on all of them; figures are medians of the
rounds, and the ratio is what counts. Processor time is this process's, loop and callers included.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import redis.asyncio as redis
import uvloop

from app.routing.keys import SessionKey
from app.store import keys
from app.store.embedded import EmbeddedValkey
from app.store.scripts import HEARTBEAT, LIBRARY
from app.store.store_client import StoreClient
from bench.figures import Figure

CALLERS = 64
ROUNDS, ROUNDS_SHORT = 9, 3
CALLS, CALLS_SHORT = 6_400, 1_600
KEYS = keys.session_keys(0, SessionKey("agent:main:discord:group:1180000000000000000"))
FUNCTION = LIBRARY.function(HEARTBEAT)
ARGUMENTS = ("", "1795328956000001", 1795328956000001, "", "", "", "")

Call = Callable[[], Awaitable[Any]]


class TickPipeline:
    """redis-py again: the calls of one turn of the loop go as one pipeline."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url, decode_responses=True)
        self._waiting: list[asyncio.Future[Any]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def call(self) -> Any:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._start)
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(reply)
        return await reply

    def _start(self) -> None:
        waiting, self._waiting = self._waiting, []
        task = asyncio.create_task(self._send(waiting))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, waiting: list[asyncio.Future[Any]]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for _ in waiting:
            pipeline.fcall(FUNCTION, len(KEYS), *KEYS, *ARGUMENTS)
        for reply, found in zip(waiting, await pipeline.execute(), strict=True):
            reply.set_result(found)

    async def close(self) -> None:
        await self._redis.aclose()


@asynccontextmanager
async def _ways(url: str) -> AsyncIterator[dict[str, Call]]:
    wire, tick = StoreClient(url, 5.0), TickPipeline(url)
    pooled = redis.Redis.from_url(url, decode_responses=True, max_connections=1000)
    try:
        yield {
            "redis-py, pooled": lambda: pooled.fcall(FUNCTION, len(KEYS), *KEYS, *ARGUMENTS),
            "redis-py, a pipeline a turn": tick.call,
            "the wire": lambda: wire.call(HEARTBEAT, KEYS, *ARGUMENTS),
        }
    finally:
        await wire.close()
        await tick.close()
        await pooled.aclose()


async def measure(*, short: bool) -> list[Figure]:
    rounds = ROUNDS_SHORT if short else ROUNDS
    with TemporaryDirectory(prefix="bench-") as name, EmbeddedValkey(Path(name) / "s") as store:
        # On uvloop, as the service.
        measured = await asyncio.to_thread(uvloop.run, _rounds(store.url, rounds, short=short))
    figures = []
    for way, samples in measured.items():
        seconds, processor = (statistics.median(column) for column in zip(*samples, strict=True))
        figures.append(Figure(f"{way}, calls a second", 1 / seconds, "1/s", None, rounds))
        figures.append(Figure(f"{way}, processor time", processor * 1e6, "us", None, rounds))
    for way in list(measured)[:2]:
        pairs = zip(measured[way], measured["the wire"], strict=True)
        ratio = statistics.median(theirs[1] / ours[1] for theirs, ours in pairs)
        figures.append(Figure(f"{way}, processor time by the wire's", ratio, "x", None, rounds))
    return figures


async def _rounds(url: str, rounds: int, *, short: bool) -> dict[str, list[tuple[float, float]]]:
    calls = CALLS_SHORT if short else CALLS
    async with _ways(url) as ways:
        await ways["the wire"]()  # the store knows the script from here on
        measured: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, call in ways.items():
                measured[way].append(await _seconds_a_call(call, calls))
    return measured


async def _seconds_a_call(call: Call, calls: int) -> tuple[float, float]:
    """Seconds and this process's processor seconds a call, with all callers at work."""

    async def caller() -> None:
        for _ in range(calls // CALLERS):
            assert (await call())[0] == "unknown"

    since, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    made = calls // CALLERS * CALLERS
    return (time.perf_counter() - since) / made, (time.process_time() - used) / made
