"""A gateway in two parts: a webhook receiver that only routes, and workers that run the agent.

    python -m examples.split_gateway receive --port 8090
    python -m examples.split_gateway work

Start as many of each as you like; kill any of them at any moment, and another one goes on.
"""

import argparse
import asyncio
import json
import re
import signal
from contextlib import suppress
from pathlib import Path

from examples.agent import StandInAgent
from examples.chat import Outbox, fields_of
from session_router import InvalidMessage, RouterError, SessionRouter


async def receive(arguments: argparse.Namespace) -> None:
    """Take webhooks: `{"id", "chat", "user", "text"}`."""
    async with SessionRouter(arguments.url, retry_seconds=5.0) as router:

        async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError, EOFError):
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                answer = f"HTTP/1.1 {await route(router, body)}\r\n"
                writer.write(f"{answer}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(on_connection, "127.0.0.1", arguments.port)
        port = server.sockets[0].getsockname()[1]
        print(f"receiving on http://127.0.0.1:{port}/", flush=True)
        async with server:
            await server.serve_forever()


async def route(router: SessionRouter, body: bytes) -> str:
    """Ask the router about one message, and say 200 only when it is stored."""
    try:
        event = json.loads(body)
        decision = (await router.submit(**fields_of(event), dispatch="worker")).decision
    except (ValueError, TypeError, KeyError, InvalidMessage):
        return "400 Bad Request"
    except RouterError:
        return "503 Service Unavailable"  # the platform sends it again, with the same id
    print(f"{event['id']}: {decision.decision} ({decision.reason})", flush=True)
    return "200 OK"


async def work(arguments: argparse.Namespace) -> None:
    """Run the agent on what waits, and on what another worker dropped."""
    agent = StandInAgent(arguments.seconds, Outbox(arguments.replies))
    async with SessionRouter(
        arguments.url,
        on_run=agent.answer,
        max_runs=10,
        platforms=("demo",),
        requeue_interrupted=True,  # this agent keeps no transcript: it gets the old request again
    ) as router:
        print(f"working as {router.consumer}", flush=True)
        await asyncio.Event().wait()


async def main() -> None:
    parser = argparse.ArgumentParser(description="A webhook receiver, and workers.")
    parser.add_argument("part", choices=("receive", "work"))
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the Session Router")
    parser.add_argument("--port", type=int, default=8090, help="receive: where webhooks come in")
    parser.add_argument("--seconds", type=float, default=5.0, help="work: how long it thinks")
    parser.add_argument("--replies", type=Path, help="work: append replies to this file")
    arguments = parser.parse_args()
    part = {"receive": receive, "work": work}[arguments.part]
    serving = asyncio.create_task(part(arguments))
    # Leaving the client hands back what it runs, so a clean end costs nobody a moment.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    asyncio.run(main())
