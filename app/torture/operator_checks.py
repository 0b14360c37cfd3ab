"""What operators did, over a record: done once, what was asked for, and nothing besides."""

from collections import Counter
from collections.abc import Iterator

from app.torture.history import LOST, Event, Grant
from app.torture.record import Record, Violation

ENDS_IN = {"remove": "operator", "discard": "discarded"}
ONCE = ("release", "remove", "discard", "reset")


def what_was_done_stays_done(record: Record) -> Iterator[Violation]:
    """A message removed or discarded is so at the end, a released run ended by force (I8)."""
    for act in record.acts_done():
        name, run_id = act.body.get("message"), act.body.get("seen", {}).get("run_id")
        reason = ENDS_IN.get(act.body["action"])
        if reason is not None:
            end = record.final.messages.get(str(name), {})
            if (end.get("state"), end.get("reason")) != ("removed", reason):
                what = (
                    f"{name} was removed ({reason}), but is {end.get('state')} {end.get('reason')}"
                )
                yield record.violation("I8", what, {str(name), act.target})
        if act.body["action"] == "release" and run_id in record.final.runs:
            ended = record.final.runs[run_id].get("ended")
            if ended != "forced":
                what = f"a run was released, but ended as {ended}"
                yield record.violation("I8", what, {run_id, act.target})


def no_run_is_taken_unasked(record: Record) -> Iterator[Violation]:
    """A run that ended by force was released by somebody (I1)."""
    for grant in record.grants.values():
        is_forced = record.final.runs.get(grant.id, {}).get("ended") == "forced"
        if is_forced and not record.may_be_taken(grant):
            what = f"run {grant.fence} ended by force, which nobody asked for"
            yield record.violation("I1", what, {grant.id, grant.session})


def each_act_is_done_once(record: Record) -> Iterator[Violation]:
    """What was seen is acted on once, however often that is asked for (I4)."""
    done: Counter[tuple[str, ...]] = Counter()
    for act in record.acts_done():
        action, seen = act.body["action"], act.body.get("seen", {})
        of = act.body.get("message") or seen.get("run_id") or seen.get("session_id")
        if action in ONCE and of is not None:
            done[action, act.target, str(of)] += 1
    for (action, session, of), times in done.items():
        if times > 1:
            yield record.violation("I4", f"{action} of {of} was done {times} times", {session})


def nothing_is_granted_while_paused(record: Record) -> Iterator[Violation]:
    """From the answer to a pause to the next resume that is asked for, no run is granted."""
    for act in record.acts_done():
        if act.body["action"] != "pause":
            continue
        until = _resumed(record, act)
        for grant in record.sessions[act.target]:
            if _is_within(record, grant, act.received, until):
                what = f"run {grant.fence} was granted while its session was paused"
                yield record.violation("I5", what, {grant.id, act.target})


def _resumed(record: Record, pause: Event) -> float:
    """When a resume that may have come after a pause was sent."""
    acts = record.acts.get(pause.target, [])
    resumes = (act for act in acts if act.body["action"] == "resume")
    return min((act.sent for act in resumes if act.received > pause.sent), default=LOST)


def _is_within(record: Record, grant: Grant, since: float, until: float) -> bool:
    # A repeat may bring a grant of before: its fence tells when it was granted.
    is_after = min(event.sent for event in grant.given) > since
    return is_after and grant.received < until and grant.granted_ms > record.clock.latest_ms(since)
