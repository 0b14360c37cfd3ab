"""Hand-made histories, for the checker's own tests.

Times are seconds of the torturer's clock; the store's is ahead of it by `store_ahead`.
"""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from app.torture.history import ACCEPTED, Event, Final, History, Json

LEASE = 10.0
TOLD = 0.001


class Tale:
    """A hand-made history, and the end that goes with it.

    It begins with message `t/0`, answered so soon that the store's clock is known.
    """

    def __init__(self, store_ahead: float = 0.0) -> None:
        self.history = History()
        self.states: dict[str, tuple[str, Json | None]] = {}
        self.reasons: dict[str, str] = {}
        self.decisions: dict[str, str] = {}
        self.ends: dict[str, Json] = {}
        self.stats: dict[str, int] = {}
        self._ahead = store_ahead
        self._accepted: dict[str, str] = {}
        self._batches: dict[str, list[Json]] = defaultdict(list)
        self._seen: dict[str, list[str]] = defaultdict(list)
        self._tell_the_time()

    def _tell_the_time(self) -> None:
        run = self.run(TOLD / 2, to="t", session="t")
        body = message(0, "t")
        run["messages"].append(body | {"deliveries": 1, "received_at": self.moment(TOLD / 2)})
        answer = {"decision": "run", "reason": "", "run": run, "session": None}
        self._add("t", "submit", "t/0", body, 0, 200, answer, TOLD)
        self.complete(run, 0.5)

    def moment(self, at: float) -> str:
        """What the store's clock shows."""
        return datetime.fromtimestamp(at + self._ahead, UTC).isoformat()

    def run(
        self,
        at: float,
        *numbers: int,
        to: str = "a",
        session: str = "s",
        after: Json | None = None,
        back: tuple[int, ...] = (),
    ) -> Json:
        """Make a run of messages `c/1`, `c/2`... of one user, as granted at some time.

        `after` had its batch before and gave `back` these, counted.
        """
        fence = round((at + self._ahead) * 1_000_000)
        run: Json = {
            "id": f"{fence}.0.{session}",
            "fence": fence,
            "consumer": to,
            "session_key": session,
            "previous": after and {"id": after["id"]},
        }
        messages = [message(number) for number in numbers]
        before = {m["message_id"]: m["deliveries"] for m in after["messages"]} if after else {}
        for number, sent in zip(numbers, messages, strict=True):
            sent["deliveries"] = before.get(str(number), 1) + (number in back)
            name = f"c/{number}"
            sent["received_at"] = self._accepted.get(name) or self.moment(at)
            self._batches[name].append(sent)
        self.ends[run["id"]] = {"state": "ended", "outcome": None, "ended": "lease_expired"}
        return run | {"lease_expires_at": self.moment(at + LEASE), "messages": messages}

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
        name = f"c/{number}"
        again = "run" if decision == "duplicate" else None
        answer = {"decision": decision, "reason": "", "run": run, "duplicate_of": again}
        answer["session"] = None
        self._add(by, "submit", name, message(number), at, 200, answer)
        if decision not in ACCEPTED:
            return
        self.states[name] = ("waiting", None)
        self.decisions[name] = decision
        accepted = run["fence"] / 1_000_000 - self._ahead if run else at + 0.05
        self._accepted.setdefault(name, self.moment(accepted))
        for sent in self._batches[name]:
            sent["received_at"] = self._accepted[name]

    def beat(self, run: Json, at: float, status: int = 200, fence: int | None = None) -> None:
        self._beat(run, at, status, {"fence": run["fence"] if fence is None else fence})

    def offer(self, run: Json, at: float, *numbers: int) -> None:
        """The holder beats, and is offered these as steers."""
        self._beat(run, at, 200, {"fence": run["fence"]}, *map(message, numbers))

    def see(self, run: Json, at: float, *numbers: int) -> None:
        """The holder beats, and says that it has seen these."""
        self._beat(run, at, 200, {"fence": run["fence"], "seen": [*map(str, numbers)]})
        self._seen[run["id"]] += [f"c/{number}" for number in numbers]

    def _beat(self, run: Json, at: float, status: int, body: Json, *offered: Json) -> None:
        answer = {"lease_expires_at": self.moment(at + LEASE), "steer": [*offered]}
        self._add("a", "heartbeat", run["id"], body, at, status, answer)

    def seal(self, run: Json, at: float, *, sealed: bool = True) -> None:
        body = {"fence": run["fence"]}
        self._add("a", "seal", run["id"], body, at, 200, {"sealed": sealed})

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
        names = [f"{m['source']['chat_id']}/{m['message_id']}" for m in run["messages"]]
        for name in names + self._seen[run["id"]] if outcome == "completed" else ():
            self.states[name] = ("done", run)

    def claim(self, at: float, *runs: Json, status: int | None = 200) -> None:
        """Claim, always by the same request, and be answered with these runs."""
        self._add("a", "claim", "r", {"request_id": "r"}, at, status, {"runs": [*runs]})

    def act(self, action: str, at: float, status: int | None = 200, **body: Any) -> None:
        """An operator acts on the session, and is told that something changed."""
        changed = body.pop("changed", True)
        body = {"action": action, "seen": {}} | body
        answer = {"changed": changed} if status == 200 else {}
        self._add("o", "act", "s", body, at, status, answer)

    def stop(
        self,
        number: int,
        at: float,
        *,
        removed: tuple[int, ...] = (),
        runs: tuple[Json, ...] = (),
        status: int | None = 200,
    ) -> None:
        """The user of the messages stops what runs, and hears what that ended."""
        control = {"removed": [*map(str, removed)], "stopped": [run["id"] for run in runs]}
        answer = {"decision": "control", "control": control} if status == 200 else {}
        self._add("a", "stop", f"c/{number}", {"control": "stop"}, at, status, answer)

    def amend(self, number: int, at: float, result: str, text: str | None = None) -> None:
        """Edit a message, or delete it."""
        body = {"delete": True} if text is None else {"text": text}
        self._add("a", "amend", f"c/{number}", body, at, 200, {"result": result})

    def remove(self, number: int, reason: str, run: Json | None = None) -> None:
        """Let a message end as removed."""
        self.states[f"c/{number}"] = ("removed", run)
        self.reasons[f"c/{number}"] = reason

    def die(self, number: int, run: Json | None = None) -> None:
        """Let a message end as a dead letter of a run."""
        self.states[f"c/{number}"] = ("dead", run)

    def _add(self, consumer: str, verb: Any, target: str, *rest: Any) -> None:
        body, at, status, answer, *took = rest
        received = at + (took[0] if took else 0.1) if status else float("inf")
        event = Event(consumer, verb, target, body, at, received, status, answer)
        self.history.events.append(event)

    def final(self) -> Final:
        """What the service says at the end; `stats` may be made to disagree."""
        messages = {
            name: {
                "state": state,
                "reason": self.reasons.get(name),
                "run_id": run and run["id"],
                "decision": self.decisions.get(name, "queue"),
                "session_key": "t" if name == "t/0" else "s",
            }
            for name, (state, run) in self.states.items()
        }
        counts = dict.fromkeys(("waiting", "in_run", "done", "dead", "removed"), 0)
        for state, _ in self.states.values():
            counts[state] += 1
        figures = counts | {"accepted": len(messages)} | self.stats
        return Final(messages, self.ends, {"messages": figures})


def message(number: int, chat: str = "c") -> Json:
    source = {"platform": "p", "chat_id": chat, "user_id": "u"}
    body = {"message_id": str(number), "seq": number, "source": source, "user_id": "u"}
    return body | {"text": f"text {number}", "payload": {"n": number}}
