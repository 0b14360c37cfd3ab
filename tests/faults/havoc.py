"""Faults, one after the other, in four lanes at once: routers, store, network, gateways."""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from tests.faults.stand import Stand
from tests.processes import is_gone

Fault = Callable[[Random], bool]
"""Does it, heals it, and tells whether it was felt."""

SOON = 0.3  # of the usual pause, until a lane has done each of its faults


class Havoc:
    """Does its faults until told to end, and counts those that were felt.

    What a lane does, in which order and for how long is its own chance's, whatever the others do.
    The store's lane is the caller's own thread: the store ends with the one that started it.
    """

    def __init__(self, stand: Stand, torture: "subprocess.Popen[str]", seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._stand = stand
        self._torture = torture
        self._seed = seed
        self._end = threading.Event()
        self._failed: list[BaseException] = []

    def wreak(self, seconds: float) -> None:
        """Break things for so long; afterwards all is whole again."""
        stand = self._stand
        routers = (stand.kill_router, stand.kill_router, stand.kill_router, stand.stop_router)
        network = (stand.delay, stand.reset_connections, stand.lose_answers, stand.cut_off)
        gateways = (self.kill_gateways, self.stop_gateways)
        lanes = [
            threading.Thread(target=self._lane, args=arguments)
            for arguments in (
                *(("routers", routers, 2.0), ("network", network, 3.0)),
                ("gateways", gateways, 6.0),
            )
        ]
        for lane in lanes:
            lane.start()
        timer = threading.Timer(seconds, self._end.set)
        timer.start()
        try:
            self._lane("store", self._faults_of_store(), 4.0)
        finally:
            self._end.set()
            timer.cancel()
            for lane in lanes:
                lane.join()
        if self._failed:
            raise self._failed[0]

    def _faults_of_store(self) -> tuple[Fault, ...]:
        stand = self._stand
        others = (stand.restart_store, stand.stop_store, stand.flush_functions, stand.fill_memory)
        disk = (stand.fill_disk,) if stand.disk else ()
        return (*(stand.kill_store,) * 5, *others, *disk)

    def _lane(self, name: str, faults: Sequence[Fault], pause_seconds: float) -> None:
        chance = Random(f"{self._seed}/{name}")  # noqa: S311
        try:
            for fault, share in self._turns(faults, chance):
                if self._end.wait(chance.uniform(0.5, 1.5) * pause_seconds * share):
                    return
                if self._torture.poll() is not None:  # there is nobody to be disturbed
                    return
                self.done[fault.__name__] += fault(chance)
        except BaseException as error:  # noqa: BLE001  told when all lanes have ended
            self._failed.append(error)
            self._end.set()

    def _turns(self, faults: Sequence[Fault], chance: Random) -> Iterator[tuple[Fault, float]]:
        """Give the faults of a lane, each with its share of the pause before it.

        First each, soon after one another, until it was felt. Then round after round, of which
        the first is the lane's hardest, and the others are in a new order.
        """
        while missing := [one for one in dict.fromkeys(faults) if not self.done[one.__name__]]:
            yield from ((fault, SOON) for fault in chance.sample(missing, len(missing)))
        while True:
            others = chance.sample(faults[1:], len(faults) - 1)
            yield from ((fault, 1.0) for fault in (faults[0], *others))

    def kill_gateways(self, chance: Random) -> bool:
        return _signal(self._one_process(chance), signal.SIGKILL)

    def stop_gateways(self, chance: Random) -> bool:
        """Let a process of gateways stand still, past its leases."""
        pid = self._one_process(chance)
        stopped = _signal(pid, signal.SIGSTOP)
        time.sleep(chance.uniform(0.5, 2.5))
        return _signal(pid, signal.SIGCONT) and stopped

    def _one_process(self, chance: Random) -> int | None:
        pid = self._torture.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except FileNotFoundError:
            return None
        running = [child for child in map(int, children) if not is_gone(child)]
        return chance.choice(running) if running else None


def _signal(pid: int | None, number: signal.Signals) -> bool:
    """Send it to a process, if there is one; tell whether there was."""
    if pid is None:
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
