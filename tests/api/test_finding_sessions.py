"""Sessions are found by their oldest wait, or by a part of their key, at a bounded price."""

from typing import Any

import pytest
from redis import Redis

from app.store import pages, session_lists
from tests.api.test_sessions import every_page, flat, key, sharded
from tests.service import Json, Service

__all__ = ["sharded"]


async def test_by_the_oldest_wait_those_come_in_which_something_waits(sharded: Service) -> None:
    for chat in ("3", "1", "2"):
        await sharded.send("m1", chat_id=chat)
    await sharded.send("m1", chat_id="nothing waits")
    for chat in ("2", "3", "1"):
        sharded.clock.step(1)
        await sharded.send("m2", chat_id=chat, kind="internal")
    wanted = [key("2"), key("3"), key("1")]
    for limit in (1, 2, 50):
        assert flat(await every_page(sharded, order="oldest_wait", limit=limit)) == wanted
    assert flat(await every_page(sharded, order="oldest_wait", state="paused")) == []
    assert flat(await every_page(sharded, order="oldest_wait", state="running")) == wanted
    assert flat(await every_page(sharded, order="oldest_wait", chat="3")) == [key("3")]


async def test_a_part_of_a_key_finds_its_sessions(sharded: Service) -> None:
    for chat, user in (("100", "7"), ("1001", "8"), ("200", "100"), ("a:b", "9")):
        await sharded.send("m1", user, chat_id=chat)
    for search, wanted in (
        ("100", [key("100", "7"), key("1001", "8"), key("200", "100")]),
        (":100:", [key("100", "7")]),
        ("group:2", [key("200", "100")]),
        ("a%3Ab", [key("a%3Ab", "9")]),
        ("a:b", []),
        ("GROUP", []),
        ("%", [key("a%3Ab", "9")]),
        ("[0-9]", []),
    ):
        for limit in (1, 50):
            found = flat(await every_page(sharded, search=search, limit=limit))
            assert found == sorted(wanted), search
    assert flat(await every_page(sharded, search="100", user="8")) == [key("1001", "8")]
    assert flat(await every_page(sharded, search="100", state="running", chat="200")) == [
        key("200", "100")
    ]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"search": ""}, "search"),
        ({"search": "x" * 513}, "search"),
        ({"order": "newest"}, "order"),
    ],
)
async def test_a_bad_wish_is_refused_with_its_path(
    service: Service, query: dict[str, Any], path: str
) -> None:
    response = await service.ask("GET", "/v1/sessions", params=query)
    assert response.status_code == 422
    assert [error["path"] for error in response.json()["errors"]] == [path]


@pytest.fixture
def little_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LOOKED_AT_MAX", 4)
    monkeypatch.setattr(pages, "SESSIONS_LOOKED_AT_MAX", 4)
    monkeypatch.setattr(session_lists, "STEPS_MAX", 2)


@pytest.mark.usefixtures("little_looks")
@pytest.mark.parametrize("state", [{}, {"state": "running"}, {"state": "running", "limit": 3}])
async def test_what_few_fit_is_found_over_short_pages_each_once(
    sharded: Service, state: Json
) -> None:
    for number in range(30):
        await sharded.send("m1", f"u{number % 10}", chat_id=f"{number:02}")
        if number % 7 == 0:
            sharded.clock.step(1)
    for query, wanted in (
        ({"user": "u3"}, {key(chat, "u3") for chat in ("03", "13", "23")}),
        ({"chat": "29"}, {key("29", "u9")}),
        ({"search": ":u0"}, {key(chat, "u0") for chat in ("00", "10", "20")}),
        ({"user": "nobody"}, set()),
        ({"search": "nothing"}, set()),
    ):
        found = await every_page(sharded, **query, **{"limit": 2, **state})
        assert sorted(flat(found)) == sorted(wanted)
        assert len(found) > 1, "one call looked at everything"


async def test_whatever_is_asked_no_call_scans_and_its_work_is_bounded(
    service: Service, store_url: str
) -> None:
    sessions = 300
    for number in range(sessions):
        await service.send("m1", f"u{number}", chat_id=f"{number:04}")
        await service.send("m2", f"u{number}", chat_id=f"{number:04}")
    with Redis.from_url(store_url, decode_responses=True) as redis:
        for query in (
            {},
            {"limit": 10},
            {"state": "running", "limit": 10},
            {"state": "idle", "limit": 10},
            {"order": "oldest_wait", "limit": 10},
            {"chat": "0150"},
            {"user": "u150"},
            {"search": "nothing"},
        ):
            redis.config_resetstat()
            page = await service.get("/v1/sessions", **query)
            stats = redis.info("commandstats")
            calls = {name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()}
            assert not {"keys", "scan", "sscan", "hscan", "zscan", "sort"} & set(calls), query
            assert calls.get("zrangebylex", 0) + calls.get("zrangebyscore", 0) <= 30, query
            # A shown session is read once, and of the others at most the participants.
            most_read = 2 * sessions + 2 * max(len(page["sessions"]), 200)
            assert calls.get("get", 0) + calls.get("mget", 0) <= most_read, query
            assert "smembers" in calls


async def test_no_view_of_operators_scans(service: Service, store_url: str) -> None:
    await service.send("m1")
    with Redis.from_url(store_url, decode_responses=True) as redis:
        redis.config_resetstat()
        for path in (
            *("/v1/sessions", "/v1/stats", "/v1/actions", "/v1/routers", "/v1/consumers"),
            *("/v1/dead-letters", "/v1/policy", "/v1/sessions/agent%3Amain%3Amain/timeline"),
        ):
            await service.ask("GET", path)
        calls = {name.removeprefix("cmdstat_") for name in redis.info("commandstats")}
    assert not {"keys", "scan", "sscan", "hscan", "zscan"} & calls
