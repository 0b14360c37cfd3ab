"""Requests that must arrive: a bound on how long one takes and on how large its head is.

Uvicorn waits for the rest of a request for ever, and its parser keeps a head of any size. So a
client that sends a byte a minute would hold a connection, and one that never ends its head would
fill the memory, before any token was read.
"""

from asyncio import BaseTransport, TimerHandle, Transport
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import HeadTooLarge, MalformedRequest, ServiceError
from app.joined_writes import JoinedWrites

HEAD_BYTES_MAX = 64 * 1024
REQUEST_SECONDS = 30.0


class BoundedRequests(HttpToolsProtocol):
    """One connection. A request has `REQUEST_SECONDS` to arrive whole, else it is closed.

    The first of a connection has as long from its beginning. A head over `HEAD_BYTES_MAX` is
    answered with 431.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_in_head = True
        self._head_bytes = 0
        self._due: float | None = None
        self._look: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(JoinedWrites(cast("Transport", transport), self.loop))
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # After the parser: a piece that ends the head may have a body of any size behind it.
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self._refuse(HeadTooLarge())

    def send_400_response(self, msg: str) -> None:
        self._refuse(MalformedRequest(msg))

    def _refuse(self, error: ServiceError) -> None:
        body = error.problem().model_dump_json(exclude_defaults=True).encode()
        status = HTTPStatus(error.status)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0
        self._start_clock()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._due = None
        super().on_message_complete()

    def _start_clock(self) -> None:
        self._due = self.loop.time() + REQUEST_SECONDS
        # One timer for all requests of a connection: most arrive long before it looks.
        if self._look is None:
            self._look = self.loop.call_at(self._due, self._look_at_clock)

    def _look_at_clock(self) -> None:
        self._look = None
        if self._due is None:
            return
        if self._due <= self.loop.time():
            self.transport.close()
        else:
            self._look = self.loop.call_at(self._due, self._look_at_clock)
