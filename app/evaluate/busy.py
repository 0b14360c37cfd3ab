"""What a session's run would have done to those who write meanwhile, with a stand-in agent."""

from dataclasses import dataclass, field
from typing import Literal

from app.evaluate.sessions import Message
from app.replay.agent import (
    WORK_SECONDS_MAX,
    WORK_SECONDS_MIN,
    WORK_SECONDS_PER_CHARACTER,
)

Did = Literal["run", "wait", "interrupt"]


@dataclass(slots=True)
class BusySession:
    """One session under the default busy policy, as if every message were one to the agent.

    A run takes the time that `session-router replay` gives it: 0.2 s for each character of its
    batch, at least 5 s and at most 120 s. A message that finds a run of its sender alone
    interrupts it; any other message that finds a run waits, for it is (also) somebody else's.
    What waits is the next run, all of it; an interrupt ends its run at once and takes along
    what waits. The stand-in answers at once when asked to stop.
    """

    _ends_at_ms: float = 0
    _owners: frozenset[str] = frozenset()
    _waiting: list[Message] = field(default_factory=list)

    def hear(self, message: Message) -> Did:
        """Take in a message; times never go back."""
        self._settle(message.at_ms)
        self._waiting.append(message)
        if not self._owners:
            self._run(message.at_ms)
            return "run"
        if self._owners == {message.entry.user}:
            self._run(message.at_ms)
            return "interrupt"
        return "wait"

    def _settle(self, now_ms: int) -> None:
        while self._owners and self._ends_at_ms <= now_ms:
            self._owners = frozenset()
            if self._waiting:
                self._run(self._ends_at_ms)

    def _run(self, from_ms: float) -> None:
        characters = sum(len(message.entry.text) for message in self._waiting)
        seconds = min(
            max(characters * WORK_SECONDS_PER_CHARACTER, WORK_SECONDS_MIN), WORK_SECONDS_MAX
        )
        self._ends_at_ms = from_ms + seconds * 1_000
        self._owners = frozenset(message.entry.user for message in self._waiting)
        self._waiting = []
