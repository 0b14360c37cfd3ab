"""One connection, many calls in flight: what is sent in order is answered in order.

redis-py connects (address, TLS, credentials, database); then its transport is taken over, for
redis-py has one call at a time on a connection. hiredis packs the commands and reads the replies.
The commands of one turn of the event loop leave as one write.

A call that is cancelled leaves its place, and its reply is dropped when it comes. A call that is
not answered in time ends the connection, and all that are on it. Of a call on a connection that
ended it is told whether it had left: only one that had can have been done.
"""

import asyncio
from collections import deque
from typing import Any, cast

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

IN_FLIGHT_MAX = 1000
UNSENT_BYTES_MAX = 1024 * 1024
LOOKS_PER_TIMEOUT = 8

Command = tuple[str | int, ...]
_INCOMPLETE = object()
_ASKING = hiredis.pack_command((b"ASKING",))


class Unreachable(Exception):
    """The connection cannot be had, or ended before the reply."""


class Unanswered(Unreachable):
    """The connection ended when the call had left: the only kind that may have been done."""


class TooLate(Unanswered):
    """There was no reply in time; the call may have left, or not."""


class Refusal(Exception):
    """The server answered with an error. Its first word, in capitals, says of what kind."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.word, _, self.rest = text.partition(" ")


class Wire(asyncio.Protocol):
    """A connection that is open, or has ended for good.

    `call` is for who has seen `is_ready`, on the same turn of the loop.
    """

    def __init__(self, connection: AbstractConnection, timeout_seconds: float) -> None:
        self._connection = connection
        self._look_seconds = timeout_seconds / LOOKS_PER_TIMEOUT
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(
            encoding="utf-8",
            errors="strict",
            replyError=Refusal,
            protocolError=Unreachable,
            notEnoughData=_INCOMPLETE,
        )
        self._in_flight: deque[tuple[asyncio.Future[Any] | None, float]] = deque()
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._watching: asyncio.TimerHandle | None = None
        self._takes_more = True
        self._room = asyncio.Event()
        self._is_retired = False
        self._end: Unreachable | None = None
        # The stream that redis-py made around it must live as long: it closes what it leaves.
        writer = cast("asyncio.StreamWriter", connection._writer)  # noqa: SLF001
        self._transport = cast("asyncio.Transport", writer.transport)
        self._transport.set_write_buffer_limits(UNSENT_BYTES_MAX)
        self._transport.set_protocol(self)

    @property
    def is_over(self) -> bool:
        """Whether it takes no call any more."""
        return self._end is not None or self._is_retired

    @property
    def is_ready(self) -> bool:
        """Whether it takes a call now."""
        return (
            self._takes_more
            and self._unsent_bytes < UNSENT_BYTES_MAX
            and len(self._in_flight) < IN_FLIGHT_MAX
            and not self.is_over
        )

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in flight."""
        return not self._in_flight

    @property
    def _sent(self) -> int:
        """How many of those in flight have left; the others are the last."""
        return len(self._in_flight) - len(self._unsent)

    async def room(self) -> None:
        """Return when it takes a call, or is over."""
        while not (self.is_ready or self.is_over):
            self._room.clear()
            await self._room.wait()

    def call(
        self, command: Command, deadline: float, *, asking: bool = False
    ) -> asyncio.Future[Any]:
        """Send a command; its reply comes, or `Refusal` or `Unreachable`, by the deadline.

        `asking` lets a cluster's node serve a slot that is on its way to it.
        """
        packed = hiredis.pack_command(cast("Any", command))  # or it raises, and nothing is sent
        if not self._unsent:
            self._loop.call_soon(self._send)
        if asking:
            self._unsent.append(_ASKING)
            self._in_flight.append((None, deadline))
        self._unsent.append(packed)
        self._unsent_bytes += len(packed)
        reply: asyncio.Future[Any] = self._loop.create_future()
        self._in_flight.append((reply, deadline))
        if self._watching is None:
            self._watching = self._loop.call_later(self._look_seconds, self._watch)
        return reply

    def retire(self) -> None:
        """Take no more calls, and end when those in flight are answered."""
        self._is_retired = True
        self._room.set()
        self._end_if_idle()

    def end(self, reason: Unreachable) -> None:
        """End it now: what is in flight raises the reason, what is overdue `TooLate`."""
        if self._end is not None:
            return
        self._end = reason
        self._transport.abort()
        self._connection._close()  # type: ignore[no-untyped-call] # noqa: SLF001
        if self._watching is not None:
            self._watching.cancel()
        now, sent = self._loop.time(), self._sent
        for place, (reply, deadline) in enumerate(self._in_flight):
            if reply is None or reply.done():
                continue
            if deadline <= now:
                reply.set_exception(TooLate())
            else:
                kind = Unanswered if place < sent else Unreachable
                reply.set_exception(kind(str(reason)))
        self._in_flight.clear()
        self._unsent.clear()
        self._room.set()

    def _send(self) -> None:
        if self._end is not None:
            return
        if self._transport.is_closing():  # it would drop what is written, without a word
            self.end(Unreachable("the server ended the connection"))
            return
        try:
            self._transport.write(b"".join(self._unsent))
        except RuntimeError as error:
            self.end(Unreachable(str(error)))
            return
        self._unsent.clear()
        self._unsent_bytes = 0
        self._room.set()

    def _watch(self) -> None:
        now = self._loop.time()
        self._watching = None
        if any(deadline <= now for _, deadline in self._in_flight):
            self.end(Unreachable("another call was not answered in time"))
        elif self._in_flight:
            self._watching = self._loop.call_later(self._look_seconds, self._watch)

    def _end_if_idle(self) -> None:
        if self._is_retired and not self._in_flight:
            self.end(Unreachable("given up"))

    # What the transport calls.

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while True:
            try:
                reply = self._reader.gets()
            except UnicodeDecodeError as error:
                reply = error  # of this reply alone: the next one is behind it
            except Unreachable as error:
                return self.end(error)
            if reply is _INCOMPLETE:
                break
            if not isinstance(reply, hiredis.PushNotification):
                self._answer(reply)
        if not self._room.is_set():
            self._room.set()
        return self._end_if_idle()

    def _answer(self, reply: Any) -> None:
        if not self._sent:
            return self.end(Unreachable("an answer to nothing"))
        waiting, _ = self._in_flight.popleft()
        if waiting is None or waiting.done():  # nobody's, or cancelled
            return None
        if isinstance(reply, Exception):
            return waiting.set_exception(reply)
        return waiting.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(Unreachable(str(exc or "the server ended the connection")))

    def pause_writing(self) -> None:
        self._takes_more = False

    def resume_writing(self) -> None:
        self._takes_more = True
        self._room.set()


# A write to a transport that the other side has just closed is a RuntimeError of uvloop's.
CONNECTION_ENDED = (RedisError, OSError, RuntimeError)


async def open_wire(connection: AbstractConnection, timeout_seconds: float) -> Wire:
    """Connect, and take the connection over. Raises `Unreachable`."""
    try:
        async with asyncio.timeout(timeout_seconds):
            await connection.connect()  # type: ignore[no-untyped-call]
    except BaseException as error:
        connection._close()  # type: ignore[no-untyped-call] # noqa: SLF001
        if isinstance(error, CONNECTION_ENDED):
            raise Unreachable(str(error) or "no connection in time") from error
        raise
    return Wire(connection, timeout_seconds)
