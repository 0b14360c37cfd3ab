"""How a decision's latency grows: with sessions, a queue, rules, waiting claims, open streams.

For every curve all its sizes stand side by side, each a store with a router, and take turns block
by block, so that what else the machine does falls on all of them. One caller asks, one call after
the other: over HTTP from just before the request is sent to the whole answer, in the store as the
server itself measures its functions. What a block changed is undone after it, unmeasured.
"""

import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from bench.crowds import CURVES, Curve, Probe
from bench.figures import Figure, of_rounds, quantile, ratio
from bench.places import Block, Place

ROUNDS, ROUNDS_SHORT = 40, 3
BLOCK, BLOCK_SHORT = 20, 10
WARM: Final = 50


@dataclass
class _Found:
    """What the blocks gave at one size: medians block by block, and every latency."""

    http_ms: list[float] = field(default_factory=list)
    store_us: list[float] = field(default_factory=list)
    all_ms: list[float] = field(default_factory=list)

    def add(self, block: Block) -> None:
        self.http_ms.append(median(block.http_ms))
        self.store_us.append(block.store_us)
        self.all_ms += block.http_ms


async def measure(*, short: bool) -> list[Figure]:
    _allow_files()
    return [figure for curve in CURVES for figure in await _curve(curve, short=short)]


def _allow_files() -> None:
    """A thousand connections on either side need more files than a shell usually gives."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _curve(curve: Curve, *, short: bool) -> list[Figure]:
    print(f"  {curve.over}", file=sys.stderr, flush=True)
    sizes = curve.short_sizes if short else curve.sizes
    rounds, block = (ROUNDS_SHORT, BLOCK_SHORT) if short else (ROUNDS, BLOCK)
    found = {(probe, size): _Found() for probe in curve.probes for size in sizes}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        places = [Place(size, folder / f"{size}") for size in sizes]
        await _set_up(curve, places, stack)
        for number in range(rounds):
            for place in places if number % 2 else reversed(places):
                for probe in curve.probes:
                    found[probe, place.size].add(await probe.ask(place, block))
        for place in places:
            place.require_crowd()
    return [
        figure
        for probe in curve.probes
        for figure in _figures(curve, probe, {size: found[probe, size] for size in sizes})
    ]


async def _set_up(curve: Curve, places: Sequence[Place], stack: AsyncExitStack) -> None:
    for place in places:
        policy = curve.policy(place.size)
        await curve.fill(place, await place.prepare(stack, policy))
        place.start(stack, policy)
    for place in places:
        await place.open(stack)
        await curve.gather(place)
        for probe in curve.probes:
            await probe.ask(place, WARM)


def _figures(curve: Curve, probe: Probe, found: Mapping[int, _Found]) -> Iterator[Figure]:
    smallest, largest = min(found), max(found)
    what = f"{largest:,} {curve.over} by {smallest:,}: {probe.name}"
    low, high = found[smallest], found[largest]
    yield ratio(f"{what}, over HTTP", high.http_ms, low.http_ms, curve.target)
    yield ratio(f"{what}, in the store", high.store_us, low.store_us, curve.target)
    name = f"{curve.over}: {probe.name}"
    for size, one in found.items():
        for figure in (
            of_rounds(f"{name}, over HTTP", one.http_ms, "ms"),
            of_rounds(f"{name}, in the store", one.store_us, "us"),
            Figure(f"{name}, over HTTP, p99", quantile(one.all_ms, 0.99), "ms"),
        ):
            yield replace(figure, samples=len(one.all_ms), at=size)
