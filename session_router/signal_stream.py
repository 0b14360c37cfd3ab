"""The signal stream: what the router says at once to the holder of runs."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Final, NamedTuple, TypeAlias

from pydantic import TypeAdapter, ValidationError

from session_router.connection import Connection
from session_router.errors import RouterError
from session_router.failures import Failures
from session_router.models import AnswerSignal, InterruptSignal, LeaseLostSignal, SteerSignal
from session_router.retries import a_bit_more

logger: Final = logging.getLogger("session_router")

Signal: TypeAlias = InterruptSignal | SteerSignal | AnswerSignal | LeaseLostSignal

SIGNALS: Final[Mapping[str, TypeAdapter[Signal]]] = {
    "interrupt": TypeAdapter(InterruptSignal),
    "steer": TypeAdapter(SteerSignal),
    "answer": TypeAdapter(AnswerSignal),
    "lease_lost": TypeAdapter(LeaseLostSignal),
}

# The router says at least a comment every 15 s.
SILENCE_SECONDS: Final = 40.0
# More than all steers that a session can hold.
EVENT_BYTES_MAX: Final = 64 * 1024 * 1024


class Event(NamedTuple):
    """One server-sent event; `data` is its lines, joined."""

    name: str
    data: bytes


class EventReader:
    """Reads server-sent events as they come in parts (WHATWG HTML, section 9.2).

    Lines end at the line feed: JSON has none inside, but may hold the other characters that
    Python counts as line ends. `retry_seconds` is the last `retry:` hint.
    """

    def __init__(self) -> None:
        self.retry_seconds = 0.0
        self._rest = b""
        self._name = ""
        self._data: list[bytes] = []

    def read(self, part: bytes) -> list[Event]:
        """Return the events that this part ends. Raises `RouterError` for one without end."""
        *lines, self._rest = (self._rest + part).split(b"\n")
        if len(self._rest) > EVENT_BYTES_MAX:
            raise RouterError("an event of the signal stream has no end")
        events = (self._line(line.removesuffix(b"\r")) for line in lines)
        return [event for event in events if event is not None]

    def _line(self, line: bytes) -> Event | None:
        if not line:
            event = Event(self._name, b"\n".join(self._data)) if self._data else None
            self._name, self._data = "", []
            return event
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            self._name = value.decode(errors="replace")
        elif field == b"data":
            self._data.append(value)
        elif field == b"retry" and value.isdigit():
            self.retry_seconds = int(value) / 1000
        return None


class SignalStream:
    """Keeps a consumer's stream open, and hands each signal on."""

    def __init__(
        self, connection: Connection, consumer: str, tell: Callable[[Signal], None]
    ) -> None:
        self._connection = connection
        self._consumer = consumer
        self._tell = tell
        self._retry_seconds = 0.0
        self._failures = Failures("the signal stream")

    async def keep(self) -> None:
        """Listen until cancelled. Beats carry the same truth while no stream can be had."""
        while True:
            try:
                await self._listen()
            except RouterError as error:
                rest_seconds = self._failures.note(error)
            else:
                rest_seconds = self._failures.rest_seconds()
            await asyncio.sleep(a_bit_more(self._retry_seconds) + rest_seconds)

    async def _listen(self) -> None:
        reader = EventReader()
        params = {"consumer": self._consumer}
        parts = self._connection.stream("/v1/signals", params, SILENCE_SECONDS)
        async with aclosing(parts):
            async for part in parts:
                self._failures.over()
                for event in reader.read(part):
                    if event.name == "reconnect":
                        return
                    self._hand_on(event)
                self._retry_seconds = reader.retry_seconds

    def _hand_on(self, event: Event) -> None:
        model = SIGNALS.get(event.name)
        if model is None:
            return  # a newer router may say more than this client knows
        try:
            signal = model.validate_json(event.data, extra="ignore")
        except ValidationError:
            logger.warning("a signal %s was not understood", event.name)
            return
        self._tell(signal)
