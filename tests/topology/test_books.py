"""The books find what a failover took, and what none may do."""

from tests.topology.books import Accepted, Books, Ended, Granted, Lost

LEASE_SECONDS = 1.0


def run(fence: int, asked_at: float, *messages: str, session: str = "s") -> Granted:
    return Granted(session, fence, messages, asked_at, asked_at + 0.1)


def end(of: Granted, asked_at: float, *, is_acknowledged: bool = True) -> Ended:
    return Ended(of, asked_at, asked_at + 0.1) if is_acknowledged else Ended(of, asked_at)


def test_nothing_is_found_where_run_follows_run() -> None:
    first, second, other = run(1, 0.0, "a"), run(2, 0.5, "b", "c"), run(1, 0.0, "d", session="t")
    ends = [end(first, 0.5), end(second, 0.8), end(other, 3.0)]
    books = Books(granted=[first, second, other], ended=ends)
    assert books.fences_that_went_back() == []
    assert books.ends_undone() == []
    assert books.completed_twice() == set()
    assert books.grants_forgotten(LEASE_SECONDS) == []


def test_an_end_is_undone_when_one_of_its_messages_is_granted_once_more() -> None:
    before, after, third = run(1, 0.0, "a", "b"), run(2, 2.0, "b"), run(3, 4.0, "b")
    undone, last = end(before, 0.2), end(third, 4.2)
    refused = end(after, 2.2, is_acknowledged=False)
    books = Books(granted=[before, after, third], ended=[undone, refused, last])
    assert books.ends_undone() == [undone]
    assert books.completed_twice() == {"b"}


def test_what_was_granted_again_before_its_end_was_acknowledged_is_not_undone() -> None:
    before, after = run(1, 0.0, "a"), run(2, 2.0, "a")
    refused = end(before, 0.2, is_acknowledged=False)
    books = Books(granted=[before, after], ended=[refused, end(after, 2.2)])
    assert books.ends_undone() == []
    assert books.completed_twice() == set()


def test_a_fence_that_goes_back_is_found_wherever_in_the_record_it_is() -> None:
    grants = [run(5, 0.0), run(6, 1.0), run(8, 2.0), run(7, 3.0), run(9, 4.0), run(9, 5.0)]
    books = Books(granted=[*reversed(grants), run(1, 9.0, session="t")])
    assert books.fences_that_went_back() == [grants[3], grants[5]]


def test_grants_of_which_nobody_knows_the_order_may_have_any_fences() -> None:
    assert Books(granted=[run(2, 0.0), run(1, 0.05)]).fences_that_went_back() == []


def test_a_grant_is_forgotten_when_an_older_holder_is_believed_after_it() -> None:
    older, newer = run(1, 0.0), run(2, 2.0)
    books = Books(granted=[older, newer], ended=[end(older, 2.5)])
    assert books.grants_forgotten(LEASE_SECONDS) == [newer]
    books.ended = [end(older, 2.5, is_acknowledged=False)]
    assert books.grants_forgotten(LEASE_SECONDS) == []


def test_a_grant_is_forgotten_when_another_holder_comes_within_its_lease() -> None:
    older = run(1, 0.0)
    for newer_at, forgotten in ((0.5, [older]), (0.95, [])):
        books = Books(granted=[run(2, newer_at), older])
        assert books.grants_forgotten(LEASE_SECONDS) == forgotten
    books = Books(granted=[run(2, 0.5), older], ended=[end(older, 0.3, is_acknowledged=False)])
    assert books.grants_forgotten(LEASE_SECONDS) == []


def test_a_grant_that_is_told_twice_is_one() -> None:
    once, again, next_one = run(1, 0.0, "a"), run(1, 0.2, "a"), run(2, 0.4, "b")
    ends = [end(once, 0.3), end(again, 0.6)]
    books = Books(granted=[once, again, next_one], ended=ends)
    assert books.grants_forgotten(LEASE_SECONDS) == []
    assert books.completed_twice() == set()
    assert books.ends_undone() == []


def test_what_is_lost_of_any_kind_has_its_moment() -> None:
    grant = run(1, 3.0)
    lost = Lost([Accepted(0, "a", 1.0, 1.5)], [end(grant, 2.0)], [grant])
    assert lost.moments == [1.5, 2.1, 3.1]
    assert str(lost) == "1 messages, 1 ends, 1 grants"
