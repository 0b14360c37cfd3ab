"""A history with its end, looked up by run, session and message; and what a violation is."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from app.torture.history import LOST, Event, Final, Grant, History, by_target, milliseconds


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold, and the shortest story that shows it."""

    invariant: str
    what: str
    story: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}\n{self.story}"


class Record:
    """What the checks look at."""

    def __init__(self, history: History, final: Final) -> None:
        self.history = history
        self.final = final
        self.grants = {grant.id: grant for grant in history.grants()}
        self.calls = by_target(history.events, "heartbeat", "seal", "complete")
        self.submits = by_target(history.events, "submit")
        self.acts = by_target(history.events, "act")
        self.redriven = {
            str(act.body["message"])
            for acts in self.acts.values()
            for act in acts
            if act.body["action"] == "redrive"
        }
        self.sessions: dict[str, list[Grant]] = defaultdict(list)
        self.runs_of: dict[str, list[Grant]] = defaultdict(list)
        for grant in self.grants.values():
            self.sessions[grant.session].append(grant)
            for name in grant.names:
                self.runs_of[name].append(grant)

    def violation(self, invariant: str, what: str, about: Collection[str]) -> Violation:
        return Violation(invariant, what, self.history.story(about))

    def calls_on(self, grant: Grant) -> list[Event]:
        """The calls that name this run with its fence, as they were sent."""
        calls = self.calls.get(grant.id, [])
        return [call for call in calls if call.body["fence"] == grant.fence]

    def ends_of(self, grant: Grant) -> list[Event]:
        """The calls that ended this run, or may have."""
        calls = self.calls_on(grant)
        return [call for call in calls if call.verb == "complete" and (call.done or call.unknown)]

    def lease_ms(self, grant: Grant, without: Event | None = None) -> int:
        """The latest deadline that the store answered for a run."""
        beats = [call for call in self.calls_on(grant) if call.verb == "heartbeat" and call.done]
        answered = [beat.answer["lease_expires_at"] for beat in beats if beat is not without]
        return max(map(milliseconds, [grant.run["lease_expires_at"], *answered]))

    def acts_done(self) -> Iterator[Event]:
        """What operators were told that they had changed."""
        return (act for acts in self.acts.values() for act in acts if act.changed)

    def may_have_acted(
        self, action: str, session: str, before: float = LOST, message: str | None = None
    ) -> bool:
        """Whether an operator may have done this to a session, or to a message in it."""
        return any(
            act.body["action"] == action
            and act.sent < before
            and message in (None, act.body.get("message"))
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

    def may_be_taken(self, grant: Grant, before: float = LOST) -> bool:
        """Whether an operator may have released this run."""
        return any(
            act.body["action"] == "release"
            and act.sent < before
            and act.body["seen"].get("run_id", grant.id) == grant.id
            for act in self.acts.get(grant.session, ())
        )

    def outcome(self, grant: Grant) -> str | None:
        """How the holder ended the run, as the service tells at the end."""
        outcome: str | None = self.final.runs[grant.id]["outcome"]
        return outcome

    def finished(self, grant: Grant) -> bool:
        """Whether the run's batch went with it."""
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

    def lost_events(self, session: str) -> bool:
        """Whether a run of the session may have been granted that nobody heard of."""
        targets = {grant.id for grant in self.sessions[session]}
        targets |= {name for grant in self.sessions[session] for name in grant.names}
        return any(event.unknown and event.target in targets for event in self.history.events)
