"""The share of a core that 200 workers cost, waiting in claims on an idle service."""

import asyncio
import os
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bench.figures import Figure
from bench.machine import Connection, machine, processor_seconds

WORKERS = 200
WAIT_SECONDS = 30.0


async def measure(*, short: bool) -> list[Figure]:
    seconds = 4.0 if short else 10.0
    figures = []
    for workers in (0, WORKERS):
        with (
            TemporaryDirectory(prefix="bench-") as name,
            machine(Path(name), 1, {}) as (
                store,
                (router,),
            ),
        ):
            assert store.pid is not None
            shares = await _shares(router.port, [router.pid, store.pid], workers, seconds)
        for part, share in zip(("service", "store"), shares, strict=True):
            figures.append(Figure(f"{workers} waiting claims, {part}", share, "% of a core"))
        target = 5.0 if workers else None
        whole = sum(shares)
        figures.append(Figure(f"{workers} waiting claims, together", whole, "% of a core", target))
    return figures


async def _shares(port: int, pids: list[int], workers: int, seconds: float) -> list[float]:
    random = Random(1)  # noqa: S311
    tasks = [
        # The first wait is shorter, so that claims end and come again all the time.
        asyncio.create_task(wait_in_line(port, f"worker-{n}", random.random() * WAIT_SECONDS))
        for n in range(workers)
    ]
    await asyncio.sleep(3)
    before, since = [processor_seconds(pid) for pid in pids], time.monotonic()
    await asyncio.sleep(seconds)
    after, passed = [processor_seconds(pid) for pid in pids], time.monotonic() - since
    for task in tasks:
        assert not task.done(), task
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return [100 * (b - a) / passed for a, b in zip(before, after, strict=True)]


async def wait_in_line(port: int, consumer: str, first_seconds: float) -> None:
    """Claim over and over what never comes; the first claim waits for less."""
    connection = await Connection.open(port)
    wait_seconds, number = first_seconds, 0
    try:
        while True:
            number += 1
            body = {"consumer": consumer, "wait_seconds": wait_seconds}
            named = {**body, "request_id": f"{os.getpid()}-{number}"}
            assert (await connection.post("/v1/runs/claim", named))["runs"] == []
            wait_seconds = WAIT_SECONDS
    finally:
        connection.close()
