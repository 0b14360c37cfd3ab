"""A deployment to be tortured: three routers on one store, a network between, a small disk.

Everything in it is a process of its own, and every fault is a method that does it, waits a
little, heals it again, and tells whether it was felt.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Literal

from redis import Redis
from redis.exceptions import RedisError

from app.store.embedded import EmbeddedValkey, EmbeddedValkeyError
from tests.faults.faulty_proxy import FaultyProxy
from tests.faults.services import Service
from tests.faults.small_disk import fill, small_disk
from tests.processes import wait_until

Flush = Literal["always", "everysec"]
ROUTERS = 3
LOSS_BEFORE_ROUTERS = 0.005
PATIENCE_SECONDS = 60.0
FULL_SECONDS = 5.0


class Stand:
    """The parts, running. `urls` leads to the routers, through proxies that lose answers."""

    def __init__(self, store: EmbeddedValkey, disk: Path | None) -> None:
        self.store = store
        self.disk = disk
        self.routers: list[Service] = []
        self.networks: list[FaultyProxy] = []
        self.fronts: list[FaultyProxy] = []

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{front.port}" for front in self.fronts]

    # --- routers

    def kill_router(self, chance: Random) -> bool:
        router = chance.choice(self.routers)
        router.kill()
        router.launch()
        router.await_ready()
        return True

    def stop_router(self, chance: Random) -> bool:
        """Let a router stand still, past a lease of a second."""
        router = chance.choice(self.routers)
        router.stop()
        _pause(chance, 1.0, 2.5)
        router.resume()
        return True

    # --- the store

    def kill_store(self, chance: Random) -> bool:
        self._end_store(signal.SIGKILL, chance)
        return True

    def restart_store(self, chance: Random) -> bool:
        self._end_store(signal.SIGTERM, chance)
        return True

    def stop_store(self, chance: Random) -> bool:
        """Let the store stand still, past the second that a lease lasts."""
        pid = self.store.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        _pause(chance, 0.5, 3.0)
        os.kill(pid, signal.SIGCONT)
        return True

    def flush_functions(self, _chance: Random) -> bool:
        """Take the functions away; felt when a router has missed them, and loaded them again."""
        with self._redis() as redis:
            had = bool(redis.function_list())
            redis.function_flush()
            wait_until(lambda: bool(redis.function_list()), PATIENCE_SECONDS)
        return had

    def fill_memory(self, chance: Random) -> bool:
        """Let nothing more be stored for a while, and until a message was refused for it."""
        with self._redis() as redis:
            before = _refusals(redis)
            redis.config_set("maxmemory", 1)
            _pause(chance, 1.0, 2.0)
            felt = _comes_true(lambda: _refusals(redis) > before, FULL_SECONDS)
            redis.config_set("maxmemory", 0)
        return felt

    def fill_disk(self, chance: Random) -> bool:
        """Let no byte more fit, until the store gives up or a while has passed; then make room."""
        assert self.disk is not None
        ballast = self.disk / "ballast"
        fill(ballast)
        gave_up = _comes_true(lambda: self.store.poll() is not None, FULL_SECONDS)
        with contextlib.suppress(EmbeddedValkeyError):
            self.store.ensure_running()  # it may not even start
        _pause(chance, 0.2, 0.5)
        ballast.unlink()
        self._run_store_again()
        return gave_up

    # --- the network between routers and store

    def delay(self, chance: Random) -> bool:
        network = chance.choice(self.networks)
        network.delay_seconds = 0.5
        return _harms(network, chance)

    def lose_answers(self, chance: Random) -> bool:
        network = chance.choice(self.networks)
        network.loses = 0.3
        return _harms(network, chance)

    def reset_connections(self, _chance: Random) -> bool:
        return sum(network.reset_all() for network in self.networks) > 0

    def cut_off(self, chance: Random) -> bool:
        network = chance.choice(self.networks)
        network.is_stuck = True
        return _harms(network, chance)

    def _end_store(self, number: signal.Signals, chance: Random) -> None:
        pid = self.store.pid
        assert pid is not None
        os.kill(pid, number)
        wait_until(lambda: self.store.poll() is not None, PATIENCE_SECONDS)
        _pause(chance, 0.0, 0.5)
        self._run_store_again()

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


def _harms(network: FaultyProxy, chance: Random) -> bool:
    """Leave a network as bad as it is for a while, and heal it; tell whether it hurt anybody."""
    before = network.harmed
    _pause(chance, 1.0, 3.0)
    network.behave()
    return network.harmed > before


def _pause(chance: Random, least_seconds: float, most_seconds: float) -> None:
    time.sleep(chance.uniform(least_seconds, most_seconds))


def _comes_true(true: Callable[[], bool], seconds: float) -> bool:
    """Look again and again; tell whether it was so within this time."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _refusals(redis: "Redis") -> int:
    """How often this server has refused a call because its memory was full."""
    return int(redis.info("errorstats").get("errorstat_OOM", {}).get("count", 0))


@contextmanager
def stand(folder: Path, seed: int, appendfsync: Flush = "always") -> Iterator[Stand]:
    """Start it all. The first router's clock wanders."""
    with ExitStack() as stack:
        has_disk = stack.enter_context(small_disk(folder / "disk"))
        data = folder / "disk" / "data"
        rewrites = ("--auto-aof-rewrite-min-size", "8mb")
        store = stack.enter_context(EmbeddedValkey(data, appendfsync, rewrites))
        built = Stand(store, folder / "disk" if has_disk else None)
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
