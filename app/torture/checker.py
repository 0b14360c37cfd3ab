"""All checks of a history against its end."""

from collections.abc import Callable, Iterator

from app.torture import (
    claim_checks,
    fate_checks,
    message_checks,
    operator_checks,
    run_checks,
    text_checks,
)
from app.torture.history import Final, History
from app.torture.record import Record, Violation

CHECKS: tuple[Callable[[Record], Iterator[Violation]], ...] = (
    run_checks.fences_only_grow,
    run_checks.a_fence_is_one_run,
    run_checks.one_run_at_a_time,
    run_checks.stale_calls_are_refused,
    run_checks.a_live_holder_is_served,
    run_checks.runs_end_as_their_holders_said,
    run_checks.a_sealed_run_was_sealed_by_its_holder,
    message_checks.nothing_breaks,
    message_checks.each_accepted_message_is_in_one_state,
    message_checks.sums_agree_at_any_moment,
    message_checks.done_means_done_by_a_run,
    message_checks.one_run_a_message,
    message_checks.an_id_is_accepted_once,
    message_checks.a_resent_message_gets_its_grant_again,
    message_checks.a_repeated_complete_answers_the_same,
    claim_checks.a_repeated_claim_gives_the_same_runs,
    text_checks.bodies_arrive_as_sent,
    message_checks.acceptance_follows_time,
    message_checks.delivery_follows_acceptance,
    message_checks.returned_batches_come_first,
    fate_checks.nothing_is_removed_unasked,
    fate_checks.what_was_stopped_never_runs_again,
    fate_checks.what_was_deleted_is_removed,
    fate_checks.messages_die_of_failures,
    fate_checks.deliveries_count_failures,
    operator_checks.what_was_done_stays_done,
    operator_checks.no_run_is_taken_unasked,
    operator_checks.each_act_is_done_once,
    operator_checks.nothing_is_granted_while_paused,
)


def violations(history: History, final: Final) -> list[Violation]:
    """Everything that did not hold, the one with the shortest story first."""
    record = Record(history, final)
    found = [violation for check in CHECKS for violation in check(record)]
    return sorted(found, key=lambda violation: violation.story.count("\n"))
