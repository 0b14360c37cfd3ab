"""What is said to a person: a sentence where there is something to say, else nothing."""

from typing import Any, get_args

import pytest

from session_router import Decision, Incoming, Source
from session_router.models import ActiveRun, Asking, ControlResult, Dropped, QueuePlace, Reason
from session_router.notices import CONTROLLED, QUEUED, REJECTED, notice_of
from session_router.testing import FakeRouter

AT = "2026-11-22T06:30:00Z"


def place(position: int = 1, *, first: bool = True) -> QueuePlace:
    return QueuePlace(position=position, depth=position, first=first)


def run(status: str | None = None, *, asks: bool = False) -> ActiveRun:
    asking = Asking.model_validate({"prompt_id": "p", "expires_at": AT}) if asks else None
    fields = {"id": "r", "consumer": "c", "started_at": AT, "status": status, "asking": asking}
    return ActiveRun.model_validate(fields)


def control(reason: Reason, action: str = "stop", *, pending: bool = False) -> dict[str, Any]:
    fields = {"action": action, "reason": reason, "pending": pending}
    return {
        "decision": "control",
        "reason": reason,
        "control": ControlResult.model_validate(fields),
    }


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"reason": "other_sender_active", "queue": place()},
            "I am still at work for somebody else; your message comes next.",
        ),
        (
            {"reason": "run_held", "queue": place(3), "active_run": run("at 3")},
            f"{QUEUED['run_held']} (at 3); your message is number 3 in the queue.",
        ),
        (
            {"reason": "other_sender_active", "queue": place(), "active_run": run(asks=True)},
            "I am waiting for somebody's answer; your message comes next.",
        ),
        (
            {"reason": "paused", "queue": place()},
            "A person has taken over here; your message waits.",
        ),
        ({"reason": "other_sender_active", "queue": place(2, first=False)}, None),
        ({"reason": "dispatch_worker", "queue": place()}, None),
        ({"reason": "group", "queue": place()}, None),
        ({"decision": "reject", "reason": "queue_full"}, REJECTED["queue_full"]),
        ({"decision": "reject", "reason": "bot_limit"}, None),
        ({"decision": "run", "reason": "session_idle"}, None),
        (control("stopped"), "Stopped."),
        (control("nothing_runs"), "There is nothing to stop."),
        (control("nothing_runs", "reset"), "This is a new session."),
        (
            control("reset", "reset", pending=True),
            "A new session begins as soon as the present reply is done.",
        ),
        (
            {
                "reason": "other_sender_active",
                "queue": place(2, first=False),
                "dropped": (Dropped(message_id="1", reason="overflow"),),
            },
            "A message that had waited was dropped.",
        ),
    ],
)
def test_a_decision_is_told_in_a_sentence(fields: dict[str, Any], said: str | None) -> None:
    assert notice_of(Decision(**({"decision": "queue"} | fields))) == said


def test_every_reason_that_is_spoken_of_is_one() -> None:
    assert {*QUEUED, *REJECTED, *CONTROLLED} <= set(get_args(Reason))


async def test_to_a_bot_nothing_is_said() -> None:
    bot = Source(platform="discord", chat_type="group", chat_id="1", user_id="7", is_bot=True)

    async with FakeRouter() as router:
        router.decide(Decision(decision="reject", reason="queue_full"))
        submission = await router.submit(Incoming(message_id="1", source=bot))

    assert (submission.reason, submission.notice) == ("queue_full", None)
