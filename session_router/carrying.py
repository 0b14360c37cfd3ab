"""How a run is carried out, from grant to end."""

import asyncio
import logging
from typing import Any, Final, NamedTuple, assert_never
from urllib.parse import quote

from session_router.connection import Call, Connection
from session_router.ending import Circumstances, Ending, judge
from session_router.errors import LeaseLost, RouterError
from session_router.models import (
    AnswerSignal,
    CompleteRequest,
    Completion,
    InterruptSignal,
    LeaseLostSignal,
    Outcome,
    SteerSignal,
)
from session_router.signal_stream import Signal
from session_router.work import Grant, RunHandler, RunInWork

logger: Final = logging.getLogger("session_router")

# A handler that was cancelled and goes on so long is spoken of, again and again.
STUBBORN_SECONDS: Final = 10.0


class Manner(NamedTuple):
    """What the gateway wishes to happen to the handler and the batch of an interrupted run."""

    cancel_on_interrupt: bool = True
    requeue_interrupted: bool = False


class CarriedOut(RunInWork):
    """The client's side of a run: starts the handler, watches the lease, completes."""

    def __init__(self, connection: Connection, grant: Grant, manner: Manner) -> None:
        super().__init__(connection, grant)
        self._connection = connection
        self._fresh = grant.fresh
        self._manner = manner
        self._closing = False
        self._stopped = False

    def hand_back(self) -> None:
        """Give the run back because the client is left; a sealed one has a lease's time left."""
        self._closing = True
        self._released = self._released or Ending("released", next=False)
        if self._handler is None:
            return
        if self._lease.sealed:
            loop = asyncio.get_running_loop()
            loop.call_later(self.grant.lease_seconds, self._handler.cancel)
        else:
            self._handler.cancel()

    def look_soon(self) -> None:
        """Beat at once, because there is news of this run."""
        self._lease.beat_soon()

    def tell(self, signal: Signal) -> None:
        """Take in what the signal stream says of this run."""
        if signal.fence != self.fence:
            return
        match signal:
            case InterruptSignal():
                self._lease.ask_to_stop(signal.interrupt)
            case SteerSignal():
                self._lease.steers.signalled(signal.steer)
            case AnswerSignal():
                self._lease.answers.signalled(signal.answers)
            case LeaseLostSignal():
                self._lease.lose(LeaseLost(f"the router ended the run: {signal.ended}"))
            case _:
                assert_never(signal)

    async def carry_out(self, handler: RunHandler, retry_seconds: float) -> Grant | None:
        """Run the handler under the lease and complete; returns the next grant, if any.

        Never raises for what the handler or the router does.
        """
        outcome: Outcome | None = None
        try:
            ending = await self._ending(handler)
            completed = await self._complete(ending, retry_seconds)
            outcome = ending.outcome
        except LeaseLost as error:
            logger.warning("run %s: lease lost, its result is void: %s", self.id, error)
            return None
        except RouterError as error:
            logger.warning("run %s: its end was not reported: %s", self.id, error)
            return None
        else:
            return completed
        finally:
            if not self._over.done():
                self._over.set_result(outcome)

    async def _ending(self, handler: RunHandler) -> Ending:
        if not self._fresh:
            await self._lease.beat()
        if self._released is not None:
            return self._released
        if self._lease.interrupted.done():
            return Ending("interrupted", requeue=True)  # its handler has not even heard of it
        self._handler = asyncio.create_task(_called(handler, self))
        watch = asyncio.create_task(self._watch(self._handler))
        ends: set[asyncio.Task[Any]] = {self._handler, watch}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._ended(watch)
            await self._ended(self._handler)
        fault = _fault_of(watch)
        if self._lease.lost is not None:
            raise self._lease.lost
        if fault is not None:
            logger.error("run %s: the client could not go on with it", self.id, exc_info=fault)
        return judge(self._handler, self._circumstances(fault))

    async def _watch(self, handler: asyncio.Task[None]) -> None:
        """Keep the lease and heed interrupts; ends only by an error, so that none of it dies."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lease.keep())
            group.create_task(self._lease.until_lost())
            group.create_task(self._stop_when_asked(handler))

    async def _stop_when_asked(self, handler: asyncio.Task[None]) -> None:
        await self.interrupt_requested()
        # Who waits for the interrupt is told first, and may stop in a way of its own.
        await asyncio.sleep(0)
        if self._manner.cancel_on_interrupt and not handler.done():
            self._stopped = True
            handler.cancel()

    async def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.done():
            task.cancel()
        while not task.done():
            await asyncio.wait({task}, timeout=STUBBORN_SECONDS)
            if not task.done():
                logger.error("run %s: its handler was cancelled and goes on", self.id)

    def _circumstances(self, fault: BaseException | None) -> Circumstances:
        return Circumstances(
            run_id=self.id,
            sealed=self._lease.sealed,
            interrupted=self._lease.interrupted.done(),
            stopped=self._stopped,
            requeue=self._manner.requeue_interrupted,
            released=self._released,
            by_handler=self._by_handler,
            fault=fault,
        )

    async def _complete(self, ending: Ending, retry_seconds: float) -> Grant | None:
        reports = self._lease.reports
        body = CompleteRequest(
            fence=self.fence,
            outcome=ending.outcome,
            requeue=ending.requeue,
            seen=self._lease.seen,
            sent=reports.news.sent,
            data=reports.news.data,
            reason=ending.reason,
            usage=reports.usage,
            next=ending.next and not self._closing,
        )
        path = f"/v1/runs/{quote(self.id, safe='')}/complete"
        call = Call("POST", path, Completion, body)
        # What is handed back goes back by itself when the lease is over: no need to stay for it.
        bound = self._lease.remaining_seconds() if self._closing else None
        try:
            async with asyncio.timeout(bound):
                answer = await self._connection.persist(call, retry_seconds, to_the_end=True)
        except TimeoutError:
            raise LeaseLost("it was over before the run could be handed back") from None
        following = answer.value.next
        if following is None:
            return None
        return Grant(following, answer.value.session, answer.sent_at, answer.attempts == 1)


async def _called(handler: RunHandler, run: RunInWork) -> None:
    await handler(run)


def _fault_of(watch: asyncio.Task[None]) -> BaseException | None:
    error = None if watch.cancelled() else watch.exception()
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
