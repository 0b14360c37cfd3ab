"""I4 over a record, for claims: a request that is repeated is answered with the same runs."""

from collections import defaultdict
from collections.abc import Iterator

from app.torture.history import Event, Grant
from app.torture.message_checks import untouched
from app.torture.record import Record, Violation


def a_repeated_claim_gives_the_same_runs(record: Record) -> Iterator[Violation]:
    """As far as they are active and untouched, and no others while one of them is active (I4)."""
    for claims in _by_request(record).values():
        for earlier in claims:
            for repeat in claims:
                if earlier.received < repeat.sent:
                    yield from _differs(record, earlier, repeat)


def _by_request(record: Record) -> dict[tuple[str, str], list[Event]]:
    requests: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in record.history.events:
        if event.verb == "claim" and event.done and event.body.get("request_id"):
            requests[event.consumer, str(event.body["request_id"])].append(event)
    return requests


def _differs(record: Record, earlier: Event, repeat: Event) -> Iterator[Violation]:
    before = [record.grants[run["id"]] for run in earlier.runs]
    again = [record.grants[run["id"]] for run in repeat.runs]
    for run in before:
        if run not in again and untouched(record, run, repeat):
            what = f"a claim was repeated, and run {run.fence} not given again"
            yield record.violation("I4", what, {run.id, repeat.target})
    others = [run for run in again if run not in before]
    if others and any(_is_active(record, run, repeat) for run in before):
        what = f"a claim was repeated, and run {others[0].fence} given besides"
        yield record.violation("I4", what, {others[0].id, repeat.target, *(r.id for r in before)})


def _is_active(record: Record, run: Grant, until: Event) -> bool:
    ended = any(end.sent < until.received for end in record.ends_of(run))
    ended = ended or record.may_be_taken(run, before=until.received)
    in_time = record.clock.latest_ms(until.received) < record.lease_ms(run)
    return not ended and in_time and record.history.cut_ms is None
