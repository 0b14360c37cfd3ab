"""The tests that `docs/guarantees.md` names beside the state machine find each its fault."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.planted.faults import FAULTS
from tests.planted.planting import PAIRS, REPORT
from tests.processes import PROJECT, environment

ROW = re.compile(r"\| ([^|]+) \| [^|]+ \| `(tests/\S+::\w+)` \|")
BROKEN = re.compile(r"ResponseError|attempt to |StoreUnavailable")


def named() -> list[tuple[str, str]]:
    """Each fault of the table, and the test that it names."""
    document = (PROJECT / "docs" / "guarantees.md").read_text("utf-8")
    return ROW.findall(document.partition("## Faults that were planted")[2])


def failures(report: Path) -> dict[str, str]:
    """The tests that failed themselves, not by what they were given, and how."""
    lines = map(json.loads, report.read_text("utf-8").splitlines())
    return {test: text for test, when, text in lines if when == "call"}


def test_the_table_names_a_test_of_its_own_for_every_fault() -> None:
    assert [fault for fault, _ in named()] == [fault.name for fault in FAULTS]
    assert len({test for _, test in named()}) == len(FAULTS)


@pytest.mark.timeout(300)
def test_each_named_test_finds_its_fault(tmp_path: Path) -> None:
    pairs, report = {test: fault for fault, test in named()}, tmp_path / "report"
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
    failed = failures(report)
    assert set(failed) == set(pairs), ran.stdout
    crashed = [test for test, text in failed.items() if BROKEN.search(text)]
    assert not crashed, "by an error of the script, not by what it did"
