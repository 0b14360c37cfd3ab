"""Sends a recording through the API in its own time, and waits until all of it is worked off."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from app.replay.agent import MessageKey, SeenRun, StandInAgent
from app.replay.recording import Entry
from session_router import (
    Decision,
    Incoming,
    Router,
    RouterError,
    Unauthorized,
    Unavailable,
)
from session_router.models import Stats

RETRY_SECONDS: Final = 60.0
# Above the default lease: what a killed service left behind has time to be settled.
DRAIN_SECONDS: Final = 90.0
POLL_SECONDS: Final = 0.2
CONCURRENCY_MAX: Final = 16
# Speed of the agent where messages go out as fast as answers come.
AGENT_SPEED_MAX: Final = 10_000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The service to send to."""

    url: str
    token: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Fate:
    """What became of one entry: its decision, or the error in its place.

    Times are of the monotonic clock; `seen_at` is None if it never reached the agent.
    """

    entry: Entry
    decision: Decision | None
    error: str | None
    sent_at: float
    seen_at: float | None = None


@dataclass(kw_only=True, slots=True)
class Played:
    """A replay that has ended."""

    fates: list[Fate] = field(default_factory=list)
    runs: list[SeenRun] = field(default_factory=list)
    unsent: int = 0
    left: list[str] = field(default_factory=list)
    stats: Stats | None = None


Watch = Callable[[Fate], None]


class Player:
    """Replays entries at `speed` seconds of the recording a second; None is as fast as can be.

    With a speed the messages go one after the other, each when its time has come and the one
    before is answered; without one, up to 16 at once, each sender's in order. `watch` is told
    each decision as it falls.
    """

    def __init__(self, target: Target, speed: float | None, watch: Watch) -> None:
        self._target = target
        self._speed = speed
        self._watch = watch
        self._agent = StandInAgent(speed or AGENT_SPEED_MAX)
        self._played = Played()
        self._given_up = False

    async def play(self, entries: Sequence[Entry]) -> Played:
        """Send all, wait until all is worked off (90 s at most after the last), and tell."""
        # Without a claim: what waits for others is not the replay's.
        target = self._target
        router = Router(target.url, target.token, max_runs=None, retry_seconds=RETRY_SECONDS)
        router.run(self._agent.answer)
        async with router:
            if self._speed is None:
                await self._send_all_at_once(router, entries)
            else:
                await self._send_in_time(router, entries, self._speed)
            await self._settle(router)
        self._played.unsent = len(entries) - len(self._played.fates)
        self._played.runs = self._agent.runs
        self._played.fates = [self._with_wait(fate) for fate in self._played.fates]
        return self._played

    async def _send_in_time(self, router: Router, entries: Sequence[Entry], speed: float) -> None:
        clock = _RecordedClock(speed)
        for entry in entries:
            if self._given_up:
                return
            await asyncio.sleep(clock.wait_seconds(entry.at))
            await self._send(router, entry)

    async def _send_all_at_once(self, router: Router, entries: Sequence[Entry]) -> None:
        places = asyncio.Semaphore(CONCURRENCY_MAX)
        latest: dict[str, asyncio.Task[None]] = {}

        async def send_after(before: asyncio.Task[None] | None, entry: Entry) -> None:
            try:
                if before is not None:
                    await before
                if not self._given_up:
                    await self._send(router, entry)
            finally:
                places.release()

        async with asyncio.TaskGroup() as group:
            for entry in entries:
                await places.acquire()
                before = latest.get(entry.user)
                latest[entry.user] = group.create_task(send_after(before, entry))

    async def _send(self, router: Router, entry: Entry) -> None:
        sent_at = time.monotonic()
        decision, error = None, None
        try:
            decision = (await router.submit(_event_of(entry), agent=entry.agent)).answer
        except RouterError as fault:
            error = str(fault)
            # Nothing will get through after these; other errors are of this one message.
            self._given_up |= isinstance(fault, Unavailable | Unauthorized)
        fate = Fate(entry=entry, decision=decision, error=error, sent_at=sent_at)
        self._played.fates.append(fate)
        self._watch(fate)

    async def _settle(self, router: Router) -> None:
        """Wait until nothing of this replay runs or waits, and note what does not end."""
        deadline = time.monotonic() + DRAIN_SECONDS
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await router.idle()
            while True:
                self._played.left = await self._left(router)
                if not self._played.left or time.monotonic() > deadline:
                    break
                await asyncio.sleep(POLL_SECONDS)
            self._played.stats = await router.stats()
        except TimeoutError:
            self._played.left = [f"run {work.id} is still in work" for work in router.runs]
        except RouterError as error:
            self._played.left = [f"what is left is not known: {error}"]

    async def _left(self, router: Router) -> list[str]:
        left = [f"lease on {run.session_key}" for run in await router.runs_of(router.consumer)]
        counts = (await router.stats()).messages
        if not left and not counts.waiting and not counts.in_run:
            return []
        for key in sorted(self._session_keys()):
            detail = await router.session(key)
            if detail.queue or detail.batch:
                left.append(f"{key}: {len(detail.queue)} waiting, {len(detail.batch)} in a run")
        return left

    def _session_keys(self) -> set[str]:
        decisions = (fate.decision for fate in self._played.fates)
        return {
            decision.session.key
            for decision in decisions
            if decision is not None and decision.session is not None
            if decision.decision != "reject"
        }

    def _with_wait(self, fate: Fate) -> Fate:
        seen_at = self._agent.seen_at.get(_key(fate.entry))
        return Fate(
            entry=fate.entry,
            decision=fate.decision,
            error=fate.error,
            sent_at=fate.sent_at,
            seen_at=seen_at,
        )


PAUSE_SECONDS_MAX = 3_600.0


class _RecordedClock:
    """The recording's time, `speed` times as fast as ours, from its first message on.

    A silence of more than `PAUSE_SECONDS_MAX`, or a step back to another file's time, is
    passed over.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._started_at = time.monotonic()
        self._elapsed_seconds = 0.0
        self._latest: datetime | None = None

    def wait_seconds(self, at: datetime | None) -> float:
        """Return how long until this moment of the recording; 0 for one without a time."""
        if at is None:
            return 0.0
        pause_seconds = (at - (self._latest or at)).total_seconds()
        self._elapsed_seconds += min(max(pause_seconds, 0.0), PAUSE_SECONDS_MAX)
        self._latest = at
        due_at = self._started_at + self._elapsed_seconds / self._speed
        return max(0.0, due_at - time.monotonic())


def _event_of(entry: Entry) -> Incoming:
    return Incoming(
        message_id=entry.message_id,
        source=entry.source,
        text=entry.text,
        payload=entry.payload,
        reply_to=entry.reply_to,
        mentions=entry.mentions,
    )


def _key(entry: Entry) -> MessageKey:
    source = entry.source
    return source.platform, source.account, source.scope, source.chat_id, entry.message_id
