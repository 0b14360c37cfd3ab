"""Requests that do not end, and answers that nobody takes: bounded in time and in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from itertools import repeat

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app import bounded_requests
from app.api import patience
from app.bounded_requests import HEAD_BYTES_MAX, REQUESTS_AHEAD_MAX, REST_BYTES_MAX
from tests.api.connections import Wire, closed_after, listening
from tests.processes import wait_until
from tests.service import Service


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


# --- what is no body -------------------------------------------------------------------------


CHUNKED = b"POST %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-A: a\r\n" * 1_000),
    "one trailer": (CHUNKED + b"2\r\n{}\r\n0\r\nX-A: ", b"a" * 8_000),
    "an extension of a chunk": (CHUNKED + b"5;a=", b"a" * 8_000),
    "a size of a chunk": (CHUNKED, b"0" * 8_000),
    "a chunk": (CHUNKED + b"fffffff\r\n", b"a" * 8_000),
    "a body": (b"POST %s HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n", b"a" * 8_000),
}


async def sent_until_closed(wire: Wire, first: bytes, piece: bytes) -> int:
    await wire.send(first)
    for sent in range(0, 10 * REST_BYTES_MAX, len(piece)):
        if wire.is_closing():
            return sent
        await wire.send(piece)
    raise AssertionError("it is read for ever")


@pytest.mark.parametrize("path", [b"/", b"/read"], ids=["answered at once", "read"])
@pytest.mark.parametrize("endless", ENDLESS.values(), ids=ENDLESS)
async def test_what_follows_a_head_and_never_ends_is_cut_off(
    endless: tuple[bytes, bytes], path: bytes
) -> None:
    wire = Wire()
    first, piece = endless
    sent = await sent_until_closed(wire, first % path, piece)
    assert sent <= REST_BYTES_MAX + 2 * len(piece)
    status, word = (b"200 OK", b"hello") if path == b"/" else (b"413 ", b":too_large")
    assert wire.got.startswith(b"HTTP/1.1 " + status)
    assert word in wire.got
    assert wire.got.count(b"HTTP/1.1") == 1


async def test_after_an_early_answer_chunks_are_bounded_all_together() -> None:
    wire = Wire()
    await sent_until_closed(wire, CHUNKED % b"/", b"1f40\r\n" + b"a" * 8_000 + b"\r\n")
    assert wire.got.count(b"HTTP/1.1") == 1


async def test_a_body_in_chunks_of_one_byte_is_read() -> None:
    wire = Wire()
    await wire.send(CHUNKED % b"/read")
    for piece in repeat(b"1\r\na\r\n" * 1_000, 256):
        await wire.send(piece)
    await wire.send(b"0\r\nX-Trailer: kept by nobody\r\n\r\n")
    assert b"hello" in wire.got
    assert not wire.is_closing()


async def test_trailers_are_no_headers() -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        seen.extend(scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    wire = Wire(app)
    await wire.send(CHUNKED % b"/" + b"2\r\n{}\r\n0\r\n")
    await wire.send(b"Authorization: Bearer operator\r\nX-Request-Id: a\r\n\r\n")
    assert b"hello" in wire.got
    assert seen == [(b"transfer-encoding", b"chunked")]
    await wire.send(b"GET / HTTP/1.1\r\nX-B: b\r\n\r\n")
    assert seen[1:] == [(b"x-b", b"b")]


# --- between requests ------------------------------------------------------------------------

GET = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("before", [b"", GET % b"/", GET % b"/never"])
async def test_empty_lines_that_never_end_are_refused(before: bytes) -> None:
    wire = Wire()
    await wire.send(before)
    while not wire.is_closing():
        await wire.send(b"\r\n" * 4_000)
    assert wire.got.count(b"HTTP/1.1 431 ") == (0 if b"/never" in before else 1)


@pytest.mark.parametrize(
    ("sent", "behind_its_answer"),
    [
        (GET % b"/", b"\r\n"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", b"b"),
    ],
    ids=["an empty line", "the end of a body that was answered before"],
)
async def test_what_comes_behind_an_answer_keeps_no_connection_open(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, behind_its_answer: bytes
) -> None:
    monkeypatch.setattr(bounded_requests, "REQUEST_SECONDS", 0.1)
    async with listening() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        await reader.readuntil(b"hello\r\n0\r\n\r\n")
        writer.write(behind_its_answer)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


async def test_what_is_not_read_before_the_answers_ahead_is_not_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounded_requests, "REQUEST_SECONDS", 0.05)
    wire = Wire()
    await wire.send(GET % b"/never")
    await wire.send(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")
    await asyncio.sleep(0.2)
    assert not wire.is_closing()


async def test_an_empty_line_ends_no_request_that_is_in_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounded_requests, "REQUEST_SECONDS", 0.0)
    wire = Wire()
    await wire.send(GET % b"/never")
    await wire.send(b"\r\n")
    assert not wire.is_closing()


async def test_only_so_many_requests_are_kept_ahead_of_their_answers() -> None:
    few, many = Wire(), Wire()
    await few.send(GET % b"/" * (1 + REQUESTS_AHEAD_MAX))
    for _ in range(10 * REQUESTS_AHEAD_MAX):
        await asyncio.sleep(0)
    assert few.got.count(b"200 OK") == 1 + REQUESTS_AHEAD_MAX
    await many.send(GET % b"/" * 1_000)
    assert many.is_closing()
    assert len(many.protocol.pipeline) == 1 + REQUESTS_AHEAD_MAX
    assert many.got == b""


@pytest.mark.parametrize("behind", [b"\0\r\n", b"GET / HTTP/1.1\r\nX-A: " + b"a" * 70_000])
async def test_a_refusal_is_never_taken_for_the_answer_to_another_request(behind: bytes) -> None:
    wire = Wire()
    await wire.send(GET % b"/never")
    await wire.send(behind)
    assert wire.is_closing()
    assert wire.got == b""


async def test_an_upgrade_is_ignored_but_never_with_a_body() -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
    for none in (b"", b"Content-Length: 0\r\n"):
        wire = Wire()
        await wire.send(b"GET / HTTP/1.1\r\n" + upgrade + none + b"\r\n")
        assert b"hello" in wire.got
        assert not wire.is_closing()
    # The parser says that this has no body: what is sent as one would be the next request.
    hidden = GET % b"/hidden"
    for length in (b"Content-Length: %d" % len(hidden), b"Transfer-Encoding: chunked"):
        wire = Wire()
        await wire.send(b"POST /read HTTP/1.1\r\n" + upgrade + length + b"\r\n\r\n")
        assert wire.is_closing()
        assert wire.got.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"hello" not in wire.got


async def test_no_web_socket_is_opened_though_there_is_a_library_for_it() -> None:
    wire = Wire()
    assert wire.protocol.ws_protocol_class is None
    await wire.send(b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert b"hello" in wire.got


# --- answers that nobody takes -----------------------------------------------------------------


@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"], ids=["kept", "closed"])
async def test_an_answer_that_nobody_takes_is_given_up(
    monkeypatch: pytest.MonkeyPatch, last: bytes
) -> None:
    monkeypatch.setattr(bounded_requests, "ANSWER_SECONDS", 0.1)
    state = ServerState()
    async with listening(state) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(b"GET /much HTTP/1.1\r\nHost: x\r\n" + last + b"\r\n")
        await until(lambda: state.total_requests == 1)
        await until(lambda: not state.connections)
        writer.transport.abort()


async def until(is_so: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, is_so)
