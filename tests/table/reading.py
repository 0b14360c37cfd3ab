"""Reads `docs/state-machine.md`: its tables are data, its first matching row holds."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

DOC = Path(__file__).parents[2] / "docs" / "state-machine.md"
RESULTS = ("decision", "reason", "place", "signal")

Case = Mapping[str, str]


@dataclass(frozen=True)
class Row:
    """One row: what it fits, by column, and what it says; `number` counts from 1."""

    number: int
    fits: Mapping[str, frozenset[str]]
    says: Mapping[str, str]

    def covers(self, case: Case) -> bool:
        return all(case[column] in values for column, values in self.fits.items())


def cells_after(mark: str) -> list[list[str]]:
    """The rows of the markdown table that follows a comment, its heading first."""
    text = DOC.read_text("utf-8").partition(f"<!-- {mark} -->")[2]
    lines = text.strip().partition("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    assert len(cells) > 2, f"no table follows {mark}"
    return [cells[0], *cells[2:]]


def read_values() -> dict[str, list[str]]:
    """Every column of the decision table with all values that it can have."""
    values: dict[str, list[str]] = {}
    for column, value, _ in cells_after("values")[1:]:
        values.setdefault(column, []).append(value)
    return values


def read_rows(values: Mapping[str, list[str]]) -> list[Row]:
    """The decision table."""
    heading, *lines = cells_after("table: decisions")
    assert heading == [*values, *RESULTS], "the columns are not those of the values"
    return [
        Row(
            number,
            {
                name: _fits(cell, known)
                for cell, (name, known) in zip(line, values.items(), strict=False)
            },
            dict(zip(RESULTS, line[len(values) :], strict=True)),
        )
        for number, line in enumerate(lines, 1)
    ]


def _fits(cell: str, known: list[str]) -> frozenset[str]:
    if cell == "*":
        return frozenset(known)
    inverse = cell.startswith("not ")
    named = frozenset(part.strip() for part in cell.removeprefix("not ").split(","))
    assert named <= frozenset(known), f"{cell}: unknown value"
    return frozenset(known) - named if inverse else named


def first_row(rows: Sequence[Row], case: Case) -> Row:
    """The row that holds."""
    return next(row for row in rows if row.covers(case))


def first_rows(rows: Sequence[Row], values: Mapping[str, list[str]]) -> Counter[int]:
    """For every combination of all values, the row that holds: number to how many, 0 for none."""
    columns = [
        [sum(1 << row.number for row in rows if value in row.fits[column]) for value in known]
        for column, known in values.items()
    ]
    fitting = Counter([(1 << (len(rows) + 1)) - 2])
    for masks in columns:
        step: Counter[int] = Counter()
        for before, many in fitting.items():
            for mask in masks:
                step[before & mask] += many
        fitting = step
    found: Counter[int] = Counter()
    for mask, many in fitting.items():
        found[(mask & -mask).bit_length() - 1 if mask else 0] += many
    return found


def walk(rows: Sequence[Row], values: Mapping[str, list[str]], state: str) -> Iterator[Case]:
    """Every combination that the rows of a state can tell apart, for each control.

    A column that none of these rows looks at takes all its values in turn. With a limit reached,
    and for what is internal, it is no matter where a busy mode comes from: each is walked once.
    """
    turn = 0
    for control in values["control"]:
        fixed = {"state": state, "control": control}
        here = dict(values) | {name: [value] for name, value in fixed.items()}
        holding = first_rows(rows, here)
        told_apart = [
            name
            for name, known in here.items()
            if any(not row.fits[name].issuperset(known) for row in rows if holding[row.number])
        ]
        for chosen in product(*(values[name] for name in told_apart)):
            case = fixed | dict(zip(told_apart, chosen, strict=True))
            if _is_one_mode_again(case):
                continue
            turn += 1
            for stride, (name, known) in enumerate(values.items(), 1):
                case.setdefault(name, known[(turn + turn // (stride + 1)) % len(known)])
            yield {name: case[name] for name in values}


def _is_one_mode_again(case: Case) -> bool:
    if "same" not in case or (case["room"] == "free" and case["kind"] == "user"):
        return False
    return case["same"] != case["other"] or case["own"] != "none"
