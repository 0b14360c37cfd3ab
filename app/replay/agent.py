"""The stand-in agent: takes the time a run would take, and keeps account of what it saw."""

import asyncio
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from session_router import BatchMessage, Interrupted, Run, RunInWork, Usage

# The recording's time for each character of a batch, and the bounds of a run.
WORK_SECONDS_PER_CHARACTER: Final = 0.2
WORK_SECONDS_MIN: Final = 5.0
WORK_SECONDS_MAX: Final = 120.0
# An answer is as long as a short paragraph; four characters are about a token.
REPLY_CHARACTERS: Final = 300
CHARACTERS_PER_TOKEN: Final = 4

MessageKey = tuple[str, str, str | None, str, str]


@dataclass(slots=True)
class SeenRun:
    """One run as the agent saw it. `context_tokens` is what the session held at its end."""

    run: Run
    context_tokens: int = 0
    interrupted: bool = False


class StandInAgent:
    """Works on runs without a model; the same batch always takes the same time.

    A run takes 0.2 s of the recording's time for each character of its batch, at least 5 s and
    at most 120 s, or the `work_seconds` that its messages ask for in their payload; divided by
    `speed`. It stops when it is interrupted, and looks once more before it would reply.
    """

    def __init__(self, speed: float) -> None:
        self.runs: list[SeenRun] = []
        self.seen_at: dict[MessageKey, float] = {}
        self._speed = speed
        self._characters: defaultdict[str, int] = defaultdict(int)

    async def answer(self, run: RunInWork) -> None:
        """Take a run's time. Raises `Interrupted` when it was asked to stop before the end."""
        seen = self._take_in(run.grant)
        with suppress(TimeoutError):
            async with asyncio.timeout(work_seconds(run.messages) / self._speed):
                await run.interrupt_requested()
        if run.interrupt is None:
            await run.beat_now()
        seen.interrupted = run.interrupt is not None
        if not seen.interrupted:
            self._characters[run.session_id] += REPLY_CHARACTERS
            seen.context_tokens = self._tokens(run.session_id)
        run.report(usage=Usage(context_tokens=seen.context_tokens))
        if seen.interrupted:
            raise Interrupted

    def _take_in(self, run: Run) -> SeenRun:
        for message in run.messages:
            self.seen_at.setdefault(message_key(message), time.monotonic())
        self._characters[run.session_id] += len(run.text)
        seen = SeenRun(run, self._tokens(run.session_id))
        self.runs.append(seen)
        return seen

    def _tokens(self, session_id: str) -> int:
        return self._characters[session_id] // CHARACTERS_PER_TOKEN


def message_key(message: BatchMessage) -> MessageKey:
    """Return what tells a message from all others: its chat and its id."""
    source = message.source
    if source is None:
        raise ValueError("a replay sends no message to a session")
    return source.platform, source.account, source.scope, source.chat_id, message.message_id


def work_seconds(messages: tuple[BatchMessage, ...]) -> float:
    """Return how long a batch takes in the recording's time."""
    wanted = [_wanted_seconds(message) for message in messages]
    if any(seconds is not None for seconds in wanted):
        return sum(seconds or 0.0 for seconds in wanted)
    characters = sum(len(message.text) for message in messages)
    return min(max(characters * WORK_SECONDS_PER_CHARACTER, WORK_SECONDS_MIN), WORK_SECONDS_MAX)


def _wanted_seconds(message: BatchMessage) -> float | None:
    if not isinstance(message.payload, dict):
        return None
    seconds = message.payload.get("work_seconds")
    return max(0.0, float(seconds)) if isinstance(seconds, int | float) else None
