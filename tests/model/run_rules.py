"""Runs: their holders beat, end them, come too late or twice; time goes on."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model import answers
from tests.model.machine import PICKS, Machine
from tests.model.records import Run

OUTCOMES = st.sampled_from(["completed", "failed", "interrupted", "requeue", "released"])
SEEN = st.sampled_from(["none", "all", "first", "unknown"])
WHICH = st.sampled_from(["active", "active", "active", "any"])
RARELY = st.sampled_from([False, False, False, True])


class RunRules(Machine):
    """What the holders of runs do."""

    def pick_run(self, which: str, pick: int) -> int:
        active = [run.number for run in self.active_runs()]
        numbers = active if which == "active" and active else [*self.model.run_keys]
        return numbers[-1 - pick % len(numbers)]

    def offered(self, number: int, seen: str) -> list[str]:
        session = self.model.sessions.get(self.model.run_keys[number])
        steers = [m.id for m in session.queue if m.offered_to == number] if session else []
        waiting = [m.id for m in session.queue if m.offered_to != number] if session else []
        choices = {"none": [], "all": steers, "first": steers[:1], "unknown": ["x", *waiting[:1]]}
        return choices[seen]

    def note_seen(self, number: int, ids: list[str]) -> None:
        self.has_seen_steers |= any(i in self.offered(number, "all") for i in ids)

    def fence_of(self, number: int, *, is_stale: bool) -> tuple[int, int]:
        """The fence to send, as the model and as the service know it."""
        fence = self.names.fences[number]
        return (0, fence - 1) if is_stale else (number, fence)

    @precondition(lambda self: self.model.run_keys)
    @rule(which=WHICH, pick=PICKS, seen=SEEN, is_stale=RARELY)
    def a_holder_beats(self, which: str, pick: int, seen: str, *, is_stale: bool) -> None:
        self.beat(self.pick_run(which, pick), seen, is_stale=is_stale)

    def beat(self, number: int, seen: str, *, is_stale: bool) -> None:
        self.report(number, self.offered(number, seen), is_stale=is_stale)

    def report(self, number: int, seen: list[str], *, is_stale: bool = False, **more: Any) -> None:
        """A heartbeat; `hold`, `sent` and `data` go with it."""
        ours, theirs = self.fence_of(number, is_stale=is_stale)
        self.note_seen(number, seen)
        body = {"fence": theirs, "seen": seen, **more}
        actual = self.post(self.run_path(number, "heartbeat"), body)
        self.compare(self.model.heartbeat(number, ours, seen, **more), answers.heartbeat(actual))
        self.touched.add(self.model.run_keys[number])

    @precondition(lambda self: self.steered_runs())
    @rule(pick=PICKS, seen=st.sampled_from(["all", "first"]))
    def a_holder_has_seen_a_steer(self, pick: int, seen: str) -> None:
        runs = self.steered_runs()
        self.beat(runs[-1 - pick % len(runs)], seen, is_stale=False)

    def steered_runs(self) -> list[int]:
        return [run.number for run in self.active_runs() if self.offered(run.number, "all")]

    @precondition(lambda self: self.active_runs())
    @rule(
        pick=PICKS, outcome=OUTCOMES, seen=SEEN, wants=st.booleans(), tells=RARELY,
        is_answer_lost=RARELY,
    )  # fmt: skip
    def a_holder_ends_its_run(  # noqa: PLR0913
        self, pick: int, outcome: str, seen: str, *, wants: bool, tells: bool, is_answer_lost: bool
    ) -> None:
        number = self.pick_run("active", pick)
        ids = self.offered(number, seen)
        more: dict[str, Any] = {}
        if tells:
            more = {"sent": [self.new_id()], "data": {"of": str(number)}}
        self.end(number, outcome, ids, wants=wants, **more)
        if is_answer_lost:
            self.end(number, outcome, ids, wants=wants, **more)

    @precondition(lambda self: self.model.run_keys)
    @rule(pick=PICKS, outcome=OUTCOMES, is_stale=st.booleans())
    def somebody_ends_a_run_that_may_not_be_his(
        self, pick: int, outcome: str, *, is_stale: bool
    ) -> None:
        self.end(self.pick_run("any", pick), outcome, [], wants=True, is_stale=is_stale)

    def end(
        self, number: int, outcome: str, seen: list[str], *, wants: bool, is_stale: bool = False,
        **more: Any,
    ) -> None:  # fmt: skip
        ours, theirs = self.fence_of(number, is_stale=is_stale)
        self.note_seen(number, seen)
        requeue = outcome == "requeue"
        outcome = "interrupted" if requeue else outcome
        body = {"fence": theirs, "outcome": outcome, "requeue": requeue, "seen": seen, **more}
        actual = self.post(self.run_path(number, "complete"), body | {"next": wants})
        expected = self.model.complete(
            number, ours, outcome, requeue=requeue, seen=seen, wants=wants, **more
        )
        self.compare(expected, answers.completion(actual))
        self.touched.add(self.model.run_keys[number])

    @precondition(lambda self: any(s.state == "waiting" for s in self.model.sessions.values()))
    @rule(pick=PICKS, consumer=st.sampled_from(["gw-1", "w-1"]))
    def a_worker_claims(self, pick: int, consumer: str) -> None:
        self.sweep()  # what has run out is ready from then on
        waiting = [key for key, s in self.model.sessions.items() if s.state == "waiting"]
        if waiting:
            key = waiting[pick % len(waiting)]
            actual = self.service.claim(key, consumer)
            expected = self.model.claim(key, consumer)
            self.compare(expected, actual and answers.run(actual))
            self.touched.add(key)

    # TIME

    def pass_time(self, to: int) -> None:
        self.model.now = self.names.now = to
        self.service.set_time(to)

    @rule(seconds=st.sampled_from([1, 3, 8, 20]))
    def time_passes(self, seconds: int) -> None:
        self.pass_time(self.model.now + seconds * 1000)

    @precondition(lambda self: self.active_runs())
    @rule(pick=PICKS, ms=st.sampled_from([0, 0, -1]), is_swept=st.booleans())
    def a_lease_comes_to_its_end(self, pick: int, ms: int, *, is_swept: bool) -> None:
        runs: list[Run] = self.active_runs()
        deadline = runs[pick % len(runs)].deadline + ms
        self.pass_time(max(self.model.now, deadline))
        if is_swept:
            self.sweep()

    @rule()
    def everything_that_has_run_out_is_settled(self) -> None:
        self.sweep()

    def sweep(self) -> None:
        self.service.sweep()
        for key, session in list(self.model.sessions.items()):
            if self.model.is_due(session):
                self.model.settle(session)
                self.touched.add(key)
