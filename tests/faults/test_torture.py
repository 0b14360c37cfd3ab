"""The short form of `make torture`, on fixed seeds; and that it finds out what is broken."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from app.store.embedded import EmbeddedValkey
from app.torture.history import LOST, Event
from app.torture.journal import Journal, read_journals
from tests.faults.services import services
from tests.faults.torture import torture
from tests.processes import environment, wait_until

SECONDS = float(os.environ.get("SESSION_ROUTER_TORTURE_SECONDS") or 25)
SEEDS = (1, 2)
FILL_DISK = "fill_disk"  # where a disk may be mounted
FAULTS = {
    *("kill_router", "stop_router"),
    *("kill_store", "restart_store", "stop_store", "flush_functions", "fill_memory", FILL_DISK),
    *("delay", "lose_answers", "reset_connections", "cut_off"),
    *("kill_gateways", "stop_gateways"),
}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
def test_under_every_fault_at_once_every_promise_is_kept(tmp_path: Path, seed: int) -> None:
    outcome = torture(tmp_path, SECONDS, seed)
    assert outcome.code == 0, outcome.said
    assert outcome.figure("violations") == 0
    assert not outcome.errors, outcome.errors[0]
    assert outcome.figure("messages:") > 50
    assert "operators: none" not in outcome.said
    assert outcome.figure("processes lost") >= 1
    felt = {fault for fault, count in outcome.faults.items() if count}
    assert felt | (set() if outcome.has_disk else {FILL_DISK}) == FAULTS


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_store_that_forgets_what_it_acknowledged_is_found_out(tmp_path: Path) -> None:
    with (
        EmbeddedValkey(tmp_path / "data", extra_args=("--appendonly", "no")) as store,
        services(tmp_path, 2, "--redis-url", store.url) as routers,
    ):
        urls = [router.url for router in routers]
        with subprocess.Popen(
            (
                *(sys.executable, "-m", "app", "torture", *urls),
                *("--seconds", "10", "--record", str(tmp_path / "record")),
            ),
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            wait_until(lambda: accepted(urls[0]) > 20, 60)
            store.stop()
            store.start()
            said, _ = process.communicate(timeout=100)
    assert process.returncode == 1, said
    assert "was accepted and is missing" in said


def accepted(url: str) -> int:
    with urllib.request.urlopen(f"{url}/v1/stats", timeout=10) as answer:
        return int(json.load(answer)["messages"]["accepted"])


def test_a_record_whose_process_was_killed_ends_where_it_ended(tmp_path: Path) -> None:
    asked = Event("gw", "submit", "c/1", {"text": "a"}, 1.0)
    answered = Event("gw", "submit", "c/1", {"text": "a"}, 1.0, 1.5, 200, {"decision": "run"})
    alone = Event("gw", "heartbeat", "r", {"fence": 1}, 2.0)
    journal = Journal(tmp_path / "p1.jsonl")
    journal.ask(asked)
    journal.add(answered)
    journal.ask(alone)
    journal.close()
    with (tmp_path / "p1.jsonl").open("ab") as file:
        file.write(b'["ask", {"consumer": "gw", "ver')
    assert read_journals([tmp_path / "p1.jsonl"]) == [answered, alone]
    assert alone.unknown
    assert alone.received == LOST


def test_what_cannot_be_reached_is_said(tmp_path: Path) -> None:
    ended = subprocess.run(
        (sys.executable, "-m", "app", "torture", "--record", str(tmp_path), "not a url"),
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    assert "session-router torture: " in ended.stderr
    assert "Traceback" not in ended.stderr
