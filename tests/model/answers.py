"""The service's answers, cut down to what the model says of them, and the comparison.

The model numbers what the service draws, runs and session ids, by small numbers. `Names`
learns which is which when an answer first shows one, and holds the service to it: a number
keeps its name, and what is drawn later is larger (I1).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.model.records import Drawn
from tests.state import EPOCH_MS

Body = dict[str, Any]


class Granted(str):
    """A run's id, with the fence of its grant."""

    __slots__ = ("fence",)
    fence: int


class Names:
    """Numbers of the model and what the service calls them."""

    def __init__(self) -> None:
        self.of: dict[int, str] = {}
        self.fences: dict[int, int] = {}
        self.now = 0

    def compare(self, expected: Any, actual: Any, path: str = "") -> None:
        """Raise `AssertionError` at the first place where the two differ."""
        if isinstance(expected, Drawn):
            self._same_name(expected, actual, path)
        elif isinstance(expected, dict):
            assert isinstance(actual, dict), f"{path}: expected {expected}, got {actual}"
            assert expected.keys() == actual.keys(), f"{path}: {expected} is not {actual}"
            for name, value in expected.items():
                if name == "ready_at":
                    self._same_moment_to_come(value, actual[name], path)
                elif name in {"stopped", "removed"} and isinstance(
                    value, list
                ):  # of several sessions, in no order
                    known = sorted(str(self.of.get(v, v)) for v in value)
                    assert known == sorted(actual[name]), f"{path}.{name}: {known} {actual[name]}"
                else:
                    self.compare(value, actual[name], f"{path}.{name}")
        elif isinstance(expected, list | tuple):
            found = f"{path}: expected {list(expected)}, got {actual}"
            assert isinstance(actual, list | tuple), found
            assert len(expected) == len(actual), found
            for index, value in enumerate(expected):
                self.compare(value, actual[index], f"{path}[{index}]")
        else:
            assert expected == actual, f"{path}: expected {expected!r}, got {actual!r}"

    def _same_moment_to_come(self, expected: int | None, actual: int | None, path: str) -> None:
        # What has passed is as good as nothing: it is forgotten when the session is settled.
        expected, actual = (m if (m or 0) > self.now else None for m in (expected, actual))
        assert expected == actual, f"{path}.ready_at: expected {expected}, got {actual}"

    def _same_name(self, number: int, name: Any, path: str) -> None:
        assert isinstance(name, str), f"{path}: expected #{number}, got {name!r}"
        if isinstance(name, Granted):
            self._learn_fence(number, name.fence)
        if number in self.of:
            assert self.of[number] == name, f"{path}: #{number} is {self.of[number]}, got {name}"
            return
        assert name not in self.of.values(), f"{path}: expected a new name, got {name}"
        self.of[number] = name

    def _learn_fence(self, number: int, fence: int) -> None:
        """Fences grow with every grant, whatever happened in between (I1)."""
        known = self.fences.setdefault(number, fence)
        assert known == fence, f"run #{number} had the fence {known}, now {fence}"
        for other, older in self.fences.items():
            assert (other < number) == (older < fence) or other == number, "a fence went back"


def at(text: str | None) -> int | None:
    """Milliseconds since the epoch of the tests."""
    if text is None:
        return None
    return round(datetime.fromisoformat(text).timestamp() * 1000) - EPOCH_MS


def _optional(read: Callable[[Body], Any], body: Body | None) -> Any:
    return None if body is None else read(body)


def _picked(body: Body, *names: str) -> Body:
    return {name: body[name] for name in names}


def session(body: Body) -> Body:
    picked = _picked(body, "key", "id", "is_new", "previous_id", "reset_reason")
    return picked | {"participants": [p["user_id"] for p in body["participants"]]}


def run(body: Body) -> Body:
    previous = body["previous"]
    granted = Granted(body["id"])
    granted.fence = body["fence"]
    return {
        "number": granted,
        **_picked(body, "consumer", "session_id", "omitted_count"),
        "lease_at": at(body["lease_expires_at"]),
        "reply_to": body["route"]["reply_to"],
        "messages": [
            (m["message_id"], m["seq"], m["deliveries"], m["text"], m["group"], m["answers"])
            for m in body["messages"]
        ],
        "context": [(line["message_id"], line["text"]) for line in body["context"]],
        **_picked(body, "data", "previous_data"),
        "previous": _optional(_end, previous),
        "omitted": [(m["message_id"], m["reason"]) for m in body["omitted"]],
    }


def _end(body: Body) -> tuple[Any, ...]:
    return body["id"], body["ended"], body["sealed"], body["sent"]


def _queue(body: Body) -> Body:
    return body | {"ready_at": at(body["ready_at"])}


def decision(body: Body) -> Body:
    return {
        **_picked(body, "decision", "reason", "state", "duplicate_of"),
        "queue": _optional(_queue, body["queue"]),
        "control": _optional(
            lambda c: _picked(c, "stopped", "removed", "pending"), body["control"]
        ),
        "dropped": [(d["message_id"], d["reason"]) for d in body["dropped"]],
        "session": _optional(session, body["session"]),
        "run": _optional(run, body["run"]),
        "active_run": _optional(_holder, body["active_run"]),
    }


def _holder(body: Body) -> tuple[Any, ...]:
    owners = [owner.partition(":")[2] for owner in body["owners"]]
    return body["id"], body["consumer"], owners, _optional(_asking, body["asking"])


def _asking(body: Body) -> tuple[Any, ...]:
    return body["prompt_id"], at(body["expires_at"])


def _running(body: Body) -> tuple[Any, ...]:
    return *_holder(body), body["sealed"], body["held"]


def interrupt(body: Body) -> Body:
    asked = _picked(body, "cause", "user_id", "message_id")
    return asked | {"requested_at": at(body["requested_at"]), "deadline": at(body["deadline"])}


def heartbeat(body: Body) -> Body:
    if "refused" in body:
        return body
    return {
        "lease_at": at(body["lease_expires_at"]),
        "sealed": body["sealed"],
        **offered(body),
    }


def offered(body: Body) -> Body:
    return {
        "interrupt": _optional(interrupt, body["interrupt"]),
        "steer": [(m["message_id"], m["text"]) for m in body["steer"]],
        "answers": [(m["message_id"], m["text"], m["answers"]) for m in body["answers"]],
    }


def seal(body: Body) -> Body:
    if "refused" in body:
        return body
    return {"sealed": body["sealed"], **offered(body)}


def asked(body: Body) -> Body:
    return body if "refused" in body else {"until": at(body["expires_at"])}


def completion(body: Body) -> Body:
    if "refused" in body:
        return body
    return {
        "next": _optional(run, body["next"]),
        "returned": body["returned"],
        "session": _optional(session, body["session"]),
    }


def _waiting(messages: list[Body]) -> list[tuple[Any, ...]]:
    return [(m["message_id"], m["seq"], m["deliveries"], m["text"]) for m in messages]


def detail(body: Body) -> Body:
    counters = body["counters"]
    return {
        "session": session(body["session"]),
        "state": body["state"],
        "ready_at": at(body["ready_at"]),
        "queue": _waiting(body["queue"]),
        "batch": _waiting(body["batch"]),
        "run": _optional(_running, body["run"]),
        "interrupt": _optional(interrupt, body["run"] and body["run"]["interrupt"]),
        "counters": tuple(
            counters[n] for n in ("accepted", "waiting", "in_run", "done", "dead", "removed")
        ),
    }


def stats(body: Body) -> Body:
    wait_ms = round(body["queue"]["oldest_wait_seconds"] * 1000)
    return {**_picked(body, "sessions", "messages"), "oldest_wait_ms": wait_ms}
