"""The checker itself: a history in order passes, and each planted violation is caught."""

from collections.abc import Callable

import pytest

from app.torture.checker import violations
from app.torture.history import Json
from tests.faults.checker import assert_holds
from tests.faults.tale import LEASE, Tale


def in_order() -> tuple[Tale, Json, Json]:
    """Messages 1 to 3; one run fails, and the next has the batch again and all else."""
    tale = Tale()
    first = tale.run(1, 1)
    tale.submit(1, 0.95, "run", first)
    tale.submit(1, 1.2, "duplicate", first)
    tale.submit(2, 1.4)
    tale.submit(3, 1.6)
    tale.beat(first, 1.8)
    second = tale.run(2, 1, 2, 3, after=first, back=(1,))
    tale.complete(first, 1.95, "failed", second)
    tale.complete(first, 2.1, "failed", second)
    tale.beat(first, 2.3, 409)
    tale.complete(second, 2.5)
    return tale, first, second


def test_a_history_in_order_has_no_violation() -> None:
    tale, _, _ = in_order()
    assert_holds(tale.history, tale.final(), seed=1)


def test_a_lease_that_is_over_may_be_followed_by_a_run_of_another() -> None:
    tale, lost = Tale(), Tale().run(1, 1)
    tale.ends |= {lost["id"]: {"state": "ended", "outcome": None, "ended": "lease_expired"}}
    tale.submit(1, 0.95, "run", lost)
    late = tale.run(1 + LEASE, 1, 2, to="b")
    tale.submit(2, 1 + LEASE, "run", late, by="b")
    tale.complete(lost, 12, status=409)
    tale.complete(late, 13)
    assert violations(tale.history, tale.final()) == []


def test_a_claim_that_is_repeated_in_order_has_no_violation() -> None:
    tale, _, _ = in_order()
    run, other = tale.run(3.05, 8, session="u"), tale.run(3.95, 9, session="v")
    for number in (8, 9):
        tale.submit(number, 2.8)
    tale.claim(3, run)
    tale.claim(3.2, run)
    tale.beat(run, 3.4)
    tale.claim(3.6)
    tale.complete(run, 3.75)
    tale.claim(3.9, other)  # nothing of what it brought is held any more
    tale.complete(other, 4.2)
    assert_holds(tale.history, tale.final(), seed=1)


def overlap(tale: Tale, *_: Json) -> None:
    tale.submit(9, 1.5, "run", tale.run(1.55, 9, to="b"), by="b")


def overlap_after_a_heartbeat(tale: Tale, *_: Json) -> None:
    long = tale.run(20, 8)
    tale.submit(8, 20, "run", long)
    tale.beat(long, 25)
    tale.submit(9, 31, "run", tale.run(31, 9, to="b"), by="b")


def fence_goes_back(tale: Tale, *_: Json) -> None:
    tale.submit(9, 5, "run", tale.run(0.5, 9))


def one_run_for_two(tale: Tale, first: Json, _: Json) -> None:
    tale.submit(1, 1.2, "duplicate", first, by="b")


def accepted_and_gone(tale: Tale, *_: Json) -> None:
    del tale.states["c/2"]


def known_but_never_accepted(tale: Tale, *_: Json) -> None:
    tale.submit(9, 3, "reject")
    tale.states["c/9"] = ("waiting", None)


def miscounted(tale: Tale, *_: Json) -> None:
    tale.stats = {"accepted": 9}


def sums_part_for_a_moment(tale: Tale, *_: Json) -> None:
    figures = {"accepted": 2, "waiting": 1, "in_run": 0, "done": 0, "dead": 0, "removed": 0}
    tale.history.samples.append({"messages": figures})


def completed_but_not_done(tale: Tale, *_: Json) -> None:
    tale.states["c/3"] = ("waiting", None)


def done_without_a_run(tale: Tale, first: Json, _: Json) -> None:
    tale.submit(9, 3)
    tale.states["c/9"] = ("done", first)


def own_message_overtaken(tale: Tale, *_: Json) -> None:
    tale.submit(5, 3)
    ahead = tale.run(3.2, 6)
    tale.submit(6, 3.15, "run", ahead)
    behind = tale.run(3.4, 5)
    tale.complete(ahead, 3.35, then=behind)
    tale.complete(behind, 3.6)


def batch_shuffled(tale: Tale, *_: Json) -> None:
    tale.submit(5, 3)
    run = tale.run(3.2, 6, 5)
    tale.submit(6, 3.15, "run", run)
    tale.complete(run, 3.4)


def returned_batch_behind(tale: Tale, *_: Json) -> None:
    tale.submit(5, 3)
    run = tale.run(3.2, 5, 6)
    tale.submit(6, 3.15, "run", run)
    other = tale.run(3.4, 7)
    tale.submit(7, 3.3)
    again = tale.run(3.6, 5, 6)
    tale.complete(run, 3.35, "released", other)
    tale.complete(other, 3.55, then=again)
    tale.complete(again, 3.8)


def later_message_stands_before(tale: Tale, *_: Json) -> None:
    tale.submit(7, 3)
    run = tale.run(3.2, 6, 7)
    tale.submit(6, 3.15, "run", run)
    tale.complete(run, 3.4)


def completed_twice(tale: Tale, *_: Json) -> None:
    again = tale.run(3.2, 2, 9)
    tale.submit(9, 3.15, "run", again)
    tale.complete(again, 3.4)


def in_two_sessions_at_once(tale: Tale, *_: Json) -> None:
    tale.submit(1, 1.3, "duplicate", tale.run(1.35, 1, to="b", session="t"), by="b")


def accepted_twice(tale: Tale, *_: Json) -> None:
    tale.submit(2, 1.5)


def rejected_after_it_was_accepted(tale: Tale, *_: Json) -> None:
    tale.submit(2, 1.7, "reject")


def grant_not_given_again(tale: Tale, *_: Json) -> None:
    tale.submit(1, 1.3, "duplicate")


def grant_given_again_too_late(tale: Tale, first: Json, _: Json) -> None:
    tale.submit(1, 1.92, "duplicate", first)


def next_not_given_again(tale: Tale, first: Json, _: Json) -> None:
    tale.complete(first, 2.2, "failed")


def next_given_again_too_late(tale: Tale, first: Json, second: Json) -> None:
    tale.beat(second, 2.15)
    tale.complete(first, 2.3, "failed", second)


def another_next(tale: Tale, first: Json, _: Json) -> None:
    tale.complete(first, 2.2, "failed", tale.run(2.25, 1))


def repeat_refused(tale: Tale, first: Json, _: Json) -> None:
    tale.complete(first, 2.2, "failed", status=409)


def stale_heartbeat_renews(tale: Tale, first: Json, _: Json) -> None:
    tale.beat(first, 2.2)


def heartbeat_after_the_lease_renews(tale: Tale, *_: Json) -> None:
    late = tale.run(20, 9)
    tale.submit(9, 19.95, "run", late)
    tale.beat(late, 31)


def wrong_fence_renews(tale: Tale, first: Json, _: Json) -> None:
    tale.beat(first, 1.7, fence=7)


def late_complete_counts(tale: Tale, *_: Json) -> None:
    lost = tale.run(20, 9)
    tale.submit(9, 19.95, "run", lost)
    tale.submit(8, 31, "run", tale.run(31.05, 9, 8, to="b"), by="b")
    tale.complete(lost, 31.5)


def refused_complete_counts(tale: Tale, *_: Json) -> None:
    lost = tale.run(20, 9)
    tale.submit(9, 19.95, "run", lost)
    tale.complete(lost, 31, status=409)
    tale.ends[lost["id"]] = {"state": "ended", "outcome": "completed", "ended": None}
    tale.states["c/9"] = ("done", lost)


def live_holder_refused(tale: Tale, first: Json, _: Json) -> None:
    tale.beat(first, 1.7, 409)


def server_error(tale: Tale, first: Json, _: Json) -> None:
    tale.beat(first, 1.7, 500)


def sealed_by_nobody(tale: Tale, _: Json, second: Json) -> None:
    tale.ends[second["id"]]["sealed"] = True


def sealed_though_refused(tale: Tale, _: Json, second: Json) -> None:
    tale.seal(second, 2.2, sealed=False)
    tale.ends[second["id"]]["sealed"] = True


def given_in_two_ways(tale: Tale, first: Json, _: Json) -> None:
    tale.submit(1, 1.3, "duplicate", first | {"lease_expires_at": tale.moment(12)})


def twice_in_a_batch(tale: Tale, *_: Json) -> None:
    again = tale.run(3.2, 9, 9)
    tale.submit(9, 3.15, "run", again)
    tale.complete(again, 3.4)


def two_first_decisions(tale: Tale, *_: Json) -> None:
    tale.submit(2, 1.9, "duplicate")


def claim_gives_other_runs_when_repeated(tale: Tale, *_: Json) -> None:
    first, other = tale.run(3.05, 8, session="u"), tale.run(3.25, 9, session="v")
    for number, run in ((8, first), (9, other)):
        tale.submit(number, 2.8)
        tale.complete(run, 4)
    tale.claim(3, first)
    tale.claim(3.2, other)


def claim_gives_more_when_repeated(tale: Tale, *_: Json) -> None:
    first, other = tale.run(3.05, 8, session="u"), tale.run(3.35, 9, session="v")
    for number, run in ((8, first), (9, other)):
        tale.submit(number, 2.8)
        tale.complete(run, 4)
    tale.claim(3, first)
    tale.beat(first, 3.15)
    tale.claim(3.3, other)


def text_changed(_tale: Tale, _: Json, second: Json) -> None:
    second["messages"][1]["text"] = "text 3"


PLANTED: list[tuple[Callable[[Tale, Json, Json], None], str, str]] = [
    (overlap, "I1", "while 1000000 had the session"),
    (overlap_after_a_heartbeat, "I1", "while 20000000 had the session"),
    (fence_goes_back, "I1", "fence 500000 was granted after"),
    (one_run_for_two, "I1", "went to two"),
    (accepted_and_gone, "I2", "is missing"),
    (known_but_never_accepted, "I2", "never accepted"),
    (miscounted, "I2", "stats say"),
    (sums_part_for_a_moment, "I2", "did not sum up"),
    (completed_but_not_done, "I2", "c/3 is waiting"),
    (done_without_a_run, "I2", "c/9 is done"),
    (own_message_overtaken, "I3", "c/6 overtook c/5"),
    (batch_shuffled, "I3", "not in order"),
    (returned_batch_behind, "I3", "came back from 3200000"),
    (later_message_stands_before, "I3", "c/6 stands before c/7"),
    (completed_twice, "I4", "completed by two runs"),
    (in_two_sessions_at_once, "I4", "while 1000000 had it"),
    (accepted_twice, "I4", "accepted 2 times"),
    (rejected_after_it_was_accepted, "I4", "rejected after"),
    (grant_not_given_again, "I4", "run 1000000 not given again"),
    (grant_given_again_too_late, "I4", "after its holder had called"),
    (next_not_given_again, "I4", "its next run not given again"),
    (next_given_again_too_late, "I4", "after its holder had called"),
    (another_next, "I4", "two next runs"),
    (repeat_refused, "I4", "completed again, and refused"),
    (stale_heartbeat_renews, "I6", "after the run had been completed"),
    (heartbeat_after_the_lease_renews, "I6", "after its lease had run out"),
    (wrong_fence_renews, "I6", "with fence 7"),
    (late_complete_counts, "I6", "after a newer run had been granted"),
    (refused_complete_counts, "I6", "which no accepted call said"),
    (live_holder_refused, "I6", "within its lease"),
    (server_error, "I8", "answered 500"),
    (text_changed, "I8", "changed on its way"),
    (sealed_by_nobody, "I6", "is sealed, which no accepted call did"),
    (sealed_though_refused, "I6", "is sealed, which no accepted call did"),
    (given_in_two_ways, "I1", "was given in two ways"),
    (twice_in_a_batch, "I4", "is twice in a batch"),
    (two_first_decisions, "I4", "has two first decisions"),
    (claim_gives_other_runs_when_repeated, "I4", "run 3050000 not given again"),
    (claim_gives_more_when_repeated, "I4", "run 3350000 given besides"),
]


@pytest.mark.parametrize(
    ("plant", "invariant", "words"), PLANTED, ids=[plant.__name__ for plant, _, _ in PLANTED]
)
def test_a_planted_violation_is_caught(
    plant: Callable[[Tale, Json, Json], None], invariant: str, words: str
) -> None:
    tale, first, second = in_order()
    plant(tale, first, second)
    found = violations(tale.history, tale.final())
    assert [v for v in found if v.invariant == invariant and words in v.what], found


def test_a_failure_tells_the_seed_and_the_events_of_the_violation_alone() -> None:
    tale, first, second = in_order()
    overlap(tale, first, second)
    with pytest.raises(AssertionError) as caught:
        assert_holds(tale.history, tale.final(), seed=4711)
    assert "seed 4711" in str(caught.value)
    found = violations(tale.history, tale.final())
    story = next(v.story for v in found if "while 1000000 had" in v.what)
    assert "RUN 1000000" in story
    assert "b submit c/9" in story
    assert "c/3" not in story.replace("[c/1, c/2, c/3]", "")
