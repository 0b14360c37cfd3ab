"""Hand-made histories, for the checker's own tests.

Times are seconds; here the monotonic clock and the machine's are one.
"""

from datetime import UTC, datetime
from typing import Any

from app.torture.history import ACCEPTED, Event, Final, History, Json

LEASE = 10.0


class Tale:
    """A hand-made history, and the end that goes with it."""

    def __init__(self) -> None:
        self.history = History(wall_offset=0)
        self.states: dict[str, tuple[str, Json | None]] = {}
        self.reasons: dict[str, str] = {}
        self.ends: dict[str, Json] = {}
        self.stats: dict[str, int] = {}

    def run(self, at: float, *numbers: int, to: str = "a", session: str = "s") -> Json:
        """Make a run of messages `c/1`, `c/2`... of one user, as granted at some time."""
        fence = round(at * 1_000_000)
        run: Json = {
            "id": f"{fence}.0.{session}",
            "fence": fence,
            "consumer": to,
            "session_key": session,
        }
        expires = datetime.fromtimestamp(at + LEASE, UTC).isoformat()
        messages = [message(number) for number in numbers]
        self.ends[run["id"]] = {"state": "ended", "outcome": None, "ended": "lease_expired"}
        return run | {"lease_expires_at": expires, "messages": messages}

    def submit(
        self,
        number: int,
        at: float,
        decision: str = "queue",
        run: Json | None = None,
        *,
        by: str = "a",
    ) -> None:
        """Send a message; `decision` may be a duplicate of a run."""
        again = "run" if decision == "duplicate" else None
        answer = {"decision": decision, "run": run, "duplicate_of": again, "session": None}
        self._add(by, "submit", f"c/{number}", message(number), at, 200, answer)
        if decision in ACCEPTED:
            self.states[f"c/{number}"] = ("waiting", None)

    def beat(self, run: Json, at: float, status: int = 200, fence: int | None = None) -> None:
        expires = datetime.fromtimestamp(at + LEASE, UTC).isoformat()
        body = {"fence": run["fence"] if fence is None else fence}
        self._add("a", "heartbeat", run["id"], body, at, status, {"lease_expires_at": expires})

    def complete(
        self,
        run: Json,
        at: float,
        outcome: str = "completed",
        then: Json | None = None,
        status: int = 200,
    ) -> None:
        """End a run; its messages are then done, unless the outcome returns them."""
        body = {"fence": run["fence"], "outcome": outcome}
        self._add("a", "complete", run["id"], body, at, status, {"next": then})
        if status != 200:
            return
        self.ends[run["id"]] = {"state": "ended", "outcome": outcome, "ended": None}
        for sent in run["messages"] if outcome == "completed" else ():
            self.states[f"c/{sent['message_id']}"] = ("done", run)

    def act(self, action: str, at: float, status: int = 200, **body: Any) -> None:
        """An operator acts on the session, and is told that something changed."""
        body = {"action": action, "seen": {}} | body
        self._add("o", "act", "s", body, at, status, {"changed": True} if status == 200 else {})

    def remove(self, number: int, reason: str) -> None:
        """Let a message end as removed."""
        self.states[f"c/{number}"] = ("removed", None)
        self.reasons[f"c/{number}"] = reason

    def _add(self, consumer: str, verb: Any, target: str, *rest: Any) -> None:
        body, at, status, answer = rest
        event = Event(consumer, verb, target, body, at, at + 0.1, status, answer)
        self.history.events.append(event)

    def final(self) -> Final:
        messages = {
            name: {
                "state": state,
                "reason": self.reasons.get(name),
                "run_id": run and run["id"],
                "decision": "queue",
                "session_key": "s",
            }
            for name, (state, run) in self.states.items()
        }
        counts = dict.fromkeys(("waiting", "in_run", "done", "dead", "removed"), 0)
        for state, _ in self.states.values():
            counts[state] += 1
        figures = counts | {"accepted": len(messages)} | self.stats
        return Final(messages, self.ends, {"messages": figures})


def message(number: int) -> Json:
    source = {"platform": "p", "chat_id": "c", "user_id": "u"}
    body = {"message_id": str(number), "seq": number, "source": source, "user_id": "u"}
    return body | {"text": f"text {number}", "payload": {"n": number}}
