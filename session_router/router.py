"""The client: what a platform says goes in, runs come out, and each run is worked on once."""

import asyncio
import secrets
import socket
import time
from collections.abc import Callable, Hashable
from typing import Any, Final, Literal, Self, TypeVar, overload
from urllib.parse import quote

import httpx
from pydantic import BaseModel, JsonValue

from session_router.carrying import Manner
from session_router.connection import Answer, Call, Connection
from session_router.events import ChatMoved, Deletion, Edit, Event, Incoming
from session_router.in_work import InWork, Standing
from session_router.models import (
    Amendment,
    Binding,
    BindRequest,
    ClaimRequest,
    Decision,
    Dispatch,
    Message,
    Move,
    Run,
    To,
)
from session_router.reads import Reads
from session_router.signal_stream import SignalStream
from session_router.standing_claim import StandingClaim
from session_router.submission import (
    Submission,
    amend_call,
    body_of,
    chat_of,
    message_call,
    move_call,
)
from session_router.turns import Turns
from session_router.work import Grant, RunHandler, RunInWork

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
A = TypeVar("A", Amendment, Move)

RUNS_MAX: Final = 10


def new_consumer() -> str:
    """Return a name that no other process has: the host's and 64 random bits."""
    return f"{socket.gethostname()[:200]}-{secrets.token_hex(8)}"


class Router(Reads):
    """A gateway's side of Session Router; an async context manager, entered once.

        router = Router("http://127.0.0.1:8080", token)

        @router.run
        async def answer(run: RunInWork) -> None:
            reply = await agent(run.text, run.session_id)
            await run.seal()
            run.sent(await platform.post(run.route, reply))

        async with router:
            submission = await router.submit(event)
            if submission.notice:
                ...  # tell the person

    **Events.** `submit` takes what `session_router.sources` reads from a platform's payload, and
    sends it in the order in which it came, chat by chat.

    **Runs.** The one handler is started as a task for each run that this client is granted, by
    a message, by a claim or by the end of the run before, and once for each run however often
    its grant is told. Its end ends the run: returning completes it (as `interrupted` if somebody
    wanted it to stop and it was not sealed), `Interrupted` interrupts it, any other exception
    fails it; what was sealed is completed in every case, because its reply may be out. While it
    works the client beats. A lost lease cancels the handler and nothing is reported. An
    interrupt cancels it too, and the run ends as `interrupted`, unless `cancel_on_interrupt` is
    off: then the handler has to look. With `requeue_interrupted`, what a cancelled handler had
    comes again, with what interrupted it: for agents that keep no transcript. So does, always,
    what no handler has begun with.

    With a handler, one signal stream is open, and one claim while fewer than `max_runs` runs are
    in work: for what could not run at once, or lost its holder. It takes runs of `agents` (the
    client's own agent if not given), `platforms` and `accounts` (all). A message's own grant,
    and the next run of a session, come on top. `max_runs=None` keeps no claim: some other
    process must. Without a handler the client only routes, and leaves every run to the claims
    of others.

    Leaving the context cancels the handlers and hands their runs back, uncounted, waiting for
    the calls under way; what is sealed may finish within a lease's time; a handler that
    refuses its cancellation delays that.

    `consumer` is made new for each client when not given; two processes must never share one.
    `timeout_seconds` bounds a single request, `retry_seconds` a call with all its retries
    (`math.inf`: until there is an answer). No message text and no token is ever logged, to the
    logger `session_router`. Raises `ValueError` for an address that is no http, or less than
    one run.
    """

    def __init__(  # noqa: PLR0913  a client's settings, all but the first two by name
        self,
        url: str,
        token: str | None = None,
        *,
        agent: str = "main",
        agents: tuple[str, ...] | None = None,
        platforms: tuple[str, ...] | None = None,
        accounts: tuple[str, ...] | None = None,
        max_runs: int | None = RUNS_MAX,
        cancel_on_interrupt: bool = True,
        requeue_interrupted: bool = False,
        consumer: str | None = None,
        timeout_seconds: float = 10.0,
        retry_seconds: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if max_runs is not None and max_runs < 1:
            raise ValueError("max_runs must be at least 1, or None for no claim")
        super().__init__(Connection(url, token, timeout_seconds, transport), retry_seconds, agent)
        self.consumer: Final = consumer or new_consumer()
        self._max_runs = max_runs
        filters = {"agents": agents or (agent,), "platforms": platforms, "accounts": accounts}
        wanted = ClaimRequest.model_validate(filters | {"consumer": self.consumer})
        manner = Manner(cancel_on_interrupt, requeue_interrupted)
        self._work = InWork(self._connection, manner, retry_seconds, self._note_room)
        self._claim = StandingClaim(self._connection, wanted, self._claimed)
        self._signals = SignalStream(self._connection, self.consumer, self._work.tell)
        self._turns = Turns()
        self._standing = Standing()
        self._calls: set[asyncio.Task[Any]] = set()
        self._is_open = False
        self._was_entered = False

    def run(self, handler: RunHandler) -> RunHandler:
        """Register the handler of runs, as a decorator; before the client is entered, once."""
        if self._was_entered or self._work.handler is not None:
            raise RuntimeError("a client has one handler, registered before it is entered")
        self._work.handler = handler
        return handler

    async def __aenter__(self) -> Self:
        if self._was_entered:
            raise RuntimeError("a client is entered once; make a new one")
        self._is_open = self._was_entered = True
        if self._work.handler is not None:
            self._standing.start("signals", self._signals.keep())
            if self._max_runs is not None:
                self._note_room(0)
                self._standing.start("claim", self._claim.keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_open = False
        self._connection.stop_waiting()
        self._work.hand_back()
        try:
            await self._standing.end("claim")
            while self._calls:
                await asyncio.wait(self._calls)
            await self._claim.give_up(self._work.knows)
            await self._work.drained()
        finally:
            self._work.drop()
            for call in self._calls:
                call.cancel()
            await self._standing.end()
            await self._connection.close()

    @property
    def runs(self) -> tuple[RunInWork, ...]:
        """The runs in work now."""
        return self._work.runs

    async def idle(self) -> None:
        """Wait until no run is in work here; at once if there is none."""
        await self._work.idle()

    @overload
    async def submit(
        self, event: Incoming, *, agent: str | None = None
    ) -> Submission[Decision]: ...

    @overload
    async def submit(
        self, event: Edit | Deletion, *, agent: str | None = None
    ) -> Submission[Amendment]: ...

    @overload
    async def submit(self, event: ChatMoved, *, agent: str | None = None) -> Submission[Move]: ...

    async def submit(
        self, event: Event, *, agent: str | None = None
    ) -> Submission[Decision] | Submission[Amendment] | Submission[Move]:
        """Tell the router what a platform said, and return what was decided.

        Retried with the same ids for `retry_seconds` when the router cannot be reached or says
        "later", so the event is taken once; what came later of the same chat waits for it. Tell
        the platform that its event has arrived only when this has returned. A caller that is
        cancelled does not take the event back. A granted run goes to the handler; without one
        messages are left to workers. `agent` stands in for the client's own.

        Raises `InvalidMessage`, `Unauthorized`, `Unavailable` or another `RouterError`, and
        `RuntimeError` where the client is not open.
        """
        named = agent or self.agent
        place = (named, *chat_of(event))
        if isinstance(event, Incoming):
            call = message_call(event, named, self.consumer, self._dispatch)
            return await self._send(call, place, is_from_bot=event.source.is_bot)
        if isinstance(event, ChatMoved):
            return await self._in_turn(move_call(event, named), place, _as_told)
        return await self._in_turn(amend_call(event, named), place, _as_told)

    async def report(
        self,
        to: To,
        message_id: str,
        text: str,
        *,
        kind: Literal["internal", "context"] = "internal",
        payload: JsonValue = None,
    ) -> Submission[Decision]:
        """Say something to a session itself: a job that was begun in a run reports its end.

        It reaches exactly the session that the run had (`run.to`): a `reject` with
        `session_changed` says that there is a newer one. With `kind="context"` it starts no run,
        and the next one finds it in `context`. Retries and raises as `submit` does.
        """
        fields: dict[str, object] = {"message_id": message_id, "to": to, "text": text}
        fields |= {"kind": kind, "payload": {} if payload is None else payload}
        fields |= {"agent": self.agent, "consumer": self.consumer, "dispatch": self._dispatch}
        call = Call("POST", "/v1/messages", Decision, body_of(Message, fields))
        return await self._send(call, to.session_key, is_from_bot=True)

    async def bind(self, session_key: str, thread_id: str) -> Binding:
        """Tell the router which thread was made for a message whose answer asked for one.

        May be repeated. Raises `Refused` (409 `thread_taken`) where the thread has a session
        already, or the session another thread.
        """
        path = f"/v1/sessions/{quote(session_key, safe='')}/threads"
        body = body_of(BindRequest, {"thread_id": thread_id})
        call = Call("POST", path, Binding, body)
        return (await self._connection.persist(call, self._retry_seconds)).value

    @property
    def _dispatch(self) -> Dispatch:
        return "worker" if self._work.handler is None else "inline"

    async def _send(
        self, call: Call[Decision], place: Hashable, *, is_from_bot: bool
    ) -> Submission[Decision]:
        def decided(answer: Answer[Decision]) -> Submission[Decision]:
            self._look_after(answer.value)
            return Submission(answer.value, self._granted(answer), is_from_bot)

        return await self._in_turn(call, place, decided)

    async def _in_turn(self, call: Call[M], place: Hashable, heard: Callable[[Answer[M]], T]) -> T:
        """Make a call when it is its place's turn; it goes on even if its caller does not."""
        if not self._is_open:
            raise RuntimeError("the client is not open: submit inside `async with router`")

        async def send() -> T:
            async with self._turns.at(place):
                answer = await self._connection.persist(call, self._retry_seconds)
            return heard(answer)

        task = asyncio.create_task(send())
        self._calls.add(task)
        task.add_done_callback(self._called)
        return await asyncio.shield(task)

    def _called(self, call: asyncio.Task[Any]) -> None:
        self._calls.discard(call)
        # An error is its caller's, who may have been cancelled: no complaint for that.
        if not call.cancelled():
            call.exception()

    def _granted(self, answer: Answer[Decision]) -> RunInWork | None:
        decision = answer.value
        if decision.run is None:
            return None
        fresh = decision.decision == "run"
        return self._work.take(Grant(decision.run, decision.session, answer.sent_at, fresh))

    def _claimed(self, run: Run) -> None:
        # Its answer was held back, and may have lain here: only a beat tells how old it is.
        self._work.take(Grant(run, run.session, time.monotonic(), fresh=False))

    def _look_after(self, decision: Decision) -> None:
        """Let the runs of ours beat at once that this message concerns."""
        met = set(decision.control.stopped) if decision.control else set()
        word = decision.duplicate_of or decision.decision
        if decision.active_run is not None and word in {"interrupt", "steer", "answer"}:
            met.add(decision.active_run.id)
        self._work.look_after(met)

    def _note_room(self, in_work: int) -> None:
        self._claim.note_room(is_room=in_work < (self._max_runs or 0))


def _as_told(answer: Answer[A]) -> Submission[A]:
    return Submission(answer.value)
