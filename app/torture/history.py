"""The record of what many callers sent and were answered, and when.

Times are monotonic seconds. A request without an answer may have been done at any moment
after it was sent, or never; it counts as answered in infinity.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Json = dict[str, Any]
Verb = Literal["submit", "stop", "amend", "claim", "heartbeat", "ask", "seal", "complete", "act"]
LOST = math.inf
OK, NOT_FOUND, CONFLICT, UNAVAILABLE = 200, 404, 409, 503
ACCEPTED = ("run", "queue", "interrupt", "steer", "answer")
CALLS: tuple[Verb, ...] = ("heartbeat", "ask", "seal", "complete")
JUMPS = ("interrupt", "steer", "answer")
# What makes two answers one grant. Others may tell news of the session: its data, who asks.
GRANT = ("id", "fence", "consumer", "session_key", "lease_expires_at", "messages")


@dataclass(frozen=True, slots=True)
class Event:
    """One request of one consumer, about its `target`.

    That is a message's name (`submit`, `stop`, `amend`), a run's id, the id of a claim's request,
    or of an operator's act a session's key; its `body` tells the `action`, what was `seen`, and
    which `message` it is about.
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
        """An act that changed something, as its operator was told."""
        return self.done and bool(self.answer.get("changed"))

    @property
    def may_have_changed(self) -> bool:
        """An act that changed something, or whose operator was not told whether it did."""
        return self.changed or self.unknown

    @property
    def decision(self) -> str:
        return str(self.answer["decision"]) if self.verb == "submit" and self.done else ""

    @property
    def granted(self) -> Json | None:
        """The run that this answer brought: a decision's or the next one."""
        run: Json | None = self.answer.get("run") or self.answer.get("next")
        return run if self.done else None

    @property
    def runs(self) -> list[Json]:
        """Every run that this answer brought: a claim's may be several."""
        claimed: list[Json] = self.answer.get("runs", []) if self.done else []
        return [self.granted] if self.granted else claimed

    @property
    def offered(self) -> list[Json]:
        """The steers and answers that this answer offered to a run's holder."""
        steers: list[Json] = self.answer.get("steer", [])
        answers: list[Json] = self.answer.get("answers", [])
        return [*steers, *answers] if self.done and self.verb in ("heartbeat", "seal") else []

    def __str__(self) -> str:
        end = "lost" if self.received == LOST else f"{self.received:.3f}"
        words = ("outcome", "action", "message", "text", "delete")
        shown = words if self.verb == "amend" else words[:3]
        said = " ".join(str(self.body[word]) for word in shown if word in self.body)
        said += f" seen {seen}" if (seen := self.body.get("seen")) and self.verb in CALLS else ""
        target = self.target.partition(".")[0] if self.verb in CALLS else self.target
        return f"{self.sent:.3f}..{end} {self.consumer} {self.verb} {target} {said}: {self._answer}"

    @property
    def _answer(self) -> str:
        if not self.done:
            return "no answer" if self.status is None else str(self.status)
        if self.verb == "act":
            return "changed" if self.answer["changed"] else "nothing changed"
        words = ("decision", "reason", "duplicate_of", "state", "result", "lease_expires_at")
        text = [str(self.answer[word]) for word in words if self.answer.get(word)]
        if offered := [message["message_id"] for message in self.offered]:
            text.append(f"offers {offered}")
        if (control := self.answer.get("control")) is not None:
            text.append(f"stopped {control['stopped']} removed {control['removed']}")
        for run in self.runs:
            ids = ", ".join(names_of(run))
            text.append(f"RUN {run['fence']} until {run['lease_expires_at']} of [{ids}]")
        return " ".join(text) or "200"


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
    def chat(self) -> str:
        return str(self.run["messages"][0]["source"]["chat_id"])

    @property
    def granted_ms(self) -> int:
        """The store's clock at the grant: a fence is that in microseconds, or more."""
        return self.fence // 1000

    @property
    def received(self) -> float:
        return self.given[0].received


class History:
    """What was recorded, and what the policy allowed.

    `cut_ms`: after so long it may end runs by itself. `dropped_in`: where a chat's id begins so,
    messages may expire or be dropped. `deliveries_min`: it gives a message at least so many.
    """

    def __init__(self, cut_ms: int | None = None) -> None:
        self.events: list[Event] = []
        self.samples: list[Json] = []
        self.cut_ms = cut_ms
        self.dropped_in: tuple[str, ...] = ()
        self.deliveries_min = 1

    def ask(self, event: Event) -> None:
        """A request goes out: a history that outlives its process writes that down."""

    def add(self, event: Event) -> None:
        """A request has its answer, or was given up."""
        self.events.append(event)

    def grants(self) -> list[Grant]:
        """Every run that anybody was given, by its fence."""
        given: dict[str, list[Event]] = defaultdict(list)
        runs: dict[str, Json] = {}
        for event in self.events:
            for run in event.runs:
                runs.setdefault(run["id"], run)
                given[run["id"]].append(event)
        grants = [Grant(run, given[run_id]) for run_id, run in runs.items()]
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
    return event.target in about or any(run["id"] in about for run in event.runs)


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
