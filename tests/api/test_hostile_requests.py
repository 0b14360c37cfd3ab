"""Requests that mean no good: slow, endless, oddly addressed, too deep, of another's things."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app import bounded_requests
from app.api import patience
from app.bounded_requests import HEAD_BYTES_MAX, BoundedRequests
from app.logs import JsonLines, Lines, TextLines
from tests.faults.services import Service as Process
from tests.service import Service, message, running, write_token
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


# --- slow and endless ----------------------------------------------------------------------


async def test_a_body_that_does_not_go_on_is_waited_for_a_bounded_time(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "BODY_SECONDS", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)
        yield b"}"

    response = await service.ask("POST", "/v1/messages", content=slow())
    assert response.status_code == 408
    assert response.json()["type"].endswith(":body_too_slow")
    assert response.headers["connection"] == "close"


async def _hello(scope: Scope, receive: Receive, send: Send) -> None:
    while scope["path"] == "/read" and (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@asynccontextmanager
async def listening() -> AsyncIterator[int]:
    """Give the port of an application that answers at once, behind `BoundedRequests`."""
    config = uvicorn.Config(_hello, lifespan="off", log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    state = ServerState()
    server = await loop.create_server(
        lambda: BoundedRequests(config, state, app_state={}), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def closed_after(port: int, *pieces: bytes) -> bytes:
    """Send pieces, then nothing; what was answered until the connection was closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    async with asyncio.timeout(10):
        # What was sent and never read makes the end of a connection a reset.
        with contextlib.suppress(ConnectionResetError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            while chunk := await reader.read(4096):
                got += chunk
    writer.transport.abort()
    return got


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"GET / HT", b""),
        (b"POST / HTTP/1.1\r\nHost: x\r\nX-", b""),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", b"200 OK"),
    ],
    ids=["nothing", "half a line", "half a head", "half a body that nobody reads"],
)
async def test_a_request_that_does_not_arrive_whole_is_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, answer: bytes
) -> None:
    monkeypatch.setattr(bounded_requests, "REQUEST_SECONDS", 0.1)
    async with listening() as port:
        assert answer in await closed_after(port, sent)


async def test_a_connection_that_answers_in_time_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_requests, "REQUEST_SECONDS", 0.2)
    async with listening() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"hello" in await reader.readuntil(b"hello\r\n0\r\n\r\n")
            await asyncio.sleep(0.15)
        writer.close()


async def test_a_head_that_never_ends_is_refused() -> None:
    async with listening() as port:
        head = b"GET / HTTP/1.1\r\nHost: x\r\n"
        line = b"X-A: " + b"a" * 8_000 + b"\r\n"
        got = await closed_after(port, head, *[line] * (HEAD_BYTES_MAX // len(line) + 2))
    assert got.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert json.loads(got.partition(b"\r\n\r\n")[2])["type"].endswith(":head_too_large")


async def test_a_large_body_behind_a_small_head_is_none_of_its_business() -> None:
    async with listening() as port:
        body = b"x" * (4 * HEAD_BYTES_MAX)
        head = b"POST /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        assert b"hello" in await closed_after(port, head % len(body) + body)


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


# --- another's things ----------------------------------------------------------------------


@pytest.fixture
async def guarded(store_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    tokens = tmp_path / "tokens.yaml"
    write_token(tokens, "main", "gateway", ("main",))
    write_token(tokens, "thief", "gateway", ("main",))
    write_token(tokens, "other", "gateway", ("other",))
    write_token(tokens, "other-boss", "operator", ("other",))
    async with running(store_url, tokens_file=tokens) as service:
        yield service


KEY = "agent%3Amain%3Adiscord%3Agroup%3A123%3A456"


async def test_no_call_reaches_into_another_agent(guarded: Service) -> None:
    owner = guarded.with_token("main")
    run = (await owner.send("m1"))["run"]
    await owner.send("m2")
    before = (await owner.session(run["session_key"]), await owner.get(f"/v1/runs/{run['id']}"))
    fence = {"fence": run["fence"]}
    calls: list[tuple[str, str, Any]] = [
        ("POST", f"/v1/runs/{run['id']}/seal", fence),
        ("POST", f"/v1/runs/{run['id']}/heartbeat", fence),
        ("POST", f"/v1/runs/{run['id']}/complete", {**fence, "outcome": "completed"}),
        ("POST", "/v1/messages/amend", {**SOURCED, "message_id": "m2", "text": "x"}),
        ("POST", f"/v1/sessions/{KEY}/threads", {"thread_id": "9"}),
        ("GET", f"/v1/sessions/{KEY}/timeline", None),
        ("DELETE", f"/v1/sessions/{KEY}/queue/2", None),
    ]
    bosses = [
        *(("POST", f"/v1/sessions/{KEY}/{verb}", None) for verb in ACTIONS),
        ("DELETE", f"/v1/sessions/{KEY}", None),
    ]
    for token, asked_for in (("other", calls), ("other-boss", [*calls, *bosses])):
        stranger = guarded.with_token(token)
        for method, path, body in asked_for:
            response = await stranger.ask(method, path, json=body)
            assert response.status_code == 404, (token, method, path)
        claim = {"consumer": "c", "agents": ["main"], "sessions": [run["session_key"]]}
        assert (await stranger.post("/v1/runs/claim", claim))["runs"] == []
    after = (await owner.session(run["session_key"]), await owner.get(f"/v1/runs/{run['id']}"))
    assert after == before


SOURCED = {"agent": "main", "source": MESSAGE["source"]}
ACTIONS = ("interrupt", "reset", "release", "pause", "resume")


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
    holdings = guarded.app.state.services.signals._holdings
    assert await holdings.outstanding("thief", "worker-1") == []
    assert [signal.run_id for signal in await holdings.outstanding("main", "worker-1")] == [
        run["id"]
    ]
