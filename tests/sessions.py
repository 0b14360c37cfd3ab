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
from app.store.session_store import Admission, SessionStore
from app.store.session_views import SessionViews
from app.store.store_client import StoreClient
from app.store_address import ClusterAddress, parse_store_address
from session_router.models import (
    CompleteRequest,
    Completion,
    Decision,
    Heartbeat,
    HeartbeatRequest,
    Message,
    Run,
    SessionView,
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
        routing = route(self.rulebook, message.agent, message.kind, message.source)
        digest = keys.home_digest(routing.chat, message_id)
        here = routing.chat == "agent:main:discord:room"
        self.names[digest] = message_id if here else f"{routing.chat}/{message_id}"
        decision = await self.store.admit(Admission(message, routing, token))
        assert decision is not None
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
