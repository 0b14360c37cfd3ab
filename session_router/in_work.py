"""The runs that a client works on: each once, however often its grant is told."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

from session_router.carrying import CarriedOut, Manner
from session_router.connection import Connection
from session_router.remembered import Remembered
from session_router.signal_stream import Signal
from session_router.work import Grant, RunHandler, RunInWork

logger: Final = logging.getLogger("session_router")

T = TypeVar("T")

# A late answer may still bring a run that has ended here; ids beyond these are long fenced out.
ENDED_RUNS_MAX: Final = 10_000
# Signals of runs whose grant is still on its way here.
EARLY_SIGNALS_MAX: Final = 1_000


class InWork:
    """Takes grants, works on each run once, and goes on with the session's next."""

    def __init__(
        self,
        connection: Connection,
        manner: Manner,
        retry_seconds: float,
        changed: Callable[[int], None],
    ) -> None:
        self.handler: RunHandler | None = None
        self._connection = connection
        self._manner = manner
        self._retry_seconds = retry_seconds
        self._changed = changed
        self._runs: dict[str, CarriedOut] = {}
        self._ended = Remembered(ENDED_RUNS_MAX)
        self._told_early = Remembered(EARLY_SIGNALS_MAX)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def runs(self) -> tuple[RunInWork, ...]:
        """The runs in work now."""
        return tuple(self._runs.values())

    def knows(self, run_id: str) -> bool:
        """Tell whether a run is in work here, or was."""
        return run_id in self._runs or run_id in self._ended

    async def idle(self) -> None:
        """Wait until no run is in work; at once if there is none."""
        while self._runs:
            await next(iter(self._runs.values())).finished()

    def take(self, grant: Grant) -> RunInWork | None:
        """Start on a grant; returns its run, None where it has ended or nobody handles runs."""
        run_id = grant.run.id
        if self.handler is None or self.knows(run_id):
            return self._runs.get(run_id)
        work = CarriedOut(self._connection, grant, self._manner)
        if self._closing:
            work.hand_back()
        elif run_id in self._told_early:
            work.look_soon()
        self._runs[run_id] = work
        self._changed(len(self._runs))
        task = asyncio.create_task(self._carry_out(work, self.handler), name=f"run {run_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(complain)
        return work

    async def _carry_out(self, work: CarriedOut, handler: RunHandler) -> None:
        try:
            following = await work.carry_out(handler, self._retry_seconds)
        finally:
            del self._runs[work.id]
            self._ended.add(work.id)
            self._changed(len(self._runs))
        if following is not None:
            self.take(following)

    def tell(self, signal: Signal) -> None:
        """Hand a signal to its run; one whose grant is on its way is kept for it."""
        work = self._runs.get(signal.run_id)
        if work is not None:
            work.tell(signal)
        elif signal.run_id not in self._ended:
            self._told_early.add(signal.run_id)

    def look_after(self, run_ids: Iterable[str]) -> None:
        """Let those of these runs that are in work here beat at once: there is news of them."""
        for run_id in run_ids:
            if run_id in self._runs:
                self._runs[run_id].look_soon()

    def hand_back(self) -> None:
        """Give back what is in work, and what still comes; `drained` waits for it."""
        self._closing = True
        for work in self._runs.values():
            work.hand_back()

    async def drained(self) -> None:
        """Wait until every run has ended, and its end is told."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def drop(self) -> None:
        """Let go of all at once, unreported."""
        for task in self._tasks:
            task.cancel()


def complain(task: asyncio.Task[Any]) -> None:
    """Log the error of a task that nobody waits for."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s: ended by an error of its own", task.get_name(), exc_info=error)


class Standing:
    """Tasks that go on until the client is left; one that dies is spoken of."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Start a task that goes on."""
        task = self._tasks[name] = asyncio.create_task(work, name=name)
        task.add_done_callback(complain)

    async def end(self, *names: str) -> None:
        """End these tasks, all if none is named, and wait for their ends."""
        ending = [task for name, task in self._tasks.items() if not names or name in names]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
