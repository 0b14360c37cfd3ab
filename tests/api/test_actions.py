"""Who did what is kept with the deed, and one thing can be done to many sessions."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.service import Json, Service, running, write_policy, write_token

KEY = "agent:main:discord:group:123:456"


@pytest.fixture
async def guarded(store_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """Give a service of two shards with tokens, whose messages die at their second failure."""
    tokens = tmp_path / "tokens.yaml"
    write_token(tokens, "olga", "operator")
    write_token(tokens, "mia", "operator", ("main",))
    write_token(tokens, "gwen", "gateway")
    write_token(tokens, "vic", "viewer", ("other",))
    policy = write_policy(tmp_path, {"version": 1, "defaults": {"max_deliveries": 1}})
    async with running(store_url, tokens_file=tokens, policy_file=policy, shards=2) as service:
        yield service


def path(key: str, verb: str) -> str:
    return f"/v1/sessions/{quote(key, safe='')}{verb}"


async def kept(service: Service, **query: Any) -> list[Json]:
    """Every action, newest first."""
    found: list[Json] = []
    cursor: dict[str, str] = {}
    while True:
        page = await service.get("/v1/actions", **query, **cursor)
        found += page["actions"]
        if page["cursor"] is None:
            return found
        cursor = {"cursor": page["cursor"]}


async def test_every_deed_is_kept_with_who_did_what_to_what(guarded: Service) -> None:
    olga, gwen = guarded.with_token("olga"), guarded.with_token("gwen")
    run = (await gwen.send("m1"))["run"]
    await gwen.send("m2", kind="internal")
    for verb in ("/interrupt", "/pause", "/pause", "/resume", "/reset"):
        await olga.post(path(KEY, verb), {"run_id": run["id"]})
    await gwen.ask("DELETE", path(KEY, "/queue/2"))
    await olga.post(path(KEY, "/release"), {"run_id": run["id"]})
    await olga.ask("DELETE", path(KEY, ""))
    actions = await kept(olga)
    told = [(a["by"], a["action"], a["changed"], a["message_id"]) for a in reversed(actions)]
    assert told == [
        ("file", "put_policy", True, None),
        ("olga", "interrupt", True, None),
        ("olga", "pause", True, None),
        ("olga", "pause", False, None),
        ("olga", "resume", True, None),
        ("olga", "reset", True, None),
        ("gwen", "remove", True, "m2"),
        ("olga", "release", True, None),
        ("olga", "delete", True, None),
    ]
    assert {a["session_key"] for a in actions} == {KEY, None}
    assert [a["run_id"] for a in actions[1:-1]] == [run["id"]] * 7, "delete came after the run"
    assert len({a["id"] for a in actions}) == len(actions)


async def test_what_is_done_to_dead_letters_and_to_the_policy_is_kept_too(
    guarded: Service,
) -> None:
    olga = guarded.with_token("olga")
    for message_id in ("m1", "m2"):
        await olga.complete((await olga.send(message_id))["run"], "failed")
    first, second = (await olga.get("/v1/dead-letters"))["dead_letters"]
    for _ in range(2):
        await olga.post(f"/v1/dead-letters/{first['id']}/redrive", {})
        await olga.ask("DELETE", f"/v1/dead-letters/{second['id']}")
    for _ in range(2):
        await olga.ask("PUT", "/v1/policy", json={"version": 1})
    told = [(a["action"], a["changed"], a["message_id"], a["revision"]) for a in await kept(olga)]
    assert told[:-1] == [
        ("put_policy", False, None, 2),
        ("put_policy", True, None, 2),
        ("discard", True, "m2", None),
        ("redrive", True, "m1", None),
    ]


async def test_where_nothing_is_known_nothing_is_kept(guarded: Service) -> None:
    olga = guarded.with_token("olga")
    assert (await olga.ask("POST", path(KEY, "/pause"))).status_code == 404
    assert [a["action"] for a in await kept(olga)] == ["put_policy"]


async def test_actions_are_filtered_and_come_in_pages_without_a_gap(guarded: Service) -> None:
    olga, mia = guarded.with_token("olga"), guarded.with_token("mia")
    keys = [f"agent:main:discord:group:{chat}:456" for chat in range(5)]
    for chat, key in enumerate(keys):
        await olga.send("m1", chat_id=str(chat))
        await (mia if chat % 2 else olga).post(path(key, "/pause"), {})
    whole = await kept(olga)
    assert [a["session_key"] for a in whole[:-1]] == keys[::-1], "of two shards, newest first"
    for limit in (1, 2, 5):
        assert await kept(olga, limit=limit) == whole
    assert [a["by"] for a in await kept(olga, by="mia", limit=1)] == ["mia", "mia"]
    (one,) = await kept(olga, session=keys[3])
    assert (one["by"], one["session_key"]) == ("mia", keys[3])
    assert await kept(olga, action="reset") == []
    assert len(await kept(olga, action="pause")) == 5


async def test_another_agents_actions_are_not_shown(guarded: Service) -> None:
    olga = guarded.with_token("olga")
    for agent in ("main", "other"):
        await olga.send("m1", agent=agent)
        await olga.post(path(f"agent:{agent}:discord:group:123:456", "/pause"), {})
    seen = await kept(guarded.with_token("vic"))
    assert [(a["action"], a["session_key"]) for a in seen] == [
        ("pause", "agent:other:discord:group:123:456"),
        ("put_policy", None),
    ]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"action": "explode"}, "action"),
        ({"cursor": "x"}, "cursor"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_bad_question_is_refused_with_its_path(
    guarded: Service, query: Json, wrong: str
) -> None:
    response = await guarded.with_token("olga").ask("GET", "/v1/actions", params=query)
    assert response.status_code == 422
    assert [error["path"] for error in response.json()["errors"]] == [wrong]


async def test_the_newest_thousand_of_an_agent_are_kept(guarded: Service) -> None:
    olga = guarded.with_token("olga")
    await olga.send("m1")
    for number in range(1010):
        verb = "/pause" if number % 2 == 0 else "/resume"
        assert (await olga.ask("POST", path(KEY, verb))).status_code == 200
    assert len(await kept(olga, limit=200)) == 1001, "and the policy's"


# --- one thing to many sessions ---------------------------------------------------------


async def test_one_thing_is_done_to_many_sessions_and_told_of_each(guarded: Service) -> None:
    olga = guarded.with_token("olga")
    sent = [await olga.send("m1", chat_id=str(chat)) for chat in range(3)]
    keys = [one["session"]["key"] for one in sent]
    sessions = [
        {"key": keys[0], "run_id": sent[0]["run"]["id"]},
        {"key": keys[1], "run_id": sent[0]["run"]["id"].replace(".", "1.", 1)},
        {"key": keys[2], "session_id": "another"},
        {"key": "agent:main:discord:group:nowhere"},
        {"key": "nonsense"},
        {"key": keys[0], "session_id": sent[0]["session"]["id"]},
    ]
    answer = await olga.post("/v1/sessions/actions", {"action": "release", "sessions": sessions})
    assert [one["result"] for one in answer["results"]] == [
        "changed",
        "unknown",
        "unchanged",
        "unknown",
        "unknown",
        "unchanged",
    ]
    assert [one["key"] for one in answer["results"]] == [one["key"] for one in sessions]
    assert (await olga.session(keys[0]))["state"] == "waiting"
    assert (await olga.session(keys[2]))["state"] == "running"


@pytest.mark.parametrize("verb", ["interrupt", "release", "reset", "pause", "resume", "delete"])
async def test_each_verb_does_to_many_what_it_does_to_one(guarded: Service, verb: str) -> None:
    olga = guarded.with_token("olga")
    await olga.send("m1")
    if verb == "resume":
        await olga.post(path(KEY, "/pause"), {})
    await olga.post("/v1/sessions/actions", {"action": verb, "sessions": [{"key": KEY}]})
    (last, *_) = await kept(olga)
    assert (last["action"], last["changed"], last["by"]) == (verb, True, "olga")


async def test_sessions_of_another_agent_are_unknown_and_stay_as_they_are(
    guarded: Service,
) -> None:
    await guarded.with_token("olga").send("m1", agent="other")
    key = "agent:other:discord:group:123:456"
    body = {"action": "delete", "sessions": [{"key": key}]}
    answer = await guarded.with_token("mia").post("/v1/sessions/actions", body)
    assert answer == {"results": [{"key": key, "result": "unknown"}]}
    assert (await guarded.with_token("olga").session(key))["state"] == "running"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"action": "explode", "sessions": [{"key": KEY}]}, "action"),
        ({"action": "remove", "sessions": [{"key": KEY}]}, "action"),
        ({"action": "pause", "sessions": []}, "sessions"),
        ({"action": "pause", "sessions": [{"key": KEY}] * 101}, "sessions"),
        ({"action": "pause", "sessions": [{"session_id": "1"}]}, "sessions.0.key"),
        ({"action": "pause", "sessions": [{"key": KEY, "colour": 1}]}, "sessions.0.colour"),
    ],
)
async def test_a_bad_list_of_sessions_is_refused_whole(
    guarded: Service, body: Json, wrong: str
) -> None:
    response = await guarded.with_token("olga").ask("POST", "/v1/sessions/actions", json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["path"] == wrong
