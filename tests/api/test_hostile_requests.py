"""Requests that mean no good: oddly addressed, too deep, of another's things."""

import json
import logging
from collections.abc import Iterator

import pytest

from app.logs import JsonLines, Lines, TextLines
from tests.api.operations import OPERATIONS
from tests.faults.services import Service as Process
from tests.service import Service, message, write_token
from tests.survival.servers import Hanging

MESSAGE = message()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Give a service as it is run, with a token, on a real port."""
    folder = tmp_path_factory.mktemp("hostile")
    write_token(folder / "tokens.yaml", "operator", "operator")
    with Process(folder / "service", "--tokens", str(folder / "tokens.yaml")) as running_one:
        running_one.await_ready()
        yield running_one
        assert not running_one.errors


def asked(process: Process, text: str) -> bytes:
    """Send these very bytes, and read until the service closes or has answered."""
    client = Hanging(process.port, text)
    try:
        return client.read_until(b"\r\n\r\n")
    finally:
        client.close()


# --- heads and paths -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: -1",
        "Content-Length: 0x10",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
        "X-A: a\nX-B: b\r\n X-C: folded",
        "X-A\x00: a",
    ],
)
def test_heads_that_two_servers_may_read_differently_are_refused(
    process: Process, headers: str
) -> None:
    text = f"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n\r\n0\r\n\r\n"
    got = asked(process, text)
    assert int(got.split()[1]) in {400, 401}
    assert b"content-type: application/problem+json" in got


@pytest.mark.parametrize(
    "path",
    [
        "//v1/stats",
        "/v1//stats",
        "/v1/stats/",
        "/v1/./stats",
        "/healthz/../v1/stats",
        "/docs/..%2fv1/stats",
        "/%76%31/stats",
        "/v1/stats%00",
        "/v1/stats;a=b",
        "/v1/stats%3f",
        "/V1/STATS",
        "/v1/sessions/agent%3amain%3a..%2f..",
        "/healthz%2f..%2fv1%2fstats",
        "http://127.0.0.1/v1/stats",
        "/docs?/../v1/stats",
    ],
)
def test_no_spelling_of_a_path_leads_past_the_tokens(process: Process, path: str) -> None:
    got = asked(process, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    status = int(got.split()[1])
    assert status in {401, 404} or path.startswith("/docs?")


async def test_no_call_has_a_second_spelling(service: Service) -> None:
    parts = {"key": "agent%3Amain%3Amain", "run_id": "r", "seq": "1", "letter_id": "l"}
    for operation in OPERATIONS:
        path = operation.form.format_map({**parts, "revision": "1"})
        for behind in ("%0A", "/", "/%0A"):
            response = await service.ask(operation.method, path + behind, content=b"{}")
            assert response.status_code == 404, path + behind


async def test_a_slash_in_a_key_has_no_second_spelling(service: Service) -> None:
    policy = {"version": 1, "defaults": {"isolation": "person"}}
    (await service.ask("PUT", "/v1/policy", json=policy)).raise_for_status()
    source = {"platform": "slack", "scope": "T1", "chat_type": "group", "chat_id": "C1"}
    body = {**message(), "source": {**source, "user_id": "U1"}}
    key = (await service.post("/v1/messages", body))["session"]["key"]
    assert key == "agent:main:person:slack:T1/U1"
    for slash, status in (("%2F", 200), ("%2f", 200), ("%00", 404), ("%ED%A0%80", 404)):
        response = await service.ask("GET", f"/v1/sessions/{key.replace('/', slash)}")
        assert response.status_code == status, slash


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For: 127.0.0.1",
        "Forwarded: for=127.0.0.1",
        "X-Original-URL: /healthz",
        "X-Rewrite-URL: /healthz",
        "X-HTTP-Method-Override: GET",
        "Authorization: Bearer wrong\r\nAuthorization: Bearer operator",
        "Cookie: token=operator",
        "Proxy-Authorization: Bearer operator",
        "X-Authorization: Bearer operator",
    ],
)
def test_no_other_header_stands_for_a_token(process: Process, header: str) -> None:
    got = asked(process, f"GET /v1/stats HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 401 ")


def test_a_token_is_not_read_from_the_address(process: Process) -> None:
    path = "/v1/stats?token=operator&access_token=operator"
    got = asked(process, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 401 ")


# --- bombs ---------------------------------------------------------------------------------

DEEP = b"[" * 100_000 + b"]" * 100_000
BOMBS: list[tuple[str, bytes, set[int]]] = [
    ("lists in lists", DEEP, {400}),
    ("objects in objects", b'{"a":' * 40_000 + b"1" + b"}" * 40_000, {400}),
    ("an open end", b"[" * 250_000, {400}),
    ("a number of a quarter of a million digits", b"1" * 250_000, {400, 422}),
    ("an exponent", b'{"version": 1e999999999}', {400, 422}),
    ("a million commas", b"[" + b"1," * 120_000 + b"1]", {422}),
    ("many keys", b"{" + b",".join(b'"k%d":1' % n for n in range(20_000)) + b"}", {422}),
    ("escapes", b'{"a": "' + b"\\u0000" * 40_000 + b'"}', {422}),
]


@pytest.mark.parametrize("bomb", BOMBS, ids=[name for name, _, _ in BOMBS])
async def test_bombs_of_json_are_refused_everywhere(
    service: Service, bomb: tuple[str, bytes, set[int]]
) -> None:
    run = (await service.send())["run"]
    for method, path in (
        ("PUT", "/v1/policy"),
        ("POST", "/v1/resolve"),
        ("POST", "/v1/messages"),
        ("POST", "/v1/messages/amend"),
        ("POST", "/v1/runs/claim"),
        ("POST", f"/v1/runs/{run['id']}/heartbeat"),
        ("POST", f"/v1/runs/{run['id']}/seal"),
        ("POST", f"/v1/runs/{run['id']}/complete"),
        ("POST", "/v1/sessions/agent%3Amain%3Adiscord%3Agroup%3A123%3A456/threads"),
        ("POST", "/v1/sessions/agent%3Amain%3Adiscord%3Agroup%3A123%3A456/reset"),
    ):
        response = await service.ask(method, path, content=bomb[1])
        assert response.status_code in bomb[2], (path, response.text[:200])


async def test_of_a_key_that_stands_twice_the_last_counts_and_comes_back_alone(
    service: Service,
) -> None:
    body = json.dumps(MESSAGE)[:-1] + ', "text": "first", "text": "last", "payload": {"a":1,"a":2}}'
    response = await service.ask("POST", "/v1/messages", content=body.encode())
    given = response.json()["run"]["messages"][0]
    assert (given["text"], given["payload"]) == ("last", {"a": 2})


# --- the log -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    ["a\nERROR forged: line", "a\r\nforged", "a\x1b[2Jb", "a\u2028b", "a\x85b", "a\x00b"],
)
@pytest.mark.parametrize("lines", [TextLines(), JsonLines()])
def test_no_text_begins_a_line_of_the_log(lines: Lines, said: str) -> None:
    error = (ValueError, ValueError(said), None)
    record = logging.LogRecord("x", logging.ERROR, "", 1, "%s failed", (said,), error)
    written = lines.format(record)
    assert not set(written) & set("\r\x1b\u2028\x85\x00")
    assert all(line.startswith("    ") for line in written.split("\n")[1:])
