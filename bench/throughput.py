"""Decisions a second, beside other ways to decide: the same store, load and uvicorn.

Every round gives each way one turn, in an order that turns round: it is started on an emptied
store, loaded by wrk as fast as it answers, then at a set pace; the standard way and this service
also grant and complete. Rounds are paired: what else the machine does falls on all ways alike, so
the ratios hold where the figures do not. Any answer but a grant ends the bench.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from redis import Redis

from app.store.embedded import EmbeddedValkey
from bench.figures import Figure, of_rounds, ratio
from bench.machine import Server, processor_seconds
from bench.paced import Pace, pace
from bench.rivals import BARE, BODY, NAIVE, RIVALS, SERVICE, STANDARD, TOKEN, Rival
from bench.wrk import Load, Work, load, require_wrk

PER_SECOND: Final = 1_000
AT_PACE: Final = f"at {PER_SECOND:,} a second"
RATE: Final = "decisions a second"
CYCLES: Final = "granted and completed a second"
WARM_SECONDS: Final = 1
CYCLING: Final = (STANDARD, SERVICE)
FSYNCS: Final = ("no", "everysec", "always")

_stamps = (f"{number:04}" for number in count(1000))


@dataclass(frozen=True)
class Lengths:
    """How many rounds, and how many seconds each part of a turn takes."""

    rounds: int
    full: float
    paced: float
    cycle: float
    fsync_rounds: int
    fsync: float


LONG: Final = Lengths(rounds=5, full=5, paced=4, cycle=4, fsync_rounds=9, fsync=2)
SHORT: Final = Lengths(rounds=1, full=1, paced=1, cycle=1, fsync_rounds=1, fsync=1)


@dataclass(frozen=True)
class Turn:
    """What one way did in one round; processor times are of the full load, per decision."""

    full: Load
    service_us: float
    store_us: float
    paced: Pace
    cycle: Load | None

    @property
    def wrk_us(self) -> float:
        return self.full.processor_seconds / self.full.done * 1e6


Turns = dict[Rival, list[Turn]]

COLUMNS: Final[tuple[tuple[str, str, Callable[[Turn], float]], ...]] = (
    (RATE, "1/s", lambda turn: turn.full.per_second),
    ("p50 at full load", "ms", lambda turn: turn.full.p50_ms),
    ("p99 at full load", "ms", lambda turn: turn.full.p99_ms),
    (f"p50 {AT_PACE}", "ms", lambda turn: turn.paced.p50_ms),
    (f"p99 {AT_PACE}", "ms", lambda turn: turn.paced.p99_ms),
    ("processor time a decision, service", "us", lambda turn: turn.service_us),
    ("processor time a decision, store", "us", lambda turn: turn.store_us),
    ("processor time a decision, wrk", "us", lambda turn: turn.wrk_us),
    ("the paced load's own lateness, p99", "ms", lambda turn: turn.paced.late_p99_ms),
)


async def measure(*, short: bool) -> list[Figure]:
    require_wrk()
    return await asyncio.to_thread(_measure, SHORT if short else LONG)


def _measure(lengths: Lengths) -> list[Figure]:
    with (
        TemporaryDirectory(prefix="bench-") as name,
        EmbeddedValkey(Path(name) / "data", "everysec") as store,
        Redis.from_url(store.url) as redis,
    ):
        turns: Turns = {rival: [] for rival in RIVALS}
        for number in range(lengths.rounds):
            print(f"  round {number + 1} of {lengths.rounds}", file=sys.stderr, flush=True)
            for rival in RIVALS if number % 2 else reversed(RIVALS):
                with _serving(rival, store, redis) as server:
                    turns[rival].append(_turn(rival, server, store, lengths))
        with _serving(SERVICE, store, redis) as server:
            rates = _rates_by_fsync(server, redis, lengths)
    return [*_targets(turns), _cost("everysec", rates, 5), _cost("always", rates), *_table(turns)]


@contextmanager
def _serving(rival: Rival, store: EmbeddedValkey, redis: Any) -> Iterator[Server]:
    """Run it on the emptied store, whose append-only file begins anew."""
    redis.flushall()
    redis.bgrewriteaof()
    while redis.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.02)
    with TemporaryDirectory(prefix="bench-") as folder:
        server = rival.start(store, Path(folder))
        try:
            server.await_ready()
            yield server
        finally:
            server.stop()


def _turn(rival: Rival, server: Server, store: EmbeddedValkey, lengths: Lengths) -> Turn:
    assert store.pid is not None
    _load(server, "messages", WARM_SECONDS)
    before = server.processor_seconds(), processor_seconds(store.pid)
    full = _load(server, "messages", lengths.full)
    after = server.processor_seconds(), processor_seconds(store.pid)
    service_us, store_us = (
        (end - start) / full.done * 1e6 for start, end in zip(before, after, strict=True)
    )
    paced = pace(server.port, PER_SECOND, lengths.paced, TOKEN, next(_stamps), BODY)
    cycle = _load(server, "cycle", lengths.cycle) if rival in CYCLING else None
    return Turn(full, service_us, store_us, paced, cycle)


def _load(server: Server, work: Work, seconds: float) -> Load:
    return load(server.port, work, seconds, TOKEN, next(_stamps), BODY)


def _rates_by_fsync(server: Server, redis: Any, lengths: Lengths) -> dict[str, list[float]]:
    """Decisions a second with each `appendfsync`, in turns on one running service."""
    redis.config_set("auto-aof-rewrite-percentage", 0)  # a rewrite would fall on one of them
    _load(server, "messages", WARM_SECONDS)
    rates: dict[str, list[float]] = {fsync: [] for fsync in FSYNCS}
    for number in range(lengths.fsync_rounds):
        for fsync in FSYNCS if number % 2 else reversed(FSYNCS):
            redis.config_set("appendfsync", fsync)
            rates[fsync].append(_load(server, "messages", lengths.fsync).per_second)
    return rates


def _cost(fsync: str, rates: dict[str, list[float]], target: float | None = None) -> Figure:
    kept = ratio(f"`appendfsync {fsync}`, decisions a second lost", rates[fsync], rates["no"])
    lost = tuple(100 * (1 - one) for one in kept.rounds)
    return replace(kept, value=100 * (1 - kept.value), unit="%", target=target, rounds=lost)


def _targets(turns: Turns) -> list[Figure]:
    def rate(turn: Turn) -> float:
        return turn.full.per_second

    def cycles(turn: Turn) -> float:
        assert turn.cycle is not None
        return turn.cycle.per_second

    return [
        _by("decisions a second, by the standard way's", turns, STANDARD, rate, 5),
        _by("decisions a second, by the naive way's", turns, NAIVE, rate, 8),
        _by("decisions a second, by bare uvicorn's", turns, BARE, rate, 0.45),
        _by("grant and complete together, by the standard way's", turns, STANDARD, cycles, 4.5),
        of_rounds(f"{AT_PACE}, p50", [turn.paced.p50_ms for turn in turns[SERVICE]], "ms", 0.8),
        of_rounds(f"{AT_PACE}, p99", [turn.paced.p99_ms for turn in turns[SERVICE]], "ms", 3),
    ]


def _by(
    name: str, turns: Turns, rival: Rival, value: Callable[[Turn], float], target: float
) -> Figure:
    ours, theirs = ([value(turn) for turn in turns[who]] for who in (SERVICE, rival))
    return ratio(name, ours, theirs, target, at_least=True)


def _table(turns: Turns) -> Iterator[Figure]:
    """Every column of the comparison, for each way."""
    for rival, its in turns.items():
        for name, unit, value in COLUMNS:
            yield replace(of_rounds(name, [value(turn) for turn in its], unit), of=rival.name)
        cycles = [turn.cycle.per_second for turn in its if turn.cycle is not None]
        if cycles:
            yield replace(of_rounds(CYCLES, cycles, "1/s"), of=rival.name)
