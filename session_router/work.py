"""A run in work: what its handler sees, says and asks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, Literal, NamedTuple, TypeAlias

from pydantic import JsonValue

from session_router.asking import Asking, question_of
from session_router.connection import Connection
from session_router.ending import REASON_CHARACTERS_MAX, Ending, cut
from session_router.errors import RouterError
from session_router.lease import Lease
from session_router.models import (
    BatchMessage,
    ContextMessage,
    Interrupt,
    Outcome,
    Previous,
    Route,
    Run,
    SessionView,
    To,
    Usage,
)

STATUS_CHARACTERS_MAX: Final = 200


class Grant(NamedTuple):
    """A run as an answer brought it.

    `session`: its session as that answer shows it. `sent_at` (monotonic): when the request of
    that answer was sent. `fresh`: granted by that very request, so the lease cannot be older;
    else a beat must show that it is still ours.
    """

    run: Run
    session: SessionView | None
    sent_at: float
    fresh: bool


class RunInWork:
    """A run while its handler works on it.

    The client beats for it and listens to its signals. The handler is cancelled when the lease
    is lost, when the client is left, and (unless `cancel_on_interrupt` is off) when somebody
    wants the run to stop; who waits for `interrupt_requested` is told first.

    What the router refuses, and what does not fit, is raised where it was said: `LeaseLost`
    from every call that is awaited, `InvalidMessage` and `ValueError` as the calls say.
    """

    def __init__(self, connection: Connection, grant: Grant) -> None:
        self._lease = Lease(connection, grant.run, grant.sent_at)
        self._asking = Asking(self._lease)
        self._session = grant.session
        self._holds = 0
        self._handler: asyncio.Task[None] | None = None
        self._released: Ending | None = None
        self._by_handler = False
        self._over: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"RunInWork({self.id!r})"

    @property
    def grant(self) -> Run:
        """The grant as the router gave it: what stands below, the lease's times, `omitted`."""
        return self._lease.run

    @property
    def id(self) -> str:
        """The run's id."""
        return self.grant.id

    @property
    def fence(self) -> int:
        """The fencing token: stores and tools refuse a writer with a smaller one than the last."""
        return self.grant.fence

    @property
    def session_key(self) -> str:
        """The name of the conversation."""
        return self.grant.session_key

    @property
    def session_id(self) -> str:
        """The identity of the conversation's present generation: a reset starts a new one."""
        return self.grant.session_id

    @property
    def to(self) -> To:
        """This very session, for what a job that is begun here will report (`router.report`)."""
        return To(session_key=self.session_key, session_id=self.session_id)

    @property
    def session(self) -> SessionView:
        """The session when the run was granted: `is_new`, `prompt_note`, `context.action`."""
        if self._session is None:
            raise RouterError("the router did not show the session of this run")
        return self._session

    @property
    def text(self) -> str:
        """The batch as one text, ready for the agent."""
        return self.grant.text

    @property
    def messages(self) -> tuple[BatchMessage, ...]:
        """The messages of the batch, in their order."""
        return self.grant.messages

    @property
    def context(self) -> tuple[ContextMessage, ...]:
        """What was overheard, or posted outside a run, since the last run; oldest first."""
        return self.grant.context

    @property
    def route(self) -> Route:
        """Where the reply goes; `reply_to` is the newest message's id."""
        return self.grant.route

    @property
    def previous(self) -> Previous | None:
        """The run that had this batch before, how it ended and what it posted; None if none."""
        return self.grant.previous

    @property
    def data(self) -> dict[str, JsonValue]:
        """The gateway's own JSON of the session, as `set_data` left it; empty at first."""
        return self._lease.reports.data

    @property
    def previous_data(self) -> dict[str, JsonValue] | None:
        """The data from before a reset, until a run of the new session id completes."""
        return self.grant.previous_data

    @property
    def status(self) -> str | None:
        """What others see of this run; what is set is cut to 200 characters."""
        return self._lease.reports.status

    @status.setter
    def status(self, status: str) -> None:
        self._lease.reports.status = cut(status, STATUS_CHARACTERS_MAX)

    @property
    def interrupt(self) -> Interrupt | None:
        """What the router said last of somebody who wants this run to stop, None if nobody."""
        return self._lease.interrupt

    async def interrupt_requested(self) -> Interrupt:
        """Wait until somebody wants this run to stop, and return who; at once if so already."""
        return await asyncio.shield(self._lease.interrupted)

    def take_steer(self) -> tuple[BatchMessage, ...]:
        """Return what was said to this run since the last call, for the next model call.

        These are steers, and answers that came too late for their question. Taking is seeing:
        it is reported at once, and is part of the batch from then on. What is never taken goes
        on waiting when the run ends.
        """
        taken = self._lease.steers.take()
        if not self._asking.is_open:
            taken += self._lease.answers.take()
        if taken:
            self._lease.beat_soon()
        return tuple(sorted(taken, key=lambda message: message.seq))

    async def ask(
        self,
        prompt_id: str | int,
        *,
        from_: Literal["owners", "anyone"] | Sequence[str] = "owners",
        reply_to: str | int | None = None,
        timeout_seconds: float = 3600.0,
    ) -> BatchMessage | None:
        """Wait for a person's answer to what was posted, and return it; None if none came.

        `prompt_id` is the gateway's name for the question, which a button brings back; a reply
        to the post `reply_to`, and plain text on the run's route, answer it too. `from_` says
        who may: the run's owners, anyone, or these user ids (1 to 50). At most 86,400 seconds,
        which do not count against the run's time. The answer is seen, and the question
        withdrawn, when this returns. Raises `InvalidMessage`, `LeaseLost`.
        """
        fields: dict[str, object] = {"fence": self.fence, "prompt_id": prompt_id}
        fields |= {"from": from_ if isinstance(from_, str) else tuple(from_)}
        fields |= {"reply_to": reply_to, "expires_seconds": timeout_seconds}
        return await self._asking.ask(question_of(fields))

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep interrupts and steers off while the body works; they queue at the back, for good.

        For sub-agents at work, a history that is being compressed. A stop, a reset and an
        operator still act. Raises `LeaseLost`.
        """
        self._holds += 1
        try:
            if self._holds == 1:
                self._lease.reports.set_hold(hold=True)
                await self._lease.beat()
            yield
        finally:
            self._holds -= 1
            if self._holds == 0:
                self._lease.reports.set_hold(hold=False)
                self._lease.beat_soon()

    async def seal(self) -> None:
        """Close the run before its reply is sent; afterwards nothing interrupts or steers it.

        Once sealed, the run is not repeated, whatever happens: send the reply, and return. May
        be called again. It withdraws a question that is open. Raises `Superseded` if something
        came first, `LeaseLost` if the run is not this client's any more or the router could not
        be reached while it was, and `Refused` for what else the router says: in each case send
        nothing.
        """
        await self._lease.seal()

    def sent(self, message_id: str | int) -> None:
        """Say what the run posted, by the platform's id, once it is out.

        Replies to it join the session, and after a crash the next holder finds it in
        `previous.sent`. Reported within half a second, or with the run's end; the router keeps
        the last 100 of a run. Raises `ValueError` for what is no id.
        """
        self._lease.reports.note_sent(message_id)
        self._lease.report_soon()

    def set_data(self, data: Mapping[str, JsonValue]) -> None:
        """Replace the session's data: up to 8 KiB of JSON that every later run finds in `data`.

        Reported within half a second, or with the run's end. Raises `ValueError`.
        """
        self._lease.reports.set_data(data)
        self._lease.report_soon()

    def report(self, *, usage: Usage | None = None, status: str | None = None) -> None:
        """Say how the run goes: sent with the next beat, and the usage with its end.

        What is None stays as it was last reported. `status` is cut to 200 characters.
        """
        if usage is not None:
            self._lease.reports.usage = usage
        if status is not None:
            self.status = status

    def give_back(self, reason: str | None = None) -> None:
        """End the run as `released`: its batch waits, uncounted, for whoever claims it next.

        Called by the handler, which then returns; even after a seal, if nothing was sent.
        Called from outside it cancels the handler, or lets it finish once it has sealed. It
        may be this client that claims it next: to wait between tries, raise an error, and the
        policy's `retry_delay_seconds` holds. `reason` is cut to 500 characters.
        """
        cause = None if reason is None else cut(reason, REASON_CHARACTERS_MAX)
        self._released = Ending("released", cause, next=False)
        self._by_handler = self._handler is not None and asyncio.current_task() is self._handler
        if self._handler is not None and not self._by_handler and not self._lease.sealed:
            self._handler.cancel()

    async def beat_now(self) -> None:
        """Beat at once: sends what was reported, renews the lease, learns what is wanted.

        Retried until the lease is over. Raises `LeaseLost`.
        """
        await self._lease.beat()

    async def finished(self) -> Outcome | None:
        """Wait for the run's end; None if the router did not confirm an outcome (lease lost)."""
        return await asyncio.shield(self._over)


RunHandler: TypeAlias = Callable[[RunInWork], Awaitable[None]]
