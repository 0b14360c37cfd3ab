"""Bring every session to rest, by the next message alone, and read what is left."""

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlsplit

from app.torture.history import Event, Final, Json
from app.torture.senders import Sender, Stuck, World

REST_SECONDS = 30.0
READERS = 4
TRIES, TRY_AGAIN_SECONDS = 10, 0.1
CONSUMER = "closer"


async def bring_to_rest(world: World) -> None:
    """Send each session that is not idle a message, until all are (I5)."""
    world.mishaps = False
    closer = Sender(world, CONSUMER)
    sources = world.history.sources()
    deadline = time.monotonic() + REST_SECONDS
    while busy := await _busy_sessions(world):
        if time.monotonic() > deadline:
            raise Stuck(f"these do not go on: {busy}")
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
        busy += (page or {"sessions": []})["sessions"]
    return busy


async def read(world: World, path: str) -> Json | None:
    """Ask one service; None if it does not know."""
    found = await _read_all(world, world.urls[:1], [path])
    return found.get(path)


async def read_final(world: World) -> Final:
    """Ask for every message that was ever sent and every run that was ever granted."""
    history = world.history
    submits = {event.target: event for event in history.events if event.verb == "submit"}
    look_ups = {name: _look_up(event) for name, event in submits.items()}
    paths = {grant.id: f"/v1/runs/{quote(grant.id)}" for grant in history.grants()}
    wanted = [*look_ups.values(), *paths.values(), "/v1/stats"]
    found = await _read_all(world, world.urls, wanted)
    return Final(
        messages={name: found[path] for name, path in look_ups.items() if path in found},
        runs={run_id: found[path] for run_id, path in paths.items() if path in found},
        stats=found["/v1/stats"],
    )


def _look_up(submit: Event) -> str:
    source, message_id = submit.body["source"], quote(submit.body["message_id"])
    place = f"agent={submit.body.get('agent', 'main')}&platform={source['platform']}"
    return f"/v1/messages?{place}&chat_id={quote(source['chat_id'])}&message_id={message_id}"


async def _read_all(world: World, urls: Sequence[str], paths: Sequence[str]) -> dict[str, Json]:
    # Plain connections in threads: thousands of look-ups would take httpx ten seconds.
    readers = min(READERS, len(paths))
    parts = await asyncio.gather(
        *(
            asyncio.to_thread(_read, world, urls[part % len(urls)], paths[part::readers])
            for part in range(readers)
        )
    )
    return {path: answer for part in parts for path, answer in part.items()}


def _read(world: World, url: str, paths: Sequence[str]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    headers = {} if world.token is None else {"Authorization": f"Bearer {world.token}"}
    with contextlib.closing(_connection(url)) as connection:
        for path in paths:
            status, body = _ask(connection, path, headers)
            if status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
                raise Stuck(f"{path} was answered {status}: {body}")
            if status == HTTPStatus.OK:
                found[path] = body
    return found


def _ask(connection: HTTPConnection, path: str, headers: dict[str, str]) -> tuple[int, Json]:
    """Ask until there is an answer: a read may be repeated, and a connection may break."""
    for _ in range(TRIES - 1):
        try:
            return _answer(connection, path, headers)
        except (OSError, HTTPException):
            connection.close()
            time.sleep(TRY_AGAIN_SECONDS)
    return _answer(connection, path, headers)


def _answer(connection: HTTPConnection, path: str, headers: dict[str, str]) -> tuple[int, Json]:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, json.load(answer)


def _connection(url: str) -> HTTPConnection:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.netloc, timeout=REST_SECONDS)


async def sample_figures(world: World, until: asyncio.Event) -> None:
    """Read the figures again and again while others write."""
    while not until.is_set():
        world.history.samples.append(await read(world, "/v1/stats") or {})
        await asyncio.sleep(0.1)
