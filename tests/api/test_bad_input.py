"""What the service refuses, how it says so, and that nothing is stored of it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.service import SOURCE, Json, Service, message

MESSAGE = message()
RUN = "1795328956000001.0.YWdlbnQ6bWFpbjpkaXNjb3JkOmdyb3VwOjEyMzo0NTY"
RUN_CALLS = (f"/v1/runs/{RUN}/heartbeat", f"/v1/runs/{RUN}/complete")
SEAL_CALL, CLAIM_CALL, AMEND_CALL = f"/v1/runs/{RUN}/seal", "/v1/runs/claim", "/v1/messages/amend"
BIND_CALL = "/v1/sessions/agent%3Amain%3Adiscord%3Agroup%3A123%3A456/threads"
OTHER_CALLS = (SEAL_CALL, CLAIM_CALL, AMEND_CALL, BIND_CALL)
KIB = 1024


def source(**fields: Any) -> Json:
    """A message whose source has these fields too; None takes one away."""
    merged = {**SOURCE, **fields}
    return {**MESSAGE, "source": {n: v for n, v in merged.items() if v is not None}}


def without(name: str) -> Json:
    return {n: v for n, v in MESSAGE.items() if n != name}


async def refused(service: Service, path: str, status: int, **content: Any) -> Json:
    """Send what must be refused, and that nothing is stored; return the problem."""
    response = await service.ask("POST", path, **content)
    assert response.status_code == status, response.text
    stats = await service.get("/v1/stats")
    assert stats["messages"]["accepted"] == 0
    problem: Json = response.json()
    return problem


def paths(problem: Json) -> list[str]:
    return [error["path"] for error in problem.get("errors", [])]


INVALID: list[tuple[str, Json, str]] = [
    ("an unknown field", {**MESSAGE, "extra": 1}, "extra"),
    ("an unknown field of the source", source(guild="1"), "source.guild"),
    (
        "an unknown field of reply_to",
        {**MESSAGE, "reply_to": {"message_id": "1", "x": 1}},
        "reply_to.x",
    ),
    ("a reply_to without an id", {**MESSAGE, "reply_to": {"user_id": "1"}}, "reply_to.message_id"),
    ("a reply_to that is a flag", {**MESSAGE, "reply_to": True}, "reply_to"),
    ("no message_id", without("message_id"), "message_id"),
    ("no consumer", without("consumer"), "consumer"),
    ("no source", without("source"), "source"),
    ("a source of null", {**MESSAGE, "source": None}, "source"),
    ("a source that is a text", {**MESSAGE, "source": "discord"}, "source"),
    ("no platform", source(platform=None), "source.platform"),
    ("no chat type", source(chat_type=None), "source.chat_type"),
    ("no chat", source(chat_id=None), "source.chat_id"),
    ("no user", source(user_id=None), "source.user_id"),
    ("a dm of nobody", source(chat_type="dm", chat_id=None, user_id=None), "source.chat_id"),
    ("a thread without its id", source(chat_type="thread"), "source.thread_id"),
    ("an unknown chat type", source(chat_type="guild"), "source.chat_type"),
    ("a platform in capitals", source(platform="Discord"), "source.platform"),
    ("a platform with a colon", source(platform="dis:cord"), "source.platform"),
    ("a platform with a line end", source(platform="discord\n"), "source.platform"),
    ("a platform in other letters", source(platform="díscord"), "source.platform"),
    ("a platform of 33 letters", source(platform="d" * 33), "source.platform"),
    ("an empty platform", source(platform=""), "source.platform"),
    ("an empty message_id", {**MESSAGE, "message_id": ""}, "message_id"),
    ("a message_id of 513", {**MESSAGE, "message_id": "x" * 513}, "message_id"),
    ("a message_id that is a flag", {**MESSAGE, "message_id": True}, "message_id"),
    ("a message_id that is a float", {**MESSAGE, "message_id": 1.5}, "message_id"),
    ("a message_id that is a whole float", {**MESSAGE, "message_id": 1.0}, "message_id"),
    ("a message_id of null", {**MESSAGE, "message_id": None}, "message_id"),
    ("a message_id that is a list", {**MESSAGE, "message_id": ["1"]}, "message_id"),
    ("a message_id of 600 digits", {**MESSAGE, "message_id": 10**600}, "message_id"),
    ("an empty user_id", source(user_id=""), "source.user_id"),
    ("an empty chat_id", source(chat_id=""), "source.chat_id"),
    ("a chat_id that is a flag", source(chat_id=False), "source.chat_id"),
    ("an empty consumer", {**MESSAGE, "consumer": ""}, "consumer"),
    ("an empty agent", {**MESSAGE, "agent": ""}, "agent"),
    ("a name that is a number", source(user_name=5), "source.user_name"),
    ("an alias that is a flag", source(user_aliases=["1", True]), "source.user_aliases.1"),
    ("too many aliases", source(user_aliases=["a"] * 17), "source.user_aliases"),
    ("a mention that is a flag", {**MESSAGE, "mentions": [True]}, "mentions.0"),
    ("too many mentions", {**MESSAGE, "mentions": ["a"] * 101}, "mentions"),
    ("a text that is a number", {**MESSAGE, "text": 5}, "text"),
    ("a text of null", {**MESSAGE, "text": None}, "text"),
    ("an unknown kind", {**MESSAGE, "kind": "shout"}, "kind"),
    ("an unknown control", {**MESSAGE, "control": "restart"}, "control"),
    ("an unknown busy mode", {**MESSAGE, "busy": "panic"}, "busy"),
    ("an unknown dispatch", {**MESSAGE, "dispatch": "later"}, "dispatch"),
    ("a flag in words", source(is_bot="sometimes"), "source.is_bot"),
]


@pytest.mark.parametrize(
    ("body", "path"), [row[1:] for row in INVALID], ids=[r[0] for r in INVALID]
)
async def test_a_message_that_does_not_fit_is_refused_with_its_path(
    service: Service, body: Json, path: str
) -> None:
    problem = await refused(service, "/v1/messages", 422, json=body)
    # Where a field may have one of two forms, each says what it misses: at the field itself too.
    assert path in paths(problem)
    assert set(paths(problem)) <= {path, path.partition(".")[0] if "reply_to" in path else path}
    assert all(error["message"] for error in problem["errors"])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
async def test_a_number_that_json_cannot_give_back_is_refused(
    service: Service, number: str
) -> None:
    body = json.dumps(MESSAGE)[:-1] + f', "payload": {{"a": [1, {{"b": {number}}}]}}}}'
    problem = await refused(service, "/v1/messages", 422, content=body)
    assert [path.split(".", 1)[0] for path in paths(problem)] == ["payload"]


async def test_every_wrong_field_is_named_at_once(service: Service) -> None:
    body = {**source(platform="X", chat_type=5), "extra": 1, "text": 2}
    problem = await refused(service, "/v1/messages", 422, json=body)
    assert set(paths(problem)) == {"source.platform", "source.chat_type", "extra", "text"}


async def test_an_answer_to_ten_thousand_wrong_fields_is_short(service: Service) -> None:
    body = {**MESSAGE, **{f"x{number}": 1 for number in range(10_000)}}
    response = await service.ask("POST", "/v1/messages", json=body)
    assert response.status_code == 422
    assert len(response.content) < 64 * KIB


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        ("/v1/resolve", {"source": SOURCE, "extra": 1}, "extra"),
        ("/v1/resolve", {}, "source"),
        ("/v1/resolve", {"source": {**SOURCE, "user_id": None}}, "source.user_id"),
        (RUN_CALLS[0], {}, "fence"),
        (RUN_CALLS[0], {"fence": "1"}, "fence"),
        (RUN_CALLS[0], {"fence": -1}, "fence"),
        (RUN_CALLS[0], {"fence": 2**53}, "fence"),
        (RUN_CALLS[0], {"fence": 1.5}, "fence"),
        (RUN_CALLS[0], {"fence": True}, "fence"),
        (RUN_CALLS[0], {"fence": 1, "extra": 1}, "extra"),
        (RUN_CALLS[0], {"fence": 1, "status": "x" * 201}, "status"),
        (RUN_CALLS[0], {"fence": 1, "usage": {"tokens": 1}}, "usage.tokens"),
        (RUN_CALLS[0], {"fence": 1, "usage": {"context_tokens": -1}}, "usage.context_tokens"),
        (RUN_CALLS[0], {"fence": 1, "usage": {"cost_usd": -0.1}}, "usage.cost_usd"),
        (RUN_CALLS[0], {"fence": 1, "usage": []}, "usage"),
        (SEAL_CALL, {}, "fence"),
        (SEAL_CALL, {"fence": 2**53}, "fence"),
        (SEAL_CALL, {"fence": 1, "seen": "m1"}, "seen"),
        (SEAL_CALL, {"fence": 1, "seen": [True]}, "seen.0"),
        (SEAL_CALL, {"fence": 1, "seen": ["m"] * 1001}, "seen"),
        (SEAL_CALL, {"fence": 1, "outcome": "completed"}, "outcome"),
        (CLAIM_CALL, {}, "consumer"),
        (CLAIM_CALL, {"consumer": ""}, "consumer"),
        (CLAIM_CALL, {"consumer": "a", "max": 0}, "max"),
        (CLAIM_CALL, {"consumer": "a", "max": 101}, "max"),
        (CLAIM_CALL, {"consumer": "a", "wait_seconds": 30.1}, "wait_seconds"),
        (CLAIM_CALL, {"consumer": "a", "wait_seconds": -1}, "wait_seconds"),
        (CLAIM_CALL, {"consumer": "a", "agents": []}, "agents"),
        (CLAIM_CALL, {"consumer": "a", "agents": "main"}, "agents"),
        (CLAIM_CALL, {"consumer": "a", "platforms": ["discord", "X"]}, "platforms.1"),
        (CLAIM_CALL, {"consumer": "a", "accounts": ["a", 1.5]}, "accounts.1"),
        (CLAIM_CALL, {"consumer": "a", "sessions": ["s"] * 101}, "sessions"),
        (CLAIM_CALL, {"consumer": "a", "request_id": ""}, "request_id"),
        (CLAIM_CALL, {"consumer": "a", "chat": "1"}, "chat"),
        (AMEND_CALL, {"source": SOURCE, "text": "x"}, "message_id"),
        (AMEND_CALL, {"message_id": "m1", "text": "x"}, "source"),
        (AMEND_CALL, {"source": SOURCE, "message_id": "m1"}, ""),
        (AMEND_CALL, {"source": SOURCE, "message_id": "m1", "text": "x", "delete": True}, ""),
        (AMEND_CALL, {"source": SOURCE, "message_id": "m1", "text": 5}, "text"),
        (AMEND_CALL, {"source": SOURCE, "message_id": "m1", "delete": "maybe"}, "delete"),
        (AMEND_CALL, {"source": SOURCE, "message_id": "m1", "text": "x", "kind": "user"}, "kind"),
        (BIND_CALL, {}, "thread_id"),
        (BIND_CALL, {"thread_id": ""}, "thread_id"),
        (BIND_CALL, {"thread_id": "x" * 513}, "thread_id"),
        (BIND_CALL, {"thread_id": "1", "session": "2"}, "session"),
        (RUN_CALLS[1], {"fence": 1}, "outcome"),
        (RUN_CALLS[1], {"fence": 1, "outcome": "lease_expired"}, "outcome"),
        (RUN_CALLS[1], {"fence": 1, "outcome": "completed", "extra": 1}, "extra"),
        (RUN_CALLS[1], {"fence": 1, "outcome": "completed", "reason": "x" * 501}, "reason"),
        (RUN_CALLS[1], {"fence": 1, "outcome": "completed", "next": None}, "next"),
    ],
)
async def test_other_bodies_that_do_not_fit_are_refused_with_their_path(
    service: Service, path: str, body: Json, wrong: str
) -> None:
    assert paths(await refused(service, path, 422, json=body)) == [wrong]


DEEP = "[" * 5_000 + "]" * 5_000
MALFORMED: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("a brace", b"{"),
    ("words", b"hello"),
    ("a form", b"message_id=1&consumer=gw"),
    ("a comma too many", json.dumps(MESSAGE).encode()[:-1] + b",}"),
    ("two documents", json.dumps(MESSAGE).encode() * 2),
    ("bytes that are no UTF-8", json.dumps(MESSAGE).encode().replace(b"text of", b"\xff\xfe")),
    ("UTF-16", json.dumps(MESSAGE).encode("utf-16")),
    ("half a surrogate pair", json.dumps(MESSAGE).encode().replace(b"text of", b"\\ud800")),
    ("the other half", json.dumps(MESSAGE).encode().replace(b"text of", b"\\udc00 x")),
    ("half a pair in an id", json.dumps({**MESSAGE, "message_id": "\ud800"}).encode()),
    ("deep nesting", json.dumps(MESSAGE).encode()[:-1] + f', "payload": {DEEP}}}'.encode()),
    ("a huge number", json.dumps(MESSAGE).encode()[:-1] + b', "payload": ' + b"9" * 9_000 + b"}"),
    ("a zero byte", b"\0"),
]


@pytest.mark.parametrize("body", [row[1] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
async def test_what_is_no_json_is_refused_as_malformed(service: Service, body: bytes) -> None:
    problem = await refused(service, "/v1/messages", 400, content=body)
    assert problem["type"].endswith(":malformed_body")


@pytest.mark.parametrize("body", ["[]", "null", '"text"', "5", "true", "[{}]"])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/resolve", *RUN_CALLS, *OTHER_CALLS])
async def test_json_that_is_no_object_is_refused(service: Service, path: str, body: str) -> None:
    problem = await refused(service, path, 422, content=body)
    assert paths(problem) == [""]


# --- sizes -------------------------------------------------------------------------------


async def test_a_text_of_160_kib_is_taken_and_one_more_byte_is_not(service: Service) -> None:
    problem = await refused(
        service, "/v1/messages", 413, json={**MESSAGE, "text": "x" * (160 * KIB + 1)}
    )
    assert paths(problem) == ["text"]
    problem = await refused(
        service, "/v1/messages", 413, json={**MESSAGE, "text": "é" * (80 * KIB) + "x"}
    )
    assert paths(problem) == ["text"]
    answer = await service.post("/v1/messages", {**MESSAGE, "text": "x" * (160 * KIB)})
    assert len(answer["run"]["text"]) == 160 * KIB


async def test_a_payload_of_64_kib_is_taken_and_one_more_byte_is_not(service: Service) -> None:
    fits = ["x" * (64 * KIB - len('[""]'))]
    problem = await refused(
        service, "/v1/messages", 413, json={**MESSAGE, "payload": [fits[0] + "x"]}
    )
    assert paths(problem) == ["payload"]
    answer = await service.post("/v1/messages", {**MESSAGE, "payload": fits})
    assert answer["run"]["messages"][0]["payload"] == fits


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/resolve", *RUN_CALLS, *OTHER_CALLS])
async def test_a_body_over_256_kib_is_refused_by_its_announced_length(
    service: Service, path: str
) -> None:
    await refused(service, path, 413, content=b" " * (256 * KIB + 1))


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/resolve", *RUN_CALLS, *OTHER_CALLS])
async def test_a_body_that_never_ends_is_not_read_on(service: Service, path: str) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            assert sent < 10_000 * KIB, "the service reads for ever"
            sent += 16 * KIB
            yield b" " * (16 * KIB)

    await refused(service, path, 413, content=endless())
    assert sent <= (256 + 2 * 16) * KIB


async def test_a_body_of_256_kib_is_read(service: Service) -> None:
    body = json.dumps(MESSAGE).encode()
    response = await service.ask("POST", "/v1/messages", content=body.ljust(256 * KIB))
    assert response.status_code == 200


# --- what is odd, but fine -----------------------------------------------------------------


@pytest.mark.parametrize("message_id", [0, -5, 9007199254740993, 10**300])
async def test_an_integer_id_is_kept_as_its_digits(service: Service, message_id: int) -> None:
    first = await service.post("/v1/messages", {**MESSAGE, "message_id": message_id})
    assert first["run"]["messages"][0]["message_id"] == str(message_id)
    again = await service.post("/v1/messages", {**MESSAGE, "message_id": str(message_id)})
    assert again["decision"] == "duplicate"


async def test_integer_ids_everywhere_are_as_good_as_texts(service: Service) -> None:
    first = await service.post("/v1/messages", source(chat_id=123, user_id=456))
    assert first["session"]["key"] == "agent:main:discord:group:123:456"
    assert first["run"]["route"]["chat_id"] == "123"


@pytest.mark.parametrize(
    "text", ["", " ", "\0", "a\r\nb", "\u202e", "𝄞", "null", '"\\', "{}", "x" * 4000]
)
async def test_any_text_and_id_comes_back_as_it_was(service: Service, text: str) -> None:
    message_id, payload = (text or "empty")[:512], {text: [text, 1e308, 12345678901234567890]}
    body = {**MESSAGE, "message_id": message_id, "text": text, "payload": payload}
    given = (await service.post("/v1/messages", body))["run"]["messages"][0]
    assert (given["message_id"], given["text"], given["payload"]) == (message_id, text, payload)


@pytest.mark.parametrize("payload", [None, [], {}, "", 0, False, [[]], [{}], 0.1, {"": None}])
async def test_any_payload_comes_back_as_it_was(service: Service, payload: Any) -> None:
    given = (await service.post("/v1/messages", {**MESSAGE, "payload": payload}))["run"]
    assert given["messages"][0]["payload"] == payload
    assert type(given["messages"][0]["payload"]) is type(payload)


# --- runs and addresses that are not there -------------------------------------------------

NO_RUNS = [
    "x",
    "1.0.x",
    "1795328956000001.0.",
    RUN,
    RUN.replace(".0.", ".7."),
    RUN + "=",
    RUN + "A",
    "0" + RUN,
    "1.0." + "A" * 3000,
    "1.0.%FF",
    "%C3%A9",
    "1.0.YWdlbnQ",
]


@pytest.mark.parametrize("run_id", NO_RUNS)
async def test_an_unknown_run_is_not_found_by_any_call(service: Service, run_id: str) -> None:
    for method, call, body in (
        ("GET", "", None),
        ("POST", "/heartbeat", {"fence": 1}),
        ("POST", "/complete", {"fence": 1, "outcome": "completed"}),
    ):
        response = await service.ask(method, f"/v1/runs/{run_id}{call}", json=body)
        assert response.status_code == 404
        assert response.json()["type"].endswith(":unknown_run")


async def test_a_wrong_fence_is_lease_lost_and_changes_nothing(service: Service) -> None:
    run = (await service.send())["run"]
    for call in ("heartbeat", "complete"):
        for fence in (0, run["fence"] - 1, run["fence"] + 1):
            body = {"fence": fence} | ({"outcome": "completed"} if call == "complete" else {})
            response = await service.ask("POST", f"/v1/runs/{run['id']}/{call}", json=body)
            assert response.status_code == 409
            assert response.json()["type"].endswith(":lease_lost")
    assert (await service.get(f"/v1/runs/{run['id']}"))["state"] == "active"


async def test_an_ended_run_is_lease_lost(service: Service) -> None:
    run = (await service.send())["run"]
    await service.complete(run)
    response = await service.ask(
        "POST", f"/v1/runs/{run['id']}/heartbeat", json={"fence": run["fence"]}
    )
    assert response.status_code == 409


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"consumer": ""}, "consumer"),
        ({}, "consumer"),
        ({"consumer": "a", "other": "b"}, "other"),
    ],
)
async def test_a_query_that_does_not_fit_is_refused_with_its_path(
    service: Service, query: dict[str, str], path: str
) -> None:
    response = await service.ask("GET", "/v1/runs", params=query)
    assert response.status_code == 422
    assert paths(response.json()) == [path]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/messages", 404),
        ("GET", "/", 404),
        ("DELETE", "/v1/messages", 405),
        ("PUT", "/v1/stats", 405),
        ("GET", "/v1/sessions/a/b", 404),
        ("GET", "/v1/runs/x/heartbeat", 405),
    ],
)
async def test_what_is_not_there_is_a_problem_too(
    service: Service, method: str, path: str, status: int
) -> None:
    response = await service.ask(method, path)
    assert response.status_code == status
    if status == 405:
        assert response.headers["allow"]
