"""A plugin of pytest: each test runs with the fault planted that is named for it, and is told of.

`SESSION_ROUTER_PLANTED_PAIRS` is a JSON object of tests, without their parameters, to faults;
`SESSION_ROUTER_PLANTED_REPORT` the file that gets a JSON line of each that failed.
"""

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.planted.faults import FAULTS, planted

PAIRS = "SESSION_ROUTER_PLANTED_PAIRS"
REPORT = "SESSION_ROUTER_PLANTED_REPORT"
# Read at once: the tests take the service's settings out of the environment.
_pairs: dict[str, str] = json.loads(os.environ.get(PAIRS, "{}"))
_report = Path(os.environ.get(REPORT, os.devnull))
_faults = {fault.name: fault for fault in FAULTS}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run the test itself, but not what it is given, with the fault in place."""
    with planted(_faults[_pairs[item.nodeid.partition("[")[0]]]):
        return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note each that failed, and by what."""
    if report.failed:
        line = [report.nodeid.partition("[")[0], report.when, report.longreprtext]
        with _report.open("a") as lines:
            lines.write(json.dumps(line) + "\n")
