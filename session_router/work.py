"""A run in work: what its handler sees, and how it is carried out from grant to end."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote

from session_router.connection import Call, Connection
from session_router.errors import Interrupted, LeaseLost, RouterError
from session_router.lease import Lease
from session_router.models import (
    BatchMessage,
    CompleteRequest,
    Completion,
    Interrupt,
    Outcome,
    Run,
    Usage,
)

logger: Final = logging.getLogger("session_router")

REASON_CHARACTERS_MAX: Final = 500
STATUS_CHARACTERS_MAX: Final = 200


class Grant(NamedTuple):
    """A run as an answer brought it.

    `sent_at` (monotonic): when the request of that answer was sent. `fresh`: granted by that
    very request, so the lease cannot be older; else a beat must show that it is still ours.
    """

    run: Run
    sent_at: float
    fresh: bool


class RunInWork:
    """A run while its handler works on it.

    The client beats for it, and cancels the handler when the lease is lost. In this release
    an interrupt is learned from a heartbeat: within `run.heartbeat_seconds`, and at once where
    this same client submitted the interrupting message. (A stream of signals comes later.)
    """

    def __init__(self, connection: Connection, grant: Grant) -> None:
        self._connection = connection
        self._lease = Lease(connection, grant.run, grant.sent_at)
        self._fresh = grant.fresh
        self._handler: asyncio.Task[None] | None = None
        self._handed_back = False
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

    def report(self, *, usage: Usage | None = None, status: str | None = None) -> None:
        """Say how the run goes: sent with the next beat, and the usage with its end.

        What is None stays as it was last reported. `status` is cut to 200 characters.
        """
        self._lease.usage = usage if usage is not None else self._lease.usage
        if status is not None:
            self._lease.status = _cut(status, STATUS_CHARACTERS_MAX)

    async def beat_now(self) -> None:
        """Beat at once: sends what was reported, renews the lease, learns of an interrupt.

        Retried until the lease is over. Raises `LeaseLost`.
        """
        await self._lease.beat()

    async def finished(self) -> Outcome | None:
        """Wait for the run's end; None if the router did not confirm an outcome (lease lost)."""
        return await asyncio.shield(self._over)


RunHandler: TypeAlias = Callable[[RunInWork], Awaitable[None]]


class Ending(NamedTuple):
    """How a run ended, in the words of `complete`."""

    outcome: Outcome
    reason: str | None = None


class CarriedOut(RunInWork):
    """The client's side of a run: starts the handler, watches the lease, completes."""

    def hand_back(self) -> None:
        """Cancel the handler, or never start it; the run then ends as `released`."""
        self._handed_back = True
        if self._handler is not None:
            self._handler.cancel()

    def look_soon(self) -> None:
        """Beat at once, because an interrupt of this run was just accepted."""
        self._lease.beat_soon()

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
        if self._handed_back:
            return Ending("released")
        self._handler = asyncio.create_task(_called(handler, self))
        beats = asyncio.create_task(self._lease.keep())
        try:
            await asyncio.wait({self._handler, beats}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancelled(beats)
            await _cancelled(self._handler)
        if self._lease.lost is not None:
            raise self._lease.lost
        return self._judged(self._handler)

    def _judged(self, handler: asyncio.Task[None]) -> Ending:
        if handler.cancelled():
            return Ending("released") if self._handed_back else Ending("failed", "CancelledError")
        error = handler.exception()
        if isinstance(error, Interrupted) or (error is None and self._lease.interrupted.done()):
            return Ending("interrupted")
        if error is None:
            return Ending("completed")
        # The frames without the error's text, which may quote a message.
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.warning(
            "run %s: its handler raised %s\n%s", self.run.id, type(error).__name__, frames
        )
        return Ending("failed", _cut(f"{type(error).__name__}: {error}", REASON_CHARACTERS_MAX))

    async def _complete(self, ending: Ending, retry_seconds: float) -> Grant | None:
        body = CompleteRequest(
            fence=self.run.fence,
            outcome=ending.outcome,
            reason=ending.reason,
            usage=self._lease.usage,
            next=not self._handed_back,
        )
        path = f"/v1/runs/{quote(self.run.id, safe='')}/complete"
        call = Call("POST", path, Completion, body)
        # What is handed back goes back by itself when the lease is over: no need to stay for it.
        bound = self._lease.remaining_seconds() if self._handed_back else None
        try:
            async with asyncio.timeout(bound):
                answer = await self._connection.persist(call, retry_seconds, to_the_end=True)
        except TimeoutError:
            raise LeaseLost("it was over before the run could be handed back") from None
        following = answer.value.next
        if following is None:
            return None
        return Grant(following, answer.sent_at, fresh=answer.attempts == 1)


def _cut(text: str, characters_max: int) -> str:
    """Return the start of a text, fit for JSON: lone surrogates are replaced."""
    return text[:characters_max].encode(errors="replace").decode()


async def _called(handler: RunHandler, run: RunInWork) -> None:
    await handler(run)


async def _cancelled(task: asyncio.Task[None]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
