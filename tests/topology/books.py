"""What talkers and workers were told by a service, and what of it was not kept."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that was acknowledged: when it was asked for, when answered (monotonic)."""

    talker: int
    message_id: str
    asked_at: float
    at: float


@dataclass(frozen=True, slots=True)
class Granted:
    """A fence with its messages, when it was asked for, and when it was told.

    A claim may wait between; so the lease began at `asked_at` or later.
    """

    session: str
    fence: int
    messages: tuple[str, ...]
    asked_at: float
    at: float


@dataclass(slots=True)
class Ended:
    """That a run is completed: when it was said first, and when acknowledged, if it was."""

    run: Granted
    asked_at: float
    at: float = inf

    @property
    def is_acknowledged(self) -> bool:
        return self.at < inf


@dataclass(frozen=True, slots=True)
class Lost:
    """What was acknowledged and is not so: messages, ends of runs, grants."""

    messages: list[Accepted]
    ends: list[Ended]
    grants: list[Granted]

    @property
    def things(self) -> list[Accepted | Ended | Granted]:
        return [*self.messages, *self.ends, *self.grants]

    @property
    def moments(self) -> list[float]:
        """When each of it was acknowledged (monotonic)."""
        return [one.at for one in self.things]

    def __str__(self) -> str:
        return f"{len(self.messages)} messages, {len(self.ends)} ends, {len(self.grants)} grants"


@dataclass(slots=True)
class Books:
    """All that was told, over all talkers and workers. `refused` counts answers of 503."""

    accepted: list[Accepted] = field(default_factory=list)
    granted: list[Granted] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    refused: int = 0

    @property
    def ends_acknowledged(self) -> int:
        return sum(end.is_acknowledged for end in self.ended)

    def __str__(self) -> str:
        granted = len(self.granted)
        return f"{len(self.accepted)} messages, {self.ends_acknowledged} ends, {granted} grants"

    def longest_silence(self, since: float) -> float:
        """The longest time in seconds that a talker was accepted nothing, from a moment on."""
        heard: dict[int, float] = {one.talker: since for one in self.accepted}
        longest = 0.0
        for one in self.accepted:
            if one.at > since:
                longest = max(longest, one.at - heard[one.talker])
                heard[one.talker] = one.at
        return longest

    def fences_that_went_back(self) -> list[Granted]:
        """Grants whose fence is no larger than one that was told before they were asked for."""
        told = sorted(self.granted, key=lambda one: one.at)
        highest: dict[str, int] = defaultdict(int)
        back, heard = [], 0
        for one in sorted(self.granted, key=lambda one: one.asked_at):
            while told[heard].at < one.asked_at:
                before = told[heard]
                highest[before.session] = max(highest[before.session], before.fence)
                heard += 1
            if one.fence <= highest[one.session]:
                back.append(one)
        return back

    def ends_undone(self) -> list[Ended]:
        """Acknowledged ends of which a message was granted once more, by a larger fence."""
        newest: dict[str, int] = defaultdict(int)
        for run in self.granted:
            for message in run.messages:
                newest[message] = max(newest[message], run.fence)
        return [
            end
            for end in self.ended
            if end.is_acknowledged and any(newest[m] > end.run.fence for m in end.run.messages)
        ]

    def completed_twice(self) -> set[str]:
        """Messages that two runs completed, and were told so."""
        by: dict[str, set[int]] = defaultdict(set)
        for end in self.ended:
            if end.is_acknowledged:
                for message in end.run.messages:
                    by[message].add(end.run.fence)
        return {message for message, fences in by.items() if len(fences) > 1}

    def grants_forgotten(self, lease_seconds: float) -> list[Granted]:
        """Grants beside which their session had another holder.

        The newer, where the older's end was taken though it was said after the newer was told; the
        older, where a newer was told while its lease went on and its end was not said yet.
        """
        ends = {(end.run.session, end.run.fence): end for end in reversed(self.ended)}
        found = []
        for older, newer in self._pairs():
            end = ends.get((older.session, older.fence)) or Ended(older, inf)
            if end.is_acknowledged and end.asked_at > newer.at:
                found.append(newer)
            elif newer.at < min(end.asked_at, older.asked_at + lease_seconds):
                found.append(older)
        return found

    def _pairs(self) -> Iterator[tuple[Granted, Granted]]:
        """Each grant with the first told of those that have a larger fence of its session."""
        by_fence = {(one.fence, one.session): one for one in reversed(self.granted)}
        first: dict[str, Granted] = {}
        for key in sorted(by_fence, reverse=True):
            one = by_fence[key]
            newer = first.get(one.session)
            if newer is not None:
                yield one, newer
            if newer is None or one.at < newer.at:
                first[one.session] = one
