"""I2, I3 and I4 over a record: nothing lost, nothing twice, everything in order."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from app.torture.history import ACCEPTED, CONFLICT, JUMPS, LOST, NOT_FOUND, OK, Event, Grant
from app.torture.record import Record, Violation
from app.torture.run_checks import was_over

STATES = ("waiting", "in_run", "done", "dead", "removed")


def nothing_breaks(record: Record) -> Iterator[Violation]:
    """Every answer is one of those the contract has for these calls."""
    for event in record.history.events:
        # A session may be retired, or a letter gone, before an operator acts on it.
        fitting = (OK, NOT_FOUND) if event.verb == "act" else (OK, CONFLICT)
        if not (event.unknown or event.status in fitting):
            what = f"{event.verb} was answered {event.status}"
            yield record.violation("I8", what, {event.target})


def each_accepted_message_is_in_one_state(record: Record) -> Iterator[Violation]:
    """What was said to be accepted is known at the end, and counted once in its state (I2)."""
    final = record.final
    for name in sorted(record.history.accepted()):
        if name not in final.messages:
            yield record.violation("I2", f"{name} was accepted and is missing", {name})
    told = record.history.accepted() | record.history.uncertain()
    for name in sorted(final.messages.keys() - told):
        yield record.violation("I2", f"{name} is known, but was never accepted", {name})
    counted = Counter(message["state"] for message in final.messages.values())
    expected = {state: counted[state] for state in STATES} | {"accepted": len(final.messages)}
    figures = {state: final.stats["messages"][state] for state in expected}
    if figures != expected:
        yield Violation("I2", f"stats say {figures}, the messages say {expected}", "")


def sums_agree_at_any_moment(record: Record) -> Iterator[Violation]:
    """`accepted` is the sum of the states whenever the figures are read (I2)."""
    for stats in record.history.samples:
        figures = stats["messages"]
        if figures["accepted"] != sum(figures[state] for state in STATES):
            yield Violation("I2", f"the figures did not sum up in the middle: {figures}", "")


def done_means_done_by_a_run(record: Record) -> Iterator[Violation]:
    """A message is done exactly if a run that had it was completed (I2, I6).

    A reset or a stop removes the batch in place of that, unless its run completed.
    """
    for name, message in record.final.messages.items():
        runs = record.runs_of.get(name, [])
        ends = [run for run in runs if record.finished(run) and _was_in(record, name, run)]
        if message.get("reason") in ("reset", "stopped"):
            ends = [run for run in ends if record.outcome(run) == "completed"]
        about = {name, *(run.id for run in runs)}
        if len(ends) > 1:
            yield record.violation("I4", f"{name} was completed by two runs", about)
        elif [message["run_id"]] * (message["state"] == "done") != [run.id for run in ends]:
            what = f"{name} is {message['state']}, completed by {[run.fence for run in ends]}"
            yield record.violation("I2", what, about)


def _was_in(record: Record, name: str, run: Grant) -> bool:
    """Whether a message of `runs_of` was part of the run: one that was seen may have been gone."""
    message = record.final.messages[name]
    was_seen = record.was_told(run, name) and message["state"] != "removed"
    return name in run.names or was_seen or message["run_id"] == run.id


def one_run_a_message(record: Record) -> Iterator[Violation]:
    """No message is in two runs at once, in whatever sessions they are (I4)."""
    for name, runs in record.runs_of.items():
        for older, newer in pairwise(sorted(runs, key=lambda run: run.fence)):
            if not was_over(record, older, newer):
                what = f"{name} was granted to {newer.fence} while {older.fence} had it"
                yield record.violation("I4", what, {name, older.id, newer.id})
        if any(run.names.count(name) > 1 for run in runs):
            yield record.violation("I4", f"{name} is twice in a batch", {name})


def an_id_is_accepted_once(record: Record) -> Iterator[Violation]:
    """After the first acceptance every resend is a duplicate of that decision (I4)."""
    for name, submits in record.submits.items():
        first = [event for event in submits if event.decision in ACCEPTED]
        if len(first) > 1:
            yield record.violation("I4", f"{name} was accepted {len(first)} times", {name})
        words = {e.answer["duplicate_of"] for e in submits if e.decision == "duplicate"}
        if len(words | {event.decision for event in first}) > 1:
            yield record.violation("I4", f"{name} has two first decisions", {name})
        if any(e.sent > f.received and e.decision == "reject" for e in submits for f in first):
            yield record.violation("I4", f"{name} was rejected after it was accepted", {name})


def untouched(record: Record, grant: Grant, until: Event) -> bool:
    """Whether a repeat answered at `until` had to bring the grant again."""
    touched = any(call.sent < until.received for call in record.calls_on(grant))
    touched = touched or record.may_be_taken(grant, before=until.received)
    in_time = record.clock.latest_ms(until.received) < record.lease_ms(grant)
    return not touched and in_time and record.history.cut_ms is None


def a_resent_message_gets_its_grant_again(record: Record) -> Iterator[Violation]:
    """The same grant again until its holder has called, and not after that (I4)."""
    for name, submits in record.submits.items():
        for event in submits:
            grant = record.grants[event.granted["id"]] if event.granted else None
            if grant is None or name not in grant.names:
                continue
            for repeat in submits:
                if _owes(record, event, repeat, grant):
                    what = f"{name} was sent again, and run {grant.fence} not given again"
                    yield record.violation("I4", what, {name, grant.id})
            if event.decision == "duplicate" and event.sent > _first_call(record, grant):
                what = f"{name} was given run {grant.fence} again after its holder had called"
                yield record.violation("I4", what, {name, grant.id})


def _owes(record: Record, event: Event, repeat: Event, grant: Grant) -> bool:
    """Whether a repeat had to bring the grant that `event` brought, and did not."""
    same = repeat.decision == "duplicate" and repeat.consumer == event.consumer
    after = event.decision == "run" or repeat.sent > event.received
    return same and after and repeat.granted is None and untouched(record, grant, repeat)


def _first_call(record: Record, grant: Grant) -> float:
    return min((call.received for call in record.calls_on(grant) if call.done), default=LOST)


def a_repeated_complete_answers_the_same(record: Record) -> Iterator[Violation]:
    """The same `next`, or null once its holder has called or its lease is over (I4)."""
    for grant in record.grants.values():
        answers = [call for call in record.ends_of(grant) if call.done]
        ended_at = min((call.received for call in answers), default=LOST)
        for call in record.calls_on(grant):
            if call.verb == "complete" and call.status == CONFLICT and call.sent > ended_at:
                what = f"{grant.fence} was completed again, and refused"
                yield record.violation("I4", what, {grant.id})
        given = {call.granted["id"] for call in answers if call.granted}
        if len(given) > 1:
            yield record.violation("I4", f"{grant.fence} has two next runs", {grant.id, *given})
            continue
        for following in (record.grants[run_id] for run_id in given):
            for call in answers:
                if call.granted is None and untouched(record, following, call):
                    what = f"{grant.fence} was completed again, and its next run not given again"
                    yield record.violation("I4", what, {grant.id, following.id})
                if call.granted and call.sent > _first_call(record, following):
                    what = f"run {following.fence} was given again after its holder had called"
                    yield record.violation("I4", what, {grant.id, following.id})


def acceptance_follows_time(record: Record) -> Iterator[Violation]:
    """A message sent after another's acceptance was answered stands behind it (I3).

    Dead letters that were redriven stand where that put them, and are left out; below, what a run
    has seen is, too.
    """
    for session, grants in record.sessions.items():
        seqs = {name: seq for grant in grants for name, seq in _seqs(grant).items()}
        seqs = {name: seq for name, seq in seqs.items() if name not in record.redriven}
        if len(set(seqs.values())) < len(seqs):
            yield record.violation("I3", f"two messages of {session} have one seq", set(seqs))
        first_accepted: str | None = None
        for name in sorted(seqs, key=seqs.__getitem__, reverse=True):
            accepted_at = _accepted_at(record, first_accepted) if first_accepted else LOST
            if first_accepted and record.submits[name][0].sent > accepted_at:
                what = f"{name} stands before {first_accepted}, which was accepted first"
                yield record.violation("I3", what, {name, first_accepted})
            if _accepted_at(record, name) < accepted_at:
                first_accepted = name


def _seqs(grant: Grant) -> dict[str, int]:
    seqs = (message["seq"] for message in grant.run["messages"])
    return dict(zip(grant.names, seqs, strict=True))


def _accepted_at(record: Record, name: str) -> float:
    answers = [e for e in record.submits[name] if e.done and e.decision != "reject"]
    return min((event.received for event in answers), default=LOST)


def delivery_follows_acceptance(record: Record) -> Iterator[Violation]:
    """Nobody's messages overtake each other; without interrupts and `by_sender` none do (I3)."""
    for session, grants in record.sessions.items():
        jumps = _may_jump(record, session)
        lanes: dict[str, dict[str, int]] = defaultdict(dict)
        for grant in grants:
            for name, message in zip(grant.names, grant.run["messages"], strict=True):
                if name in record.displaced:
                    continue
                lanes[str(message["user_id"]) if jumps else ""][name] = message["seq"]
        for lane in lanes.values():
            for grant in grants:
                yield from _overtaken(record, lane, grant)


def _may_jump(record: Record, session: str) -> bool:
    messages = {name: record.final.messages[name] for name in record.messages_of[session]}
    jumps = any(message["decision"] in JUMPS for message in messages.values())
    return jumps or "by-sender" in session or any(map(partial(_may_be_in_front, record), messages))


def _may_be_in_front(record: Record, name: str) -> bool:
    """Whether a message may wait where a steer does, as its run had been asked to stop."""
    first = (event for event in record.submits[name] if event.decision in ACCEPTED)
    if told := [str(event.answer["reason"]) for event in first]:
        return told[0] == "interrupt_pending"
    session = record.final.messages[name]["session_key"]
    stopped = any(stop.partition("/")[0] == name.partition("/")[0] for stop in record.stops)
    return stopped or any(record.may_have_acted(act, session) for act in ("interrupt", "reset"))


def _overtaken(record: Record, lane: dict[str, int], run: Grant) -> Iterator[Violation]:
    batch = [name for name in run.names if name in lane]
    if batch != sorted(batch, key=lane.__getitem__):
        yield record.violation("I3", f"run {run.fence} is not in order", {run.id, *batch})
        return
    for name, seq in lane.items():
        late = record.runs_of[name][-1].fence > run.fence
        if batch and late and name not in batch and seq < lane[batch[-1]]:
            what = f"{batch[-1]} overtook {name} in run {run.fence}"
            yield record.violation("I3", what, {batch[-1], name, run.id})


def returned_batches_come_first(record: Record) -> Iterator[Violation]:
    """What came back from a run is at the head of the next one, in its old order (I3)."""
    for session, grants in record.sessions.items():
        if record.unheard(session, claimed=False) and _may_jump(record, session):
            continue  # a run that nobody heard of may have come in between
        for run, following in pairwise(grants):
            if record.finished(run) or _went_elsewhere(record, run):
                continue
            later = {name for name in run.names if record.runs_of[name][-1].fence > run.fence}
            back = [name for name in run.names if name in later - record.redriven]
            again = [name for name in following.names if name in back]
            staying = [name for name in following.names if name not in record.redriven]
            head = staying[: len(again)]
            if back and staying and (not again or again[0] != back[0] or head != again):
                what = f"{back} came back from {run.fence}, but {following.fence} has {head}"
                yield record.violation("I3", what, {run.id, following.id})
            elif again != [name for name in back if name in again]:
                what = f"{back} came back from {run.fence}, and went out as {again}"
                yield record.violation("I3", what, {run.id, following.id})


def _went_elsewhere(record: Record, run: Grant) -> bool:
    """Whether something of a batch was in a run since that was claimed and that nobody heard of."""
    last = (record.final.messages.get(name, {}).get("run_id") for name in run.names)
    return any(run_id is not None and run_id not in record.grants for run_id in last)
