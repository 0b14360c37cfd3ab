"""What belongs to one agent, or to one token, is not there for others: by no call at all."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.api.operations import OPERATIONS, Operation
from tests.api.test_access import MAY
from tests.service import Json, Service, message, running, write_policy, write_token
from tests.survival.asgi import Call

MESSAGE = message()
SOURCED = {"agent": "main", "source": MESSAGE["source"]}
OWNED = "agent:main:discord:group:123:456"
FENCED = "a fence"

# What a call that names another agent's thing is sent; it is answered as if there were none.
TOUCHES: dict[str, Json | None] = {
    "admit": message("m9"),
    "message": None,
    "amend": {**SOURCED, "message_id": "m2", "text": "x"},
    "move": {"agent": "main", "platform": "discord", "from": "123", "to": "9"},
    "resolve": SOURCED,
    "heartbeat": {FENCED: True},
    "complete": {FENCED: True, "outcome": "completed"},
    "seal": {FENCED: True},
    "ask": {FENCED: True, "prompt_id": "p"},
    "run": None,
    "session": None,
    "timeline": None,
    "bind": {"thread_id": "9"},
    "interrupt": None,
    "reset": None,
    "release": None,
    "pause": None,
    "resume": None,
    "remove": None,
    "delete_session": None,
    "redrive": None,
    "discard": None,
}
# Lists and figures: answered with what is the token's own, which is nothing. Some have a body.
LISTS: dict[str, Json | None] = {
    "claim": {"consumer": "gw-1", "agents": ["main"], "wait_seconds": 0},
    "runs": None,
    "sessions": None,
    "dead_letters": None,
    "actions": None,
    "act_on_sessions": {"action": "pause", "sessions": [{"key": OWNED}]},
    "consumers": None,
    "stats": None,
}
STREAMS = {"signals", "events"}
# No agent's: the policy and the routers are of all, the rest tells nothing of anybody.
NOBODYS = {"policy", "policy_version", "put_policy", "restore_policy", "routers"} | {
    "healthz",
    "readyz",
    "access",
    "metrics",
}


@pytest.fixture
async def guarded(store_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    tokens = tmp_path / "tokens.yaml"
    write_token(tokens, "main", "gateway", ("main",))
    write_token(tokens, "main-boss", "operator", ("main",))
    write_token(tokens, "thief", "gateway", ("main",))
    write_token(tokens, "other", "gateway", ("other",))
    write_token(tokens, "other-boss", "operator", ("other",))
    policy = write_policy(tmp_path, {"version": 1, "defaults": {"max_deliveries": 1}})
    async with running(store_url, tokens_file=tokens, policy_file=policy) as service:
        yield service


class Owner:
    """An agent that has one of everything: a run, a waiting message, a dead letter, an action."""

    def __init__(self, guarded: Service) -> None:
        self.token = guarded.with_token("main")
        self.boss = guarded.with_token("main-boss")
        self.run: Json = {}
        self.session_id = ""
        self.parts: dict[str, str] = {}

    async def work(self) -> None:
        """Make all of these."""
        dead = (await self.token.send("m0"))["run"]
        await self.token.complete(dead, "failed")
        decision = await self.token.send("m1")
        self.run, self.session_id = decision["run"], decision["session"]["id"]
        await self.token.send("m2")
        key = quote(self.run["session_key"], safe="")
        for verb in ("pause", "resume"):
            await self.boss.post(f"/v1/sessions/{key}/{verb}", {})
        letter = (await self.boss.get("/v1/dead-letters"))["dead_letters"][0]
        self.parts = {"key": key, "run_id": self.run["id"], "seq": "3", "letter_id": letter["id"]}

    async def everything(self) -> list[Json]:
        """How it all stands."""
        paths = (f"/v1/sessions/{self.parts['key']}", f"/v1/runs/{self.run['id']}")
        lists = ("/v1/dead-letters", "/v1/actions", f"{paths[0]}/timeline")
        return [await self.boss.get(path) for path in paths + lists]

    def body(self, told: Json | None) -> Json | None:
        if told is None or FENCED not in told:
            return told
        return {"fence": self.run["fence"]} | {k: v for k, v in told.items() if k != FENCED}


@pytest.fixture
async def owner(guarded: Service) -> Owner:
    one = Owner(guarded)
    await one.work()
    return one


def test_of_every_call_it_is_said_how_another_agent_fares() -> None:
    told = [*TOUCHES, *LISTS, *STREAMS, *NOBODYS]
    assert sorted(told) == sorted(operation.name for operation in OPERATIONS)


def _may(operation: Operation, token: str) -> bool:
    roles = MAY[operation.name]
    return roles is None or ("operator" if token == "other-boss" else "gateway") in roles


@pytest.mark.parametrize("token", ["other", "other-boss"])
async def test_no_call_reaches_into_another_agent(
    guarded: Service, owner: Owner, token: str
) -> None:
    before = await owner.everything()
    stranger = guarded.with_token(token)
    for operation in OPERATIONS:
        if operation.name in TOUCHES:
            body = owner.body(TOUCHES[operation.name])
            path = operation.path(owner.parts)
            response = await stranger.ask(operation.method, path, json=body)
            expected = 404 if _may(operation, token) else 403
            assert response.status_code == expected, operation.name
    assert await owner.everything() == before


@pytest.mark.parametrize("token", ["other", "other-boss"])
async def test_no_list_and_no_figure_tells_of_another_agent(
    guarded: Service, owner: Owner, token: str
) -> None:
    before = await owner.everything()
    stranger = guarded.with_token(token)
    for operation in OPERATIONS:
        if operation.name in LISTS and _may(operation, token):
            body = LISTS[operation.name]
            response = await stranger.ask(operation.method, operation.path(owner.parts), json=body)
            assert response.status_code == 200
            told = response.json()
            if operation.name == "stats":
                assert told["messages"]["accepted"] == told["sessions"]["running"] == 0
            elif operation.name == "act_on_sessions":
                assert [one["result"] for one in told["results"]] == ["unknown"]
            elif operation.name == "actions":  # the policy is of all
                assert {one["action"] for one in told["actions"]} == {"put_policy"}
            else:
                lists = [value for value in told.values() if isinstance(value, list)]
                assert lists == [[]], operation.name
    assert (await stranger.ask("GET", "/metrics")).status_code == 403
    assert await owner.everything() == before


async def test_a_message_to_a_session_names_the_agent_of_the_session(
    guarded: Service, owner: Owner
) -> None:
    before = await owner.everything()
    to = {"session_key": OWNED, "session_id": owner.session_id}
    for agent, status in (("main", 404), ("other", 422)):
        body = message("m9", agent=agent, kind="internal") | {"source": None, "to": to}
        response = await guarded.with_token("other").ask("POST", "/v1/messages", json=body)
        assert response.status_code == status
        if agent == "other":
            assert [one["path"] for one in response.json()["errors"]] == ["to.session_key"]
    assert await owner.everything() == before


async def test_no_stream_tells_of_another_agent(guarded: Service, owner: Owner) -> None:
    stranger = guarded.with_token("other")
    signals = Call(guarded.app, "GET", "/v1/signals?consumer=gw-1", token="other")
    events = Call(guarded.app, "GET", "/v1/events", token="other")
    own = Call(guarded.app, "GET", "/v1/events", token="main")
    for stream in (events, own):
        await stream.until_text(b"event: stats")
    await owner.token.send("m3")
    await own.until_text(b"event: decision")
    # Whatever was told of the owner's is there before what is told of this.
    await stranger.send("m1", agent="other")
    await stranger.send("m2", agent="other")
    await events.until_text(b"event: decision")
    await signals.until_text(b"event: interrupt")
    for stream in (events, signals):
        assert b"agent:other:" in stream.body
        assert b"agent:main:" not in stream.body
        assert owner.run["id"].encode() not in stream.body
    for stream in (events, own, signals):
        await stream.leave()


async def test_a_stolen_consumer_name_brings_nothing_of_its_owner(guarded: Service) -> None:
    owner, thief = guarded.with_token("main"), guarded.with_token("thief")
    await owner.post("/v1/messages", {**MESSAGE, "dispatch": "worker"})
    claim = {"consumer": "worker-1", "request_id": "r1", "wait_seconds": 0}
    run = (await owner.post("/v1/runs/claim", claim))["runs"][0]
    assert (await thief.post("/v1/runs/claim", claim))["runs"] == []
    assert (await thief.get("/v1/runs", consumer="worker-1"))["runs"] == []
    assert [held["id"] for held in (await owner.get("/v1/runs", consumer="worker-1"))["runs"]] == [
        run["id"]
    ]
    await owner.send("m2")  # interrupts it
    holdings = guarded.app.services.signals._holdings
    assert await holdings.outstanding("thief", "worker-1") == []
    assert [signal.run_id for signal in await holdings.outstanding("main", "worker-1")] == [
        run["id"]
    ]
