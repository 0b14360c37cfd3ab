"""A real store, driven verb by verb through `SessionStore`, that checks its books each time.

After every call the whole store is read: conservation, order and indexes must hold, fences
must only have grown, and `changed` says what the call did and nothing else.
"""

from collections.abc import Mapping
from typing import Any

from redis import Redis, RedisCluster
from redis.asyncio.connection import parse_url
from redis.cluster import ClusterNode

from app.routing.policy import policy_from
from app.routing.route import route
from app.routing.rules import Rulebook
from app.store import keys
from app.store.admissions import routed, sent_to
from app.store.deadlines import Deadlines
from app.store.ready_runs import Claimer, ReadyRuns
from app.store.session_store import SessionStore
from app.store.session_views import SessionViews
from app.store.store_client import StoreClient
from app.store_address import ClusterAddress, parse_store_address
from session_router.models import (
    Asked,
    AskRequest,
    CompleteRequest,
    Completion,
    Decision,
    Heartbeat,
    HeartbeatRequest,
    Message,
    Run,
    Seal,
    SealRequest,
    SessionView,
    To,
)
from tests.books import assert_filed_rightly, changes
from tests.state import EPOCH_MS, EPOCH_US, State, dump

ROOM = "agent:main:discord:group:room"
SHARED = {"isolation": "shared"}


class Clock:
    """The store's time as a test wants it; stands still until it is stepped."""

    def __init__(self) -> None:
        self.now_us = EPOCH_US

    def __call__(self) -> str:
        return str(self.now_us)

    @property
    def now(self) -> int:
        """Milliseconds since the epoch of the tests."""
        return self.now_us // 1000 - EPOCH_MS

    def step(self, seconds: float) -> None:
        self.now_us += round(seconds * 1_000_000)


def plain_client(url: str) -> Any:
    """Give a client that looks and counts, of one server or of a whole cluster."""
    address = parse_store_address(url)
    if isinstance(address, ClusterAddress):
        password = parse_url(address.servers).get("password")
        nodes = [ClusterNode(*node) for node in address.nodes]  # type: ignore[no-untyped-call]
        return RedisCluster(startup_nodes=nodes, password=password)
    return Redis.from_url(url)


class Sessions:
    """Drives the verbs; `defaults` are the policy's, `shared` unless they say otherwise."""

    def __init__(self, url: str, *, shards: int = 1, **defaults: Any) -> None:
        self.clock = Clock()
        self.redis = plain_client(url)
        self.client = StoreClient(url, 5.0)
        parts = (self.client, shards, self.clock)
        self.store, self.views = SessionStore(*parts), SessionViews(*parts)
        self.ready, self.deadlines = ReadyRuns(*parts), Deadlines(*parts)
        self.names: dict[str, str] = {}
        self.state: State = {}
        self.changed: State = {}
        self.policy(**defaults)

    def policy(self, *, rules: tuple[Any, ...] = (), **defaults: Any) -> None:
        """Let another policy hold from now on."""
        self.rulebook = Rulebook(policy_from({"defaults": SHARED | defaults, "rules": [*rules]}))

    async def close(self) -> None:
        await self.client.close()
        self.redis.close()

    def message(self, message_id: str, user: str | None, **fields: Any) -> Message:
        source: dict[str, Any] = {"platform": "discord", "chat_type": "group", "chat_id": "room"}
        sent = {"text": f"text of {message_id}", "consumer": "gw-1", "agent": "main"}
        for name, value in fields.items():
            (sent if name in Message.model_fields else source)[name] = value
        source |= {"user_id": user, "user_name": user and user.capitalize()} if user else {}
        return Message.model_validate({**sent, "message_id": message_id, "source": source})

    async def send(
        self, message_id: str, user: str | None = "alice", token: str = "", **fields: Any
    ) -> Decision:
        """Admit a message; what is no field of a message is one of its source."""
        message = self.message(message_id, user, **fields)
        assert message.source is not None
        routing = route(self.rulebook, message.agent, message.kind, message.source)
        digest = keys.home_digest(routing.chat, message_id)
        here = routing.chat == "agent:main:discord:room"
        self.names[digest] = message_id if here else f"{routing.chat}/{message_id}"
        decision = await self.store.admit(routed(message, routing, token))
        assert isinstance(decision, Decision)
        self.look()
        return decision

    async def heartbeat(self, run: Run, fence: int | None = None, **report: Any) -> Heartbeat:
        request = {"fence": run.fence if fence is None else fence, **report}
        try:
            return await self.store.heartbeat(run.id, HeartbeatRequest.model_validate(request))
        finally:
            self.look()

    async def complete(
        self, run: Run, outcome: str = "completed", fence: int | None = None, **fields: Any
    ) -> Completion:
        request = {"fence": run.fence if fence is None else fence, "outcome": outcome, **fields}
        try:
            return await self.store.complete(run.id, CompleteRequest.model_validate(request))
        finally:
            self.look()

    async def ask(self, run: Run, prompt_id: str | None, **fields: Any) -> Asked:
        """Let a run ask; `who` says who may answer."""
        who = fields.pop("who", "owners")
        request = {"fence": run.fence, "prompt_id": prompt_id, "from": who, **fields}
        try:
            return await self.store.ask(run.id, AskRequest.model_validate(request))
        finally:
            self.look()

    async def seal(self, run: Run, *seen: str) -> Seal:
        try:
            return await self.store.seal(run.id, SealRequest(fence=run.fence, seen=seen))
        finally:
            self.look()

    async def report(self, session: SessionView, message_id: str, **fields: Any) -> Decision:
        """Send a job's notice to a session, by its key and id."""
        to = To(session_key=session.key, session_id=session.id)
        sent = {"message_id": message_id, "consumer": "job", "kind": "internal", "text": "done"}
        message = Message.model_validate({**sent, **fields, "to": to})
        decision = await self.store.admit(sent_to(message, to, ""))
        assert isinstance(decision, Decision)
        self.look()
        return decision

    async def sweep(self) -> None:
        """Let a sweep settle what is due, and the walk go a step."""
        await self.deadlines.settle_due(0)
        await self.deadlines.retire_idle(0)
        self.look()

    async def claim(self, consumer: str = "w-1") -> Run | None:
        """Claim the longest-ready session's next run, None where nothing is ready."""
        ready = await self.ready.find(1)
        run = await self.ready.claim(ready[0], Claimer("", consumer, "")) if ready else None
        self.look()
        return run

    def look(self) -> None:
        """Read the whole store, and check what must hold of it."""
        before, after = self.state, dump(self.redis, self.names)
        for name, last in before.items():
            if name.rpartition("/")[2] == "fence":
                assert after[name] >= last, "a fence went back (I1)"
        assert_filed_rightly(after, self.clock.now)
        self.state, self.changed = after, changes(before, after)

    def order(self, session: str = ROOM) -> list[str]:
        """Ids of what waits, in the order of delivery."""
        return [m.id for m in self.state.get(f"queue:{session}", [])]

    def record(self, session: str = ROOM) -> State:
        record: State = self.state[f"session:{session}"]
        return record

    def counters(self, bucket: str = "main:discord") -> Mapping[str, int]:
        """Messages by state, those that are not zero."""
        stats = self.state.get("stats", {})
        return {n.partition(":")[0]: v for n, v in stats.items() if v and n.endswith(bucket)}


def ids(run: Run | None) -> list[str]:
    """Ids of a run's batch."""
    assert run is not None
    return [m.message_id for m in run.messages]


def granted(decision: Decision | Completion) -> Run:
    """The run that an answer grants."""
    run = decision.run if isinstance(decision, Decision) else decision.next
    assert run is not None
    return run


def shown(completion: Completion) -> SessionView:
    """The session of an answer that has one."""
    assert completion.session is not None
    return completion.session
