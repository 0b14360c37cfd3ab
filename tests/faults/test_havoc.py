"""The havoc itself: only what was felt is counted, and a seed says what each lane does."""

import os
import signal
import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from app.store.embedded import EmbeddedValkey
from tests.faults import stand as stands
from tests.faults.faulty_proxy import FaultyProxy
from tests.faults.havoc import Fault, Havoc
from tests.faults.stand import Stand
from tests.processes import wait_until

CHANCE = Random(1)  # noqa: S311
LANES = ("routers", "network", "gateways")
TURNS = 40


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[str]"]:
    """Give a process without children, in place of a torture and its gateways."""
    with subprocess.Popen(("sleep", "600"), text=True) as process:
        yield process
        process.kill()


@pytest.fixture
def deployment(own_store: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Give a store and nobody who uses it; nothing takes its time."""
    monkeypatch.setattr(stands, "FULL_SECONDS", 0.05)
    monkeypatch.setattr(stands, "_pause", lambda *_: None)
    return Stand(own_store, None)


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path / "data") as store:
        yield store


def test_where_no_gateway_runs_none_is_killed_or_stopped(
    deployment: Stand, bystander: "subprocess.Popen[str]"
) -> None:
    havoc = Havoc(deployment, bystander, 1)
    assert not havoc.kill_gateways(CHANCE)
    assert not havoc.stop_gateways(CHANCE)


def test_a_full_memory_counts_when_a_call_was_refused_for_it(
    deployment: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not deployment.fill_memory(CHANCE)

    def write_meanwhile(*_: object) -> None:
        with Redis.from_url(deployment.store.url) as redis, suppress(OutOfMemoryError):
            redis.set("key", "value")

    monkeypatch.setattr(stands, "_pause", write_meanwhile)
    assert deployment.fill_memory(CHANCE)


def test_a_full_disk_counts_when_the_store_gave_up(
    deployment: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.disk = tmp_path
    monkeypatch.setattr(stands, "fill", Path.touch)
    assert not deployment.fill_disk(CHANCE)

    def fill_and_end(ballast: Path) -> None:
        ballast.touch()
        assert deployment.store.pid is not None
        os.kill(deployment.store.pid, signal.SIGKILL)

    monkeypatch.setattr(stands, "fill", fill_and_end)
    assert deployment.fill_disk(CHANCE)


def test_a_network_that_nobody_uses_hurts_nobody(deployment: Stand) -> None:
    with FaultyProxy(deployment.store.url.removeprefix("unix://"), 1) as network:
        deployment.networks.append(network)
        for fault in (
            *(deployment.delay, deployment.lose_answers),
            *(deployment.cut_off, deployment.reset_connections),
        ):
            assert not fault(CHANCE), fault.__name__
        with Redis(port=network.port) as redis:
            assert redis.ping()
            assert deployment.reset_connections(CHANCE)


def test_a_lane_does_what_its_seed_says_whatever_the_others_do(
    deployment: Stand, bystander: "subprocess.Popen[str]"
) -> None:
    one, other = (turns(Havoc(deployment, bystander, 1)) for _ in range(2))
    assert one == other
    assert one != turns(Havoc(deployment, bystander, 2))


def turns(havoc: Havoc) -> dict[str, list[tuple[str, float]]]:
    """Let three lanes go at once; what each did, and what chance it had."""
    did: dict[str, list[tuple[str, float]]] = defaultdict(list)

    def fault(lane: str, name: str) -> Fault:
        def do(chance: Random) -> bool:
            did[lane].append((name, chance.random()))
            return True

        do.__name__ = name
        return do

    lanes = []
    for lane in LANES:
        names = [f"{lane} {number}" for number in (0, 0, 0, 1, 2, 3)]
        faults = [fault(lane, name) for name in names]
        lanes.append(threading.Thread(target=havoc._lane, args=(lane, faults, 0.001)))
    for thread in lanes:
        thread.start()
    wait_until(lambda: all(len(did[lane]) >= TURNS for lane in LANES))
    havoc._end.set()
    for thread in lanes:
        thread.join()
    return {lane: done[:TURNS] for lane, done in did.items()}


def test_each_fault_comes_first_until_it_was_felt(
    deployment: Stand, bystander: "subprocess.Popen[str]"
) -> None:
    havoc = Havoc(deployment, bystander, 1)
    did: list[str] = []

    def kill(_chance: Random) -> bool:
        did.append("kill")
        return True

    def fill(_chance: Random) -> bool:
        did.append("fill")
        if did.count("fill") == 4:
            havoc._end.set()
        return did.count("fill") == 3

    havoc._lane("store", [kill, kill, kill, fill], 0.001)
    assert sorted(did[:2]) == ["fill", "kill"]
    assert did[2:4] == ["fill", "fill"]
    assert havoc.done["fill"] == 1
    assert havoc.done["kill"] == did.count("kill")
