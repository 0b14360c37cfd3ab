"""The metrics of a service with two worker processes: whichever is asked answers for both."""

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.services import Service
from tests.metrics.scrapes import Scrape
from tests.metrics.talk import replay
from tests.processes import wait_until

ACCEPTING = ("run", "queue", "interrupt", "steer")
SCRAPES = 8  # over connections of their own: both workers answer some


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Give two workers, whose temporary files are in the test's own folder."""
    (tmp_path / "t").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "t"))
    with Service(tmp_path / "s", "--workers", "2") as service:
        service.await_ready()
        yield service


def folders(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "t").glob("session-router-metrics-*"))


def workers(tmp_path: Path) -> set[int]:
    """The processes that have counted something."""
    return {int(f.stem.rpartition("_")[2]) for f in folders(tmp_path)[0].glob("counter_*.db")}


def stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/v1/stats", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


@pytest.mark.slow
def test_the_counters_of_two_workers_agree_with_the_stats_after_a_replay(
    service: Service, tmp_path: Path
) -> None:
    replay(service.url, tmp_path, 60)
    told = stats(service.url)
    messages = told["messages"]
    assert messages["accepted"] == 60
    for _ in range(SCRAPES):
        seen = Scrape.of(service.url)
        decisions = seen.by("session_router_decisions_total", "decision")
        assert sum(decisions[word] for word in ACCEPTING) == messages["accepted"]
        assert seen.value("session_router_messages_accepted_total") == messages["accepted"]
        ended = seen.by("session_router_messages_ended_total", "state")
        assert ended == {"done": messages["done"], "removed": messages["removed"]}
        assert seen.by("session_router_sessions", "state") == told["sessions"]
        calls = seen.by("session_router_call_seconds_count", "verb")
        runs = seen.by("session_router_runs_ended_total", "how")
        assert runs.total() == calls["complete"] == seen.value("session_router_runs_granted_total")
        assert calls["admit"] == decisions.total()
        assert seen.value("session_router_runs_active") == 0
    assert len(workers(tmp_path)) == 2


@pytest.mark.slow
def test_a_worker_that_is_killed_takes_no_count_with_it_and_leaves_nothing_open(
    service: Service, tmp_path: Path
) -> None:
    def streams() -> float:
        return Scrape.of(service.url).value("session_router_streams", kind="signals")

    replay(service.url, tmp_path, 12)
    with urllib.request.urlopen(f"{service.url}/v1/signals?consumer=gw", timeout=10):
        wait_until(lambda: streams() == 1)
    wait_until(lambda: streams() == 0)  # the client went away, the worker did not
    before = Scrape.of(service.url).by("session_router_decisions_total", "decision")
    with urllib.request.urlopen(f"{service.url}/v1/signals?consumer=gw", timeout=10):
        wait_until(lambda: streams() == 1)
        old = workers(tmp_path)
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: _is_served_anew(service.url, tmp_path, old), 30)
    wait_until(lambda: streams() == 0)
    after = Scrape.of(service.url).by("session_router_decisions_total", "decision")
    assert after == before


def _is_served_anew(url: str, tmp_path: Path, old: set[int]) -> bool:
    try:
        stats(url)
    except OSError:
        return False
    return bool(workers(tmp_path) - old)


@pytest.mark.slow
def test_the_folder_of_the_counts_goes_with_the_service(service: Service, tmp_path: Path) -> None:
    assert len(folders(tmp_path)) == 1
    process = service._process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert folders(tmp_path) == []
