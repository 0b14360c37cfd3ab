"""People who go on talking through a failover, and books of what they were told."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

from tests.service import Json, Service, message

TALKERS = 6
PAUSE_SECONDS = 0.02
RETRY_SECONDS = 0.05
PATIENCE_SECONDS = 40.0
POLICY: Json = {
    "lease_seconds": 1,
    "interrupt_grace_seconds": None,
    "max_deliveries": 50,
    "busy": {"same_sender": "queue"},
    "queue": {"max": 1000, "max_per_sender": 1000},
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that was acknowledged: when it was asked for, when answered (monotonic)."""

    talker: int
    message_id: str
    asked_at: float
    at: float


@dataclass(frozen=True, slots=True)
class Granted:
    """A fence, when it was asked for, and when it was told: a claim may wait between."""

    session: str
    fence: int
    asked_at: float
    at: float


@dataclass(slots=True)
class Books:
    """All that was told, over all talkers and workers. `refused` counts answers of 503."""

    accepted: list[Accepted] = field(default_factory=list)
    granted: list[Granted] = field(default_factory=list)
    refused: int = 0

    def longest_silence(self, since: float) -> float:
        """The longest time in seconds that a talker was accepted nothing, from a moment on."""
        heard = dict.fromkeys(range(TALKERS), since)
        longest = 0.0
        for one in self.accepted:
            if one.at > since:
                longest = max(longest, one.at - heard[one.talker])
                heard[one.talker] = one.at
        return longest

    def fences_that_went_back(self, moment: float) -> list[Granted]:
        """Grants asked for after a moment whose fence is no larger than one told before it."""
        highest: dict[str, int] = defaultdict(int)
        for one in self.granted:
            if one.at <= moment:
                highest[one.session] = max(highest[one.session], one.fence)
        later = [one for one in self.granted if one.asked_at > moment]
        return [one for one in later if one.fence <= highest[one.session]]


class Traffic:
    """Talkers, each in a chat of its own, and a worker that takes what nobody runs."""

    def __init__(self, services: Sequence[Service]) -> None:
        self.books = Books()
        self._services = itertools.cycle(services)
        self._going = True

    async def ask(self, path: str, body: Json) -> tuple[int, Json]:
        """Ask one service after the other, until one can answer."""
        while True:
            response = await next(self._services).ask("POST", path, json=body)
            if response.status_code != 503:
                return response.status_code, response.json()
            assert int(response.headers["retry-after"]) >= 1
            self.books.refused += 1
            await asyncio.sleep(RETRY_SECONDS)

    async def talk(self, talker: int) -> None:
        for number in itertools.count():
            if not self._going:
                return
            message_id, asked_at = f"{talker}-{number}", monotonic()
            body = message(message_id, f"user-{talker}", chat_id=f"chat-{talker}")
            status, decision = await self.ask("/v1/messages", body)
            assert status == 200, decision
            assert decision["decision"] in {"run", "queue", "duplicate"}, decision
            self.books.accepted.append(Accepted(talker, message_id, asked_at, monotonic()))
            await self._work(decision["run"], asked_at)
            await asyncio.sleep(PAUSE_SECONDS)

    async def work(self) -> None:
        """Claim and complete what waits, until nothing does."""
        while True:
            asked_at = monotonic()
            body: Json = {"consumer": "worker", "wait_seconds": 1, "max": 10}
            _, answer = await self.ask("/v1/runs/claim", body)
            for run in answer["runs"]:
                await self._work(run, asked_at)

    async def _work(self, run: Json | None, asked_at: float) -> None:
        while run is not None:
            now = monotonic()
            self.books.granted.append(Granted(run["session_key"], run["fence"], asked_at, now))
            asked_at = now
            body: Json = {"fence": run["fence"], "outcome": "completed"}
            status, answer = await self.ask(f"/v1/runs/{run['id']}/complete", body)
            assert status in {200, 404, 409}, answer
            run = answer["next"] if status == 200 else None

    async def more(self, count: int, since: float) -> None:
        """Return when every talker has had so many messages accepted that he sent since."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._has_more(count, since):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    def _has_more(self, count: int, since: float) -> bool:
        by_talker: dict[int, int] = defaultdict(int)
        for one in self.books.accepted:
            by_talker[one.talker] += one.asked_at > since
        return len(by_talker) == TALKERS and min(by_talker.values()) >= count

    async def bring_to_rest(self) -> None:
        """Let the talkers end, and return when nothing waits and nothing runs."""
        self._going = False
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self._is_busy():  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def _is_busy(self) -> bool:
        response = await next(self._services).ask("GET", "/v1/stats")
        if response.status_code != 200:
            return True
        counts = response.json()["messages"]
        ended = counts["done"] + counts["dead"] + counts["removed"]
        assert counts["accepted"] == ended + counts["waiting"] + counts["in_run"]
        return bool(counts["waiting"] + counts["in_run"])

    async def lost(self) -> list[Accepted]:
        """The messages that were acknowledged and are not known any more."""
        return [one for one in self.books.accepted if await self._is_lost(one)]

    async def _is_lost(self, one: Accepted) -> bool:
        query = {"platform": "discord", "chat_id": f"chat-{one.talker}"}
        response = await next(self._services).ask(
            "GET", "/v1/messages", params={**query, "message_id": one.message_id}
        )
        assert response.status_code in {200, 404}, response.text
        return response.status_code == 404


@asynccontextmanager
async def traffic(services: Sequence[Service]) -> AsyncIterator[Traffic]:
    """Give traffic that flows until the block is left; a failed talker fails the block."""
    flowing = Traffic(services)
    async with asyncio.TaskGroup() as tasks:
        tasks_of_all = [tasks.create_task(flowing.talk(talker)) for talker in range(TALKERS)]
        tasks_of_all.append(tasks.create_task(flowing.work()))
        await flowing.more(5, 0)
        yield flowing
        for task in tasks_of_all:
            task.cancel()
