"""A stand-in agent: takes seconds to answer, can be interrupted and steered, answers once."""

import asyncio

from examples.chat import Outbox
from session_router import RunInWork, Superseded

STEPS = 10


class StandInAgent:
    """Thinks for `seconds` in steps, as an agent does between its model and tool calls."""

    def __init__(self, seconds: float, outbox: Outbox) -> None:
        self._step_seconds = seconds / STEPS
        self._outbox = outbox

    async def answer(self, run: RunInWork) -> None:
        """Work on one run. An interrupt or a lost lease cancels it wherever it waits."""
        messages = list(run.messages)
        for step in range(STEPS):
            run.report(status=f"step {step + 1} of {STEPS}")
            await asyncio.sleep(self._step_seconds)
            messages += run.take_steer()
        while not await sealed(run):
            messages += run.take_steer()
            await asyncio.sleep(self._step_seconds)
        # From here on nobody interrupts, and what comes waits for the next run.
        heard = ", then ".join(message.text for message in messages)
        self._outbox.send(run, [message.message_id for message in messages], f"You said: {heard}")


async def sealed(run: RunInWork) -> bool:
    """Seal before the reply goes out; False if a steer came first: think once more."""
    try:
        await run.seal()
    except Superseded as news:
        if news.interrupt is not None:
            raise
        return False
    return True
