"""Lists and views: sessions, pages, messages, figures."""

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.service import Json, Service, running

HOSTILE = [
    ":",
    "/",
    "%",
    "%3A",
    "thread",
    "scope",
    "a b",
    "é",
    "e\u0301",
    "\0",
    "?",
    "#",
    "..",
    "\n",
]


@pytest.fixture(params=[1, 5])
async def sharded(store_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """Give a service with one shard, and one with several."""
    async with running(store_url, shards=request.param) as one:
        yield one


async def every_page(service: Service, **query: Any) -> list[list[str]]:
    """Keys by page, to the end."""
    pages, cursor = [], None
    while True:
        more: dict[str, str] = {} if cursor is None else {"cursor": cursor}
        page = await service.get("/v1/sessions", **query, **more)
        pages.append([line["key"] for line in page["sessions"]])
        cursor = page["cursor"]
        if cursor is None:
            return pages
        assert len(pages) < 50, "no end"


def flat(pages: list[list[str]]) -> list[str]:
    return [name for page in pages for name in page]


def key(chat: str, user: str = "456", platform: str = "discord", agent: str = "main") -> str:
    return f"agent:{agent}:{platform}:group:{chat}:{user}"


async def test_pages_by_key_give_every_session_once_and_in_order(sharded: Service) -> None:
    for number in range(7):
        await sharded.send(chat_id=str(number))
    pages = await every_page(sharded, limit=3)
    assert [len(page) for page in pages[:2]] == [3, 3]
    assert flat(pages) == [key(str(number)) for number in range(7)]


async def test_pages_by_state_are_by_time_also_within_one_millisecond(sharded: Service) -> None:
    for number in (5, 3, 4, 1, 2):
        await sharded.send(chat_id=str(number))
        if number in {3, 1}:
            sharded.clock.step(1)
    pages = await every_page(sharded, limit=1, state="running")
    wanted = [key(chat) for chat in ("3", "5", "1", "4", "2")]
    assert flat(pages) == wanted
    assert flat(await every_page(sharded, limit=2, state="running")) == wanted


async def test_filters_name_agent_platform_chat_user_and_state(sharded: Service) -> None:
    await sharded.send()
    await sharded.send("m2", "789", chat_id="2")
    await sharded.send(agent="other")
    done = (await sharded.send(platform="telegram", chat_id="9", user="456"))["run"]
    await sharded.complete(done)
    for query, wanted in (
        ({}, 4),
        ({"agent": "other"}, 1),
        ({"agent": "nobody"}, 0),
        ({"platform": "discord"}, 3),
        ({"platform": "irc"}, 0),
        ({"chat": "123"}, 2),
        ({"chat": "123", "agent": "main"}, 1),
        ({"user": "456"}, 3),
        ({"user": "789", "chat": "123"}, 0),
        ({"state": "running"}, 3),
        ({"state": "idle"}, 1),
        ({"state": "waiting"}, 0),
        ({"state": "paused"}, 0),
        ({"state": "running", "platform": "telegram"}, 0),
    ):
        assert len(flat(await every_page(sharded, **query))) == wanted, query


async def test_a_line_tells_the_state_of_its_session(service: Service) -> None:
    first = await service.send(user="456", chat_id="5")
    service.clock.step(2)
    await service.send("m2", chat_id="5")
    (line,) = (await service.get("/v1/sessions"))["sessions"]
    assert line == {
        "key": key("5"),
        "id": first["session"]["id"],
        "state": "running",
        "isolation": "per_user",
        "waiting": 1,
        "oldest_waiting_at": "2026-11-22T06:29:18.000Z",
        "run_id": first["run"]["id"],
        "run_started_at": "2026-11-22T06:29:16.000Z",
        "consumer": "gw-1",
        "lease_expires_at": "2026-11-22T06:29:46.000Z",
        "last_active_at": "2026-11-22T06:29:18.000Z",
    }


def cursor(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


BAD_CURSORS = [
    "x",
    "é",
    "====",
    cursor("nonsense"),
    cursor("[]"),
    cursor("[1]"),
    cursor("[1, 2, 3]"),
    cursor("{}"),
    cursor('["a", "b"]'),
    cursor("[null, null]"),
    cursor('[NaN, "a"]'),
    cursor('[Infinity, "a"]'),
    cursor('[-Infinity, "a"]'),
    cursor(f'[1{"0" * 400}, "a"]'),
    cursor('[0, "\\ud800"]'),
    cursor("[" * 5_000 + "]" * 5_000)[:8192],
    "x" * 8193,
]


@pytest.mark.parametrize("text", BAD_CURSORS, ids=range(len(BAD_CURSORS)))
@pytest.mark.parametrize("state", [{}, {"state": "running"}], ids=["by_key", "by_time"])
async def test_a_cursor_that_no_page_gave_is_refused(
    service: Service, text: str, state: dict[str, str]
) -> None:
    await service.send()
    response = await service.ask("GET", "/v1/sessions", params={"cursor": text, **state})
    assert response.status_code == 422
    assert [error["path"] for error in response.json()["errors"]] == ["cursor"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"state": "asleep"}, "state"),
        ({"platform": "Discord"}, "platform"),
        ({"chat": ""}, "chat"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_filter_that_does_not_fit_is_refused_with_its_path(
    service: Service, query: dict[str, Any], path: str
) -> None:
    response = await service.ask("GET", "/v1/sessions", params=query)
    assert response.status_code == 422
    assert [error["path"] for error in response.json()["errors"]] == [path]


@pytest.mark.parametrize("id_", HOSTILE)
async def test_a_session_is_found_under_its_encoded_key_whatever_its_ids(
    sharded: Service, id_: str
) -> None:
    sent = await sharded.send(message_id=id_, chat_id=id_, user=id_, agent=f"a{id_}", account=id_)
    name = sent["session"]["key"]
    detail = await sharded.session(name)
    assert detail["session"]["key"] == name
    assert detail["batch"][0]["message_id"] == id_
    (line,) = (await sharded.get("/v1/sessions", chat=id_, user=id_, agent=f"a{id_}"))["sessions"]
    assert line["key"] == name
    await sharded.heartbeat(sent["run"])
    held = await sharded.get("/v1/runs", consumer="gw-1")
    assert [run["session_key"] for run in held["runs"]] == [name]
    assert (await look_up(sharded, chat=id_, message_id=id_, agent=f"a{id_}", account=id_))[
        "session_key"
    ] == name
    await sharded.complete(sent["run"])
    by_platform = (await sharded.get("/v1/stats"))["by_platform"]
    assert list(by_platform) == ["discord"]


@pytest.mark.parametrize(
    "name",
    ["nonsense", "agent:main", key("1"), "agent:main:discord:group:a%3aB:1", " ", "agent:::"],
)
async def test_a_session_that_is_not_there_is_not_found(service: Service, name: str) -> None:
    response = await service.ask("GET", f"/v1/sessions/{quote(name, safe='')}")
    assert response.status_code == 404
    assert response.json()["type"].endswith(":unknown_session")


async def test_a_session_shows_run_queue_and_counters(service: Service) -> None:
    first = await service.send()
    await service.complete(first["run"])
    second = await service.send("m2")
    await service.send("m3")
    detail = await service.session(first["session"]["key"])
    assert detail["state"] == "running"
    assert detail["run"]["id"] == second["run"]["id"]
    assert detail["run"]["interrupt"]["message_id"] == "m3"
    assert [m["message_id"] for m in detail["batch"]] == ["m2"]
    assert [m["message_id"] for m in detail["queue"]] == ["m3"]
    assert detail["counters"] == {
        "accepted": 3,
        "waiting": 1,
        "in_run": 1,
        "done": 1,
        "dead": 0,
        "removed": 0,
    }


# --- messages ----------------------------------------------------------------------------


async def look_up(service: Service, chat: str = "123", **query: str) -> Json:
    defaults = {"platform": "discord", "chat_id": chat, "message_id": "m1"}
    return await service.get("/v1/messages", **{**defaults, **query})


def step(state: str, at: str, reason: str | None = None) -> Json:
    return {"state": state, "at": at, "reason": reason, "delivery": None}


async def test_a_message_is_followed_through_its_states(sharded: Service) -> None:
    run = (await sharded.send())["run"]
    assert (await look_up(sharded))["run_id"] == run["id"]
    sharded.clock.step(1)
    await sharded.send("m2")
    waiting = await look_up(sharded, message_id="m2")
    assert (waiting["state"], waiting["decision"], waiting["run_id"]) == (
        "waiting",
        "interrupt",
        None,
    )
    sharded.clock.step(1)
    following = (await sharded.complete(run, "interrupted"))["next"]
    assert (await look_up(sharded))["state"] == "done"
    assert (await look_up(sharded))["reason"] == "interrupted"
    assert (await look_up(sharded, message_id="m2"))["run_id"] == following["id"]
    sharded.clock.step(1)
    await sharded.complete(following)
    ended = await look_up(sharded, message_id="m2")
    assert ended == {
        "message_id": "m2",
        "session_key": key("123"),
        "state": "done",
        "reason": "completed",
        "decision": "interrupt",
        "run_id": following["id"],
        "history": [
            step("waiting", "2026-11-22T06:29:17.000Z"),
            step("in_run", "2026-11-22T06:29:18.000Z"),
            step("done", "2026-11-22T06:29:19.000Z", "completed"),
        ],
    }


async def test_a_message_is_looked_up_in_its_own_chat_alone(service: Service) -> None:
    await service.send(account="b")
    assert (await look_up(service, account="b"))["state"] == "in_run"
    for query in (
        {},
        {"account": "b", "chat_id": "124"},
        {"account": "b", "platform": "telegram"},
        {"account": "b", "agent": "other"},
        {"account": "b", "message_id": "m2"},
    ):
        wanted = {"platform": "discord", "chat_id": "123", "message_id": "m1", **query}
        response = await service.ask("GET", "/v1/messages", params=wanted)
        assert response.status_code == 404
        assert response.json()["type"].endswith(":unknown_message")


async def test_a_scope_counts_where_the_platform_has_scopes(service: Service) -> None:
    await service.send(platform="slack", scope="T1")
    found = await look_up(service, platform="slack", scope="T1")
    assert found["session_key"] == "agent:main:slack:group:scope:T1:123:456"
    response = await service.ask(
        "GET",
        "/v1/messages",
        params={"platform": "slack", "chat_id": "123", "message_id": "m1", "scope": "T2"},
    )
    assert response.status_code == 404
    await service.send(scope="guild")
    assert (await look_up(service))["state"] == "in_run"


# --- figures -----------------------------------------------------------------------------


async def test_figures_add_up_by_state_and_platform(sharded: Service) -> None:
    run = (await sharded.send())["run"]
    await sharded.complete(run)
    await sharded.send("m2")
    sharded.clock.step(3)
    await sharded.send("m3")
    await sharded.send(platform="telegram", chat_id="t")
    sharded.clock.step(4)
    stats = await sharded.get("/v1/stats")
    assert stats["messages"] == {
        "accepted": 4,
        "waiting": 1,
        "in_run": 2,
        "done": 1,
        "dead": 0,
        "removed": 0,
    }
    assert stats["sessions"] == {"idle": 0, "waiting": 0, "running": 2, "paused": 0}
    assert stats["queue"] == {"depth": 1, "oldest_wait_seconds": 4.0}
    assert set(stats["by_platform"]) == {"discord", "telegram"}
    assert stats["by_platform"]["telegram"]["messages"]["accepted"] == 1
    assert stats["by_platform"]["discord"]["queue"] == {"depth": 1, "oldest_wait_seconds": 4.0}


async def test_an_empty_store_has_figures_too(service: Service) -> None:
    stats = await service.get("/v1/stats")
    assert stats["messages"]["accepted"] == stats["queue"]["depth"] == 0
    assert stats["by_platform"] == {}
