"""Whatever happened, what waits has a run, is ready, or has a deadline (I5)."""

import os
from random import Random
from typing import Any

import pytest
from redis import Redis

from app.errors import LeaseLost, UnknownRun, UnknownSession
from session_router.models import Run
from tests.sessions import Clock
from tests.survival.books import assert_nothing_strands, messages, sessions
from tests.survival.conftest import Routers
from tests.survival.router import Router

SEED = int(os.environ.get("FAULTS_SEED", "20261122"))
STEPS = 200
CHATS = 3
POLICIES: dict[str, dict[str, Any]] = {
    "plain": {"interrupt_grace_seconds": 3},
    "held": {"debounce_ms": 900, "retry_delay_seconds": 2, "queue": {"ttl_seconds": 6}},
    "steered": {"busy": {"same_sender": "steer", "other_sender": "steer"}, "max_deliveries": 2},
    "one by one": {"drain": "one", "busy": {"same_sender": "queue"}, "resend_unconfirmed": True},
}


class Life:
    """Random verbs on a few sessions, as gateways, workers, people and sweeps would do them."""

    def __init__(self, router: Router, clock: Clock, random: Random) -> None:
        self.router = router
        self.clock = clock
        self.random = random
        self.runs: list[Run] = []
        self.sent = 0

    async def step(self) -> None:
        verbs = (
            *(self.message, self.message, self.message, self.end, self.end, self.beat, self.seal),
            *(self.wait, self.sweep, self.claim, self.operate, self.control),
        )
        await self.random.choice(verbs)()

    async def message(self) -> None:
        self.sent += 1
        decision = await self.router.send(
            f"m{self.sent}",
            self.chat(),
            user=self.random.choice(("alice", "bob")),
            dispatch=self.random.choice(("inline", "worker")),
            kind=self.random.choice(("user", "user", "internal")),
            account=self.random.choice(("default", "default", "second")),
        )
        self.keep(decision.run)

    async def control(self) -> None:
        self.sent += 1
        control = self.random.choice(("stop", "reset"))
        await self.router.send(f"m{self.sent}", self.chat(), control=control)

    async def end(self) -> None:
        outcome = self.random.choice(("completed", "interrupted", "failed", "released"))
        await self._call("complete", outcome, next=self.random.random() < 0.7)

    async def beat(self) -> None:
        await self._call("beat")

    async def seal(self) -> None:
        await self._call("seal")

    async def _call(self, verb: str, *arguments: str, **fields: object) -> None:
        if not self.runs:
            return
        run = self.random.choice(self.runs)
        try:
            following = await getattr(self.router, verb)(run, *arguments, **fields)
        except (LeaseLost, UnknownRun):
            self.runs.remove(run)
            return
        if verb == "complete":
            self.runs.remove(run)
            self.keep(following)

    async def wait(self) -> None:
        self.clock.step(self.random.choice((0.1, 0.5, 1, 3)))

    async def sweep(self) -> None:
        await self.router.swept()

    async def claim(self) -> None:
        for run in await self.router.claim(max=2):
            self.keep(run)

    async def operate(self) -> None:
        verbs = ("interrupt", "reset", "release", "pause", "resume", "resume", "delete")
        session = f"agent:main:discord:group:{self.chat()}"
        try:
            await self.router.act(self.random.choice(verbs), session)
        except UnknownSession:
            return

    def chat(self) -> str:
        return f"c{self.random.randrange(CHATS)}"

    def keep(self, run: Run | None) -> None:
        if run is not None:
            self.runs.append(run)


@pytest.mark.parametrize("policy", POLICIES)
async def test_nothing_strands_and_sweep_and_claims_alone_empty_every_queue(
    routers: Routers, clock: Clock, redis: "Redis", policy: str
) -> None:
    router = routers(clock, lease_seconds=2, **POLICIES[policy])
    random = Random(f"{SEED} {policy}")  # noqa: S311
    life = Life(router, clock, random)
    async with router.at_work():
        for _ in range(STEPS):
            await life.step()
            assert_nothing_strands(redis, clock.now_us // 1000)
            messages(redis)
        for session in sessions(redis):
            await router.act("resume", session)
        for _ in range(60):
            clock.step(2)
            await router.swept()
            assert_nothing_strands(redis, clock.now_us // 1000)
            for run in await router.claim(max=10):
                await router.complete(run, next=False)
    assert not {"waiting", "in_run"} & messages(redis).keys()
