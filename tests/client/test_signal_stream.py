"""The signal stream itself, without a service: parts, breaks, silence and nonsense."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from session_router import RouterError
from session_router.connection import Connection
from session_router.models import LeaseLostSignal
from session_router.signal_stream import EventReader, Signal, SignalStream
from tests.client.agents import eventually


class Parts(httpx.AsyncByteStream):
    def __init__(self, *parts: bytes) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part


LOST = b'{"run_id": "r", "fence": 7, "session_key": "k", "ended": "forced", "mood": "fine"}'


async def test_a_stream_that_ends_breaks_or_talks_nonsense_is_opened_again() -> None:
    told: list[Signal] = []
    answers = [
        httpx.Response(503, headers={"Retry-After": "0"}),
        httpx.Response(200, stream=Parts(b"retry: 20\n\n", b"event: reconnect\ndata: {}\n\n")),
        httpx.Response(200, stream=Parts(b": still here\n\nevent: dance\ndata: {}\n\n")),
        httpx.Response(200, stream=Parts(b"event: steer\ndata: {}\n\n")),
        httpx.Response(200, stream=Parts(b"event: lease_lost\nda", b"ta: " + LOST + b"\n\n")),
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answers.pop(0) if answers else httpx.Response(404)

    asked: list[httpx.Request] = []
    connection = Connection("http://router", None, 5.0, httpx.MockTransport(answer))
    stream = asyncio.create_task(SignalStream(connection, "gw-1", told.append).keep())

    async def is_told() -> bool:
        return bool(told)

    await eventually(is_told)
    stream.cancel()
    await asyncio.wait({stream})
    await connection.close()

    (signal,) = told
    assert isinstance(signal, LeaseLostSignal)
    assert (signal.fence, signal.ended) == (7, "forced")
    assert {request.url.query for request in asked} == {b"consumer=gw-1"}


async def test_a_stream_that_says_nothing_is_given_up() -> None:
    silent = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        await silent.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = Connection(f"http://127.0.0.1:{port}", None, 5.0, None)
    with pytest.raises(RouterError, match="in time"):
        async for _ in connection.stream("/v1/signals", {}, 0.1):
            pass
    silent.set()
    await connection.close()
    server.close()
    await server.wait_closed()


STREAM = (
    b"retry: 1500\n\n"
    b": still here\n\n"
    b"event: steer\r\ndata: one\xe2\x80\xa8line\r\n\r\n"
    b"id: 7\ndata:two\ndata: lines\n\n"
)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_are_read_in_whatever_parts_they_come(size: int) -> None:
    reader = EventReader()
    parts = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]

    events = [event for part in parts for event in reader.read(part)]

    assert events == [("steer", "one\u2028line".encode()), ("", b"two\nlines")]
    assert reader.retry_seconds == 1.5


def test_an_event_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("session_router.signal_stream.EVENT_BYTES_MAX", 10)

    with pytest.raises(RouterError, match="no end"):
        EventReader().read(b"data: " + b"x" * 10)
