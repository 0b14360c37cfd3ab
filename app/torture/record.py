"""A history with its end, looked up by run, session and message; and what a violation is."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from app.torture.history import CALLS, LOST, Event, Final, Grant, History, by_target, milliseconds
from app.torture.store_clock import StoreClock


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold, and the shortest story that shows it."""

    invariant: str
    what: str
    story: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}\n{self.story}"


class Record:
    """What the checks look at. `seen` has the runs whose holders said that they saw a message.

    `runs_of` has these and the runs that it was granted to. `displaced` are messages that need not
    stand where they were accepted: dead letters that were redriven, and what was seen.
    """

    def __init__(self, history: History, final: Final) -> None:
        self.history = history
        self.final = final
        self.grants = {grant.id: grant for grant in history.grants()}
        self.calls = by_target(history.events, *CALLS)
        self.submits = by_target(history.events, "submit")
        self.stops = by_target(history.events, "stop")
        self.amends = by_target(history.events, "amend")
        self.acts = by_target(history.events, "act")
        self.clock = StoreClock(self.submits, list(self.grants.values()))
        self.redriven = {
            str(act.body["message"])
            for acts in self.acts.values()
            for act in acts
            if act.body["action"] == "redrive" and act.may_have_changed
        }
        self.sessions: dict[str, list[Grant]] = defaultdict(list)
        self.runs_of: dict[str, list[Grant]] = defaultdict(list)
        self.seen: dict[str, list[Grant]] = defaultdict(list)
        for grant in self.grants.values():
            self.sessions[grant.session].append(grant)
            for name in sorted(self._seen_by(grant)):
                self.seen[name].append(grant)
            for name in {*grant.names, *self._seen_by(grant)}:
                self.runs_of[name].append(grant)
        self.displaced = self.redriven | self.seen.keys()
        self.messages_of: dict[str, set[str]] = defaultdict(set)
        for name, message in final.messages.items():
            self.messages_of[message["session_key"]].add(name)
        self._unanswered = [event for event in history.events if event.unknown]

    def violation(self, invariant: str, what: str, about: Collection[str]) -> Violation:
        return Violation(invariant, what, self.history.story(about))

    def calls_on(self, grant: Grant) -> list[Event]:
        """The calls that name this run with its fence, as they were sent."""
        calls = self.calls.get(grant.id, [])
        return [call for call in calls if call.body["fence"] == grant.fence]

    def _seen_by(self, grant: Grant) -> set[str]:
        calls = [call for call in self.calls_on(grant) if call.done or call.unknown]
        return {f"{grant.chat}/{name}" for call in calls for name in call.body.get("seen", ())}

    def was_told(self, grant: Grant, name: str) -> bool:
        """Whether the service was certainly told that a run saw a message: it answered that."""
        message_id = name.removeprefix(f"{grant.chat}/")
        return any(message_id in call.body.get("seen", ()) for call in self._done(grant))

    def _done(self, grant: Grant) -> list[Event]:
        return [call for call in self.calls_on(grant) if call.done]

    def ends_of(self, grant: Grant) -> list[Event]:
        """The calls that ended this run, or may have."""
        calls = self.calls_on(grant)
        return [call for call in calls if call.verb == "complete" and (call.done or call.unknown)]

    def lease_ms(self, grant: Grant, without: Event | None = None) -> int:
        """The latest deadline that the store answered for a run."""
        beats = [call for call in self._done(grant) if call.verb == "heartbeat"]
        answered = [beat.answer["lease_expires_at"] for beat in beats if beat is not without]
        return max(map(milliseconds, [grant.run["lease_expires_at"], *answered]))

    def acts_done(self) -> Iterator[Event]:
        """What operators were told that they had changed."""
        return (act for acts in self.acts.values() for act in acts if act.changed)

    def may_have_acted(
        self, action: str, session: str, message: str | None = None, since_ms: float = -LOST
    ) -> bool:
        """Whether an operator may have done this to a session, or to a message in it."""
        return any(
            act.body["action"] == action
            and act.may_have_changed
            and message in (None, act.body.get("message"))
            and self.clock.latest_ms(act.received) >= since_ms
            for act in self.acts.get(session, ())
        )

    def releases_of(self, grant: Grant) -> Iterator[Event]:
        """The acts that took this run, as their operators were told."""
        return (
            act
            for act in self.acts.get(grant.session, ())
            if act.body["action"] == "release"
            and act.changed
            and act.body["seen"].get("run_id") == grant.id
        )

    def takings_of(self, grant: Grant) -> list[Event]:
        """The acts that may have taken this run.

        A release without `run_id` takes whatever runs; one that was answered before this run was
        granted took another.
        """
        return [
            act
            for act in self.acts.get(grant.session, ())
            if act.body["action"] == "release"
            and act.may_have_changed
            and act.body["seen"].get("run_id", grant.id) == grant.id
            and self.clock.latest_ms(act.received) >= grant.granted_ms
        ]

    def may_be_taken(self, grant: Grant, before: float = LOST) -> bool:
        """Whether an operator may have released this run before a moment."""
        return any(act.sent < before for act in self.takings_of(grant))

    def outcome(self, grant: Grant) -> str | None:
        """How the holder ended the run, as the service tells at the end."""
        outcome: str | None = self.final.runs[grant.id]["outcome"]
        return outcome

    def finished(self, grant: Grant) -> bool:
        """Whether the run's batch went with it."""
        if grant.id not in self.final.runs:
            return False
        requeued = any(end.body.get("requeue") for end in self.ends_of(grant))
        outcome = self.outcome(grant)
        return (
            outcome == "completed"
            or (outcome == "interrupted" and not requeued)
            or self.unconfirmed(grant)
        )

    def unconfirmed(self, grant: Grant) -> bool:
        """Whether the run was sealed and then lost: its batch is not repeated."""
        end = self.final.runs[grant.id]
        return bool(end.get("sealed")) and end["ended"] in ("lease_expired", "max_run", "forced")

    def counted(self, grant: Grant) -> bool:
        """Whether what the run gave back was one delivery nearer to being a dead letter."""
        end = self.final.runs.get(grant.id)
        if end is None or self.unconfirmed(grant):
            return False
        return end["outcome"] == "failed" or end["ended"] in ("lease_expired", "max_run")

    def since_ms(self, name: str) -> float:
        """A time of the store before which nothing can have ended a message: its last grant."""
        runs = self.runs_of.get(name)
        return runs[-1].granted_ms if runs else self.clock.earliest_ms(self.submits[name][0].sent)

    def unheard(self, session: str, *, claimed: bool = True) -> list[Event]:
        """The requests that may have brought a run of the session without anybody being told."""
        targets = {grant.id for grant in self.sessions.get(session, ())}
        targets |= self.messages_of.get(session, set())
        return [
            event
            for event in self._unanswered
            if event.target in targets or (claimed and event.verb == "claim")
        ]
