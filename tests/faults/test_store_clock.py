"""The torturer's clock may differ from the store's: what is late is told by the store's times."""

import pytest

from app.torture.checker import violations
from app.torture.history import Json
from app.torture.record import Record
from tests.faults.checker import assert_holds
from tests.faults.tale import LEASE, Tale

AHEAD = pytest.mark.parametrize("ahead", [-0.2, -0.05, 0.0, 0.05, 86_400.0])


def with_a_run(ahead: float) -> tuple[Tale, Json]:
    tale = Tale(ahead)
    run = tale.run(20, 9)
    tale.submit(9, 19.95, "run", run)
    return tale, run


def found_in(tale: Tale) -> list[str]:
    return [violation.what for violation in violations(tale.history, tale.final())]


@AHEAD
def test_a_holder_served_just_before_its_lease_ends_is_in_time(ahead: float) -> None:
    tale, run = with_a_run(ahead)
    tale.complete(run, 20 + LEASE - 0.02)
    assert_holds(tale.history, tale.final(), seed=1)


@AHEAD
def test_a_holder_refused_just_after_its_lease_ended_was_late(ahead: float) -> None:
    tale, run = with_a_run(ahead)
    tale.complete(run, 20 + LEASE + 0.02, status=409)
    assert_holds(tale.history, tale.final(), seed=1)


@AHEAD
def test_a_holder_served_just_after_its_lease_ended_is_found(ahead: float) -> None:
    tale, run = with_a_run(ahead)
    tale.beat(run, 20 + LEASE + 0.02)
    assert "a heartbeat was answered 200 after its lease had run out" in found_in(tale)


@AHEAD
def test_a_holder_refused_just_before_its_lease_ends_is_found(ahead: float) -> None:
    tale, run = with_a_run(ahead)
    tale.beat(run, 20 + LEASE - 0.12, 409)
    assert "a heartbeat within its lease was answered 409" in found_in(tale)


@AHEAD
def test_an_end_that_was_sent_after_the_next_grant_does_not_excuse_it(ahead: float) -> None:
    tale, run = with_a_run(ahead)
    newer = tale.run(21, 10, to="b")
    tale.submit(10, 20.99, "run", newer, by="b")
    tale.complete(run, 21.05)  # before the answer that brought the newer run
    tale.complete(newer, 22)
    assert "run {} was granted while {} had the session".format(
        *(grant["fence"] for grant in (newer, run))
    ) in found_in(tale)


@AHEAD
def test_an_end_that_was_sent_before_the_next_grant_excuses_it(ahead: float) -> None:
    tale, run = with_a_run(ahead)
    newer = tale.run(21, 10, to="b")
    tale.submit(10, 20.99, "run", newer, by="b")
    tale.complete(run, 20.97)
    tale.complete(newer, 22)
    assert_holds(tale.history, tale.final(), seed=1)


def test_a_clock_that_was_set_may_have_shown_all_that_lies_between() -> None:
    tale = Tale()
    tale.history.events += Tale(0.3).history.events
    clock = Record(tale.history, tale.final()).clock
    assert clock.latest_ms(30) - clock.earliest_ms(30) == pytest.approx(310, abs=2)


def test_where_no_message_tells_the_time_it_may_be_any() -> None:
    tale = Tale()
    tale.history.events.clear()
    clock = Record(tale.history, tale.final()).clock
    assert clock.earliest_ms(30) < 0 < 10**15 < clock.latest_ms(30)
