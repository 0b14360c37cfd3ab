"""The client: messages go in, runs come out, and each run is worked on once."""

import asyncio
import logging
import secrets
import socket
from collections.abc import Coroutine
from typing import Any, Final, NamedTuple, Self, TypeVar

import httpx
from pydantic import JsonValue, ValidationError

from session_router.connection import Answer, Call, Connection
from session_router.errors import InvalidMessage
from session_router.models import Decision, Message, ReplyTo, Source
from session_router.reads import Reads
from session_router.work import CarriedOut, Grant, RunHandler, RunInWork

logger: Final = logging.getLogger("session_router")

T = TypeVar("T")

# A late answer may still bring a run that has ended here; ids beyond these are long fenced out.
ENDED_RUNS_MAX: Final = 10_000


class Submission(NamedTuple):
    """What became of a submitted message.

    `run` is the run that this answer granted, in the hands of the handler; None for every
    other decision, and for a repeat whose run has ended here.
    """

    decision: Decision
    run: RunInWork | None


def new_consumer() -> str:
    """Return a name that no other process has: the host's and 64 random bits."""
    return f"{socket.gethostname()[:200]}-{secrets.token_hex(8)}"


class SessionRouter(Reads):
    """A gateway's side of Session Router; an async context manager.

        async def answer(run: RunInWork) -> None:
            ...  # ask the agent with run.text, post its reply to run.run.route

        async with SessionRouter("http://127.0.0.1:8080", on_run=answer) as router:
            await router.submit(message_id="1180", source=source, text="how do I reset it?")

    `on_run` is started as a task for each run that this client is granted, by a message or by
    the end of the run before, and once for each run however often its grant is told. Its end
    ends the run: returning completes it (as `interrupted` after an interrupt was requested),
    `Interrupted` interrupts it, any other exception fails it. While it works the client beats;
    when the lease is lost it is cancelled and nothing is reported. Leaving the context cancels
    the handlers and hands their runs back, uncounted, waiting for the calls under way; a
    handler that refuses its cancellation delays that.

    `consumer` is made new for each client when not given; two processes must never share one.
    `timeout_seconds` bounds a single request, `retry_seconds` a call with all its retries. No
    message text and no token is ever logged, to the logger `session_router`.
    """

    def __init__(  # noqa: PLR0913  a client's settings, all but the first by name
        self,
        url: str,
        token: str | None = None,
        *,
        on_run: RunHandler | None = None,
        consumer: str | None = None,
        agent: str = "main",
        timeout_seconds: float = 10.0,
        retry_seconds: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(Connection(url, token, timeout_seconds, transport), retry_seconds)
        self.consumer: Final = consumer or new_consumer()
        self.agent: Final = agent
        self._on_run = on_run
        self._in_work: dict[str, CarriedOut] = {}
        self._ended: dict[str, None] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._connection.stop_waiting()
        for work in self._in_work.values():
            work.hand_back()
        try:
            while self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()
            await self._connection.close()

    @property
    def runs(self) -> tuple[RunInWork, ...]:
        """The runs in work now."""
        return tuple(self._in_work.values())

    async def idle(self) -> None:
        """Wait until no run is in work here; at once if there is none."""
        while self._in_work:
            await asyncio.wait([asyncio.ensure_future(run.finished()) for run in self.runs])

    async def submit(  # noqa: PLR0913  a message's fields, all by name
        self,
        *,
        message_id: str,
        source: Source,
        text: str = "",
        payload: JsonValue = None,
        reply_to: str | ReplyTo | None = None,
        mentions: tuple[str, ...] = (),
        agent: str | None = None,
    ) -> Submission:
        """Send a message and return what was decided; a granted run goes to the handler.

        Retried with the same ids for `retry_seconds` when the router cannot be reached or says
        "later", so the message is accepted once. A caller that is cancelled does not take the
        message back. `payload` comes back unread with the run.

        Raises `InvalidMessage`, `Unauthorized`, `Unavailable` or another `RouterError`, and
        `RuntimeError` where nobody could work on a run: no `on_run`, or the client is closed.
        """
        if self._on_run is None or self._closing:
            raise RuntimeError("submit needs an open client with on_run: a grant must be worked on")
        fields = {"message_id": message_id, "reply_to": reply_to, "mentions": mentions}
        message = self._message(
            fields
            | {"source": source, "text": text, "agent": agent or self.agent}
            | ({} if payload is None else {"payload": payload})
        )
        return await asyncio.shield(self._spawn(self._submit(message, self._on_run)))

    def _message(self, fields: dict[str, object]) -> Message:
        try:
            return Message.model_validate(fields | {"consumer": self.consumer})
        except ValidationError as error:
            raise InvalidMessage.here(error) from None

    async def _submit(self, message: Message, on_run: RunHandler) -> Submission:
        call = Call("POST", "/v1/messages", Decision, message)
        answer = await self._connection.persist(call, self._retry_seconds)
        self._look_after_interrupt(answer.value)
        return Submission(answer.value, self._granted(answer, on_run))

    def _granted(self, answer: Answer[Decision], on_run: RunHandler) -> RunInWork | None:
        decision = answer.value
        if decision.run is None:
            return None
        fresh = decision.decision == "run"
        return self._take(Grant(decision.run, answer.sent_at, fresh), on_run)

    def _look_after_interrupt(self, decision: Decision) -> None:
        """Let the run beat at once that this message interrupts, if it is one of ours."""
        if decision.active_run is None:
            return
        work = self._in_work.get(decision.active_run.id)
        if work is not None and "interrupt" in (decision.decision, decision.duplicate_of):
            work.look_soon()

    def _take(self, grant: Grant, on_run: RunHandler) -> RunInWork | None:
        run_id = grant.run.id
        if run_id in self._in_work or run_id in self._ended:
            return self._in_work.get(run_id)
        work = CarriedOut(self._connection, grant)
        if self._closing:
            work.hand_back()
        self._in_work[run_id] = work
        self._spawn(self._carry_out(work, on_run))
        return work

    async def _carry_out(self, work: CarriedOut, on_run: RunHandler) -> None:
        try:
            following = await work.carry_out(on_run, self._retry_seconds)
        finally:
            del self._in_work[work.run.id]
            self._remember_ended(work.run.id)
        if following is not None:
            self._take(following, on_run)

    def _remember_ended(self, run_id: str) -> None:
        self._ended[run_id] = None
        if len(self._ended) > ENDED_RUNS_MAX:
            del self._ended[next(iter(self._ended))]

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        # A submit's error is its caller's, who may have been cancelled: no complaint for that.
        if not task.cancelled():
            task.exception()
