"""Where messages that are not done have gone: removed as asked, or dead after enough failures."""

from collections.abc import Iterator

from app.torture.history import Event, Grant, Json
from app.torture.record import Record, Violation

# Why a message is removed, and which act of an operator does that; of a reset, to the whole batch.
ACTS = {"operator": "remove", "discarded": "discard", "reset": "reset"}


def nothing_is_removed_unasked(record: Record) -> Iterator[Violation]:
    """What is removed somebody asked to remove, or the policy of its chat lets go (I2)."""
    for name, message in record.final.messages.items():
        if message["state"] == "removed" and not _may_be_removed(record, name, message):
            reason = message.get("reason")
            what = f"{name} was removed as {reason}, which nobody asked for"
            yield record.violation("I2", what, _about(record, name))


def _about(record: Record, name: str) -> set[str]:
    runs = {run.id for run in record.runs_of.get(name, [])}
    return {name, record.final.messages[name]["session_key"], *runs}


def _may_be_removed(record: Record, name: str, message: Json) -> bool:
    reason, session = message.get("reason"), message["session_key"]
    if reason == "reset":
        return record.may_have_acted("reset", session, since_ms=record.since_ms(name))
    if reason in ACTS:
        return record.may_have_acted(ACTS[reason], session, message=name)
    if reason == "stopped":
        return any(_may_have_stopped(record, stop, name, message) for stop in record.stops)
    if reason == "deleted":
        return any(_may_have_deleted(amend) for amend in record.amends.get(name, ()))
    if reason in ("expired", "overflow"):
        return name.startswith(record.history.dropped_in) and not _was_granted(record, name)
    return False


def _was_granted(record: Record, name: str) -> bool:
    """Whether a run had it: then it neither expires nor is dropped any more."""
    granted = any(name in run.names for run in record.runs_of.get(name, []))
    return granted or record.final.messages[name]["run_id"] is not None


def _may_have_deleted(amend: Event) -> bool:
    found = amend.answer.get("result") in ("removed", "unknown")
    return bool(amend.body.get("delete")) and (amend.unknown or found)


def _may_have_stopped(record: Record, stop: str, name: str, message: Json) -> bool:
    """Whether a stop may have ended a message: it says what it ended, unless nobody heard that."""
    chat = stop.rpartition("/")[0]
    if name.rpartition("/")[0] != chat:
        return False
    if told := _told(record, stop):
        removed = [f"{chat}/{message_id}" for message_id in told[0]["removed"]]
        return name in removed or message["run_id"] in told[0]["stopped"]
    since_ms = record.since_ms(name)
    calls = [call for call in record.stops[stop] if call.answer.get("decision") != "reject"]
    return any(record.clock.latest_ms(call.received) >= since_ms for call in calls)


def _told(record: Record, stop: str) -> list[Json]:
    """What the answer that a stop was carried out by says of it; none where it was not heard."""
    answers = (call.answer.get("control") for call in record.stops[stop] if call.done)
    return [control for control in answers if control is not None]


def what_was_stopped_never_runs_again(record: Record) -> Iterator[Violation]:
    """What a stop removed is removed, and a run that it stopped gives nothing back (I8)."""
    for stop in record.stops:
        chat = stop.rpartition("/")[0]
        for control in _told(record, stop):
            for message_id in control["removed"]:
                name = f"{chat}/{message_id}"
                end = record.final.messages.get(name, {})
                if (end.get("state"), end.get("reason")) != ("removed", "stopped"):
                    what = f"{name} was stopped, but is {end.get('state')} {end.get('reason')}"
                    yield record.violation("I8", what, {name, stop})
            stopped = (record.grants.get(run_id) for run_id in control["stopped"])
            for run in filter(None, stopped):
                yield from _ran_again(record, run, stop)


def _ran_again(record: Record, run: Grant, stop: str) -> Iterator[Violation]:
    for name in run.names:
        later = [other for other in record.runs_of[name] if other.fence > run.fence]
        if later:
            what = f"{name} was stopped in run {run.fence}, and ran again in {later[0].fence}"
            yield record.violation("I8", what, {name, stop, run.id, later[0].id})


def what_was_deleted_is_removed(record: Record) -> Iterator[Violation]:
    """A deletion that was answered as done stays done (I8)."""
    for name, amends in record.amends.items():
        deleted = any(amend.answer.get("result") == "removed" for amend in amends)
        state = record.final.messages.get(name, {}).get("state")
        if deleted and state != "removed":
            yield record.violation("I8", f"{name} was deleted, but is {state}", {name})


def messages_die_of_failures(record: Record) -> Iterator[Violation]:
    """A dead letter was given back counted, at the least as often as any policy asks (I2)."""
    for name, message in record.final.messages.items():
        if message["state"] != "dead":
            continue
        last = record.grants.get(message["run_id"])
        if last is not None and not record.counted(last):
            what = f"{name} is dead, though run {last.fence} gave it back uncounted"
            yield record.violation("I2", what, _about(record, name))
        counted = sum(record.counted(run) for run in record.runs_of.get(name, []))
        unheard = len(record.unheard(message["session_key"]))
        if name not in record.redriven and counted + unheard < record.history.deliveries_min:
            what = f"{name} is dead after {counted} failures"
            yield record.violation("I2", what, _about(record, name))


def deliveries_count_failures(record: Record) -> Iterator[Violation]:
    """`deliveries` is 1 and one more for each time that a run gave the message back counted (I2).

    A run names the one that had its batch before: where that was heard of, nothing lies between.
    """
    for name in record.runs_of.keys() - record.redriven:
        before: Grant | None = None
        for run in record.runs_of[name]:
            expected = _expected(record, name, before, run)
            told = _deliveries(name, run)
            if name in run.names and expected and told not in expected:
                what = f"{name} is said to be delivered {told} times in run {run.fence}"
                about = {name, run.id} | ({before.id} if before else set())
                yield record.violation("I2", f"{what}, not {expected}", about)
            before = run


def _deliveries(name: str, run: Grant) -> int:
    """How often a run was said to be given a message; what it saw had come for the first time."""
    told: list[int] = [message["deliveries"] for message in run.run["messages"]]
    return dict(zip(run.names, told, strict=True)).get(name, 1)


def _expected(record: Record, name: str, before: Grant | None, run: Grant) -> list[int]:
    previous = (run.run["previous"] or {}).get("id")
    if previous is None and before is None:
        return [1]
    if before is None or previous != before.id:
        return []
    counted = _deliveries(name, before) + record.counted(before)
    was_in = name in before.names or record.was_told(before, name)
    return [counted] if was_in else [1, counted]
