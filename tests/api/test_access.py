"""Who may call what: tokens, roles, agents; and loopback where there are no tokens."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from app.tokens import Role
from tests.api.operations import OPERATIONS
from tests.service import Json, Service, message, running, write_token

ROLES: tuple[Role, ...] = ("gateway", "viewer", "operator")
KEY = quote("agent:main:discord:group:123:456", safe="")
RUN = "1795328956000001.0.YWdlbnQ6bWFpbjpkaXNjb3JkOmdyb3VwOjEyMzo0NTY"
LOOK_UP = "/v1/messages?platform=discord&chat_id=123&message_id=m1"
PARTS = {
    "key": KEY,
    "run_id": RUN,
    "seq": "1",
    "letter_id": "0.xxxxxxxxxxxxxxxxxxxxxx",
    "revision": "1",
}

READERS: set[str] = set(ROLES)
HOLDERS = {"gateway", "operator"}
ALONE = {"operator"}
# Who may make a call; None is anybody.
MAY: dict[str, set[str] | None] = {
    "admit": HOLDERS,
    "message": READERS,
    "amend": HOLDERS,
    "move": HOLDERS,
    "heartbeat": HOLDERS,
    "complete": HOLDERS,
    "seal": HOLDERS,
    "ask": HOLDERS,
    "claim": HOLDERS,
    "run": READERS,
    "runs": READERS,
    "signals": HOLDERS,
    "actions": READERS,
    "act_on_sessions": ALONE,
    "interrupt": ALONE,
    "reset": ALONE,
    "release": ALONE,
    "pause": ALONE,
    "resume": ALONE,
    "remove": HOLDERS,
    "delete_session": ALONE,
    "session": READERS,
    "sessions": READERS,
    "timeline": READERS,
    "bind": HOLDERS,
    "dead_letters": READERS,
    "redrive": ALONE,
    "discard": ALONE,
    "resolve": READERS,
    "policy": READERS,
    "put_policy": ALONE,
    "policy_version": READERS,
    "restore_policy": ALONE,
    "events": READERS,
    "routers": READERS,
    "consumers": READERS,
    "stats": READERS,
    "metrics": {"viewer", "operator"},
    "healthz": None,
    "readyz": None,
    "access": None,
}
# Method, path, the roles that may.
CALLS: list[tuple[str, str, set[str]]] = [
    (operation.method, operation.path(PARTS), roles)
    for operation in OPERATIONS
    if (roles := MAY.get(operation.name)) is not None
]
OPEN = ("/healthz", "/readyz", "/docs", "/openapi.json", "/dashboard", "/v1/access")


@pytest.fixture
async def guarded(store_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """Give a service with a token a role, and gateways of single agents."""
    tokens = tmp_path / "tokens.yaml"
    for role in ROLES:
        write_token(tokens, role, role)
    write_token(tokens, "second", "gateway")
    write_token(tokens, "of-main", "gateway", ("main",))
    write_token(tokens, "of-other", "gateway", ("other",))
    write_token(tokens, "sees-other", "viewer", ("other",))
    async with running(store_url, tokens_file=tokens) as service:
        yield service


def title(problem: Json) -> str:
    return str(problem["type"]).rpartition(":")[2]


def test_of_every_call_it_is_said_who_may_make_it() -> None:
    assert {operation.name for operation in OPERATIONS} == set(MAY)
    anybodys = {one.form for one in OPERATIONS if MAY[one.name] is None}
    assert anybodys == {path for path in OPEN if path in {one.form for one in OPERATIONS}}


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer gateway2",
        "Bearer GATEWAY",
        "Basic gateway",
        "gateway",
        "Token gateway",
        "Bearer gateway operator",
        "Bearer \xff",
    ],
)
async def test_without_a_known_token_nothing_is_answered(
    guarded: Service, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    for method, path, _roles in CALLS:
        response = await guarded.ask(method, path, headers=headers)  # type: ignore[arg-type]
        assert response.status_code == 401, path
        assert response.headers["www-authenticate"] == "Bearer"
        assert title(response.json()) == "unauthorized"


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_call_what_is_its_own_and_nothing_else(
    guarded: Service, role: str
) -> None:
    # A stream that a role may open is told that there is no room, for it would not end.
    app = guarded.app
    app.services = replace(app.services, streams_max=0)
    for method, path, roles in CALLS:
        response = await guarded.with_token(role).ask(method, path)
        if role in roles:
            full = "/v1/signals" in path or path == "/v1/events"
            assert response.status_code in ({429} if full else {200, 400, 404}), path
        else:
            assert response.status_code == 403, path
            assert title(response.json()) == "forbidden"


async def test_the_scheme_is_read_in_any_case(guarded: Service) -> None:
    response = await guarded.ask("GET", "/v1/stats", headers={"Authorization": "bEaReR viewer"})
    assert response.status_code == 200


async def test_a_refused_caller_is_not_listened_to(guarded: Service) -> None:
    read: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(1)
        yield b"{}"

    response = await guarded.ask("POST", "/v1/messages", content=body())
    assert (response.status_code, read) == (401, [])


@pytest.mark.parametrize("path", OPEN)
async def test_what_needs_no_token_answers_without_one(guarded: Service, path: str) -> None:
    assert (await guarded.ask("GET", path)).status_code == 200


async def test_another_agents_things_are_not_there(guarded: Service) -> None:
    own = guarded.with_token("of-main")
    run = (await own.send())["run"]
    stranger = guarded.with_token("of-other")
    body = {"fence": run["fence"], "outcome": "completed"}
    calls: list[tuple[str, str, Json | None, str]] = [
        ("POST", "/v1/messages", message("m2"), "unknown_agent"),
        ("POST", "/v1/resolve", {"source": message()["source"]}, "unknown_agent"),
        ("GET", LOOK_UP, None, "unknown_agent"),
        ("GET", f"/v1/sessions/{KEY}", None, "unknown_session"),
        ("GET", f"/v1/runs/{run['id']}", None, "unknown_run"),
        ("POST", f"/v1/runs/{run['id']}/heartbeat", {"fence": run["fence"]}, "unknown_run"),
        ("POST", f"/v1/runs/{run['id']}/complete", body, "unknown_run"),
    ]
    for method, path, sent, word in calls:
        response = await stranger.ask(method, path, json=sent)
        assert (response.status_code, title(response.json())) == (404, word), path
    assert (await own.get(f"/v1/runs/{run['id']}"))["state"] == "active"
    assert (await own.get(LOOK_UP.partition("?")[0], **_look_up()))["state"] == "in_run"


def _look_up() -> dict[str, str]:
    return {"platform": "discord", "chat_id": "123", "message_id": "m1"}


async def test_a_stranger_cannot_tell_what_is_another_agents_from_what_is_not_there(
    guarded: Service,
) -> None:
    run = (await guarded.with_token("of-main").send())["run"]
    stranger = guarded.with_token("of-other")
    never = run["id"].replace(str(run["fence"]), "17")
    for there, nowhere in (
        (f"/v1/runs/{run['id']}", f"/v1/runs/{never}"),
        (f"/v1/sessions/{KEY}", f"/v1/sessions/{KEY}9"),
    ):
        answers = [await stranger.ask("GET", path) for path in (there, nowhere)]
        assert answers[0].content == answers[1].content
        assert answers[0].status_code == answers[1].status_code == 404


async def test_lists_and_figures_show_the_tokens_agents_alone(guarded: Service) -> None:
    everyone = guarded.with_token("operator")
    await everyone.send("m1", agent="main")
    await everyone.send("m1", agent="other")
    await everyone.send("m2", agent="other", user="789")
    seen = guarded.with_token("sees-other")
    page = await seen.get("/v1/sessions")
    assert {line["key"].split(":")[1] for line in page["sessions"]} == {"other"}
    assert (await seen.get("/v1/sessions", agent="main"))["sessions"] == []
    stats = await seen.get("/v1/stats")
    assert stats["messages"]["accepted"] == stats["sessions"]["running"] == 2
    assert (await everyone.get("/v1/stats"))["messages"]["accepted"] == 3
    assert len((await everyone.get("/v1/runs", consumer="gw-1"))["runs"]) == 3


async def test_two_tokens_with_one_consumer_name_are_two_holders(guarded: Service) -> None:
    first, second = guarded.with_token("gateway"), guarded.with_token("second")
    run = (await first.send("m1"))["run"]
    assert (await second.get("/v1/runs", consumer="gw-1"))["runs"] == []
    again = await second.send("m1")
    assert (again["decision"], again["run"]) == ("duplicate", None)
    assert (await first.send("m1"))["run"] == run
    other = (await second.send("m2", chat_id="2"))["run"]
    held = [(await one.get("/v1/runs", consumer="gw-1"))["runs"] for one in (first, second)]
    assert [[one["id"] for one in runs] for runs in held] == [[run["id"]], [other["id"]]]
    assert held[0][0]["consumer"] == held[1][0]["consumer"] == "gw-1"


async def test_a_token_is_in_no_answer(guarded: Service) -> None:
    response = await guarded.ask(
        "GET", "/v1/stats", headers={"Authorization": "Bearer srt_verysecret"}
    )
    assert "verysecret" not in response.text


# --- no tokens at all ------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1"])
async def test_without_tokens_this_machine_may_do_everything(service: Service, host: str) -> None:
    response = await service.ask("GET", "/v1/stats", client=(host, 1))
    assert response.status_code == 200


@pytest.mark.parametrize("host", ["10.0.0.1", "203.0.113.9", "::2", "fe80::1", "testclient", ""])
@pytest.mark.parametrize("authorization", [{}, {"Authorization": "Bearer whatever"}])
async def test_without_tokens_another_machine_is_refused(
    service: Service, host: str, authorization: dict[str, str]
) -> None:
    for method, path, _roles in CALLS:
        response = await service.ask(method, path, client=(host, 1), headers=authorization)
        assert response.status_code == 403
        assert title(response.json()) == "loopback_only"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example:8080",
        "http://evil.example@10.0.0.1",
        "null",
        "",
        "http://[",
        "http://[::1",
        "//",
        "file://",
    ],
)
async def test_without_tokens_another_sites_page_is_refused(service: Service, origin: str) -> None:
    for method, path in (("POST", "/v1/messages"), ("GET", "/v1/stats")):
        response = await service.ask(method, path, headers={"Origin": origin})
        assert response.status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:8080", "http://localhost:3000", "http://[::1]:8080"]
)
async def test_without_tokens_a_page_of_this_machine_may(service: Service, origin: str) -> None:
    assert (await service.ask("GET", "/v1/stats", headers={"Origin": origin})).status_code == 200


async def test_without_tokens_a_name_that_is_rebound_to_this_machine_is_refused(
    service: Service,
) -> None:
    response = await service.ask("GET", "/v1/stats", headers={"Host": "evil.example:8080"})
    assert response.status_code == 403
