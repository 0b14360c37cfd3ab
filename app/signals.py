"""Signal streams: what holders should know at once, as server-sent events.

A stream buffers nothing: it is told that there is something to look at, reads what is
outstanding from the store, and sends what it has not sent yet. So a slow reader costs a
slot, never memory, and a lost hint costs a second.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from time import monotonic

from app.errors import StoreUnavailable
from app.store.holders import holder_of
from app.store.holdings import Holdings, NewsReader, Signal
from session_router.models import AnswerSignal, InterruptSignal, LeaseLostSignal, SteerSignal

LOOK_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 15.0
RECONNECT_MS = 1000

Mark = tuple[str, ...]

logger = logging.getLogger(__name__)


class Signals:
    """The streams of one router. `run` must be running for lost hints to be made good."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._streams: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._is_closed = False

    def signalled(self, holder: str) -> None:
        """Let a holder's streams look, or all streams for an empty name."""
        holders = [holder] if holder else list(self._streams)
        for name in holders:
            for look in self._streams.get(name, ()):
                look.set()

    def close(self) -> None:
        """The service ends: every stream ends with a hint to reconnect."""
        self._is_closed = True
        self.signalled("")

    def open_streams(self) -> int:
        """How many streams are open."""
        return sum(len(streams) for streams in self._streams.values())

    def holders(self) -> list[str]:
        """The holders that listen here."""
        return list(self._streams)

    async def stream(self, token_name: str, consumer: str) -> AsyncIterator[bytes]:
        """Send what is outstanding, then what comes, until the service ends."""
        holder = holder_of(token_name, consumer)
        look = asyncio.Event()
        look.set()
        self._streams[holder].add(look)
        sent: set[Mark] = set()
        try:
            yield b"retry: %d\n\n" % RECONNECT_MS
            while not self._is_closed:
                for event in await self._news(token_name, consumer, look, sent):
                    yield event
            yield b"event: reconnect\ndata: {}\n\n"
        finally:
            self._streams[holder].discard(look)
            if not self._streams[holder]:
                del self._streams[holder]

    async def _news(
        self, token_name: str, consumer: str, look: asyncio.Event, sent: set[Mark]
    ) -> list[bytes]:
        """Give what was not sent as soon as there is something; a comment after a while."""
        until = monotonic() + KEEP_ALIVE_SECONDS
        while not self._is_closed:
            try:
                await asyncio.wait_for(look.wait(), until - monotonic())
            except TimeoutError:
                return [b": still here\n\n"]
            look.clear()
            try:
                outstanding = await self._holdings.outstanding(token_name, consumer)
            except StoreUnavailable:
                look.set()
                await asyncio.sleep(LOOK_SECONDS)
                continue
            fresh = [signal for signal in outstanding if not _marks(signal) <= sent]
            # Only what is outstanding can come again: nothing else need be remembered.
            sent.clear()
            sent.update(*map(_marks, outstanding))
            if fresh:
                return [_event(signal) for signal in fresh]
        return []

    async def run(self) -> None:
        """Make lost hints good until cancelled: one look a second for all streams."""
        reader = NewsReader()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._read_news(reader)
            except StoreUnavailable:
                reader.read_until.clear()
            except Exception:
                logger.exception("a look for signals failed; the next one tries again")
                reader.read_until.clear()

    async def _read_news(self, reader: NewsReader) -> None:
        if not self._streams:
            reader.read_until.clear()
            return
        is_first = not reader.read_until
        for holder in await self._holdings.signalled_since(reader):
            self.signalled(holder)
        if is_first:
            self.signalled("")  # what came before is in no news that will be read


def _marks(signal: Signal) -> frozenset[Mark]:
    """What a signal tells, part by part: it is news while one of them was not sent."""
    run = signal.run_id
    match signal:
        case InterruptSignal(interrupt=request):
            return frozenset({(run, "interrupt", request.cause)})
        case SteerSignal(steer=messages):
            return frozenset((run, "steer", str(m.seq), m.text) for m in messages)
        case AnswerSignal(answers=messages):
            return frozenset((run, "answer", str(m.seq), m.text) for m in messages)
        case LeaseLostSignal():
            return frozenset({(run, "lease_lost")})


_NAMES = {
    InterruptSignal: b"interrupt",
    SteerSignal: b"steer",
    AnswerSignal: b"answer",
    LeaseLostSignal: b"lease_lost",
}


def _event(signal: Signal) -> bytes:
    body = signal.model_dump_json().encode()
    return b"event: " + _NAMES[type(signal)] + b"\ndata: " + body + b"\n\n"
