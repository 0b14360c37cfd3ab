"""The live feed: what happens, as server-sent events for whoever watches.

Scripts publish what they alone know: lost leases, dead letters, what people did. The rest, and
by far the most, every router knows already, for it answers it. A PUBLISH in `admit` would cost
each decision about 2 microseconds of the store's one thread, on a cluster a message to every
node, whether or not anybody watches. So each router gathers what it answered and publishes one
batch every `GATHER_SECONDS`, and only while somebody watches: listening routers renew a key,
which every router reads when it announces itself (`app/presence.py`).

Everything is a hint. What does not fit in a bounded buffer, or is lost with a connection to the
store, is a `gap`; a slow reader has one of its own and holds up nobody.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from time import monotonic

from app.errors import StoreUnavailable
from app.store.events import Answered, Event, EventWire, read_publication
from app.store.figures import Figures, figures_of
from session_router.models import (
    CompleteRequest,
    Completion,
    Decision,
    GapEvent,
    Message,
    Run,
)

GATHER_SECONDS = 0.25
STATS_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 15.0
RECONNECT_MS = 1000
GATHERED_MAX = 2000  # answers of one batch
BUFFERED_MAX = 1000  # events that wait for one reader

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Watcher:
    """One stream: what waits for its reader, and what did not fit."""

    agents: frozenset[str] | None
    look: asyncio.Event = field(default_factory=asyncio.Event)
    events: deque[bytes] = field(default_factory=deque)
    stats: bytes = b""
    missed: int | None = 0

    def offer(self, event: Event) -> None:
        """Keep an event of its agents for the reader, or count it as missed."""
        if self.agents is not None and event.agent is not None and event.agent not in self.agents:
            return
        if len(self.events) < BUFFERED_MAX:
            self.events.append(_text(event.name, event.data))
        elif self.missed is not None:
            self.missed += 1
        self.look.set()

    def miss(self, count: int | None) -> None:
        """So many did not come here, of whatever agents; None: nobody knows how many."""
        of_all = self.agents is None and count is not None and self.missed is not None
        self.missed = (self.missed or 0) + (count or 0) if of_all else None
        self.look.set()

    def take(self) -> bytes:
        """All that waits, the gap behind it; figures are never older than the last reading."""
        parts = [*self.events, self.stats]
        if self.missed != 0:
            gap = GapEvent(missed=self.missed)
            parts.append(_text("gap", gap.model_dump_json().encode()))
        self.events.clear()
        self.stats, self.missed = b"", 0
        self.look.clear()
        return b"".join(parts)


class Feed:
    """The live feed of one router. `run` must be running."""

    def __init__(self, wire: EventWire, figures: Figures) -> None:
        self._wire = wire
        self._figures = figures
        self._watchers: set[Watcher] = set()
        self._answered: list[Answered] = []
        self._missed = 0
        self._is_heard_elsewhere = False
        self._work = asyncio.Event()
        self._stats_at = 0.0
        self._is_closed = False
        self.somebody_came = asyncio.Event()

    # What handlers tell.

    @property
    def is_heard(self) -> bool:
        """Whether anybody watches, here or on another router."""
        return self._is_heard_elsewhere or bool(self._watchers)

    @property
    def is_watched_here(self) -> bool:
        return bool(self._watchers)

    def decided(self, message: Message, key: str, decision: Decision) -> None:
        """A message was answered; `key` is the session it was routed to."""
        if not self.is_heard:
            return
        data = {
            "session_key": decision.session.key if decision.session else key,
            "message_id": message.message_id,
            "kind": message.kind,
            "decision": decision.decision,
            "reason": decision.reason,
        }
        self._tell(Answered("decision", data["session_key"], data))
        if decision.run is not None and decision.decision == "run":
            self.granted(decision.run, "message")

    def granted(self, run: Run, by: str) -> None:
        """A run was granted, by a message, as the next of a session, or by a claim."""
        if not self.is_heard:
            return
        data = {
            "session_key": run.session_key,
            "run_id": run.id,
            "consumer": run.consumer,
            "by": by,
            "messages": len(run.messages),
        }
        self._tell(Answered("run_granted", run.session_key, data))

    def completed(
        self, run_id: str, key: str, request: CompleteRequest, completion: Completion
    ) -> None:
        """A run of this session ended by its holder's word."""
        if not self.is_heard:
            return
        data = {
            "session_key": key,
            "run_id": run_id,
            "outcome": request.outcome,
            "reason": request.reason,
        }
        self._tell(Answered("run_ended", key, data))
        if completion.next is not None:
            self.granted(completion.next, "next")

    def _tell(self, answered: Answered) -> None:
        if len(self._answered) < GATHERED_MAX:
            self._answered.append(answered)
        else:
            self._missed += 1
        self._work.set()

    # What the store tells.

    def heard_elsewhere(self, is_heard: bool) -> None:
        """Whether somebody watches on any router, as the store has it."""
        self._is_heard_elsewhere = is_heard

    def published(self, channel: str, text: str) -> None:
        """Hand a publication to whoever watches here; no channel: some may have been lost."""
        if not self._watchers:
            return
        events: list[Event] = []
        missed: int | None = None
        if channel:
            events, missed = read_publication(channel, text)
        for watcher in self._watchers:
            for event in events:
                watcher.offer(event)
            if missed != 0:
                watcher.miss(missed)

    # What streams do.

    def close(self) -> None:
        """The service ends: every stream ends with a hint to reconnect."""
        self._is_closed = True
        for watcher in self._watchers:
            watcher.look.set()

    def open_streams(self) -> int:
        """How many streams are open."""
        return len(self._watchers)

    async def stream(self, agents: frozenset[str] | None) -> AsyncIterator[bytes]:
        """Send the events of these agents, or of all, until the service ends."""
        watcher = Watcher(agents)
        self._watchers.add(watcher)
        self._stats_at = 0.0
        self._work.set()
        self.somebody_came.set()
        try:
            yield b"retry: %d\n\n" % RECONNECT_MS
            while not self._is_closed:
                try:
                    await asyncio.wait_for(watcher.look.wait(), KEEP_ALIVE_SECONDS)
                    yield watcher.take()
                except TimeoutError:
                    yield b": still here\n\n"
            yield b"event: reconnect\ndata: {}\n\n"
        finally:
            self._watchers.discard(watcher)

    # What works without a request.

    async def run(self) -> None:
        """Publish batches and read figures until cancelled, while there is work."""
        while True:
            await self._work.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._work.clear()
            try:
                await self._publish()
                await self._read_figures()
            except StoreUnavailable:
                continue
            except Exception:
                logger.exception("a round of the live feed failed; the next one tries again")
            finally:
                if self._watchers:
                    self._work.set()

    async def _publish(self) -> None:
        answered, missed = self._answered, self._missed
        if not answered:
            return
        self._answered, self._missed = [], 0
        try:
            self._is_heard_elsewhere = await self._wire.tell(answered, missed)
        except StoreUnavailable:
            self._missed += len(answered) + missed
            raise

    async def _read_figures(self) -> None:
        """Read the figures once for all who watch here."""
        if not self._watchers or monotonic() < self._stats_at:
            return
        self._stats_at = monotonic() + STATS_SECONDS
        parts = await self._figures.parts()
        by_agents: dict[frozenset[str] | None, list[Watcher]] = {}
        for watcher in self._watchers:
            by_agents.setdefault(watcher.agents, []).append(watcher)
        for agents, watchers in by_agents.items():
            figures = _text("stats", figures_of(parts, agents).model_dump_json().encode())
            _show(watchers, figures)


def _show(watchers: Iterable[Watcher], figures: bytes) -> None:
    for watcher in watchers:
        watcher.stats = figures
        watcher.look.set()


def _text(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
