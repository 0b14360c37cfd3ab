"""The record of what many callers sent and were answered, and when.

Times are monotonic seconds. A request without an answer may have been done at any moment
after it was sent, or never; it counts as answered in infinity.
"""

import math
import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Json = dict[str, Any]
Verb = Literal["submit", "claim", "heartbeat", "seal", "complete", "act"]
LOST = math.inf
OK, NOT_FOUND, CONFLICT, UNAVAILABLE = 200, 404, 409, 503
ACCEPTED = ("run", "queue", "interrupt", "steer")
CALLS = ("claim", "heartbeat", "seal", "complete")
JUMPS = ("interrupt", "steer")
# What makes two answers one grant. Others may tell news of the session: its data, who asks.
GRANT = ("id", "fence", "consumer", "session_key", "lease_expires_at", "messages")


@dataclass(frozen=True, slots=True)
class Event:
    """One request of one consumer. `target` is a message's name, a run's id, a session's key.

    The last is of an operator's act; its `body` tells the `action`, what was `seen`, and which
    `message` it is about.
    """

    consumer: str
    verb: Verb
    target: str
    body: Json
    sent: float
    received: float = LOST
    status: int | None = None
    answer: Json = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return self.status == OK

    @property
    def unknown(self) -> bool:
        """Nobody can tell from this answer whether the work was done."""
        return self.status is None or self.status == UNAVAILABLE

    @property
    def changed(self) -> bool:
        """An act that changed something, as its operator was told.

        Another may have, too: a router that lost the store's answer asks once more, and is told
        that there is nothing to change.
        """
        return self.done and bool(self.answer.get("changed"))

    @property
    def decision(self) -> str:
        return str(self.answer["decision"]) if self.verb == "submit" and self.done else ""

    @property
    def granted(self) -> Json | None:
        """The run that this answer brought: a decision's or the next one."""
        run: Json | None = self.answer.get("run") or self.answer.get("next")
        return run if self.done else None

    def __str__(self) -> str:
        end = "lost" if self.received == LOST else f"{self.received:.3f}"
        said = " ".join(
            str(self.body[word]) for word in ("outcome", "action", "message") if word in self.body
        )
        target = self.target.partition(".")[0] if self.verb in CALLS else self.target
        return f"{self.sent:.3f}..{end} {self.consumer} {self.verb} {target} {said}: {self._answer}"

    @property
    def _answer(self) -> str:
        if not self.done:
            return "no answer" if self.status is None else str(self.status)
        if self.verb == "act":
            return "changed" if self.answer["changed"] else "nothing changed"
        words = ("decision", "reason", "duplicate_of", "state", "lease_expires_at")
        text = " ".join(str(self.answer[word]) for word in words if self.answer.get(word))
        run = self.granted
        if run is None:
            return text or "200"
        ids = ", ".join(names_of(run))
        return f"{text} RUN {run['fence']} until {run['lease_expires_at']} of [{ids}]"


@dataclass(slots=True)
class Grant:
    """A run, and every answer that brought it."""

    run: Json
    given: list[Event]

    def __post_init__(self) -> None:
        self.given.sort(key=lambda event: event.received)

    @property
    def id(self) -> str:
        return str(self.run["id"])

    @property
    def fence(self) -> int:
        return int(self.run["fence"])

    @property
    def session(self) -> str:
        return str(self.run["session_key"])

    @property
    def names(self) -> list[str]:
        return names_of(self.run)

    @property
    def granted_ms(self) -> int:
        """The store's clock at the grant: a fence is that in microseconds, or more."""
        return self.fence // 1000

    @property
    def received(self) -> float:
        return self.given[0].received


class History:
    """What was recorded. `cut_ms`: after so long the policy may end runs by itself."""

    def __init__(self, cut_ms: int | None = None, wall_offset: float | None = None) -> None:
        self.events: list[Event] = []
        self.samples: list[Json] = []
        self.cut_ms = cut_ms
        self._wall = time.time() - time.monotonic() if wall_offset is None else wall_offset

    def ask(self, event: Event) -> None:
        """A request goes out: a history that outlives its process writes that down."""

    def add(self, event: Event) -> None:
        """A request has its answer, or was given up."""
        self.events.append(event)

    def wall_ms(self, moment: float) -> float:
        """The machine's clock, which is the store's too, at a monotonic moment."""
        return (moment + self._wall) * 1000

    def grants(self) -> list[Grant]:
        """Every run that anybody was given, by its fence."""
        given: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            if event.granted is not None:
                given[event.granted["id"]].append(event)
        grants = [Grant(events[0].granted or {}, events) for events in given.values()]
        return sorted(grants, key=lambda grant: grant.fence)

    def accepted(self) -> set[str]:
        """The messages that somebody was told are accepted."""
        return {
            event.target
            for event in self.events
            if event.verb == "submit" and event.done and event.decision != "reject"
        }

    def uncertain(self) -> set[str]:
        """The messages that may have been accepted without anybody being told."""
        return {event.target for event in self.events if event.verb == "submit" and event.unknown}

    def sources(self) -> dict[str, Json]:
        """One source for every session that was met: a way to write to it again."""
        met = (event for event in self.events if event.verb == "submit" and event.done)
        return {
            event.answer["session"]["key"]: event.body["source"]
            for event in met
            if event.answer["session"]
        }

    def story(self, about: Collection[str]) -> str:
        """The events on these messages and runs, and those that granted them, in order."""
        told = [event for event in self.events if _concerns(event, about)]
        return "\n".join(f"  {event}" for event in sorted(told, key=lambda event: event.sent))


def _concerns(event: Event, about: Collection[str]) -> bool:
    return event.target in about or (event.granted or {}).get("id") in about


@dataclass(frozen=True, slots=True)
class Final:
    """What the service says when all is quiet. A message it does not know is not there."""

    messages: dict[str, Json]
    runs: dict[str, Json]
    stats: Json


def name_of(source: Json, message_id: str) -> str:
    """A message's name in a history: ids are unique only inside a chat."""
    return f"{source['chat_id']}/{message_id}"


def names_of(run: Json) -> list[str]:
    return [name_of(message["source"], message["message_id"]) for message in run["messages"]]


def milliseconds(moment: str) -> int:
    """A time of the service, in milliseconds since the epoch."""
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def by_target(events: Iterable[Event], *verbs: Verb) -> dict[str, list[Event]]:
    """Events of these verbs by what they are about, each list in the order of sending."""
    found: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.sent):
        if event.verb in verbs:
            found[event.target].append(event)
    return found
