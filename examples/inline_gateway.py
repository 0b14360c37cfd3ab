"""A gateway in one process: it routes what its platform says, and runs the agent itself.

    python -m examples.inline_gateway

The platform is the terminal: type `ID USER TEXT`, say `1 ana how do I reset it?`. Start as
many as you like; kill any of them at any moment, and another one goes on.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from examples.agent import StandInAgent
from examples.chat import Outbox, fields_of
from session_router import RouterError, SessionRouter


async def lines() -> AsyncIterator[str]:
    """Give what is typed, line by line."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode().strip()


async def serve(arguments: argparse.Namespace) -> None:
    """Route and run until the input ends, or SIGTERM or Ctrl-C comes."""
    agent = StandInAgent(arguments.seconds, Outbox(arguments.replies))
    async with SessionRouter(
        arguments.url,
        on_run=agent.answer,
        max_runs=10,  # the standing claim: what waited, or lost its process, comes here too
        platforms=("demo",),  # and nothing of other gateways
        requeue_interrupted=True,  # this agent keeps no transcript: it gets the old request again
    ) as router:
        print(f"working as {router.consumer}", flush=True)
        async for line in lines():
            await route(router, line)
        await router.idle()


async def route(router: SessionRouter, line: str) -> None:
    """Ask the router about one message; a run that it grants starts by itself."""
    try:
        message_id, user, text = line.split(maxsplit=2)
    except ValueError:
        print("type: ID USER TEXT", flush=True)
        return
    event = {"id": message_id, "chat": "support", "user": user, "text": text}
    try:
        decision = (await router.submit(**fields_of(event))).decision
    except RouterError as error:
        print(f"{message_id}: not taken, send it again: {error}", flush=True)
        return
    print(f"{message_id}: {decision.decision} ({decision.reason})", flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description="Routes and runs in one process.")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the Session Router")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long the agent thinks")
    parser.add_argument("--replies", type=Path, help="append replies to this file")
    serving = asyncio.create_task(serve(parser.parse_args()))
    # Leaving the client hands back what it runs, so a clean end costs nobody a moment.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    asyncio.run(main())
