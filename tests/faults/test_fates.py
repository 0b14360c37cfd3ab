"""Messages that are lost by another name: removed, dead, deleted or seen, and nobody did that."""

import pytest

from app.torture.checker import violations
from app.torture.history import Json
from tests.faults.checker import assert_holds
from tests.faults.tale import Tale
from tests.faults.test_history import in_order


def found_in(tale: Tale) -> list[str]:
    return [violation.what for violation in violations(tale.history, tale.final())]


def in_a_tight_chat() -> Tale:
    tale, _, _ = in_order()
    tale.history.dropped_in = ("c/",)
    return tale


def a_run_of_nine(tale: Tale) -> Json:
    run = tale.run(3.2, 9)
    tale.submit(9, 3.15, "run", run)
    return run


# --- removed


@pytest.mark.parametrize("reason", ["expired", "overflow", "made-up", "session_deleted", "stopped"])
def test_a_message_is_not_removed_for_a_reason_that_nobody_gave(reason: str) -> None:
    tale, _, _ = in_order()
    tale.submit(9, 3)
    tale.remove(9, reason)
    assert found_in(tale) == [f"c/9 was removed as {reason}, which nobody asked for"]


@pytest.mark.parametrize("reason", ["expired", "overflow"])
def test_where_the_policy_lets_messages_go_one_may_that_no_run_had(reason: str) -> None:
    tale = in_a_tight_chat()
    tale.submit(9, 3)
    tale.remove(9, reason)
    assert_holds(tale.history, tale.final(), seed=1)


@pytest.mark.parametrize("reason", ["expired", "overflow"])
def test_what_came_back_from_a_run_never_expires_and_is_not_dropped(reason: str) -> None:
    tale = in_a_tight_chat()
    tale.complete(a_run_of_nine(tale), 3.4, "released")
    tale.remove(9, reason)
    assert found_in(tale) == [f"c/9 was removed as {reason}, which nobody asked for"]


def test_what_had_a_run_that_nobody_heard_of_never_expires_either() -> None:
    tale = in_a_tight_chat()
    tale.submit(9, 3)
    tale.remove(9, "expired", {"id": "3500000.0.s"})
    assert found_in(tale) == ["c/9 was removed as expired, which nobody asked for"]


# --- dead


def test_a_message_without_a_run_does_not_die() -> None:
    tale, _, _ = in_order()
    tale.submit(9, 3)
    tale.die(9)
    assert found_in(tale) == ["c/9 is dead after 0 failures"]


def test_a_message_does_not_die_of_fewer_failures_than_any_policy_asks() -> None:
    tale, _, _ = in_order()
    tale.history.deliveries_min = 2
    run = a_run_of_nine(tale)
    tale.complete(run, 3.4, "failed")
    tale.die(9, run)
    assert found_in(tale) == ["c/9 is dead after 1 failures"]
    tale.history.deliveries_min = 1
    assert found_in(tale) == []


def test_a_request_that_was_not_answered_may_have_brought_a_run_that_failed() -> None:
    tale, _, _ = in_order()
    tale.history.deliveries_min = 2
    run = a_run_of_nine(tale)
    tale.complete(run, 3.4, "failed")
    tale.die(9, {"id": "3700000.0.s"})
    assert found_in(tale) == ["c/9 is dead after 1 failures"]
    tale.claim(3.6, status=None)
    assert_holds(tale.history, tale.final(), seed=1)


def test_a_message_does_not_die_of_a_run_that_gave_it_back_uncounted() -> None:
    tale, _, _ = in_order()
    run = a_run_of_nine(tale)
    tale.complete(run, 3.4, "released")
    tale.die(9, run)
    assert "c/9 is dead, though run 3200000 gave it back uncounted" in found_in(tale)


@pytest.mark.parametrize(("outcome", "told"), [("failed", ()), ("released", (9,))])
def test_deliveries_are_one_and_the_counted_returns(outcome: str, told: tuple[int, ...]) -> None:
    tale, _, _ = in_order()
    run = a_run_of_nine(tale)
    again = tale.run(3.5, 9, after=run, back=told)
    tale.complete(run, 3.45, outcome, again)
    tale.complete(again, 3.8)
    said, right = (1, 2) if outcome == "failed" else (2, 1)
    what = f"c/9 is said to be delivered {said} times in run 3500000, not [{right}]"
    assert found_in(tale) == [what]


def test_a_new_message_is_delivered_for_the_first_time() -> None:
    tale, _, _ = in_order()
    run = tale.run(3.2, 9, back=(9,))
    tale.submit(9, 3.15, "run", run)
    tale.complete(run, 3.4)
    assert found_in(tale) == ["c/9 is said to be delivered 2 times in run 3200000, not [1]"]


# --- stopped


def with_a_stop() -> tuple[Tale, Json]:
    """Message 9 runs and 10 waits; both are stopped, and the run is given up."""
    tale, _, _ = in_order()
    run = a_run_of_nine(tale)
    tale.submit(10, 3.4)
    tale.stop(11, 3.6, removed=(10,), runs=(run,))
    tale.complete(run, 3.8, "failed")
    tale.remove(9, "stopped", run)
    tale.remove(10, "stopped")
    return tale, run


def test_what_was_stopped_may_be_removed() -> None:
    tale, _ = with_a_stop()
    assert_holds(tale.history, tale.final(), seed=1)


def test_a_stop_removes_nothing_but_what_it_says() -> None:
    tale, _ = with_a_stop()
    tale.submit(12, 3.3)
    tale.remove(12, "stopped")
    assert found_in(tale) == ["c/12 was removed as stopped, which nobody asked for"]


def test_a_stop_whose_answer_was_lost_may_have_removed_what_had_come_by_then() -> None:
    tale, _, _ = in_order()
    tale.submit(9, 3)
    tale.remove(9, "stopped")
    tale.stop(10, 3.2, status=None)
    assert_holds(tale.history, tale.final(), seed=1)


def test_what_was_stopped_never_runs_again() -> None:
    tale, run = with_a_stop()
    again = tale.run(4, 9, after=run, back=(9,))
    tale.submit(13, 3.95, "run", again)
    tale.states["c/13"] = ("waiting", None)
    assert "c/9 was stopped in run 3200000, and ran again in 4000000" in found_in(tale)


def test_what_a_stop_removed_stays_removed() -> None:
    tale, _ = with_a_stop()
    tale.states["c/10"] = ("waiting", None)
    del tale.reasons["c/10"]
    assert found_in(tale) == ["c/10 was stopped, but is waiting None"]


# --- edited and deleted


def test_a_run_shows_an_edited_text() -> None:
    tale, _, second = in_order()
    tale.amend(2, 1.7, "updated", "edited")
    second["messages"][1]["text"] = "edited"
    assert_holds(tale.history, tale.final(), seed=1)


@pytest.mark.parametrize(
    ("result", "text"), [("updated", "text 2"), ("already_delivered", "edited")]
)
def test_a_run_shows_the_text_that_the_edit_left(result: str, text: str) -> None:
    tale, _, second = in_order()
    tale.amend(2, 1.7, result, "edited")
    second["messages"][1]["text"] = text
    assert found_in(tale) == ["c/2 has changed on its way"]


def test_a_run_does_not_show_what_was_edited_later() -> None:
    tale, _, second = in_order()
    tale.amend(2, 2.4, "updated", "edited")
    second["messages"][1]["text"] = "edited"
    assert found_in(tale) == ["c/2 has changed on its way"]


def test_only_what_was_deleted_is_removed_as_deleted_and_it_is() -> None:
    tale, _, _ = in_order()
    tale.submit(9, 3)
    tale.amend(9, 3.2, "removed")
    assert found_in(tale) == ["c/9 was deleted, but is waiting"]
    tale.remove(9, "deleted")
    assert_holds(tale.history, tale.final(), seed=1)
    tale.submit(10, 3.4)
    tale.amend(10, 3.6, "already_delivered")
    tale.remove(10, "deleted")
    assert found_in(tale) == ["c/10 was removed as deleted, which nobody asked for"]


# --- seen


def with_a_steer() -> tuple[Tale, Json]:
    """Message 10 is offered to the run of 9, and seen; 8, of the same sender, waits behind."""
    tale, _, _ = in_order()
    run = a_run_of_nine(tale)
    tale.submit(10, 3.4, "steer")
    tale.offer(run, 3.6, 10)
    tale.see(run, 3.8, 10)
    return tale, run


def test_what_a_run_has_seen_is_done_with_it() -> None:
    tale, run = with_a_steer()
    tale.complete(run, 4)
    assert_holds(tale.history, tale.final(), seed=1)
    tale.states["c/10"] = ("waiting", None)
    assert found_in(tale) == ["c/10 is waiting, completed by [3200000]"]


def test_a_seen_steer_comes_back_with_its_batch_and_overtakes_what_its_sender_sent_before() -> None:
    tale, run = with_a_steer()
    tale.submit(7, 3.3)
    again = tale.run(4.1, 9, 10, 7, after=run, back=(9, 10))
    for number in (9, 10):
        again["messages"][number - 9]["seq"] = number - 4
    run["messages"][0]["seq"] = 5
    tale.complete(run, 4, "failed", again)
    tale.complete(again, 4.3)
    assert_holds(tale.history, tale.final(), seed=1)


def test_a_seen_steer_that_came_back_may_go_out_alone() -> None:
    tale, first = with_a_steer()
    both = tale.run(4.1, 10, 12, after=first, back=(10,))
    alone = tale.run(4.5, 10, after=both, back=(10,))
    rest = tale.run(4.9, 12, after=both, back=(12,))
    tale.submit(12, 3.9)
    tale.complete(first, 4, "failed", both)
    tale.die(9, first)
    tale.complete(both, 4.4, "failed", alone)
    tale.complete(alone, 4.8, then=rest)
    tale.complete(rest, 5.2)
    assert_holds(tale.history, tale.final(), seed=1)


def test_a_seen_steer_that_came_back_uncounted_is_found() -> None:
    tale, run = with_a_steer()
    again = tale.run(4.1, 9, 10, after=run, back=(9,))
    tale.complete(run, 4, "failed", again)
    tale.complete(again, 4.3)
    assert found_in(tale) == ["c/10 is said to be delivered 1 times in run 4100000, not [2]"]


def test_what_was_seen_by_one_run_is_not_done_by_another() -> None:
    tale, run = with_a_steer()
    tale.complete(run, 4)
    again = tale.run(4.3, 10, 12)
    tale.submit(12, 4.25, "run", again)
    tale.complete(again, 4.5)
    assert "c/10 was completed by two runs" in found_in(tale)


def test_an_offer_shows_what_was_sent() -> None:
    tale, run = with_a_steer()
    tale.complete(run, 4)
    offer = next(event for event in tale.history.events if event.offered)
    offer.answer["steer"][0]["text"] = "something else"
    assert found_in(tale) == ["c/10 was offered, and has changed on its way"]
