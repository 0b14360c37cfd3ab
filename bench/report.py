"""The report: `docs/performance.json`, and what the page and its pictures say of it.

The page is written by hand but for what stands between two marks, which is made from the JSON.
`make bench` writes all of it; `python -m bench report` the page and pictures anew.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from bench import drawing
from bench.figures import Benches, Figure, in_unit, read
from bench.machine import PROJECT
from bench.throughput import CYCLES, RATE

DOCS: Final = PROJECT / "docs"
RESULT: Final = DOCS / "performance.json"
PAGE: Final = DOCS / "performance.md"
PICTURES: Final = DOCS / "pictures"
BEGIN: Final = "<!-- measured: from here to the other mark `make bench` writes, nobody else -->"
END: Final = "<!-- measured: the end -->"

# What stands in a table of its own form, beside those of all benches.
OWN_FORM: Final = ("throughput", "growth")
HEADINGS: Final = {
    "recovery": "Ended leases",
    "interrupts": "Signals",
    "idle_claims": "Waiting claims",
    "connection": "The way to the store",
    "session_lists": "Session lists",
    "scripts": "Scripts, one by one",
    "record_sizes": "What is stored",
}


def write(result: str) -> None:
    """Keep a result as the project's own, and write page and pictures from it."""
    RESULT.write_text(result)
    write_page()


def write_page() -> None:
    about, benches = read(RESULT.read_text())
    PAGE.write_text(with_measured(PAGE.read_text(), "\n".join(page(about, benches))))
    for name, text in pictures(benches).items():
        (PICTURES / name).write_text(text)


def with_measured(text: str, measured: str) -> str:
    """Put it between the marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, "the page has lost its first mark"
    assert end, "the page has lost its second mark"
    return f"{before}{BEGIN}\n{measured}\n{END}{after}"


def pictures(benches: Benches) -> dict[str, str]:
    rates = [one for one in benches["throughput"] if one.name == RATE]
    panels: dict[str, list[list[Figure]]] = {}
    for name, series in _series(benches["growth"]).items():
        if not name.endswith("p99"):
            panels.setdefault(name.partition(": ")[0], []).append(series)
    return {
        "throughput.svg": drawing.bars("Decisions a second, on one store", rates),
        "growth.svg": drawing.curves("The latency of a decision", panels),
    }


def page(about: dict[str, Any], benches: Benches) -> Iterator[str]:
    """The measured part, line by line."""
    yield "\n## Measured on\n"
    yield from _table(("", ""), ((name, str(value)) for name, value in about.items()))
    yield "\n## Targets\n"
    with_target = (one for found in benches.values() for one in found if one.target is not None)
    yield from _table(("measured", "target", "value", ""), map(_judged, with_target))
    yield "\n## Beside other ways\n"
    yield "![decisions a second of each way](pictures/throughput.svg)\n"
    yield from _comparison(benches["throughput"])
    yield "\nRound by round:\n"
    yield from _rounds(benches["throughput"])
    yield "\n## Growth\n"
    yield "![the latency of a decision against what grows](pictures/growth.svg)\n"
    yield from _growth(benches["growth"])
    for name, found in benches.items():
        if name not in OWN_FORM:
            yield f"\n## {HEADINGS[name]}\n"
            rows = ((one.name, one.shown, f"{one.samples:,}") for one in found)
            yield from _table((f"`make bench ARGS={name}`", "value", "samples"), rows)
    yield ""


def _judged(figure: Figure) -> Sequence[str]:
    return figure.name, figure.wanted, figure.shown, figure.verdict


def _comparison(figures: Sequence[Figure]) -> Iterator[str]:
    found = {(one.name, one.of): one for one in figures if one.of}
    ways = list(dict.fromkeys(of for _, of in found))
    rows = (
        (name, *(found[name, way].shown if (name, way) in found else "" for way in ways))
        for name in dict.fromkeys(name for name, _ in found)
    )
    return _table(("median of the rounds", *ways), rows)


def _rounds(figures: Sequence[Figure]) -> Iterator[str]:
    shown = [one for one in figures if not one.of or one.name in {RATE, CYCLES}]
    count = max(len(one.rounds) for one in shown)
    rows = (
        (
            ", ".join(filter(None, (one.name, one.of))),
            *(in_unit(value, one.unit) for value in one.rounds),
            *("" for _ in range(count - len(one.rounds))),
        )
        for one in shown
    )
    return _table(("", *(str(number + 1) for number in range(count))), rows)


def _series(figures: Sequence[Figure]) -> dict[str, list[Figure]]:
    """The points of each curve, by its name."""
    series: dict[str, list[Figure]] = {}
    for one in figures:
        if one.at is not None:
            series.setdefault(one.name, []).append(one)
    return series


def _growth(figures: Sequence[Figure]) -> Iterator[str]:
    tables: dict[str, list[list[Figure]]] = {}
    for name, series in _series(figures).items():
        tables.setdefault(name.partition(": ")[0], []).append(series)
    for over, lines in tables.items():
        sizes = (f"{one.at:,.0f}" for one in lines[0])
        rows = ((line[0].name.partition(": ")[2], *(one.shown for one in line)) for line in lines)
        yield from _table((over, *sizes), rows)
        yield ""


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
