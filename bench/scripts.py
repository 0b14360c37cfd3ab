"""What each script costs: time inside the server and store commands, step by step.

The verbs are called as a router calls them, for a hundred chats at once, in rounds; a time is the
median of the rounds' medians, as the server itself measures them (`INFO latencystats`).
"""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

from redis import Redis

from app.routing.keys import SessionKey
from app.routing.policy import policy_from
from app.routing.route import route
from app.routing.rules import Rulebook
from app.store.admissions import routed
from app.store.embedded import EmbeddedValkey
from app.store.ready_runs import Claimer, ReadyRuns, ReadySession
from app.store.session_store import SessionStore
from app.store.store_client import StoreClient
from bench.figures import Figure
from session_router.models import (
    CompleteRequest,
    Decision,
    HeartbeatRequest,
    Message,
    Run,
    SealRequest,
)

CALLS_A_ROUND = 100
ROUNDS, SHORT_ROUNDS = 9, 3
POLICY = {"defaults": {"isolation": "shared"}}
CLAIMER = Claimer("", "gw-1", "")

Step = Callable[[str], Awaitable[None]]


class Verbs:
    """The verbs on one chat at a time; `runs` has the active run of each."""

    def __init__(self, url: str) -> None:
        self.client = StoreClient(url, 5.0)
        self._store = SessionStore(self.client, 1)
        self._ready = ReadyRuns(self.client, 1)
        self._rulebook = Rulebook(policy_from(POLICY))
        self.runs: dict[str, Run] = {}

    def admitting(self, message_id: str, user: str, **fields: Any) -> Step:
        async def admit(chat: str) -> None:
            message = message_of(message_id, chat, user, **fields)
            assert message.source is not None
            routing = route(self._rulebook, message.agent, message.kind, message.source)
            decision = await self._store.admit(routed(message, routing, ""))
            assert isinstance(decision, Decision)
            if decision.run is not None:
                self.runs[chat] = decision.run

        return admit

    def beating(self, **report: Any) -> Step:
        async def heartbeat(chat: str) -> None:
            run = self.runs[chat]
            request = HeartbeatRequest.model_validate({"fence": run.fence, **report})
            await self._store.heartbeat(run.id, request)

        return heartbeat

    async def seal(self, chat: str) -> None:
        run = self.runs[chat]
        await self._store.seal(run.id, SealRequest(fence=run.fence))

    async def complete(self, chat: str) -> None:
        run = self.runs.pop(chat)
        request = CompleteRequest(fence=run.fence, outcome="completed")
        answer = await self._store.complete(run.id, request)
        if answer.next is not None:
            self.runs[chat] = answer.next

    async def claim(self, chat: str) -> None:
        session = SessionKey(f"agent:main:discord:group:{chat}")
        place = ("main:discord:default", "main", "discord", "default")
        run = await self._ready.claim(ReadySession(0, session, 0, *place), CLAIMER)
        assert run is not None
        self.runs[chat] = run


def message_of(message_id: str, chat: str, user: str, **fields: Any) -> Message:
    source = {"platform": "discord", "chat_type": "group", "chat_id": chat}
    source |= {"user_id": user, "user_name": "Alice"}
    body = {"message_id": message_id, "consumer": "gw-1", "text": "how do I reset it?"}
    return Message.model_validate({**body, **fields, "source": source})


def _tale(router: Verbs) -> Iterable[tuple[str, Step]]:
    """What happens in each chat, in this order; each step is measured for itself."""
    yield "admit: run, new session", router.admitting("1", "456")
    yield "admit: duplicate, same grant", router.admitting("1", "456")
    yield "heartbeat", router.beating()
    yield (
        "heartbeat, with usage",
        router.beating(status="thinking", usage={"context_tokens": 900, "context_limit": 200_000}),
    )
    yield "admit: queue", router.admitting("2", "457")
    yield "admit: interrupt", router.admitting("3", "456")
    yield "complete, next run", router.complete
    yield "complete, last", router.complete
    yield "admit: run, known session", router.admitting("4", "456")
    yield "seal", router.seal
    yield "complete, sealed, last", router.complete
    yield "admit: worker", router.admitting("5", "456", dispatch="worker")
    yield "claim", router.claim
    yield "complete after claim, last", router.complete


class _Server:
    """What the server measured since `start`."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis

    def start(self) -> None:
        self._redis.config_resetstat()

    def microseconds(self) -> float:
        """The median time of a script's call."""
        found = self._redis.info("latencystats")
        return float(found["latency_percentiles_usec_fcall"]["p50"])

    def commands(self) -> float:
        """Store commands in one call of a script."""
        found = self._redis.info("commandstats")
        counts = {name.removeprefix("cmdstat_"): one["calls"] for name, one in found.items()}
        calls = counts.pop("fcall")
        for own in ("config|resetstat", "info"):
            counts.pop(own, None)
        return float(sum(counts.values()) / calls)


async def measure(*, short: bool) -> list[Figure]:
    """Take new chats through the tale, round by round, and give each step's medians."""
    rounds = SHORT_ROUNDS if short else ROUNDS
    times, commands = defaultdict(list), {}
    with tempfile.TemporaryDirectory() as folder, EmbeddedValkey(Path(folder), "everysec") as store:
        router = Verbs(store.url)
        with Redis.from_url(store.url) as redis:
            server = _Server(redis)
            for round_ in range(rounds + 1):
                for name, step in _tale(router):
                    server.start()
                    chats = [f"{round_}-{n}" for n in range(CALLS_A_ROUND)]
                    await asyncio.gather(*map(step, chats))
                    if round_ > 0:  # the first warms the store up
                        times[name].append(server.microseconds())
                        commands[name] = server.commands()
        await router.client.close()
    return [
        figure
        for name, found in times.items()
        for figure in (
            Figure(f"{name}, time", median(found), "us", samples=rounds * CALLS_A_ROUND),
            Figure(f"{name}, commands", commands[name], "commands", samples=CALLS_A_ROUND),
        )
    ]
