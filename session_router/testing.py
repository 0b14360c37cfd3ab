"""A client without a network, for a gateway's own tests: the test is the router.

    router = FakeRouter()
    gateway(bot, router)  # registers its handler
    async with router:
        await router.submit(Incoming(message_id="1", source=source, text="hello"))
        (run,) = router.grants
        run.steer("in French")
        assert await run.ended() == "completed"
        assert run.sent == ["77"]

It is the real client but for what it is connected to, so handlers are started, cancelled and
ended as they are in earnest. There are no sessions, no queues, no policy and no deadlines.
"""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, TypeAlias, TypeVar
from urllib.parse import unquote

import httpx
from pydantic import BaseModel

from session_router.events import Incoming
from session_router.fake_run import FakeRun, in_batch, new_run, ok, problem
from session_router.models import (
    Amendment,
    AmendRequest,
    Binding,
    BindRequest,
    ControlResult,
    Decision,
    Message,
    Move,
    MoveRequest,
)
from session_router.router import Router
from session_router.work import Grant

B = TypeVar("B", Message, AmendRequest, MoveRequest, BindRequest)

Submitted: TypeAlias = Message | AmendRequest | MoveRequest | BindRequest


class FakeRouter(Router):
    """A `Router` that reaches no router; its settings are those of `Router`, by name.

    `submitted` has every body that was sent, in order, and `grants` every run. A user's message
    is granted to the handler at once (without a handler it waits), what answers a question
    counts as answered, a context is kept, a control finds nothing to do: unless `decide` says
    otherwise. Look-ups find nothing (`Refused`, 404).
    """

    def __init__(self, **settings: Any) -> None:
        plain: dict[str, Any] = {"max_runs": None, "retry_seconds": 0.0}
        transport = httpx.MockTransport(self._answer)
        super().__init__("http://fake", transport=transport, **(plain | settings))
        self.submitted: list[Submitted] = []
        self.grants: list[FakeRun] = []
        self._decisions: deque[Decision] = deque()

    def decide(self, decision: Decision) -> None:
        """Answer the next message that is submitted so, whatever it is."""
        self._decisions.append(decision)

    def grant(self, *events: Incoming, **fields: Any) -> FakeRun:
        """Give the handler a run with these messages, as a claim or `next` would; at least one.

        `fields` are those of `models.Run`: `context`, `previous`, `data`, `session_id` and more.
        """
        run = self._new_run(events, fields)
        self._work.take(Grant(run.granted, run.granted.session, time.monotonic(), fresh=True))
        return run

    def _new_run(self, events: tuple[Incoming | Message, ...], fields: dict[str, Any]) -> FakeRun:
        number = len(self.grants) + 1
        granted = new_run(number, self.consumer, tuple(map(in_batch, events, itertools.count(1))))
        run = FakeRun(granted.model_copy(update=fields), self._work.tell)
        self.grants.append(run)
        return run

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        match [unquote(part) for part in request.url.path.split("/")[2:]]:
            case ["signals"]:
                return httpx.Response(200, content=_silence())
            case ["runs", run_id, call]:
                run = next((run for run in self.grants if run.granted.id == run_id), None)
                gone = problem("unknown_run", 404)
                return gone if run is None else await run.answer(call, request)
            case parts:
                told = self._told(parts, request)
                return problem("not_found", 404) if told is None else ok(told)

    def _told(self, parts: list[str], request: httpx.Request) -> BaseModel | None:
        match parts:
            case ["messages"] if request.method == "POST":
                return self._decided(self._noted(Message, request))
            case ["messages", "amend"]:
                self._noted(AmendRequest, request)
                return Amendment(result="updated")
            case ["chats", "move"]:
                return Move(chat_id=self._noted(MoveRequest, request).from_)
            case ["sessions", key, "threads"]:
                thread_id = self._noted(BindRequest, request).thread_id
                return Binding(session_key=key, thread_id=thread_id)
            case _:
                return None

    def _noted(self, model: type[B], request: httpx.Request) -> B:
        body = model.model_validate_json(request.content)
        self.submitted.append(body)
        return body

    def _decided(self, message: Message) -> Decision:
        if self._decisions:
            return self._decisions.popleft()
        if message.control is not None:
            done = ControlResult(action=message.control, reason="nothing_runs")
            return Decision(decision="control", reason="nothing_runs", control=done)
        if message.kind == "context":
            return Decision(decision="kept", reason="context")
        if message.answers is not None:
            return self._answered(message, message.answers)
        if message.dispatch == "worker" or message.source is None:
            return Decision(decision="queue", reason="dispatch_worker", state="waiting")
        run = self._new_run((message,), {}).granted
        session = run.session
        return Decision(
            decision="run", reason="session_idle", session=session, run=run, state="in_run"
        )

    def _answered(self, message: Message, prompt_id: str) -> Decision:
        for run in self.grants:
            if run.question is not None and run.question.prompt_id == prompt_id:
                run.reply(message.text)
                return Decision(decision="answer", reason="asking", state="waiting")
        return Decision(decision="reject", reason="prompt_gone")


async def _silence() -> AsyncIterator[bytes]:
    yield b": signals are told to the runs themselves\n\n"
    await asyncio.Event().wait()
