"""Operators: people who pause, resume, interrupt, reset, release, remove, redrive and discard.

They look at a session or a dead letter of the torture's own agent, and act on what they saw;
now and then on less than that, and now and then twice. Whatever they pause is resumed in the end.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import httpx

from app.torture.history import Event, Json
from app.torture.senders import World

PAUSE_SECONDS: Final = 0.5
LISTED_MAX: Final = 50
STATES: Final = ("running", "running", "waiting", "paused")
# What is done to a session in a state, and how often.
ON_SESSIONS: Final[Mapping[str, Mapping[str, int]]] = {
    "running": {"interrupt": 3, "release": 3, "reset": 2, "pause": 2, "remove": 2},
    "waiting": {"pause": 2, "reset": 2, "remove": 3},
    "paused": {"resume": 6, "release": 1, "remove": 1},
    "idle": {"reset": 1},
}
ON_LETTERS: Final[Mapping[str, int]] = {"redrive": 3, "discard": 1}


class Operator:
    """One person at the service; all that is done goes into the history."""

    def __init__(self, world: World, consumer: str) -> None:
        self._world = world
        self._consumer = consumer

    async def work(self) -> None:
        """Act until cancelled; when all mischief is over, only resume what is paused."""
        world = self._world
        while True:
            await asyncio.sleep(world.random.random() * 2 * PAUSE_SECONDS)
            if not world.mishaps:
                await self._resume_all()
            elif world.chance(0.2):
                await self._act_on_a_letter()
            else:
                await self._act_on_a_session()

    async def _resume_all(self) -> None:
        for session in await self._sessions("paused"):
            await self._act("POST", f"{_address(session)}/resume", session, {"action": "resume"})

    async def _act_on_a_session(self) -> None:
        random = self._world.random
        sessions = await self._sessions(random.choice(STATES))
        detail = await self._read(_address(random.choice(sessions))) if sessions else None
        if detail is None:
            return
        key, run, queue = detail["session"]["key"], detail["run"], detail["queue"]
        actions = ON_SESSIONS[detail["state"]]
        action = random.choices(tuple(actions), tuple(actions.values()))[0]
        body: Json = {"action": action, "seen": {}}
        if not self._world.chance(0.2):
            is_of_run = run is not None and action in ("interrupt", "release")
            seen = {"run_id": run["id"]} if is_of_run else {"session_id": detail["session"]["id"]}
            body["seen"] = seen
        if action != "remove":
            await self._act("POST", f"{_address(key)}/{action}", key, body)
        elif queue:
            waiting = random.choice(queue)
            seq = waiting["seq"]
            body |= {"seq": seq, "message": name_in(key, waiting["message_id"])}
            await self._act("DELETE", f"{_address(key)}/queue/{seq}", key, body)

    async def _act_on_a_letter(self) -> None:
        page = await self._read(f"/v1/dead-letters?limit={LISTED_MAX}")
        own = f"agent:{self._world.agent}:"
        letters = [
            one
            for one in (page or {"dead_letters": []})["dead_letters"]
            if one["session_key"].startswith(own)
        ]
        if not letters:
            return
        random = self._world.random
        letter = random.choice(letters)
        action = random.choices(tuple(ON_LETTERS), tuple(ON_LETTERS.values()))[0]
        key, address = letter["session_key"], f"/v1/dead-letters/{letter['id']}"
        body = {"action": action, "message": name_in(key, letter["message"]["message_id"])}
        if action == "redrive":
            await self._act("POST", f"{address}/redrive", key, body)
        else:
            await self._act("DELETE", address, key, body)

    async def _act(self, method: str, path: str, key: str, body: Json) -> None:
        """Make a call, sometimes twice: as if the first answer had been lost."""
        for _ in range(2 if self._world.chance(0.15) else 1):
            url = self._world.random.choice(self._world.urls)
            event = Event(self._consumer, "act", key, body, time.monotonic())
            await self._world.carry(event, method, url + path, body.get("seen"))

    async def _sessions(self, state: str) -> list[str]:
        place = f"agent={quote(self._world.agent)}&state={state}&limit={LISTED_MAX}"
        page = await self._read(f"/v1/sessions?{place}")
        return [session["key"] for session in (page or {"sessions": []})["sessions"]]

    async def _read(self, path: str) -> Json | None:
        """Look something up; None where nobody can tell now, or it is gone."""
        world = self._world
        try:
            client = world.client_of(self._consumer)
            answer = await client.get(world.random.choice(world.urls) + path)
            content: Json = json.loads(answer.content)
        except (httpx.HTTPError, ValueError):
            return None
        return content if answer.status_code == HTTPStatus.OK else None


def _address(key: str) -> str:
    return f"/v1/sessions/{quote(key, safe='')}"


def name_in(key: str, message_id: str) -> str:
    """A message's name in a history, by its session: the torture's sessions are of one chat."""
    return f"{key.split(':')[4]}/{message_id}"
