"""People who go on talking through a failover, and books of what they were told."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic

from tests.service import Json, Service, message
from tests.topology.books import Accepted, Books, Ended, Granted, Lost
from tests.topology.figures import tell

TALKERS = 6
PAUSE_SECONDS = 0.02
RETRY_SECONDS = 0.05
PATIENCE_SECONDS = 40.0
LEASE_SECONDS = 1
# What a run takes: whenever something fails, runs are open whose messages were accepted before.
WORK_SECONDS = 0.2
POLICY: Json = {
    "lease_seconds": LEASE_SECONDS,
    "interrupt_grace_seconds": None,
    "max_deliveries": 50,
    "busy": {"same_sender": "queue"},
    "queue": {"max": 1000, "max_per_sender": 1000},
}


class Traffic:
    """Talkers, each in a chat of its own, and a worker that takes what nobody runs."""

    def __init__(self, services: Sequence[Service], tasks: asyncio.TaskGroup) -> None:
        self.books = Books()
        self._tasks = tasks
        self.works: set[asyncio.Task[None]] = set()
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
            self._begin(decision["run"], asked_at)
            await asyncio.sleep(PAUSE_SECONDS)

    async def work(self) -> None:
        """Claim and complete what waits, until nothing does."""
        while True:
            asked_at = monotonic()
            body: Json = {"consumer": "worker", "wait_seconds": 1, "max": 10}
            _, answer = await self.ask("/v1/runs/claim", body)
            for run in answer["runs"]:
                self._begin(run, asked_at)

    def _begin(self, run: Json | None, asked_at: float) -> None:
        if run is not None:
            work = self._tasks.create_task(self._work(run, self._note(run, asked_at)))
            self.works.add(work)
            work.add_done_callback(self.works.discard)

    def _note(self, run: Json, asked_at: float) -> Granted:
        messages = tuple(one["message_id"] for one in run["messages"])
        granted = Granted(run["session_key"], run["fence"], messages, asked_at, monotonic())
        self.books.granted.append(granted)
        return granted

    async def _work(self, run: Json, granted: Granted) -> None:
        """Complete a run after its time, and go on with the next of its session."""
        await asyncio.sleep(WORK_SECONDS)
        end = Ended(granted, monotonic())
        self.books.ended.append(end)
        body: Json = {"fence": run["fence"], "outcome": "completed"}
        status, answer = await self.ask(f"/v1/runs/{run['id']}/complete", body)
        assert status in {200, 404, 409}, answer
        if status == 200:
            end.at = monotonic()
            self._begin(answer["next"], end.asked_at)

    async def more(self, count: int, since: float) -> None:
        """Return when every talker has had so many messages accepted that he sent since."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._has_more(count, since):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def ends(self, count: int) -> None:
        """Return when so many ends of runs have been acknowledged."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.books.ends_acknowledged < count:  # noqa: ASYNC110
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
            while self.works or await self._is_busy():  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def _is_busy(self) -> bool:
        response = await next(self._services).ask("GET", "/v1/stats")
        if response.status_code != 200:
            return True
        counts = response.json()["messages"]
        ended = counts["done"] + counts["dead"] + counts["removed"]
        assert counts["accepted"] == ended + counts["waiting"] + counts["in_run"]
        return bool(counts["waiting"] + counts["in_run"])

    async def outcome(self, since: float) -> Lost:
        """Check that everybody is served after a failover, and that all comes to an end.

        Give what the failover, of that moment, took with it; tell it too.
        """
        await self.more(10, since)
        silence = self.books.longest_silence(since)
        await self.bring_to_rest()
        assert self.books.fences_that_went_back() == []
        lost = await self.lost()
        tell(
            f"acknowledged {self.books}; lost {lost}; done twice "
            f"{len(self.books.completed_twice())}; refused with 503 {self.books.refused}; "
            f"nobody unserved for longer than {silence:.1f} s"
        )
        if lost.moments:
            times = [at - since for at in lost.moments]
            tell(f"lost ones were acknowledged {min(times):.2f} to {max(times):.2f} s after it")
        return lost

    async def lost(self) -> Lost:
        """What was acknowledged and is not so any more."""
        messages = [one for one in self.books.accepted if await self._is_lost(one)]
        grants = self.books.grants_forgotten(LEASE_SECONDS)
        return Lost(messages, self.books.ends_undone(), grants)

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
    async with asyncio.TaskGroup() as tasks:
        flowing = Traffic(services, tasks)
        tasks_of_all = [tasks.create_task(flowing.talk(talker)) for talker in range(TALKERS)]
        tasks_of_all.append(tasks.create_task(flowing.work()))
        await flowing.more(5, 0)
        await flowing.ends(2 * TALKERS)
        yield flowing
        for task in (*tasks_of_all, *flowing.works):
            task.cancel()
