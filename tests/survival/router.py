"""One router's parts on a real store, without HTTP and without loops unless they are asked for.

Several of them on one store are several replicas. With a stepped clock nothing waits.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from app.claims import Claims
from app.retirement import Retirement
from app.routing.keys import ChatName, SessionKey
from app.routing.policy import policy_from
from app.routing.route import route
from app.routing.rules import Rulebook
from app.signals import Signals
from app.store.admissions import routed
from app.store.clock import stores_clock
from app.store.deadlines import Deadlines
from app.store.holdings import Holdings
from app.store.operations import Operations
from app.store.publications import listen
from app.store.ready_runs import Claimer, ReadyRuns
from app.store.session_store import SessionStore
from app.store.session_views import SessionViews
from app.store.store_client import StoreClient
from app.sweep import Sweep
from session_router.models import (
    ClaimRequest,
    CompleteRequest,
    Decision,
    Heartbeat,
    HeartbeatRequest,
    Message,
    MessageStatus,
    Run,
    Seal,
    SealRequest,
    Seeing,
)

ROOM = "agent:main:discord:group:room"
CALL_SECONDS = 5.0


class Router:
    """The parts of one router; `defaults` are its policy's, `shared` unless they say otherwise."""

    def __init__(
        self,
        url: str,
        clock: Callable[[], str] = stores_clock,
        *,
        shards: int = 1,
        **defaults: Any,
    ) -> None:
        self.client = StoreClient(url, CALL_SECONDS)
        parts = (self.client, shards, clock)
        self.store = SessionStore(*parts)
        self.views = SessionViews(*parts)
        self.operations = Operations(*parts)
        self.settled: Counter[str] = Counter()
        self.sweep = Sweep(Deadlines(*parts), self.settled.update)
        self.retirement = Retirement(Deadlines(*parts))
        self.claims = Claims(ReadyRuns(*parts), self.store)
        self.signals = Signals(Holdings(*parts))
        policy = {"defaults": {"isolation": "shared"} | defaults}
        self._rulebook = Rulebook(policy_from(policy))

    async def send(
        self, message_id: str, chat: str = "room", user: str = "alice", **fields: Any
    ) -> Decision:
        """Admit a message; what is no field of a message is one of its source."""
        source: dict[str, Any] = {"platform": "discord", "chat_type": "group", "chat_id": chat}
        body: dict[str, Any] = {"message_id": message_id, "consumer": "gw-1", "text": message_id}
        for name, value in fields.items():
            (body if name in Message.model_fields else source)[name] = value
        message = Message.model_validate({**body, "source": {**source, "user_id": user}})
        assert message.source is not None
        routing = route(self._rulebook, message.agent, message.kind, message.source)
        decision = await self.store.admit(routed(message, routing, ""))
        assert isinstance(decision, Decision)
        return decision

    async def run(self, message_id: str, chat: str = "room", **fields: Any) -> Run:
        """Admit a message that must start a run, and give that run."""
        decision = await self.send(message_id, chat, **fields)
        assert decision.run is not None, decision
        return decision.run

    async def offer(self, message_id: str, chat: str = "room", **fields: Any) -> None:
        """Admit a message that waits for a claim."""
        decision = await self.send(message_id, chat, dispatch="worker", **fields)
        assert decision.state == "waiting", decision

    async def complete(self, run: Run, outcome: str = "completed", **fields: Any) -> Run | None:
        """End a run, and give the next."""
        body = {"fence": run.fence, "outcome": outcome, **fields}
        answer = await self.store.complete(run.id, CompleteRequest.model_validate(body))
        return answer.next

    async def claim(
        self,
        consumer: str = "worker",
        *,
        token: str = "",
        token_agents: frozenset[str] | None = None,
        **wanted: Any,
    ) -> tuple[Run, ...]:
        """Claim as a handler would for a client that stays."""
        request = ClaimRequest.model_validate({"consumer": consumer, **wanted})
        claimer = Claimer(token, consumer, request.request_id or "")
        waiting = await self.claims.enter(request, claimer, token_agents)
        return await waiting.answer

    async def status(self, message_id: str, chat: str = "room") -> MessageStatus:
        return await self.views.message(ChatName(f"agent:main:discord:{chat}"), message_id)

    async def ends(self, session: str = ROOM) -> list[str | None]:
        """How the runs of a session ended, as its timeline tells."""
        events = (await self.views.timeline(SessionKey(session))).events
        return [event.reason for event in events if event.event == "ended"]

    async def beat(self, run: Run, **report: Any) -> Heartbeat:
        body = HeartbeatRequest.model_validate({"fence": run.fence, **report})
        return await self.store.heartbeat(run.id, body)

    async def seal(self, run: Run, **report: Any) -> Seal:
        body = SealRequest.model_validate({"fence": run.fence, **report})
        return await self.store.seal(run.id, body)

    async def act(self, verb: str, session: str = ROOM) -> bool:
        """Do what an operator does; tell whether it changed anything."""
        action = getattr(self.operations, verb)
        change = await action(SessionKey(session), "olga", Seeing())
        return bool(change.changed)

    async def swept(self) -> Counter[str]:
        """Let one round of the sweep and a step of the walk pass; its causes."""
        before = Counter(self.settled)
        await self.sweep.run_once()
        if retired := await self.retirement.run_once():
            self.settled["retired"] += retired
        return self.settled - before

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["Router"]:
        """Answer claims, send signals and hear hints while the block lasts; no sweep."""
        heard = asyncio.Event()

        def ready() -> None:
            heard.set()
            self.claims.look()

        hints = listen(self.client, ready, self.signals.signalled, lambda *_: None)
        tasks = [
            asyncio.create_task(loop) for loop in (self.claims.run(), self.signals.run(), hints)
        ]
        try:
            await asyncio.wait_for(heard.wait(), CALL_SECONDS)
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def chats(runs: tuple[Run, ...]) -> list[str]:
    """The chats of runs, in their order."""
    return [run.route.chat_id for run in runs]


def ids(run: Run | None) -> list[str]:
    """Ids of a run's batch."""
    assert run is not None
    return [message.message_id for message in run.messages]
