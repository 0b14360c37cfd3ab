"""The client: messages go in, runs come out, and each run is worked on once."""

import asyncio
import logging
import secrets
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple, Self, TypeVar

import httpx
from pydantic import JsonValue, ValidationError

from session_router.connection import Answer, Call, Connection
from session_router.errors import InvalidMessage
from session_router.models import (
    Busy,
    ClaimRequest,
    Control,
    Decision,
    Dispatch,
    Kind,
    Message,
    ReplyTo,
    Run,
    Source,
)
from session_router.reads import Reads
from session_router.remembered import Remembered
from session_router.signal_stream import Signal, SignalStream
from session_router.standing_claim import StandingClaim
from session_router.work import CarriedOut, Grant, Manner, RunHandler, RunInWork

logger: Final = logging.getLogger("session_router")

T = TypeVar("T")

# A late answer may still bring a run that has ended here; ids beyond these are long fenced out.
ENDED_RUNS_MAX: Final = 10_000
# Signals of runs whose grant is still on its way here.
EARLY_SIGNALS_MAX: Final = 1_000


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


def _complain(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        logger.error("%s: ended by an error of its own", task.get_name(), exc_info=task.exception())


class SessionRouter(Reads):
    """A gateway's side of Session Router; an async context manager.

        async def answer(run: RunInWork) -> None:
            ...  # ask the agent with run.text
            await run.seal()
            ...  # post its reply to run.run.route

        async with SessionRouter("http://127.0.0.1:8080", on_run=answer, max_runs=10) as router:
            await router.submit(message_id="1180", source=source, text="how do I reset it?")

    `on_run` is started as a task for each run that this client is granted, by a message, by a
    claim or by the end of the run before, and once for each run however often its grant is
    told. Its end ends the run: returning completes it (as `interrupted` if somebody wanted it
    to stop and it was not sealed), `Interrupted` interrupts it, any other exception fails it;
    what was sealed is completed in every case, because its reply may be out. While it works
    the client beats, and from its first run on it listens to one signal stream. A lost lease
    cancels the handler and nothing is reported. An interrupt cancels it too, and the run ends
    as `interrupted`, unless `cancel_on_interrupt` is off: then the handler has to look. With
    `requeue_interrupted`, what a cancelled handler had comes again, with what interrupted it:
    for agents that keep no transcript. So does, always, what no handler has begun with.

    With `max_runs` one claim is kept open while fewer runs are in work: every process that
    runs agents should have one, for what could not run at once, or lost its holder. It takes
    runs of `agents` (the client's own agent if not given), `platforms` and `accounts` (all). A
    message's own grant, and the next run of a session, come on top.

    Leaving the context cancels the handlers and hands their runs back, uncounted, waiting for
    the calls under way; what is sealed may finish within a lease's time; a handler that
    refuses its cancellation delays that.

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
        max_runs: int | None = None,
        agent: str = "main",
        agents: tuple[str, ...] | None = None,
        platforms: tuple[str, ...] | None = None,
        accounts: tuple[str, ...] | None = None,
        cancel_on_interrupt: bool = True,
        requeue_interrupted: bool = False,
        consumer: str | None = None,
        timeout_seconds: float = 10.0,
        retry_seconds: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if max_runs is not None and (on_run is None or max_runs < 1):
            raise ValueError("max_runs must be at least 1, and needs on_run to work on the runs")
        super().__init__(Connection(url, token, timeout_seconds, transport), retry_seconds, agent)
        self.consumer: Final = consumer or new_consumer()
        self._on_run = on_run
        self._max_runs = max_runs
        filters = {"agents": agents or (agent,), "platforms": platforms, "accounts": accounts}
        wanted = ClaimRequest.model_validate(filters | {"consumer": self.consumer})
        self._claim = StandingClaim(self._connection, wanted, self._claimed)
        self._signals = SignalStream(self._connection, self.consumer, self._told)
        self._manner = Manner(cancel_on_interrupt, requeue_interrupted)
        self._in_work: dict[str, CarriedOut] = {}
        self._ended = Remembered(ENDED_RUNS_MAX)
        self._told_early = Remembered(EARLY_SIGNALS_MAX)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._standing: dict[str, asyncio.Task[None]] = {}
        self._closing = False

    async def __aenter__(self) -> Self:
        if self._max_runs is not None:
            self._claim.note_room(is_room=True)
            self._stand("claim", self._claim.keep)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._connection.stop_waiting()
        for work in self._in_work.values():
            work.hand_back()
        try:
            await self._end_claim()
            while self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            for task in (*self._tasks, *self._standing.values()):
                task.cancel()
            await asyncio.gather(*self._standing.values(), return_exceptions=True)
            await self._connection.close()

    async def _end_claim(self) -> None:
        claiming = self._standing.get("claim")
        if claiming is None:
            return
        claiming.cancel()
        await asyncio.wait({claiming})
        self._spawn(self._claim.give_up(lambda run: run in self._in_work or run in self._ended))

    @property
    def runs(self) -> tuple[RunInWork, ...]:
        """The runs in work now."""
        return tuple(self._in_work.values())

    async def idle(self) -> None:
        """Wait until no run is in work here; at once if there is none."""
        while self._in_work:
            await next(iter(self._in_work.values())).finished()

    async def submit(  # noqa: PLR0913  a message's fields, all by name
        self,
        *,
        message_id: str,
        source: Source,
        text: str = "",
        payload: JsonValue = None,
        kind: Kind = "user",
        control: Control | None = None,
        busy: Busy | None = None,
        dispatch: Dispatch = "inline",
        reply_to: str | ReplyTo | None = None,
        mentions: tuple[str, ...] = (),
        agent: str | None = None,
    ) -> Submission:
        """Send a message and return what was decided; a granted run goes to the handler.

        Retried with the same ids for `retry_seconds` when the router cannot be reached or says
        "later", so the message is accepted once. A caller that is cancelled does not take the
        message back. `payload` comes back unread with the run. With `dispatch="worker"` the
        run is left to whoever claims it, and the client needs no `on_run`.

        Raises `InvalidMessage`, `Unauthorized`, `Unavailable` or another `RouterError`, and
        `RuntimeError` where nobody could work on a run: no `on_run`, or the client is closed.
        """
        may_run = dispatch == "inline" and control is None
        if self._closing or (may_run and self._on_run is None):
            raise RuntimeError("submit needs an open client with on_run: a grant must be worked on")
        fields = {"message_id": message_id, "source": source, "text": text}
        fields |= {"kind": kind, "control": control, "busy": busy, "dispatch": dispatch}
        fields |= {"reply_to": reply_to, "mentions": mentions, "agent": agent or self.agent}
        fields |= {"consumer": self.consumer} | ({} if payload is None else {"payload": payload})
        try:
            message = Message.model_validate(fields)
        except ValidationError as error:
            raise InvalidMessage.here(error) from None
        return await asyncio.shield(self._spawn(self._submit(message)))

    async def _submit(self, message: Message) -> Submission:
        call = Call("POST", "/v1/messages", Decision, message)
        answer = await self._connection.persist(call, self._retry_seconds)
        self._look_after(answer.value)
        return Submission(answer.value, self._granted(answer))

    def _granted(self, answer: Answer[Decision]) -> RunInWork | None:
        decision = answer.value
        if decision.run is None:
            return None
        fresh = decision.decision == "run"
        return self._take(Grant(decision.run, answer.sent_at, fresh))

    def _look_after(self, decision: Decision) -> None:
        """Let the runs of ours beat at once that this message interrupts, steers or stops."""
        met = set(decision.control.stopped) if decision.control else set()
        word = decision.duplicate_of or decision.decision
        if decision.active_run is not None and word in {"interrupt", "steer"}:
            met.add(decision.active_run.id)
        for run_id in met & self._in_work.keys():
            self._in_work[run_id].look_soon()

    def _claimed(self, run: Run) -> None:
        # Its answer was held back, and may have lain here: only a beat tells how old it is.
        self._take(Grant(run, time.monotonic(), fresh=False))

    def _told(self, signal: Signal) -> None:
        work = self._in_work.get(signal.run_id)
        if work is not None:
            work.tell(signal)
        elif signal.run_id not in self._ended:
            self._told_early.add(signal.run_id)

    def _take(self, grant: Grant) -> RunInWork | None:
        run_id = grant.run.id
        if self._on_run is None or run_id in self._in_work or run_id in self._ended:
            return self._in_work.get(run_id)
        work = CarriedOut(self._connection, grant, self._manner)
        if self._closing:
            work.hand_back()
        elif run_id in self._told_early:
            work.look_soon()
        self._in_work[run_id] = work
        self._note_room()
        self._stand("signals", self._signals.keep)
        self._spawn(self._carry_out(work, self._on_run))
        return work

    async def _carry_out(self, work: CarriedOut, on_run: RunHandler) -> None:
        try:
            following = await work.carry_out(on_run, self._retry_seconds)
        finally:
            del self._in_work[work.run.id]
            self._ended.add(work.run.id)
            self._note_room()
        if following is not None:
            self._take(following)

    def _note_room(self) -> None:
        self._claim.note_room(is_room=len(self._in_work) < (self._max_runs or 0))

    def _stand(self, name: str, keep: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start what goes on until the client is left, unless it goes on already."""
        standing = self._standing.get(name)
        if (standing is None or standing.done()) and not self._closing:
            task = self._standing[name] = asyncio.create_task(keep(), name=name)
            task.add_done_callback(_complain)

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
