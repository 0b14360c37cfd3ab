"""From the end of a lease to its session being ready, 100,000 live leases in the store.

And the cost of a sweep that finds nothing among them.
"""

import asyncio
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from redis.asyncio import Redis

from app.store.deadlines import Deadlines
from app.store.embedded import EmbeddedValkey
from app.store.keys import READY_CHANNEL
from app.store.store_client import StoreClient
from app.sweep import Sweep
from bench.figures import Figure, spread
from bench.machine import Json, machine, message
from bench.seeding import Seeder, seed

POLICY: Json = {
    "defaults": {"lease_seconds": 3600, "max_run_seconds": 86400},
    "rules": [{"match": {"chat_id": "ends-*"}, "set": {"lease_seconds": 1}}],
}
SPREAD_SECONDS = 0.15


async def measure(*, short: bool) -> list[Figure]:
    leases, samples, sweeps = (10_000, 20, 100) if short else (100_000, 100, 500)
    figures = []
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with EmbeddedValkey(folder / "data", "everysec") as store:
            since = time.monotonic()
            await seed(store.url, POLICY, leases)
            figures.append(Figure(f"seeding {leases:,} leases", time.monotonic() - since, "s"))
            figures += await _idle_sweeps(store.url, leases, sweeps)
        for routers in (1, 2):
            with machine(folder, routers, POLICY) as (store, _):
                late = await _recoveries(store.url, samples, f"{routers}")
            what = f"lease end to ready, {leases:,} leases, {routers} router(s)"
            figures += spread(what, late, "s", max=1.2)
            for number in range(routers):
                (folder / f"router-{number}").rename(folder / f"router-{routers}-{number}")
    return figures


async def _idle_sweeps(url: str, leases: int, sweeps: int) -> list[Figure]:
    client = StoreClient(url, 5.0)
    sweep = Sweep(Deadlines(client, 1))
    await sweep.run_once()
    redis = Redis.from_url(url)
    await redis.config_resetstat()
    wall = []
    for _ in range(sweeps):
        since = time.perf_counter()
        await sweep.run_once()
        wall.append((time.perf_counter() - since) * 1000)
    stats = (await redis.info("commandstats"))["cmdstat_fcall"]
    assert stats["calls"] == sweeps
    await redis.aclose()
    await client.close()
    name = f"sweep that finds nothing, {leases:,} leases"
    figures = spread(f"{name}, wall", wall, "ms", p50=1.0)
    figures.append(Figure(f"{name}, store", stats["usec_per_call"] / 1000, "ms", 1.0, sweeps))
    return figures


async def _recoveries(url: str, samples: int, turn: str) -> list[float]:
    """Let leases end at random moments; how late each of their sessions was ready, in seconds."""
    random = Random(1)  # noqa: S311
    client, redis = StoreClient(url, 5.0), Redis.from_url(url, decode_responses=True)
    seeder = Seeder(client, POLICY)
    ends: dict[str, float] = {}
    late: list[float] = []
    async with redis.pubsub(ignore_subscribe_messages=True) as hints:
        await hints.subscribe(READY_CHANNEL)

        async def hear() -> None:
            while len(late) < samples:
                hint = await hints.get_message(timeout=10)
                if hint is not None:
                    agent = hint["data"].partition(":")[0]
                    if agent in ends:
                        late.append(time.time() - ends.pop(agent))

        hearing = asyncio.create_task(hear())
        for number in range(samples):
            agent = f"agent-{turn}-{number}"  # a ready set of its own, so that the hint names it
            run = (await seeder.admit(message("m1", f"ends-{number}", "gw", agent=agent))).run
            assert run is not None
            ends[agent] = run.lease_expires_at.timestamp()
            await asyncio.sleep(random.random() * 2 * SPREAD_SECONDS)
        await asyncio.wait_for(hearing, 30)
    await redis.aclose()
    await client.close()
    return late
