"""An act was done and the store's answer to it is lost: done once, and never told as not done."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from tests.api.act_proxy import ActProxy, act_proxy
from tests.service import Json, Service, running, write_policy

KEY = "agent:main:discord:group:123:456"
PATH = f"/v1/sessions/{quote(KEY, safe='')}"


class Stage(NamedTuple):
    """A service whose store is behind a proxy, and another that reaches it as it is."""

    service: Service
    other: Service
    proxy: ActProxy

    async def in_doubt(self, method: str, path: str, body: Json | None = None) -> None:
        """Call, and hold the answer against what is said of an act that may have been done."""
        response = await self.service.ask(method, path, json=body)
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        assert response.json()["type"].endswith(":store_unavailable")
        assert "may have been done" in response.json()["detail"]
        assert len(self.proxy.lost) == 1

    async def acts(self, action: str) -> list[bool]:
        """Whether each act of this kind changed anything, newest first."""
        page = await self.other.get("/v1/actions", action=action)
        return [one["changed"] for one in page["actions"]]


@pytest.fixture
async def stage(store_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    policy = write_policy(tmp_path, {"version": 1, "defaults": {"max_deliveries": 1}})
    async with (
        act_proxy(store_url) as proxy,
        running(store_url, policy_file=policy) as other,
        running(proxy.url, policy_file=policy) as service,
    ):
        yield Stage(service, other, proxy)


async def test_a_reset_without_what_was_seen_makes_one_new_generation(stage: Stage) -> None:
    sent = await stage.other.send("m1")
    await stage.other.complete(sent["run"], data={"thread": "a"})
    first = sent["session"]["id"]
    stage.proxy.lose_next("reset")
    await stage.in_doubt("POST", f"{PATH}/reset")
    session = (await stage.other.session(KEY))["session"]
    assert session["id"] != first
    assert session["previous_id"] == first
    assert (await stage.other.send("m2"))["run"]["previous_data"] == {"thread": "a"}
    assert await stage.acts("reset") == [True]


async def test_a_release_takes_no_run_that_was_granted_meanwhile(stage: Stage) -> None:
    taken = (await stage.other.send("m1"))["run"]
    granted: list[Json] = []

    async def claim() -> None:
        body = {"consumer": "gw-2", "wait_seconds": 0}
        granted.extend((await stage.other.post("/v1/runs/claim", body))["runs"])

    stage.proxy.lose_next("release", claim)
    await stage.in_doubt("POST", f"{PATH}/release")
    [run] = granted
    assert run["fence"] > taken["fence"]
    await stage.other.heartbeat(run)
    assert await stage.acts("release") == [True]


async def test_a_delete_removes_nothing_that_was_accepted_meanwhile(stage: Stage) -> None:
    await stage.other.send("m1")

    async def send() -> None:
        assert (await stage.other.send("m2"))["decision"] == "run"

    stage.proxy.lose_next("delete", send)
    await stage.in_doubt("DELETE", PATH)
    query = {"platform": "discord", "chat_id": "123", "message_id": "m2"}
    assert (await stage.other.get("/v1/messages", **query))["state"] == "in_run"
    assert await stage.acts("delete") == [True]


@pytest.mark.parametrize(
    ("action", "method", "rest"),
    [
        ("interrupt", "POST", "/interrupt"),
        ("release", "POST", "/release"),
        ("reset", "POST", "/reset"),
        ("pause", "POST", "/pause"),
        ("resume", "POST", "/resume"),
        ("remove", "DELETE", "/queue/2"),
        ("delete", "DELETE", ""),
    ],
)
async def test_an_act_that_is_done_is_not_told_to_have_changed_nothing(
    stage: Stage, action: str, method: str, rest: str
) -> None:
    sent = await stage.other.send("m1")
    await stage.other.send("m2", kind="internal")
    if action == "resume":
        await stage.other.post(f"{PATH}/pause", {})
    seen = {"session_id": sent["session"]["id"]}
    stage.proxy.lose_next("pause" if action == "resume" else action)
    await stage.in_doubt(method, PATH + rest, seen)
    assert await stage.acts(action) == [True]
    again = await stage.service.ask(method, PATH + rest, json=seen)
    assert again.status_code == 404 if action == "delete" else again.json() == {"changed": False}
    assert await stage.acts(action) == [True] if action == "delete" else [False, True]


@pytest.mark.parametrize(("verb", "method"), [("redrive", "POST"), ("discard", "DELETE")])
async def test_what_was_done_to_a_dead_letter_is_not_told_to_have_changed_nothing(
    stage: Stage, verb: str, method: str
) -> None:
    await stage.other.complete((await stage.other.send("m1"))["run"], "failed")
    [letter] = (await stage.other.get("/v1/dead-letters"))["dead_letters"]
    rest = "/redrive" if verb == "redrive" else ""
    stage.proxy.lose_next(verb)
    await stage.in_doubt(method, f"/v1/dead-letters/{letter['id']}{rest}")
    assert await stage.acts(verb) == [True]


async def test_a_policy_is_not_put_over_one_that_was_put_meanwhile(stage: Stage) -> None:
    async def put() -> None:
        theirs = {"defaults": {"lease_seconds": 7}}
        assert (await stage.other.ask("PUT", "/v1/policy", json=theirs)).status_code == 200

    stage.proxy.lose_next("put_policy", put)
    await stage.in_doubt("PUT", "/v1/policy", {"defaults": {"lease_seconds": 5}})
    assert (await stage.other.get("/v1/policy"))["policy"]["defaults"]["lease_seconds"] == 7


async def test_a_gateways_calls_are_asked_twice_without_a_word(stage: Stage) -> None:
    stage.proxy.lose_next("admit")
    run = (await stage.service.send("m1"))["run"]
    stage.proxy.lose_next("heartbeat")
    await stage.service.heartbeat(run)
    stage.proxy.lose_next("complete")
    assert (await stage.service.complete(run))["next"] is None
    assert stage.proxy.lost == ["admit", "heartbeat", "complete"]
    assert (await stage.service.get("/v1/stats"))["messages"]["done"] == 1


async def test_of_many_each_that_is_in_doubt_or_was_not_come_to_is_told_so(stage: Stage) -> None:
    sent = [await stage.other.send("m1", chat_id=str(chat)) for chat in range(4)]
    seen = [{"key": one["session"]["key"], "run_id": one["run"]["id"]} for one in sent]
    body = {"action": "release", "sessions": seen}
    stage.proxy.lose_next("release", after=1)
    answer = await stage.service.post("/v1/sessions/actions", body)
    results = [one["result"] for one in answer["results"]]
    assert results == ["changed", "unavailable", "unavailable", "unavailable"]
    assert [one["key"] for one in answer["results"]] == [one["key"] for one in seen]
    states = [(await stage.other.session(one["key"]))["state"] for one in seen]
    assert states == ["waiting", "waiting", "running", "running"]
    again = await stage.service.post("/v1/sessions/actions", body)
    results = [one["result"] for one in again["results"]]
    assert results == ["unchanged", "unchanged", "changed", "changed"], "each is done once"


async def test_of_many_the_first_that_is_in_doubt_is_told_with_503(stage: Stage) -> None:
    keys = [(await stage.other.send("m1", chat_id=c))["session"]["key"] for c in ("1", "2")]
    body = {"action": "pause", "sessions": [{"key": key} for key in keys]}
    stage.proxy.lose_next("pause")
    await stage.in_doubt("POST", "/v1/sessions/actions", body)
    states = [(await stage.other.session(key))["state"] for key in keys]
    assert states == ["paused", "running"]
