"""A run whose router is a test: what the test lets happen to it, and what it reported."""

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import httpx
from pydantic import BaseModel, JsonValue

from session_router.events import Incoming
from session_router.models import (
    AnswerSignal,
    Asked,
    AskRequest,
    BatchMessage,
    CompleteRequest,
    Completion,
    Ended,
    Heartbeat,
    HeartbeatRequest,
    Interrupt,
    InterruptSignal,
    LeaseLostSignal,
    Message,
    Outcome,
    Problem,
    Route,
    Run,
    Seal,
    SealRequest,
    SessionView,
    SteerSignal,
    Usage,
)
from session_router.signal_stream import Signal

LEASE_SECONDS: Final = 30


class FakeRun:
    """What the router would know of a run; the test lets things happen to it.

    `granted` is the grant. `sent`, `data`, `status`, `usage` and `held` are what the run has
    reported, `question` what it asks now. `outcome` and `reason` tell how it ended; None while
    it works, and after its lease was lost.
    """

    def __init__(self, granted: Run, tell: Callable[[Signal], None]) -> None:
        self.granted = granted
        self.sent: list[str] = []
        self.data: dict[str, JsonValue] = granted.data
        self.status: str | None = None
        self.usage: Usage | None = None
        self.held = False
        self.sealed = False
        self.question: AskRequest | None = None
        self.outcome: Outcome | None = None
        self.reason: str | None = None
        self._tell = tell
        self._interrupt: Interrupt | None = None
        self._steer: dict[str, BatchMessage] = {}
        self._answers: dict[str, BatchMessage] = {}
        self._numbers = itertools.count(len(granted.messages) + 1)
        self._is_lost = False
        self._news = asyncio.Condition()

    def steer(self, text: str) -> None:
        """Let the sender of the run say more to it."""
        self._say(self._steer, text)
        self._tell(SteerSignal(**self._which, steer=tuple(self._steer.values())))

    def reply(self, text: str) -> None:
        """Let the sender of the run answer what it asks."""
        self._say(self._answers, text)
        self._tell(AnswerSignal(**self._which, answers=tuple(self._answers.values())))

    def interrupt(self, cause: Literal["message", "stop", "reset", "operator"] = "message") -> None:
        """Let somebody want the run to stop."""
        self._interrupt = Interrupt(cause=cause, requested_at=datetime.now(UTC))
        self._tell(InterruptSignal(**self._which, interrupt=self._interrupt))

    def lose(self, ended: Ended = "lease_expired") -> None:
        """Take the lease away."""
        self._is_lost = True
        self._tell(LeaseLostSignal(**self._which, ended=ended))

    async def asked(self, prompt_id: str | None = None) -> AskRequest:
        """Wait until the run asks people, this question if it is named, and return it."""
        async with self._news:
            while self.question is None or prompt_id not in {None, self.question.prompt_id}:
                await self._news.wait()
            return self.question

    async def ended(self) -> Outcome:
        """Wait for the run's end, and return its outcome."""
        async with self._news:
            while self.outcome is None:
                await self._news.wait()
            return self.outcome

    @property
    def _which(self) -> dict[str, Any]:
        run = self.granted
        return {"run_id": run.id, "fence": run.fence, "session_key": run.session_key}

    def _say(self, offered: dict[str, BatchMessage], text: str) -> None:
        seq = next(self._numbers)
        first = self.granted.messages[0]
        said = {"message_id": f"{self.granted.id}-{seq}", "seq": seq, "text": text}
        message = first.model_copy(update=said | {"received_at": datetime.now(UTC)})
        offered[message.message_id] = message

    async def answer(self, call: str, request: httpx.Request) -> httpx.Response:
        """Answer a call of the run's holder."""
        answers = {
            "heartbeat": self._beaten,
            "seal": self._sealed,
            "ask": self._asked,
            "complete": self._completed,
        }
        if self._is_lost or self.outcome is not None:
            return problem("lease_lost", 409)
        if call not in answers:
            return problem("not_found", 404)
        async with self._news:
            self._news.notify_all()
            return answers[call](request.content)

    def _beaten(self, content: bytes) -> httpx.Response:
        body = HeartbeatRequest.model_validate_json(content)
        self._see(body.seen)
        self._note(body)
        self.status = self.status if body.status is None else body.status
        self.held = self.held if body.hold is None else body.hold
        return ok(Heartbeat(lease_expires_at=in_a_lease(), sealed=self.sealed, **self._offers))

    def _sealed(self, content: bytes) -> httpx.Response:
        body = SealRequest.model_validate_json(content)
        self._see(body.seen)
        self.sealed = not any(self._offers.values())
        self.question = None if self.sealed else self.question
        return ok(Seal(sealed=self.sealed, **self._offers))

    def _asked(self, content: bytes) -> httpx.Response:
        body = AskRequest.model_validate_json(content)
        if self.sealed:
            return problem("run_sealed", 409)
        self.question = None if body.prompt_id is None else body
        until = datetime.now(UTC) + timedelta(seconds=body.expires_seconds)
        return ok(Asked(expires_at=None if self.question is None else until))

    def _completed(self, content: bytes) -> httpx.Response:
        body = CompleteRequest.model_validate_json(content)
        self._see(body.seen)
        self._note(body)
        self.outcome, self.reason, self.question = body.outcome, body.reason, None
        returned = (*self._steer, *self._answers)
        return ok(Completion(returned=returned, session=self.granted.session))

    def _note(self, body: HeartbeatRequest | CompleteRequest) -> None:
        self.sent += body.sent
        self.data = self.data if body.data is None else body.data
        self.usage = self.usage if body.usage is None else body.usage

    def _see(self, message_ids: tuple[str, ...]) -> None:
        for message_id in message_ids:
            self._steer.pop(message_id, None)
            self._answers.pop(message_id, None)

    @property
    def _offers(self) -> dict[str, Any]:
        return {
            "interrupt": self._interrupt,
            "steer": tuple(self._steer.values()),
            "answers": tuple(self._answers.values()),
        }


def new_run(number: int, consumer: str, messages: tuple[BatchMessage, ...]) -> Run:
    source = messages[-1].source
    route = Route.model_validate(
        {"platform": "fake", "account": "default", "chat_id": "fake"}
        | ({} if source is None else source.model_dump(include=set(Route.model_fields)))
        | {"reply_to": messages[-1].message_id}
    )
    key, session_id = f"agent:main:{route.platform}:{route.chat_id}", f"session-{number}"
    return Run(
        id=f"run-{number}",
        fence=number,
        consumer=consumer,
        lease_seconds=LEASE_SECONDS,
        heartbeat_seconds=LEASE_SECONDS / 3,
        lease_expires_at=in_a_lease(),
        session_key=key,
        session_id=session_id,
        route=route,
        text="\n".join(message.text for message in messages),
        session=SessionView(key=key, id=session_id, is_new=number == 1, isolation="per_user"),
        messages=messages,
    )


def in_batch(message: Incoming | Message, seq: int) -> BatchMessage:
    shared = BatchMessage.model_fields.keys() & Incoming.model_fields.keys()
    fields: dict[str, Any] = {name: getattr(message, name) for name in shared}
    source = message.source
    if source is not None:
        fields |= {"user_id": source.user_id, "user_name": source.user_name}
    return BatchMessage(**fields, seq=seq, received_at=datetime.now(UTC), deliveries=1)


def in_a_lease() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=LEASE_SECONDS)


def ok(answer: BaseModel) -> httpx.Response:
    return httpx.Response(200, content=answer.model_dump_json(by_alias=True))


def problem(word: str, status: int) -> httpx.Response:
    urn = f"urn:session-router:problem:{word}"
    problem = Problem(type=urn, title=word, status=status, detail="the fake says so")
    return httpx.Response(status, content=problem.model_dump_json())
