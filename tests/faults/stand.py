"""A deployment to be tortured: three routers on one store, a network between, a small disk.

Everything in it is a process of its own, and every fault is a method that does it, waits a
little, and heals it again.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Literal

from redis import Redis
from redis.exceptions import RedisError

from app.store.embedded import EmbeddedValkey, EmbeddedValkeyError
from tests.faults.faulty_proxy import FaultyProxy
from tests.faults.services import Service
from tests.processes import wait_until

Flush = Literal["always", "everysec"]
ROUTERS = 3
DISK_MIB = 256
BALLAST_BYTES = 1024 * 1024
LOSS_BEFORE_ROUTERS = 0.005
PATIENCE_SECONDS = 60.0


class Stand:
    """The parts, running. `urls` leads to the routers, through proxies that lose answers."""

    def __init__(self, store: EmbeddedValkey, disk: Path | None, chance: Random) -> None:
        self.store = store
        self.disk = disk
        self.chance = chance
        self.routers: list[Service] = []
        self.networks: list[FaultyProxy] = []
        self.fronts: list[FaultyProxy] = []

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{front.port}" for front in self.fronts]

    # --- routers

    def kill_router(self) -> None:
        router = self.chance.choice(self.routers)
        router.kill()
        router.launch()
        router.await_ready()

    def stop_router(self) -> None:
        """Let a router stand still, past a lease of a second."""
        router = self.chance.choice(self.routers)
        router.stop()
        self._pause(1.0, 2.5)
        router.resume()

    # --- the store

    def kill_store(self) -> None:
        self._signal_store(signal.SIGKILL)
        self._run_store_again()

    def restart_store(self) -> None:
        self._signal_store(signal.SIGTERM)
        self._run_store_again()

    def stop_store(self) -> None:
        """Let the store stand still, past the second that a lease lasts."""
        pid = self.store.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        self._pause(0.5, 3.0)
        os.kill(pid, signal.SIGCONT)

    def flush_functions(self) -> None:
        with self._redis() as redis:
            redis.function_flush()

    def fill_memory(self) -> None:
        with self._redis() as redis:
            redis.config_set("maxmemory", 1_000_000)
            self._pause(1.0, 2.0)
            redis.config_set("maxmemory", 0)

    def fill_disk(self) -> None:
        """Let no byte more fit, until the store gives up or a while has passed; then make room."""
        assert self.disk is not None
        ballast = self.disk / "ballast"
        _fill(ballast)
        until = time.monotonic() + 3.0
        while self.store.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        with contextlib.suppress(EmbeddedValkeyError):
            self.store.ensure_running()  # it may not even start
        self._pause(0.2, 0.5)
        ballast.unlink()
        wait_until(self._is_running, PATIENCE_SECONDS)

    # --- the network between routers and store

    def delay(self) -> None:
        with self._misbehaving() as network:
            network.delay_seconds = 0.5

    def lose_answers(self) -> None:
        with self._misbehaving() as network:
            network.loses = 0.3

    def reset_connections(self) -> None:
        for network in self.networks:
            network.reset_all()

    def cut_off(self) -> None:
        with self._misbehaving() as network:
            network.is_stuck = True

    @contextmanager
    def _misbehaving(self) -> Iterator[FaultyProxy]:
        network = self.chance.choice(self.networks)
        yield network
        self._pause(1.0, 3.0)
        network.behave()

    def _pause(self, least_seconds: float, most_seconds: float) -> None:
        time.sleep(self.chance.uniform(least_seconds, most_seconds))

    def _signal_store(self, number: signal.Signals) -> None:
        pid = self.store.pid
        assert pid is not None
        os.kill(pid, number)
        wait_until(lambda: self.store.poll() is not None, PATIENCE_SECONDS)
        self._pause(0.0, 0.5)

    def _run_store_again(self) -> None:
        wait_until(self._is_running, PATIENCE_SECONDS)

    def _is_running(self) -> bool:
        with contextlib.suppress(EmbeddedValkeyError):
            self.store.ensure_running()
        try:
            with self._redis() as redis:
                return bool(redis.ping())
        except RedisError:
            return False

    def _redis(self) -> "Redis":
        return Redis.from_url(self.store.url, socket_timeout=10)


def _fill(ballast: Path) -> None:
    """Write until nothing fits any more, then byte by byte less."""
    block = BALLAST_BYTES
    with ballast.open("wb", buffering=0) as file:
        while block:
            try:
                if file.write(b"\0" * block) < block:
                    block //= 2
            except OSError:
                block //= 2


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a disk of its own on a folder; False, and no disk, where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ("-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=700", "none", str(folder))
    try:
        mounted = subprocess.run(("mount", *options), check=False, capture_output=True)
    except FileNotFoundError:
        yield False
        return
    if mounted.returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)


@contextmanager
def stand(folder: Path, seed: int, appendfsync: Flush = "always") -> Iterator[Stand]:
    """Start it all. The first router's clock wanders."""
    chance = Random(seed)  # noqa: S311
    with ExitStack() as stack:
        has_disk = stack.enter_context(small_disk(folder / "disk"))
        data = folder / "disk" / "data"
        rewrites = ("--auto-aof-rewrite-min-size", "8mb")
        store = stack.enter_context(EmbeddedValkey(data, appendfsync, rewrites))
        built = Stand(store, folder / "disk" if has_disk else None, chance)
        for number in range(ROUTERS):
            network = FaultyProxy(store.url.removeprefix("unix://"), seed + number)
            built.networks.append(stack.enter_context(network))
            module = "app" if number else "tests.faults.wandering_clock"
            address = ("--redis-url", f"redis://127.0.0.1:{network.port}")
            router = Service(folder / f"router-{number}", *address, module=module)
            built.routers.append(stack.enter_context(router))
        for router in built.routers:
            router.await_ready()
            front = FaultyProxy(router.port, seed)
            front.loses = LOSS_BEFORE_ROUTERS
            built.fronts.append(stack.enter_context(front))
        yield built
