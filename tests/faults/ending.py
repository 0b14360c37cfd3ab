"""Bring every session to rest, by the next message alone, and read what is left."""

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from http.client import HTTPConnection
from urllib.parse import quote

from tests.faults.history import Event, Final, Json, name_of
from tests.faults.senders import Sender, World

REST_SECONDS = 30.0
READERS = 4
CONSUMER = "closer"


async def bring_to_rest(world: World) -> None:
    """Send each session that is not idle a message, until all are (I5)."""
    world.mishaps = False
    closer = Sender(world, CONSUMER)
    sources = world.history.sources()
    deadline = time.monotonic() + REST_SECONDS
    while busy := await _busy_sessions(world):
        assert time.monotonic() < deadline, f"these do not go on: {busy}"
        async with asyncio.TaskGroup() as works:
            for session in busy:
                if session["state"] == "waiting" or _lease_is_over(session):
                    message = world.new_message(CONSUMER, sources[session["key"]])
                    works.create_task(closer.submit(message, works))
        await asyncio.sleep(0.1)


def _lease_is_over(session: Json) -> bool:
    return datetime.fromisoformat(session["lease_expires_at"]) < datetime.now(UTC)


async def _busy_sessions(world: World) -> list[Json]:
    busy = []
    for state in ("running", "waiting"):
        page = await read(world, f"/v1/sessions?limit=200&state={state}")
        assert page is not None
        busy += page["sessions"]
    return busy


async def read(world: World, path: str) -> Json | None:
    """Ask one service; None if it does not know."""
    found = await _read_all([world.urls[0]], [path])
    return found.get(path)


async def read_final(world: World) -> Final:
    """Ask for every message that was ever sent and every run that was ever granted."""
    history = world.history
    submits = {event.target: event for event in history.events if event.verb == "submit"}
    look_ups = {name: _look_up(event) for name, event in submits.items()}
    paths = {grant.id: f"/v1/runs/{quote(grant.id)}" for grant in history.grants()}
    found = await _read_all(world.urls, [*look_ups.values(), *paths.values(), "/v1/stats"])
    return Final(
        messages={name: found[path] for name, path in look_ups.items() if path in found},
        runs={run_id: found[path] for run_id, path in paths.items() if path in found},
        stats=found["/v1/stats"],
    )


def _look_up(submit: Event) -> str:
    source, message_id = submit.body["source"], quote(submit.body["message_id"])
    assert name_of(source, message_id) == submit.target
    chat = f"platform={source['platform']}&chat_id={source['chat_id']}"
    return f"/v1/messages?{chat}&message_id={message_id}"


async def _read_all(urls: Sequence[str], paths: Sequence[str]) -> dict[str, Json]:
    # Plain connections in threads: thousands of look-ups would take httpx ten seconds.
    readers = min(READERS, len(paths))
    parts = await asyncio.gather(
        *(
            asyncio.to_thread(_read, urls[part % len(urls)], paths[part::readers])
            for part in range(readers)
        )
    )
    return {path: answer for part in parts for path, answer in part.items()}


def _read(url: str, paths: Sequence[str]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    connection = HTTPConnection(url.removeprefix("http://"), timeout=REST_SECONDS)
    with contextlib.closing(connection):
        for path in paths:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = json.load(answer)
            assert answer.status in (200, 404), (path, body)
            if answer.status == 200:
                found[path] = body
    return found


async def sample_figures(world: World, until: asyncio.Event) -> None:
    """Read the figures again and again while others write."""
    while not until.is_set():
        world.history.samples.append(await read(world, "/v1/stats") or {})
        await asyncio.sleep(0.1)
