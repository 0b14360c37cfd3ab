"""`appendfsync everysec`: what a killed store takes with it, and that no more is lost.

The server writes before it answers, and what was written outlives its process; only while a
flush to disk is under way it answers first and writes later, for two seconds at most.
"""

import logging
import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from time import monotonic

import pytest
from redis import Redis

from app.store.embedded import EmbeddedValkey
from tests.faults.hanging_flush import hanging_flush
from tests.service import running, write_policy
from tests.survival.conftest import RealClock
from tests.survival.eventually import eventually
from tests.topology.books import Lost
from tests.topology.traffic import POLICY, Traffic, traffic

MESSAGES = (5, 10, 25)  # of each talker before each kill
LOSS_WINDOW_SECONDS = 2.0
# Until a server on a busy machine has its turn, to see that the two seconds are over.
TURN_SECONDS = 1.0

logger = logging.getLogger("everysec")
Flush = Callable[[int], AbstractContextManager[None]]


def as_the_disk_does(_pid: int) -> AbstractContextManager[None]:
    return nullcontext()


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "flush",
    [
        pytest.param(as_the_disk_does, id="as the disk does"),
        pytest.param(hanging_flush, id="hanging"),
    ],
)
async def test_a_killed_store_loses_no_more_than_is_published(tmp_path: Path, flush: Flush) -> None:
    policy = write_policy(tmp_path, {"version": 1, "defaults": POLICY})
    with EmbeddedValkey(tmp_path / "data", "everysec") as store:
        async with (
            running(store.url, RealClock(), policy_file=policy, store_timeout_seconds=2) as service,
            traffic([service]) as flowing,
        ):
            killed_at = [await kill(store, flowing, flush, count) for count in MESSAGES]
            await flowing.more(10, killed_at[-1])
            await flowing.bring_to_rest()
            assert flowing.books.fences_that_went_back() == []
            lost = await flowing.lost()
    ages = ages_of_the_lost(lost, killed_at)
    logger.warning("lost %s, of the last %.2f s", lost, max(ages, default=0))
    assert all(age < LOSS_WINDOW_SECONDS + TURN_SECONDS for age in ages)
    assert ages or flush is as_the_disk_does, "what hangs was waited for"


async def kill(store: EmbeddedValkey, flowing: Traffic, flush: Flush, count: int) -> float:
    """Kill the store after so many messages of each talker; when that was (monotonic)."""
    assert store.pid is not None
    with flush(store.pid):
        if flush is hanging_flush:
            await eventually(lambda: is_flushing(store))
        await flowing.more(count, monotonic())
        killed_at = monotonic()
        os.kill(store.pid, signal.SIGKILL)
    await eventually(lambda: store.poll() is not None)
    assert store.ensure_running()
    return killed_at


def is_flushing(store: EmbeddedValkey) -> bool:
    with Redis.from_url(store.url) as redis:
        return int(redis.info("persistence")["aof_pending_bio_fsync"]) > 0


def ages_of_the_lost(lost: Lost, killed_at: list[float]) -> list[float]:
    """How many seconds before the kill that took it all that was lost was acknowledged.

    An answer that was on its way at the kill was noted after it.
    """
    return [min(at for at in killed_at if at > one.asked_at) - one.at for one in lost.things]
