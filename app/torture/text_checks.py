"""What a run is shown is what was sent, or what it was changed to."""

from collections.abc import Iterator

from app.torture.history import Event, Json, name_of
from app.torture.record import Record, Violation

NOT_CHANGED = ("already_delivered", "removed")


def bodies_arrive_as_sent(record: Record) -> Iterator[Violation]:
    """A run shows a message's own payload, and its text as it was then (I8)."""
    for grant in record.grants.values():
        for message in grant.run["messages"]:
            at_ms = float(grant.granted_ms)
            if not _is_as_sent(record, message, at_ms, at_ms):
                name = name_of(message["source"], message["message_id"])
                yield record.violation("I8", f"{name} has changed on its way", {name, grant.id})
        for call in record.calls_on(grant):
            since_ms = record.clock.earliest_ms(call.sent)
            until_ms = record.clock.latest_ms(call.received)
            for message in call.offered:
                if not _is_as_sent(record, message, since_ms, until_ms):
                    name = name_of(message["source"], message["message_id"])
                    what = f"{name} was offered, and has changed on its way"
                    yield record.violation("I8", what, {name, grant.id})


def _is_as_sent(record: Record, message: Json, since_ms: float, until_ms: float) -> bool:
    name = name_of(message["source"], message["message_id"])
    sent = record.submits[name][0].body
    if message["payload"] != sent["payload"]:
        return False
    return message["text"] in _texts(record, name, sent["text"], since_ms, until_ms)


def _texts(record: Record, name: str, sent: str, since_ms: float, until_ms: float) -> set[str]:
    """What a message may have said between two times of the store."""
    edits = [amend for amend in record.amends.get(name, ()) if "text" in amend.body]
    texts = {
        str(edit.body["text"])
        for edit in edits
        if edit.answer.get("result") not in NOT_CHANGED
        and record.clock.earliest_ms(edit.sent) <= until_ms
    }
    return texts if any(_was_before(record, edit, since_ms) for edit in edits) else texts | {sent}


def _was_before(record: Record, edit: Event, moment_ms: float) -> bool:
    is_done = edit.answer.get("result") in ("updated", "unchanged")
    return is_done and record.clock.latest_ms(edit.received) < moment_ms
