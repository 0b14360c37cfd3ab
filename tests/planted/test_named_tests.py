"""The tests that `docs/guarantees.md` names beside the state machine find each its fault."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.planted.faults import FAULTS
from tests.planted.planting import PAIRS, REPORT
from tests.processes import PROJECT, environment

ROW = re.compile(r"\| ([^|]+) \| [^|]+ \| ([^|]+) \|")
TEST = re.compile(r"`(tests/\S+::\w+)`")
BROKEN = re.compile(r"ResponseError|attempt to |StoreUnavailable")


def named() -> dict[str, list[str]]:
    """The faults of the table, each with the tests that it names."""
    document = (PROJECT / "docs" / "guarantees.md").read_text("utf-8")
    rows = ROW.findall(document.partition("## Faults that were planted")[2])
    names = {fault.name for fault in FAULTS}
    return {name: TEST.findall(tests) for name, tests in rows if name in names}


def rounds() -> Iterator[dict[str, str]]:
    """Each pair of a test and a fault, in as few rounds as give each test one fault at a time."""
    left = [(test, fault) for fault, tests in named().items() for test in tests]
    while left:
        this = dict(left)
        yield this
        left = [pair for pair in left if this[pair[0]] != pair[1]]


def test_the_table_has_every_fault_in_order() -> None:
    assert list(named()) == [fault.name for fault in FAULTS]


@pytest.mark.timeout(300)
def test_each_named_test_finds_its_fault(tmp_path: Path) -> None:
    for number, pairs in enumerate(rounds()):
        report = tmp_path / f"{number}.jsonl"
        report.touch()
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider"),
                *("-p", "tests.planted.planting", *pairs),
            ],
            cwd=PROJECT,
            env=environment(**{PAIRS: json.dumps(pairs), REPORT: str(report)}),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        failed = {
            test: text
            for test, when, text in map(json.loads, report.read_text().splitlines())
            if when == "call"
        }
        assert set(failed) == set(pairs), ran.stdout
        crashed = [test for test, text in failed.items() if BROKEN.search(text)]
        assert not crashed, "by an error of the script, not by what it did"
