"""Figures with their targets, as a table and as JSON."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured value; `target` is what it should stay under, None where there is none."""

    name: str
    value: float
    unit: str
    target: float | None = None
    samples: int = 1

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        return "ok" if self.value < self.target else "MISSED"


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


def print_table(figures: Sequence[Figure]) -> None:
    width = max(len(figure.name) for figure in figures)
    print(f"{'':{width}}  {'measured':>12}  {'target':>12}  {'samples':>7}")
    for figure in figures:
        target = "" if figure.target is None else f"< {figure.target:g} {figure.unit}"
        value = f"{figure.value:.3f} {figure.unit}"
        line = f"{figure.name:{width}}  {value:>12}  {target:>12}  {figure.samples:>7}"
        print(f"{line}  {figure.verdict}")


def write(figures: Sequence[Figure], *, short: bool) -> Path:
    """Write the figures to a file named by the moment."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path = RESULTS / f"survival-{now:%Y%m%dT%H%M%SZ}.json"
    about = {"at": now.isoformat(), "short": short, "python": platform.python_version()}
    rows = [asdict(figure) | {"verdict": figure.verdict} for figure in figures]
    path.write_text(
        json.dumps({**about, "machine": platform.platform(), "figures": rows}, indent=1)
    )
    return path
