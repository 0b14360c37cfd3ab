"""Histories with operators in them: one in order passes, and each planted violation is caught."""

from collections.abc import Callable

import pytest

from app.torture.checker import violations
from app.torture.history import Json
from tests.faults.checker import assert_holds
from tests.faults.tale import Tale


def with_operators() -> tuple[Tale, Json, Json]:
    """Everything that operators do, and what follows from it; a run that is released, the next."""
    tale = Tale()
    first = tale.run(1, 1)
    tale.submit(1, 0.95, "run", first)
    tale.submit(2, 1.2)
    tale.submit(3, 1.3)
    tale.act("remove", 1.4, message="c/3", seq=3)
    tale.remove(3, "operator")
    tale.act("pause", 1.6)
    tale.act("release", 1.8, seen={"run_id": first["id"]})
    tale.ends[first["id"]] = {"state": "ended", "outcome": None, "ended": "forced"}
    tale.act("resume", 2.0)
    second = tale.run(2.05, 1, 2, to="b", after=first)
    tale.submit(4, 2.04, "run", second, by="b")
    tale.remove(4, "discarded")
    tale.act("redrive", 2.2, message="c/4")
    tale.act("discard", 2.4, message="c/4")
    tale.act("reset", 2.5, seen={"session_id": "1-0"})
    tale.complete(second, 2.7, "interrupted")
    for number in (1, 2):
        tale.remove(number, "reset")
    tale.beat(first, 2.9, 409)
    return tale, first, second


def test_a_history_with_operators_in_order_has_no_violation() -> None:
    tale, _, _ = with_operators()
    assert_holds(tale.history, tale.final(), seed=1)


def test_a_release_whose_answer_was_lost_may_have_taken_any_later_run() -> None:
    tale, _, _ = with_operators()
    tale.act("release", 2.8, status=None)
    run = tale.run(3.05, 8)
    tale.submit(8, 3, "run", run)
    newer = tale.run(3.35, 8, 9, to="b", after=run)
    tale.submit(9, 3.3, "run", newer, by="b")
    tale.complete(newer, 3.6)
    tale.beat(run, 3.8, 409)
    tale.ends[run["id"]] = {"state": "ended", "outcome": None, "ended": "forced"}
    assert_holds(tale.history, tale.final(), seed=1)


def a_call_on_a_released_run_is_served(tale: Tale, first: Json, _: Json) -> None:
    tale.beat(first, 1.92)


def granted_while_paused(tale: Tale, *_: Json) -> None:
    tale.submit(9, 1.85, "run", tale.run(1.87, 9, to="b"), by="b")


def removed_and_still_there(tale: Tale, *_: Json) -> None:
    tale.states["c/3"] = ("waiting", None)


def removed_by_nobody(tale: Tale, *_: Json) -> None:
    tale.submit(9, 3)
    tale.remove(9, "operator")


def stopped_where_nobody_stops(tale: Tale, *_: Json) -> None:
    tale.submit(9, 3)
    tale.remove(9, "stopped")


def taken_by_nobody(tale: Tale, _: Json, second: Json) -> None:
    tale.ends[second["id"]] = {"state": "ended", "outcome": None, "ended": "forced"}


def released_and_not_taken(tale: Tale, first: Json, _: Json) -> None:
    tale.ends[first["id"]] = {"state": "ended", "outcome": None, "ended": "lease_expired"}


def released_twice(tale: Tale, first: Json, _: Json) -> None:
    tale.act("release", 1.9, seen={"run_id": first["id"]})


def overlap_after_another_run_was_released(tale: Tale, first: Json, _: Json) -> None:
    tale.act("release", 2.75, status=404, seen={"run_id": first["id"]})
    tale.submit(8, 3, "run", tale.run(3.05, 8))
    tale.act("release", 3.2, seen={"run_id": first["id"]})
    tale.submit(9, 3.3, "run", tale.run(3.35, 9, to="b"), by="b")


def taken_by_an_act_that_changed_nothing(tale: Tale, _: Json, second: Json) -> None:
    tale.act("release", 2.6, changed=False, seen={"run_id": second["id"]})
    tale.ends[second["id"]] = {"state": "ended", "outcome": None, "ended": "forced"}


def removed_by_an_act_that_changed_nothing(tale: Tale, *_: Json) -> None:
    tale.submit(9, 3)
    tale.act("remove", 3.2, changed=False, message="c/9", seq=9)
    tale.remove(9, "operator")


def removed_by_a_reset_of_before(tale: Tale, *_: Json) -> None:
    run = tale.run(3.05, 9)
    tale.submit(9, 3, "run", run)
    tale.complete(run, 3.3, "failed")
    tale.remove(9, "reset", run)


def overlap_after_a_release_of_before(tale: Tale, *_: Json) -> None:
    tale.act("release", 2.8)
    tale.submit(8, 3, "run", tale.run(3.05, 8))
    tale.submit(9, 3.3, "run", tale.run(3.35, 9, to="b"), by="b")


def refused_after_a_release_of_before(tale: Tale, *_: Json) -> None:
    tale.act("release", 2.8)
    run = tale.run(3.05, 8)
    tale.submit(8, 3, "run", run)
    tale.beat(run, 3.3, 409)


def not_given_again_after_a_release_of_before(tale: Tale, *_: Json) -> None:
    tale.act("release", 2.8)
    tale.submit(8, 3, "run", tale.run(3.05, 8))
    tale.submit(8, 3.3, "duplicate")


def overlap_after_a_release_that_found_nothing(tale: Tale, *_: Json) -> None:
    tale.submit(8, 3, "run", tale.run(3.05, 8))
    tale.act("release", 3.1, changed=False)
    tale.act("release", 3.2, status=404)
    tale.submit(9, 3.4, "run", tale.run(3.45, 9, to="b"), by="b")


def operator_refused_with_409(tale: Tale, *_: Json) -> None:
    tale.act("pause", 3, status=409)


WITH_OPERATORS: list[tuple[Callable[[Tale, Json, Json], None], str, str]] = [
    (a_call_on_a_released_run_is_served, "I6", "after an operator had released the run"),
    (granted_while_paused, "I5", "while its session was paused"),
    (removed_and_still_there, "I8", "c/3 was removed (operator), but is waiting"),
    (removed_by_nobody, "I2", "c/9 was removed as operator, which nobody asked for"),
    (stopped_where_nobody_stops, "I2", "c/9 was removed as stopped"),
    (taken_by_nobody, "I1", "ended by force, which nobody asked for"),
    (released_and_not_taken, "I8", "was released, but ended as lease_expired"),
    (released_twice, "I4", "was done 2 times"),
    (overlap_after_another_run_was_released, "I1", "while 3050000 had the session"),
    (operator_refused_with_409, "I8", "act was answered 409"),
    (taken_by_an_act_that_changed_nothing, "I1", "ended by force, which nobody asked for"),
    (removed_by_an_act_that_changed_nothing, "I2", "removed as operator, which nobody asked for"),
    (removed_by_a_reset_of_before, "I2", "c/9 was removed as reset, which nobody asked for"),
    (overlap_after_a_release_of_before, "I1", "while 3050000 had the session"),
    (refused_after_a_release_of_before, "I6", "a heartbeat within its lease was answered 409"),
    (not_given_again_after_a_release_of_before, "I4", "run 3050000 not given again"),
    (overlap_after_a_release_that_found_nothing, "I1", "while 3050000 had the session"),
]


@pytest.mark.parametrize(
    ("plant", "invariant", "words"),
    WITH_OPERATORS,
    ids=[plant.__name__ for plant, _, _ in WITH_OPERATORS],
)
def test_a_planted_violation_by_or_against_operators_is_caught(
    plant: Callable[[Tale, Json, Json], None], invariant: str, words: str
) -> None:
    tale, first, second = with_operators()
    plant(tale, first, second)
    found = violations(tale.history, tale.final())
    assert [v for v in found if v.invariant == invariant and words in v.what], found
