"""What an honest gateway tells a person of a decision, in one short English sentence."""

from typing import Final

from session_router.models import ControlResult, Decision, QueuePlace, Reason

QUEUED: Final[dict[Reason, str]] = {
    "same_sender_active": "I am still at work on what you wrote before",
    "other_sender_active": "I am still at work for somebody else",
    "run_held": "I am in the middle of something that must not be interrupted",
    "paused": "A person has taken over here",
    "retry_delay": "The last try failed, and I will try again",
}
REJECTED: Final[dict[Reason, str]] = {
    "queue_full": "Too much is waiting here already. Please try again later.",
    "sender_queue_full": "Too much of yours is waiting already. Please try again later.",
    "busy_reject": "I am busy. Please try again later.",
    "not_owner": "That is not yours to decide.",
    "prompt_gone": "That question is no longer open.",
    "too_old": "That came too late to be taken. Please send it again.",
    "id_reused": "I could not take that message. Please send it again.",
}
CONTROLLED: Final[dict[Reason, str]] = {
    "stopped": "Stopped.",
    "reset": "This is a new session.",
    "nothing_runs": "There is nothing to stop.",
    "too_late": "It is too late to stop: the reply is on its way.",
}


def notice_of(decision: Decision) -> str | None:
    """Return what to say to the sender of a message, None if there is nothing to say.

    Of waiting it is said once: when nothing else of this sender waited before.
    """
    match decision.decision:
        case "queue":
            said = _queued(decision, decision.queue)
        case "reject":
            said = REJECTED.get(decision.reason)
        case "control":
            said = _controlled(decision, decision.control)
        case _:
            said = None
    return " ".join(filter(None, (said, _dropped(decision)))) or None


def _queued(decision: Decision, place: QueuePlace | None) -> str | None:
    why = QUEUED.get(decision.reason)
    if why is None or place is None or not place.first:
        return None
    run = decision.active_run
    if run is not None and run.asking is not None:
        why = "I am waiting for somebody's answer"
    elif run is not None and run.status:
        why = f"{why} ({run.status})"
    if decision.reason == "paused":
        return f"{why}; your message waits."
    turn = "comes next" if place.position == 1 else f"is number {place.position} in the queue"
    return f"{why}; your message {turn}."


def _controlled(decision: Decision, control: ControlResult | None) -> str | None:
    if control is None:
        return None
    if control.pending:
        return "A new session begins as soon as the present reply is done."
    said = CONTROLLED.get(decision.reason)
    if decision.reason == "nothing_runs" and control.action == "reset":
        return CONTROLLED["reset"]
    return said


def _dropped(decision: Decision) -> str | None:
    if not decision.dropped:
        return None
    if len(decision.dropped) == 1:
        return "A message that had waited was dropped."
    return f"{len(decision.dropped)} messages that had waited were dropped."
