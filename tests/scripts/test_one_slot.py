"""Every script stays in one slot: on a server in cluster mode nothing else is allowed."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from app.errors import LeaseLost, UnknownSession
from app.routing.keys import Chat, ChatName, SessionKey
from app.routing.policy import PolicyFields
from app.store import scripts
from app.store.actions import ActionFilter, Actions
from app.store.aliases import Aliases
from app.store.chat_memories import ChatMemories
from app.store.chat_names import ChatNames
from app.store.dead_letters import DeadLetters
from app.store.deadlines import Deadlines
from app.store.embedded import EmbeddedValkey
from app.store.events import Answered, EventWire
from app.store.figures import Figures
from app.store.holdings import Holdings, NewsReader
from app.store.operations import Operations
from app.store.policies import Policies
from app.store.posts import Posts
from app.store.ready_runs import Claimer, ReadyRuns
from app.store.roster import Roster, Sighting
from app.store.scripts import Script
from app.store.session_lists import SessionFilter, SessionLists
from app.store.store_client import StoreClient
from session_router.models import (
    AmendRequest,
    AskRequest,
    Run,
    SealRequest,
    Seeing,
    SessionState,
    Source,
)
from tests.processes import wait_until
from tests.sessions import Sessions, granted, plain_client
from tests.topology.clusters import cluster_in
from tests.topology.servers import free_ports

SHARDS = 4


@pytest.fixture(scope="module")
def node_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a cluster of one node, which has all slots."""
    port, bus_port = free_ports(2)
    options = (
        *("--cluster-enabled", "yes", "--appendonly", "no", "--bind", "127.0.0.1"),
        *("--port", str(port), "--cluster-port", str(bus_port)),
    )
    with EmbeddedValkey(tmp_path_factory.mktemp("cluster"), extra_args=options) as server:
        with Redis.from_url(server.url) as redis:
            redis.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
            wait_until(lambda: redis.cluster("INFO")["cluster_state"] == "ok")
        yield server.url


@pytest.fixture(scope="module")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a cluster whose slots are divided over three nodes."""
    with cluster_in(tmp_path_factory.mktemp("nodes")) as cluster:
        yield cluster.url


@pytest.fixture(params=["node_url", "cluster_url"])
async def s(request: pytest.FixtureRequest) -> AsyncIterator[Sessions]:
    cluster_url = request.getfixturevalue(request.param)
    with plain_client(cluster_url) as redis:
        redis.flushall()
        redis.function_flush()
    opened = Sessions(
        cluster_url,
        shards=SHARDS,
        retry_delay_seconds=5,
        max_deliveries=2,
        queue={"max_per_sender": 1},
        drain="by_sender",
        rules=[{"match": {"chat_type": "dm"}, "set": {"dm_scope": "main"}}],
    )
    yield opened
    await opened.close()


async def live(s: Sessions, chat: str, chat_type: str) -> None:
    """Take one chat through what a run may meet and how it may end."""
    place = {"chat_id": chat, "chat_type": chat_type}
    decision = await s.send("m1", "alice", **place)
    run = granted(decision)
    assert (await s.send("m2", "bob", **place)).decision == "queue"
    assert (await s.send("m2", "bob", **place)).decision == "duplicate"
    assert (await s.send("m3", "alice", **place)).decision == "interrupt"
    assert (await s.send("m4", "bob", **place)).decision == "reject"
    await s.heartbeat(run, status="busy", usage={"context_tokens": 5})
    following = granted(await s.complete(run, "interrupted"))
    await s.complete(following, "failed")
    s.clock.step(6)
    run = granted(await s.send("m5", "dave", **place))
    s.clock.step(31)
    with pytest.raises(LeaseLost):
        await s.complete(run)
    assert (await s.send("m6", "erin", **place)).reason == "retry_delay"
    s.clock.step(60)
    run = granted(await s.send("m7", "frank", **place))
    await s.complete(run, "released", next=False)
    await s.views.session(decision.session.key)  # type: ignore[union-attr, arg-type]
    assert (await s.views.run(run.id)).state == "ended"


async def controlled(s: Sessions, chat: str) -> None:
    """Stop and reset one chat, from its own session and from another one of it."""
    place = {"chat_id": chat, "chat_type": "group"}
    run = granted(await s.send("m1", "alice", **place))
    await s.send("m2", "alice", busy="queue", **place)
    assert (await s.send("c1", "alice", control="stop", **place)).reason == "stopped"
    await s.complete(run, "interrupted")
    in_thread = granted(
        await s.send("m3", "alice", thread_id="5", chat_id=chat, chat_type="thread")
    )
    stop = await s.send("c2", "alice", control="stop", **place)
    assert stop.control is not None
    assert stop.control.stopped == (in_thread.id,), "found elsewhere"
    assert (await s.send("c3", "alice", control="reset", **place)).reason == "reset"
    await s.complete(in_thread, "interrupted", next=False)


async def told(s: Sessions, chat: str) -> None:
    """Let a chat overhear, ask, answer, steer, post, seal and report, with an edit too early."""
    place = {"chat_id": chat, "chat_type": "group"}
    name = ChatName(f"agent:main:discord:{chat}")
    source = s.message("m1", "alice", **place).source
    assert source is not None
    edit = AmendRequest(source=source, message_id="m1", text="better")
    assert (await s.store.amend(name, edit)).result == "unknown"
    assert (await s.send("k1", "bob", kind="context", **place)).decision == "kept"
    decision = await s.send("m1", "alice", **place)
    run = granted(decision)
    assert (run.text, [line.message_id for line in run.context]) == ("better", ["k1"])
    await s.ask(run, "p", who="anyone")
    assert (await s.send("a1", "bob", answers="p", **place)).decision == "answer"
    await s.heartbeat(run, seen=["a1"], sent=["post1"])
    assert (await s.send("m2", "alice", busy="steer", **place)).decision == "steer"
    await s.heartbeat(run, seen=["m2"], hold=True)
    assert (await s.send("m3", "alice", busy="steer", **place)).reason == "run_held"
    assert (await s.send("a2", "bob", answers="p", **place)).decision == "answer"
    assert decision.session is not None
    assert (await s.report(decision.session, "j1")).decision == "queue"
    assert (await s.seal(run, "a2")).sealed
    await s.complete(run, sent=["post2"], data={"turn": 1}, next=False)
    assert await Posts(s.client, SHARDS).session_of(name, "post1") == decision.session.key


async def in_parts(s: Sessions, chat: str) -> None:
    """Send a burst, a part of it late, and let its batch come back among its parts."""
    place = {"chat_id": chat, "chat_type": "group"}
    for part in ("p1", "p2"):
        assert (await s.send(part, "alice", group="g", **place)).reason == "group"
    s.clock.step(2)
    for shard in range(SHARDS):
        await Deadlines(s.client, SHARDS, s.clock).settle_due(shard)
    run = await claimed(s, chat)
    assert (await s.send("p3", "alice", group="g", **place)).reason == "group"
    await s.complete(run, "released", next=False)


async def claimed(s: Sessions, chat: str) -> Run:
    ready = ReadyRuns(s.client, SHARDS, s.clock)
    session = f"agent:main:discord:group:{chat}"
    (found,) = [one for one in await ready.find(20) if session in str(one)]
    run = await ready.claim(found, Claimer("", "gw-1", chat))
    assert run is not None
    return run


async def operate(s: Sessions) -> None:
    """Call the verbs of operators, claims, signals and the sweep, each on every shard."""
    parts = (s.client, SHARDS, s.clock)
    operations, letters, ready = Operations(*parts), DeadLetters(*parts), ReadyRuns(*parts)
    seen = Seeing()
    for number in range(6):
        place = {"chat_id": f"op{number}", "chat_type": "group"}
        session = SessionKey(f"agent:main:discord:group:op{number}")
        run = granted(await s.send("m1", "alice", **place))
        question = AskRequest.model_validate({"fence": run.fence, "prompt_id": "p"})
        assert (await s.store.ask(run.id, question)).expires_at is not None
        assert (await s.store.seal(run.id, SealRequest(fence=run.fence))).sealed
        assert (await s.send("m2", "alice", **place)).reason == "run_sealed"
        chat = ChatName(f"agent:main:discord:op{number}")
        source = s.message("m2", "alice", **place).source
        assert source is not None
        edit = AmendRequest(source=source, message_id="m2", text="other")
        assert (await s.store.amend(chat, edit)).result == "updated"
        assert (await operations.remove(session, "me", seen, 2)).changed
        assert (await operations.interrupt(session, "me", seen)).changed in {True, False}
        assert (await operations.pause(session, "me", seen)).changed
        assert (await operations.resume(session, "me", seen)).changed
        assert (await operations.release(session, "me", seen)).changed
        assert (await operations.reset(session, "me", seen)).changed
        await s.views.timeline(session)
        s.look()
        assert (await operations.delete(session, "me", seen)).changed
        s.look()
    for letter in (await letters.page(None, 50, None)).dead_letters[:4]:
        verb = letters.redrive if letter.id.startswith(("0", "1")) else letters.discard
        assert (await verb(letter.id, "me", None)).changed
        s.look()
    claimer = Claimer("", "gw-7", "request")
    for found in await ready.find(10):
        assert await ready.claim(found, claimer)
        s.look()
    assert await ready.claimed_before(claimer)
    holdings = Holdings(*parts)
    assert await holdings.outstanding("", "gw-1")
    await holdings.signalled_since(NewsReader())
    await beside_the_sessions(s)
    s.clock.step(4_000)
    for shard in range(SHARDS):
        await Deadlines(*parts).settle_due(shard)
        await Deadlines(*parts).retire_idle(shard)
    s.look()
    assert not any("run:" in name for name in s.state), "all leases are over"


async def beside_the_sessions(s: Sessions) -> None:
    """Call what keeps policies, aliases, threads and the memories of chats."""
    actions = await Actions(s.client, SHARDS).page(ActionFilter(), 200, None)
    assert {action.by for action in actions.actions} == {"me"}
    roster = Roster(s.client, SHARDS, s.clock)
    assert await roster.announce("{}", [Sighting("main", "/gw-1")], is_listening=True)
    assert [one.consumer for one in (await roster.consumers(None)).consumers] == ["gw-1"]
    answered = Answered("decision", "agent:main:discord:group:op1", {})
    assert await EventWire(s.client, s.clock).tell([answered], 0)
    policies = Policies(s.client, s.clock)
    assert await policies.put("{}", "me") == 1
    stored = await policies.in_force()
    assert stored is not None
    aliases = Aliases(s.client, SHARDS)
    for number in range(4):
        source = Source(
            platform=f"p{number}",
            chat_type="group",
            chat_id="c",
            user_id="u",
            user_aliases=("a", "b"),
        )
        assert (await aliases.known("main", source, PolicyFields(), teach=True)).user_id == "u"
        chat = ChatName(f"agent:main:discord:chat{number}")
        assert (await ChatMemories(s.client, SHARDS, s.clock).read(chat, "m1")).version == 0
        opener = SessionKey(f"agent:main:telegram:thread:chat{number}:opener:m1")
        with pytest.raises(UnknownSession):
            await s.store.bind_thread(opener, "7")
        assert await Posts(s.client, SHARDS).session_of(chat, "p1") is None
        old = Chat("main", "discord", "default", None, f"chat{number}")
        assert await ChatNames(s.client, SHARDS).move(old, f"new{number}") == f"chat{number}"


async def test_no_script_leaves_its_slot(s: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    called: set[str] = set()
    call = StoreClient.call

    async def recorded(self: StoreClient, script: Script, *arguments: Any) -> Any:
        called.add(script.verb)
        return await call(self, script, *arguments)

    monkeypatch.setattr(StoreClient, "call", recorded)
    for number in range(6):
        await live(s, f"chat{number}", "group")
    await live(s, "dm0", "dm")
    for number in range(2):
        await controlled(s, f"ctl{number}")
        await told(s, f"told{number}")
    for number in range(1, 6):
        dm = {"chat_id": f"dm{number}", "chat_type": "dm"}
        first = await s.send("m1", f"user{number}", **dm)
        again = await s.send("m1", f"user{number}", **dm)
        assert (again.decision, again.duplicate_of) == ("duplicate", first.decision)
    used = {name.partition("/")[0] for name in s.state if "/" in name.partition(":")[0]}
    assert len(used) == SHARDS - 1, "every shard was in use"
    await s.views.held_runs("", "gw-1")
    await s.views.message(ChatName("agent:main:discord:chat0"), "m1")
    messages = (await Figures(s.client, SHARDS, s.clock).read(None)).messages
    ended = messages.done + messages.dead + messages.removed
    assert messages.accepted == messages.waiting + messages.in_run + ended
    lists = SessionLists(s.client, SHARDS, s.clock)
    states: tuple[SessionState | None, ...] = (None, "idle", "running", "waiting", "paused")
    pages = [await lists.page(SessionFilter(state=state), 50, None) for state in states]
    assert len(pages[0].sessions) == sum(len(page.sessions) for page in pages[1:]) == 13
    await operate(s)
    s.policy()
    for number in range(2):
        await in_parts(s, f"part{number}")
    assert called == {v.verb for v in vars(scripts).values() if isinstance(v, Script)}


async def test_every_key_is_in_the_slot_of_its_shard(s: Sessions) -> None:
    for number in range(4):
        await live(s, f"chat{number}", "group")
    slots: dict[bytes, set[int]] = {}
    for name in s.redis.scan_iter():
        tag = name.partition(b"}")[0]
        slots.setdefault(tag, set()).add(s.redis.execute_command("CLUSTER KEYSLOT", name))
    assert len(slots) > 1
    assert all(len(found) == 1 for found in slots.values())


async def test_this_server_would_refuse_a_second_slot(s: Sessions) -> None:
    script = "#!lua\nreturn redis.call('GET', 'sr:{1}:fence')"
    with pytest.raises(ResponseError, match=r"slot|non local key"):
        s.redis.eval(script, 1, "sr:{0}:fence")
