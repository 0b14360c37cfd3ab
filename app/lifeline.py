"""How a process of the service ends: told to, or because the one that started it is gone.

Uvicorn tells its workers to end when it ends itself; killed outright it tells nobody, and they
would keep the port and go on without a store. Told to end, it waits for open requests, and
tells nobody that streams and long polls should not be among them.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

logger = logging.getLogger(__name__)


@contextmanager
def ends_with_parent() -> Iterator[None]:
    """End this process in good order (SIGTERM) as soon as the process that spawned it is gone.

    For the lifespan of the app, around everything else; needs a running event loop. It costs
    nothing while it waits, and does nothing in a process that is no worker.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_reader(parent.sentinel, _end, loop, parent.sentinel)
    try:
        yield
    finally:
        loop.remove_reader(parent.sentinel)


@contextmanager
def told_to_end(announce: Callable[[], None]) -> Iterator[None]:
    """Call `announce` on the running loop as soon as SIGTERM or SIGINT comes.

    The handlers that were there, uvicorn's, do their work as before.
    """
    loop = asyncio.get_running_loop()
    replaced = {}
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if callable(before) and threading.current_thread() is threading.main_thread():
            signal.signal(number, _announcing(loop, announce, before))
            replaced[number] = before
    try:
        yield
    finally:
        for number, before in replaced.items():
            signal.signal(number, before)


def _announcing(
    loop: asyncio.AbstractEventLoop,
    announce: Callable[[], None],
    before: Callable[[int, FrameType | None], object],
) -> Callable[[int, FrameType | None], object]:
    def handle(number: int, frame: FrameType | None) -> object:
        loop.call_soon_threadsafe(announce)
        return before(number, frame)

    return handle


def _end(loop: asyncio.AbstractEventLoop, sentinel: int) -> None:
    loop.remove_reader(sentinel)
    logger.error("the process that started this worker is gone; the worker ends too")
    os.kill(os.getpid(), signal.SIGTERM)
