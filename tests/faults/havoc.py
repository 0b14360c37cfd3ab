"""Faults, one after the other, in four lanes at once: routers, store, network, gateways."""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from tests.faults.stand import Stand

Fault = Callable[[], None]


class Havoc:
    """Does its faults until told to end, and counts them. The store's lane is the caller's own.

    The store ends with the thread that started it, so that lane must not be a thread that ends.
    """

    def __init__(self, stand: Stand, torture: "subprocess.Popen[str]", seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._stand = stand
        self._torture = torture
        self._chance = Random(seed)  # noqa: S311
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
            for arguments in ((routers, 2.0), (network, 3.0), (gateways, 6.0))
        ]
        for lane in lanes:
            lane.start()
        timer = threading.Timer(seconds, self._end.set)
        timer.start()
        try:
            self._lane(self._faults_of_store(), 4.0)
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

    def _lane(self, faults: Sequence[Fault], pause_seconds: float) -> None:
        chance = Random(self._chance.random())  # noqa: S311
        try:
            while True:
                # The first of a lane is its hardest; then all of them in a new order.
                for fault in (faults[0], *chance.sample(faults[1:], len(faults) - 1)):
                    if self._end.wait(chance.uniform(0.5, 1.5) * pause_seconds):
                        return
                    if self._torture.poll() is not None:  # there is nobody to be disturbed
                        return
                    fault()
                    self.done[fault.__name__] += 1
        except BaseException as error:  # noqa: BLE001  told when all lanes have ended
            self._failed.append(error)
            self._end.set()

    def kill_gateways(self) -> None:
        for pid in self._one_process():
            os.kill(pid, signal.SIGKILL)

    def stop_gateways(self) -> None:
        """Let a process of gateways stand still, past its leases."""
        for pid in self._one_process():
            os.kill(pid, signal.SIGSTOP)
            time.sleep(self._chance.uniform(0.5, 2.5))
            os.kill(pid, signal.SIGCONT)

    def _one_process(self) -> list[int]:
        pid = self._torture.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except FileNotFoundError:
            return []
        return [int(self._chance.choice(children))] if children else []
