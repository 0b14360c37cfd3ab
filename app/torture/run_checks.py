"""I1 and I6 over a record: one valid fence a session, and stale holders change nothing."""

from collections.abc import Iterator
from itertools import pairwise

from app.torture.history import CONFLICT, GRANT, Event, Grant, milliseconds
from app.torture.record import Record, Violation


def fences_only_grow(record: Record) -> Iterator[Violation]:
    """A grant asked for after another's answer was there has no smaller fence (I1)."""
    for grants in record.sessions.values():
        newest: Grant | None = None
        for grant in reversed(grants):
            if newest and any(event.sent > newest.received for event in grant.given):
                what = f"fence {grant.fence} was granted after {newest.fence}"
                yield record.violation("I1", what, {grant.id, newest.id})
            if newest is None or grant.received < newest.received:
                newest = grant


def a_fence_is_one_run(record: Record) -> Iterator[Violation]:
    """A fence stands for one run, one holder and one batch, however often it is given (I1)."""
    known: dict[str, Grant] = {}
    for grant in record.grants.values():
        number_and_shard = grant.id.rpartition(".")[0]
        other = known.setdefault(number_and_shard, grant)
        if other is not grant:
            what = f"two runs have fence {grant.fence}"
            yield record.violation("I1", what, {grant.id, other.id})
        for event in grant.given:
            given = next(run for run in event.runs if run["id"] == grant.id)
            if any(given.get(part) != grant.run.get(part) for part in GRANT):
                yield record.violation("I1", f"run {grant.fence} was given in two ways", {grant.id})
            elif event.consumer != grant.run["consumer"]:
                yield record.violation("I1", f"run {grant.fence} went to two", {grant.id})


def one_run_at_a_time(record: Record) -> Iterator[Violation]:
    """When a run is granted, the session's one before has been ended or its lease is over (I1)."""
    for grants in record.sessions.values():
        for older, newer in pairwise(grants):
            if not was_over(record, older, newer):
                what = f"run {newer.fence} was granted while {older.fence} had the session"
                yield record.violation("I1", what, {older.id, newer.id})


def was_over(record: Record, older: Grant, newer: Grant) -> bool:
    """Tell whether a run had ended, or had to, when a newer one was granted.

    That is told by the newer fence, not by its answer, which may have come much later.
    """

    def before_it(event: Event) -> bool:
        return record.clock.earliest_ms(event.sent) <= newer.granted_ms

    if any(before_it(event) for event in (*record.ends_of(older), *record.takings_of(older))):
        return True
    cut_ms = record.history.cut_ms
    if cut_ms is not None and newer.granted_ms >= older.granted_ms + cut_ms:
        return True
    return newer.granted_ms >= record.lease_ms(older)


def stale_calls_are_refused(record: Record) -> Iterator[Violation]:
    """A call sent when its run was known to be over gets 409, as does a wrong fence (I6)."""
    for grant in record.grants.values():
        for call in record.calls.get(grant.id, ()):
            reason = why_stale(record, grant, call)
            if reason and not (call.unknown or call.status == CONFLICT):
                what = f"a {call.verb} was answered {call.status} {reason}"
                yield record.violation("I6", what, {grant.id})


def why_stale(record: Record, grant: Grant, call: Event) -> str | None:
    if call.body["fence"] != grant.fence:
        return f"with fence {call.body['fence']} for {grant.fence}"
    before = [end for end in record.ends_of(grant) if end.sent < call.sent]
    if call.verb == "complete" and before:
        return None
    over = _why_over(record, grant, call.sent)
    if over is not None:
        return over
    lost_beats = any(beat.unknown for beat in record.calls_on(grant) if beat.verb == "heartbeat")
    lease_ms = record.lease_ms(grant, without=call)
    if not lost_beats and record.clock.earliest_ms(call.sent) > lease_ms:
        return "after its lease had run out"
    return None


def _why_over(record: Record, grant: Grant, moment: float) -> str | None:
    """Why a run was known to be over at a moment, whatever its lease."""
    if any(end.done and end.received < moment for end in record.ends_of(grant)):
        return "after the run had been completed"
    if any(act.received < moment for act in record.releases_of(grant)):
        return "after an operator had released the run"
    newer = [other for other in record.sessions[grant.session] if other.fence > grant.fence]
    if any(other.received < moment for other in newer):
        return "after a newer run had been granted"
    return None


def a_live_holder_is_served(record: Record) -> Iterator[Violation]:
    """A call well within the lease, with nothing that could have ended the run, succeeds."""
    for grant in record.grants.values():
        if record.history.cut_ms is not None:
            return
        calls = record.calls_on(grant)
        for call in calls:
            early = [c for c in calls if c.verb == "heartbeat" and c.received < call.sent]
            leases = [c.answer["lease_expires_at"] for c in early if c.done]
            lease_ms = max(map(milliseconds, [grant.run["lease_expires_at"], *leases]))
            ended = any(end.sent < call.received for end in record.ends_of(grant) if end != call)
            ended = ended or record.may_be_taken(grant, before=call.received)
            in_time = record.clock.latest_ms(call.received) < lease_ms
            if not ended and in_time and not (call.done or call.unknown):
                what = f"a {call.verb} within its lease was answered {call.status}"
                yield record.violation("I6", what, {grant.id})


def runs_end_as_their_holders_said(record: Record) -> Iterator[Violation]:
    """A run's stored end is an accepted call's, never a refused one's (I6)."""
    for grant in record.grants.values():
        end = record.final.runs.get(grant.id)
        if end is None or end["state"] != "ended":
            what = f"run {grant.fence} has no end at the end: {end}"
            yield record.violation("I1", what, {grant.id})
            continue
        said = {call.body["outcome"]: call.done for call in record.ends_of(grant)}
        if end["outcome"] is None and any(said.values()):
            what = f"run {grant.fence} was completed, but is said to be {end['ended']}"
            yield record.violation("I6", what, {grant.id})
        if end["outcome"] is not None and end["outcome"] not in said:
            what = f"run {grant.fence} ended as {end['outcome']}, which no accepted call said"
            yield record.violation("I6", what, {grant.id})


def a_sealed_run_was_sealed_by_its_holder(record: Record) -> Iterator[Violation]:
    """A run that counts as sealed was, by a call that was not refused (I6)."""
    for grant in record.grants.values():
        if record.final.runs.get(grant.id, {}).get("sealed"):
            seals = [call for call in record.calls_on(grant) if call.verb == "seal"]
            if not any(seal.unknown or seal.answer.get("sealed") for seal in seals):
                what = f"run {grant.fence} is sealed, which no accepted call did"
                yield record.violation("I6", what, {grant.id})
