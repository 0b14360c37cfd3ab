"""Requests that must arrive: bounds on how long one takes, and on all of it that is kept.

Uvicorn waits for the rest of a request for ever, keeps a head and trailers of any size, and queues
whatever is sent ahead of an answer. So a client that sends a byte a minute would hold a connection,
and one that never ends its head would fill the memory, before any token was read.
"""

from asyncio import BaseTransport, TimerHandle, Transport
from collections import deque
from http import HTTPStatus
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.errors import HeadTooLarge, MalformedRequest, ServiceError, TooLarge
from app.joined_writes import JoinedWrites

HEAD_BYTES_MAX = 64 * 1024
# Of a body, or of one chunk with its size, extensions and trailers. More than twice the largest
# body that is read: a handler shall refuse what is larger, once it has asked who calls.
REST_BYTES_MAX = 640 * 1024
REQUESTS_AHEAD_MAX = 8
REQUEST_SECONDS = 30.0
ANSWER_SECONDS = 30.0
UPGRADE_WITH_BODY = "A request that has a body must not ask for an upgrade."
# Where uvicorn's parser puts trailers: they are nobody's business, and none is kept.
_NO_TRAILERS: Final = cast("list[tuple[bytes, bytes]]", deque[tuple[bytes, bytes]](maxlen=0))


class TooManyAhead(Exception):
    """More requests were sent ahead of their answers than are kept."""


class BoundedRequests(HttpToolsProtocol):
    """One connection. A request has `REQUEST_SECONDS` to arrive whole, else it is closed.

    The first of a connection has as long from its beginning. A head over `HEAD_BYTES_MAX` is
    answered with 431, what follows it over `REST_BYTES_MAX` with 413, if it has no answer yet. At
    most `REQUESTS_AHEAD_MAX` requests wait for the answers before theirs. An answer of which its
    client takes nothing for `ANSWER_SECONDS` is given up.
    """

    transport: JoinedWrites

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ws_protocol_class = None  # it would have none of these bounds
        # What has come since the last request, head or chunk ended, and what may.
        self._bytes = 0
        self._bytes_max = HEAD_BYTES_MAX
        self._due: float | None = None
        self._look: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        joined = JoinedWrites(cast("Transport", transport), self.loop, ANSWER_SECONDS)
        super().connection_made(joined)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look is not None:
            self._look.cancel()
        self.transport.trust()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # Before the parser, which sets it to nothing where something ends: a piece that ends a
        # head may have a body of any size behind it.
        self._bytes += len(data)
        super().data_received(data)
        if self._bytes > self._bytes_max:
            self._refuse(HeadTooLarge() if self._is_before_body() else TooLarge())
        elif self._due is None and self._has_answered():
            # Empty lines between requests, or the end of a body that was answered before: either
            # has stopped uvicorn's clock of idle connections.
            self._start_clock()

    def _is_before_body(self) -> bool:
        return self._bytes_max == HEAD_BYTES_MAX

    def _has_answered(self) -> bool:
        last = cast("RequestResponseCycle | None", self.cycle)
        return last is None or last.response_complete

    def send_400_response(self, msg: str) -> None:
        self._refuse(MalformedRequest(msg))

    def _refuse(self, error: ServiceError) -> None:
        is_next = self._has_answered() if self._is_before_body() else self._is_unanswered()
        self._close(error if is_next else None)

    def _is_unanswered(self) -> bool:
        return not self.pipeline and not self.cycle.response_started

    def _close(self, error: ServiceError | None) -> None:
        """Close, with an answer where it cannot be taken for another request's."""
        if error is not None and not self.transport.is_closing():
            self.transport.write(_answer(error))
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._start_clock()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._bytes, self._bytes_max = 0, REST_BYTES_MAX
        if self.pipeline and len(self.pipeline) > REQUESTS_AHEAD_MAX:
            raise TooManyAhead  # stops the parser, whatever else the piece has

    def on_chunk_header(self) -> None:
        """Keep no header from here on: behind the last chunk come the trailers."""
        self.headers = _NO_TRAILERS

    def on_chunk_complete(self) -> None:
        """Count the next chunk anew, unless nobody reads on."""
        if not self.cycle.response_complete:
            self._bytes = 0

    def on_message_complete(self) -> None:
        self._bytes, self._bytes_max, self._due = 0, HEAD_BYTES_MAX, None
        super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Ignore that an upgrade is asked for, but not with a body.

        The parser takes the request for one without, and would find another request in it.
        """
        if any(_tells_of_a_body(*header) for header in self.scope["headers"]):
            self.cycle.disconnected = True
            self._close(MalformedRequest(UPGRADE_WITH_BODY) if self._is_unanswered() else None)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.transport.give_up_if_stuck()

    def resume_writing(self) -> None:
        self.transport.trust()
        super().resume_writing()

    def _start_clock(self) -> None:
        self._due = self.loop.time() + REQUEST_SECONDS
        # One timer for all requests of a connection: most arrive long before it looks.
        if self._look is None:
            self._look = self.loop.call_at(self._due, self._look_at_clock)

    def _look_at_clock(self) -> None:
        self._look = None
        if self._due is None:
            return
        if self.flow.read_paused:
            self._start_clock()  # the rest is not read before the answers ahead are given
        elif self._due <= self.loop.time():
            self.transport.close()
        else:
            self._look = self.loop.call_at(self._due, self._look_at_clock)


def _tells_of_a_body(name: bytes, value: bytes) -> bool:
    return name == b"transfer-encoding" or (name == b"content-length" and bool(value.strip(b" 0")))


def _answer(error: ServiceError) -> bytes:
    body = error.problem().model_dump_json(exclude_defaults=True).encode()
    status = HTTPStatus(error.status)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
