"""A run in work: what its handler sees, and how it is carried out from grant to end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeAlias, assert_never
from urllib.parse import quote

from session_router.connection import Call, Connection
from session_router.ending import REASON_CHARACTERS_MAX, Circumstances, Ending, cut, judge
from session_router.errors import LeaseLost, RouterError
from session_router.lease import Lease
from session_router.models import (
    BatchMessage,
    CompleteRequest,
    Completion,
    Interrupt,
    InterruptSignal,
    LeaseLostSignal,
    Outcome,
    Run,
    SteerSignal,
    Usage,
)
from session_router.signal_stream import Signal

logger: Final = logging.getLogger("session_router")

STATUS_CHARACTERS_MAX: Final = 200


class Grant(NamedTuple):
    """A run as an answer brought it.

    `sent_at` (monotonic): when the request of that answer was sent. `fresh`: granted by that
    very request, so the lease cannot be older; else a beat must show that it is still ours.
    """

    run: Run
    sent_at: float
    fresh: bool


class Manner(NamedTuple):
    """What the gateway wishes to happen to the handler and the batch of an interrupted run."""

    cancel_on_interrupt: bool = True
    requeue_interrupted: bool = False


class RunInWork:
    """A run while its handler works on it.

    The client beats for it and listens to its signals. The handler is cancelled when the lease
    is lost, when the client is left, and (unless `cancel_on_interrupt` is off) when somebody
    wants the run to stop; who waits for `interrupt_requested` is told first.
    """

    def __init__(self, connection: Connection, grant: Grant, manner: Manner) -> None:
        self._connection = connection
        self._lease = Lease(connection, grant.run, grant.sent_at)
        self._fresh = grant.fresh
        self._manner = manner
        self._handler: asyncio.Task[None] | None = None
        self._released: Ending | None = None
        self._by_handler = False
        self._over: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"RunInWork({self.run.id!r})"

    @property
    def run(self) -> Run:
        """The grant: ids, fence, route, session."""
        return self._lease.run

    @property
    def text(self) -> str:
        """The batch as one text, ready for the agent."""
        return self.run.text

    @property
    def messages(self) -> tuple[BatchMessage, ...]:
        """The messages of the batch, in their order."""
        return self.run.messages

    @property
    def interrupt(self) -> Interrupt | None:
        """What the router said last of somebody who wants this run to stop, None if nobody."""
        return self._lease.interrupt

    async def interrupt_requested(self) -> Interrupt:
        """Wait until somebody wants this run to stop, and return who; at once if so already."""
        return await asyncio.shield(self._lease.interrupted)

    def take_steer(self) -> tuple[BatchMessage, ...]:
        """Return what was said to this run since the last call, for the next model call.

        Taking is seeing: it is reported at once, and is part of the batch from then on. What
        is never taken goes on waiting when the run ends.
        """
        taken = self._lease.steers.take()
        if taken:
            self._lease.beat_soon()
        return taken

    async def seal(self) -> None:
        """Close the run before its reply is sent; afterwards nothing interrupts or steers it.

        Once sealed, the run is not repeated, whatever happens: send the reply, and return. May
        be called again. Raises `Superseded` if something came first, `LeaseLost`.
        """
        await self._lease.seal()

    def give_back(self, reason: str | None = None) -> None:
        """End the run as `released`: its batch waits, uncounted, for whoever claims it next.

        Called by the handler, which then returns; even after a seal, if nothing was sent.
        Called from outside it cancels the handler, or lets it finish once it has sealed. It
        may be this client that claims it next: to wait between tries, raise an error, and the
        policy's `retry_delay_seconds` holds.
        """
        cause = None if reason is None else cut(reason, REASON_CHARACTERS_MAX)
        self._released = Ending("released", cause, next=False)
        self._by_handler = self._handler is not None and asyncio.current_task() is self._handler
        if self._handler is not None and not self._by_handler and not self._lease.sealed:
            self._handler.cancel()

    def report(self, *, usage: Usage | None = None, status: str | None = None) -> None:
        """Say how the run goes: sent with the next beat, and the usage with its end.

        What is None stays as it was last reported. `status` is cut to 200 characters.
        """
        self._lease.usage = usage if usage is not None else self._lease.usage
        if status is not None:
            self._lease.status = cut(status, STATUS_CHARACTERS_MAX)

    async def beat_now(self) -> None:
        """Beat at once: sends what was reported, renews the lease, learns what is wanted.

        Retried until the lease is over. Raises `LeaseLost`.
        """
        await self._lease.beat()

    async def finished(self) -> Outcome | None:
        """Wait for the run's end; None if the router did not confirm an outcome (lease lost)."""
        return await asyncio.shield(self._over)


RunHandler: TypeAlias = Callable[[RunInWork], Awaitable[None]]


class CarriedOut(RunInWork):
    """The client's side of a run: starts the handler, watches the lease, completes."""

    _closing = False
    _stopped = False

    def hand_back(self) -> None:
        """Give the run back because the client is left; a sealed one has a lease's time left."""
        self._closing = True
        self._released = self._released or Ending("released", next=False)
        if self._handler is None:
            return
        if self._lease.sealed:
            loop = asyncio.get_running_loop()
            loop.call_later(self.run.lease_seconds, self._handler.cancel)
        else:
            self._handler.cancel()

    def look_soon(self) -> None:
        """Beat at once, because there is news of this run."""
        self._lease.beat_soon()

    def tell(self, signal: Signal) -> None:
        """Take in what the signal stream says of this run."""
        if signal.fence != self.run.fence:
            return
        match signal:
            case InterruptSignal():
                self._lease.ask_to_stop(signal.interrupt)
            case SteerSignal():
                self._lease.steers.signalled(signal.steer)
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
            logger.warning("run %s: lease lost, its result is void: %s", self.run.id, error)
            return None
        except RouterError as error:
            logger.warning("run %s: its end was not reported: %s", self.run.id, error)
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
        beats = asyncio.create_task(self._lease.keep())
        gone = asyncio.create_task(self._lease.gone.wait())
        stopper = asyncio.create_task(self._stop_when_asked(self._handler))
        try:
            ends: set[asyncio.Task[Any]] = {self._handler, beats, gone}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (beats, gone, stopper, self._handler):
                await _cancelled(task)
        if self._lease.lost is not None:
            raise self._lease.lost
        return judge(self._handler, self._circumstances())

    async def _stop_when_asked(self, handler: asyncio.Task[None]) -> None:
        await self.interrupt_requested()
        # Who waits for the interrupt is told first, and may stop in a way of its own.
        await asyncio.sleep(0)
        if self._manner.cancel_on_interrupt and not handler.done():
            self._stopped = True
            handler.cancel()

    def _circumstances(self) -> Circumstances:
        return Circumstances(
            run_id=self.run.id,
            sealed=self._lease.sealed,
            interrupted=self._lease.interrupted.done(),
            stopped=self._stopped,
            requeue=self._manner.requeue_interrupted,
            released=self._released,
            by_handler=self._by_handler,
        )

    async def _complete(self, ending: Ending, retry_seconds: float) -> Grant | None:
        body = CompleteRequest(
            fence=self.run.fence,
            outcome=ending.outcome,
            requeue=ending.requeue,
            seen=self._lease.steers.unconfirmed,
            reason=ending.reason,
            usage=self._lease.usage,
            next=ending.next and not self._closing,
        )
        path = f"/v1/runs/{quote(self.run.id, safe='')}/complete"
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
        return Grant(following, answer.sent_at, fresh=answer.attempts == 1)


async def _called(handler: RunHandler, run: RunInWork) -> None:
    await handler(run)


async def _cancelled(task: asyncio.Task[Any]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
