"""How a run ends: one row for each way in which its handler can end."""

import asyncio
from typing import Any

import pytest

from session_router import Interrupted, Superseded
from session_router.ending import Circumstances, Ending, judge

BACK = Ending("released", "busy", next=False)
AFTER = "after the seal: "


async def ended(how: BaseException | None) -> asyncio.Task[None]:
    async def handle() -> None:
        if how is not None:
            raise how

    handler = asyncio.create_task(handle())
    await asyncio.wait({handler})
    return handler


@pytest.mark.parametrize(
    ("how", "known", "ending"),
    [
        (None, {}, Ending("completed")),
        (None, {"interrupted": True, "requeue": True}, Ending("interrupted")),
        (None, {"interrupted": True, "sealed": True}, Ending("completed")),
        (None, {"released": BACK}, Ending("completed")),
        (None, {"released": BACK, "by_handler": True, "sealed": True}, BACK),
        (ValueError("x"), {}, Ending("failed", "ValueError: x")),
        (ValueError("x"), {"interrupted": True}, Ending("failed", "ValueError: x")),
        (ValueError("x"), {"interrupted": True, "stopped": True}, Ending("interrupted")),
        (ValueError("x"), {"sealed": True}, Ending("completed", f"{AFTER}ValueError: x")),
        (ValueError("x"), {"released": BACK}, BACK),
        (ValueError("x"), {"released": BACK, "by_handler": True}, BACK),
        (Interrupted(), {"requeue": True}, Ending("interrupted")),
        (
            Interrupted(),
            {"interrupted": True, "requeue": True},
            Ending("interrupted", requeue=True),
        ),
        (Superseded(None, ()), {}, Ending("released", "superseded")),
        (Superseded(None, ()), {"interrupted": True}, Ending("interrupted")),
        (asyncio.CancelledError(), {}, Ending("failed", "CancelledError")),
        (
            asyncio.CancelledError(),
            {"interrupted": True, "stopped": True, "requeue": True},
            Ending("interrupted", requeue=True),
        ),
        (asyncio.CancelledError(), {"released": BACK}, BACK),
        (
            asyncio.CancelledError(),
            {"released": BACK, "sealed": True},
            Ending("completed", f"{AFTER}CancelledError"),
        ),
    ],
)
async def test_a_run_ends_as_its_handler_and_the_circumstances_say(
    how: BaseException | None, known: dict[str, Any], ending: Ending
) -> None:
    assert judge(await ended(how), Circumstances("run", **known)) == ending
