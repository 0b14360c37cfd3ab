"""An agent that a test holds in its hand, and what it is asked."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from session_router import (
    Decision,
    Incoming,
    Router,
    Run,
    RunHandler,
    RunInWork,
    Source,
    Submission,
)


class Agent:
    """Keeps each run in work until it is let go; tells what it was given."""

    def __init__(self) -> None:
        self.started: asyncio.Queue[RunInWork] = asyncio.Queue()
        self.texts: list[str] = []
        self.cancelled: list[str] = []
        self.let_go = asyncio.Event()

    async def answer(self, run: RunInWork) -> None:
        self.texts.append(run.text)
        self.started.put_nowait(run)
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled.append(run.id)
            raise

    async def next_run(self) -> RunInWork:
        return await asyncio.wait_for(self.started.get(), 10)


def client(url: str, handler: RunHandler, **settings: Any) -> Router:
    """A client with this handler. It claims only with `max_runs`: what others left is not its."""
    router = Router(url, **({"max_runs": None, "retry_seconds": 10.0} | settings))
    router.run(handler)
    return router


def on(source: Source, **changes: Any) -> Source:
    return source.model_copy(update=changes)


async def outcome_of(run: RunInWork) -> str | None:
    return await asyncio.wait_for(run.finished(), 15)


async def end_from_outside(url: str, run: Run, outcome: str) -> None:
    """End a run as its holder would, behind its holder's back."""
    async with httpx.AsyncClient(base_url=url) as http:
        body = {"fence": run.fence, "outcome": outcome, "next": False}
        answer = await http.post(f"/v1/runs/{run.id}/complete", json=body)
    assert answer.status_code == 200


async def eventually(true: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> float:
    """Look again and again until something holds; return the seconds it took, or fail."""
    began_at = time.monotonic()
    while not await true():
        assert time.monotonic() - began_at < seconds, "it did not happen in time"
        await asyncio.sleep(0.005)
    return time.monotonic() - began_at


async def steer(url: str, source: Source, message_id: str, text: str = "") -> Submission[Decision]:
    """Steer the source's run through another client."""
    async with Router(url) as other:
        return await other.submit(
            Incoming(message_id=message_id, source=source, text=text, busy="steer")
        )


async def state_of(router: Router, source: Source, message_id: str) -> str:
    return (await router.message_status(message_id, source)).state
