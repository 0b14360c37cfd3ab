"""A worker process ends when the service that started it is gone.

Uvicorn tells its workers to end when it ends itself; killed outright it tells nobody, and they
would keep the port and go on without a store.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

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


def _end(loop: asyncio.AbstractEventLoop, sentinel: int) -> None:
    loop.remove_reader(sentinel)
    logger.error("the process that started this worker is gone; the worker ends too")
    os.kill(os.getpid(), signal.SIGTERM)
