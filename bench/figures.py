"""Figures with their targets, as a table and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

WHOLE_FROM = 100
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured value.

    `target` is what it should not exceed, None where there is none; with `at_least` what it
    should reach. `rounds` are the values of the single rounds, in their order. A figure of one of
    several that are compared says in `of` which; a point of a curve says in `at` where on the
    axis it lies.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    samples: int = 1
    at_least: bool = False
    rounds: tuple[float, ...] = ()
    of: str = ""
    at: float | None = None

    @property
    def is_met(self) -> bool:
        if self.target is None:
            return True
        return self.value >= self.target if self.at_least else self.value <= self.target

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        if self.is_met:
            return "met"
        missed = 100 * abs(self.value / self.target - 1)
        return f"missed by {'less than 1' if missed < 1 else f'{missed:,.0f}'} %"

    @property
    def wanted(self) -> str:
        """The target in words."""
        if self.target is None:
            return ""
        return f"at {'least' if self.at_least else 'most'} {in_unit(self.target, self.unit)}"

    @property
    def shown(self) -> str:
        return in_unit(self.value, self.unit)


def in_unit(value: float, unit: str) -> str:
    """A value as people read it: three digits that count, and its unit."""
    is_whole = abs(value) >= WHOLE_FROM or value == int(value)
    return f"{value:,.0f} {unit}" if is_whole else f"{value:.3g} {unit}"


def quantile(values: Sequence[float], part: float) -> float:
    """The smallest value that at least this part of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(part * 1000) * len(ordered) // 1000) - 1))]


def spread(name: str, values: Sequence[float], unit: str, **targets: float) -> list[Figure]:
    """Median, p99 and maximum; targets as `p50=`, `p99=`, `max=`."""
    found = {"p50": quantile(values, 0.5), "p99": quantile(values, 0.99), "max": max(values)}
    return [
        Figure(f"{name}, {word}", value, unit, targets.get(word), len(values))
        for word, value in found.items()
    ]


def of_rounds(name: str, rounds: Sequence[float], unit: str, target: float | None = None) -> Figure:
    """The median of what the rounds gave."""
    return Figure(name, median(rounds), unit, target, len(rounds), rounds=tuple(rounds))


def ratio(
    name: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    target: float | None = None,
    *,
    at_least: bool = False,
) -> Figure:
    """The ratio of two medians; `rounds` are the ratios round by round, of paired rounds."""
    rounds = tuple(one / other for one, other in zip(ours, theirs, strict=True))
    value = median(ours) / median(theirs)
    return Figure(name, value, "x", target, len(rounds), at_least, rounds)


def print_table(figures: Sequence[Figure]) -> None:
    width = max(len(_named(figure)) for figure in figures)
    print(f"{'':{width}}  {'measured':>14}  {'target':>18}  {'samples':>7}")
    for figure in figures:
        line = f"{_named(figure):{width}}  {figure.shown:>14}  {figure.wanted:>18}"
        print(f"{line}  {figure.samples:>7}  {figure.verdict}")


def _named(figure: Figure) -> str:
    at = "" if figure.at is None else f"{figure.at:,.0f}"
    return ", ".join(part for part in (figure.name, figure.of, at) if part)


Benches = dict[str, list[Figure]]


def written(about: dict[str, Any], benches: Benches) -> str:
    """All that was measured, as JSON; `read` reads it."""
    rows = {name: [asdict(figure) for figure in found] for name, found in benches.items()}
    return json.dumps({"about": about, "benches": rows}, indent=1) + "\n"


def read(text: str) -> tuple[dict[str, Any], Benches]:
    told = json.loads(text)
    benches = {
        name: [Figure(**{**row, "rounds": tuple(row["rounds"])}) for row in rows]
        for name, rows in told["benches"].items()
    }
    return told["about"], benches


def place_for_result() -> Path:
    """A file named by the moment, in a folder that is there."""
    RESULTS.mkdir(exist_ok=True)
    return RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
