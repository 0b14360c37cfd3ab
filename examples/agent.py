"""A stand-in agent: takes seconds, can be steered and interrupted, may ask, answers once.

Where the router is, and how long the agent thinks, is in the environment.
"""

import asyncio
import os
from typing import Protocol, TypeAlias

from session_router import BatchMessage, Route, RunInWork, Source, Superseded
from session_router.sources import button

URL = os.environ.get("SESSION_ROUTER_URL", "http://127.0.0.1:8080")
TOKEN = os.environ.get("SESSION_ROUTER_TOKEN")
SECONDS = float(os.environ.get("AGENT_SECONDS", "3"))
STEPS = 10


Place: TypeAlias = Route | Source
Buttons: TypeAlias = tuple[tuple[str, str], ...]  # what each says, and what it gives back


class Post(Protocol):
    """Posts a text in a chat or its thread; returns the platform's id of it."""

    async def __call__(self, place: Place, text: str, buttons: Buttons = ()) -> str: ...


async def answer(run: RunInWork, post: Post) -> None:
    """Work on one run. An interrupt or a lost lease cancels it wherever it waits."""
    messages = list(run.messages)
    for step in range(STEPS):
        run.status = f"step {step + 1} of {STEPS}"
        await asyncio.sleep(SECONDS / STEPS)
        messages += run.take_steer()
    if any("order" in message.text for message in messages):
        messages += await confirmed(run, post)
    while not await sealed(run):
        messages += run.take_steer()
        await asyncio.sleep(SECONDS / STEPS)
    # From here on nobody interrupts, and what comes waits for the next run.
    heard = ", then ".join(message.text for message in messages)
    run.sent(await post(run.route, f"You said: {heard}"))


async def confirmed(run: RunInWork, post: Post) -> list[BatchMessage]:
    """Ask the person, for a minute."""
    prompt_id = str(run.fence)
    buttons = tuple((word, button(prompt_id, word)) for word in ("yes", "no"))
    question = await post(run.route, "Shall I?", buttons)
    run.sent(question)
    told = await run.ask(prompt_id, reply_to=question, timeout_seconds=60)
    return [] if told is None else [told]


async def sealed(run: RunInWork) -> bool:
    """Seal before the reply goes out; False if a steer came first: think once more."""
    try:
        await run.seal()
    except Superseded as news:
        if news.interrupt is not None:
            raise
        return False
    return True
