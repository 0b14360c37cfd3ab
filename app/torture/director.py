"""Leads a torture: keeps the processes going, changes the policy, and judges at the end."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from app.torture.checker import violations
from app.torture.crew import Orders
from app.torture.ending import read_final
from app.torture.history import Final, History, Json
from app.torture.journal import read_journals
from app.torture.plan import BASE, DELIVERIES, DROPS_IN, ROUND_SECONDS, Plan
from app.torture.processes import Processes
from app.torture.record import Violation
from app.torture.rest import Remains
from app.torture.routers import CALL_SECONDS, LOOK_SECONDS, Routers
from app.torture.senders import Stuck, World, tls_for


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What is tortured, how hard, and for how long."""

    urls: tuple[str, ...]
    token: str | None
    plan: Plan
    folder: Path
    seconds: float
    gateways: int
    workers: int
    processes: int
    messages_per_second: float
    patience_seconds: float
    keeps_policy: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What came of it. `lost_processes` were killed by somebody, and replaced."""

    history: History
    final: Final
    violations: list[Violation]
    lost_processes: int
    policies: int
    rest_seconds: float

    @property
    def answers(self) -> Counter[str]:
        """Requests by the status that they were answered with, `none` for no answer."""
        return Counter(str(event.status or "none") for event in self.history.events)


class Director:
    """One torture, from its first message to its verdict."""

    def __init__(self, task: Task, routers: Routers) -> None:
        self._task = task
        self._routers = routers
        self._processes = Processes(self._orders)
        self._samples: list[Json] = []
        self._started = time.monotonic()
        self._policies = 0

    def _orders(self, name: str) -> Orders:
        task = self._task
        return Orders(
            name=name,
            torture=task.plan.name,
            seed=task.plan.seed,
            urls=task.urls,
            token=task.token,
            journal=str(task.folder / f"{name}.jsonl"),
            gateways=-(-task.gateways // task.processes),
            workers=-(-task.workers // task.processes),
            operates=not task.keeps_policy,
            pause_seconds=task.gateways / task.messages_per_second,
            timeout_seconds=CALL_SECONDS,
            patience_seconds=task.patience_seconds,
            started=self._started,
        )

    async def torture(self) -> Verdict:
        """Do it, and judge; raises `Stuck` when something does not go on by itself."""
        if self._task.keeps_policy:
            return await self._judge(await self._work(None))
        before: Json = (await self._routers.insist("GET", "/v1/policy"))["policy"]
        try:
            await self._put_in_force(before)
            rest_seconds = await self._work(before)
        finally:
            await self._routers.insist("PUT", "/v1/policy", before)
        return await self._judge(rest_seconds)

    async def _work(self, policy: Json | None) -> float:
        self._started = time.monotonic()
        try:
            await self._processes.start(self._task.processes)
            await self._until_begun()
            await self._direct(policy)
            return await self.rest()
        finally:
            await self._processes.end()

    async def _put_in_force(self, policy: Json) -> None:
        """Let every router have the first policy before anything is sent."""
        await self._routers.insist("PUT", "/v1/policy", self._with_rules(policy, 0))
        question = {"agent": self._task.plan.agent, "source": self._task.plan.sources(0)[0]}
        deadline = time.monotonic() + self._task.patience_seconds
        for url in self._task.urls:
            while True:
                found = await self._routers.insist("POST", "/v1/resolve", question, url)
                if found["policy"]["lease_seconds"] == BASE["lease_seconds"]:
                    break
                if time.monotonic() > deadline:
                    raise Stuck(f"{url} does not take the policy over: is it on the same store?")
                await asyncio.sleep(LOOK_SECONDS)

    def _with_rules(self, policy: Json, round_number: int) -> Json:
        rules = self._task.plan.rules(round_number)
        return {**policy, "rules": [*policy["rules"], *rules]}

    async def _until_begun(self) -> None:
        """Return with the first accepted message: processes take their time to start."""
        deadline = time.monotonic() + self._task.patience_seconds
        while time.monotonic() < deadline:
            figures = await self._sample()
            if figures is not None and self._own(figures)["messages"]["accepted"]:
                return
            await self._processes.replace_dead()
            await asyncio.sleep(LOOK_SECONDS)
        raise Stuck("no message was accepted")

    async def _direct(self, policy: Json | None) -> None:
        """Replace who dies, and change the policy of the torture, until the time is over."""
        round_number, end = 0, time.monotonic() + self._task.seconds
        while time.monotonic() < end:
            await self._processes.replace_dead()
            current = int((time.monotonic() - self._started) / ROUND_SECONDS)
            if policy is not None and current > round_number:
                body = self._with_rules(policy, current)
                if await self._routers.ask("PUT", "/v1/policy", body) is not None:
                    round_number = current
                    self._policies += 1
            await self._sample()
            await asyncio.sleep(LOOK_SECONDS)

    async def _sample(self) -> Json | None:
        figures = await self._routers.ask("GET", "/v1/stats")
        if figures is not None:
            self._samples.append(figures)
        return figures

    async def rest(self) -> float:
        """Return when nothing waits and nothing runs any more; the seconds that it took (I5).

        Raises `Stuck` with what does not go on by itself.
        """
        since = time.monotonic()
        remains: Remains | None = None
        await self._processes.quiet()
        while True:
            await self._processes.replace_dead()
            figures = await self._sample()
            left = None if figures is None else self._own(figures)["messages"]
            if left is not None and left["waiting"] == left["in_run"] == 0:
                return time.monotonic() - since
            if time.monotonic() - since > self._task.patience_seconds:
                remains = remains or Remains(self._routers, self._task.plan.agent)
                if await remains.are_delays():
                    return time.monotonic() - since
            await asyncio.sleep(LOOK_SECONDS)

    def _own(self, figures: Json) -> Json:
        nothing = {"messages": dict.fromkeys(figures["messages"], 0)}
        own: Json = figures["by_platform"].get(self._task.plan.platform, nothing)
        return own

    async def _judge(self, rest_seconds: float) -> Verdict:
        task, history = self._task, History()
        history.events = read_journals(sorted(task.folder.glob("p*.jsonl")))
        history.samples = self._samples
        if task.keeps_policy:
            history.dropped_in = ("",)  # who knows what that says
        else:
            history.dropped_in, history.deliveries_min = DROPS_IN, min(DELIVERIES)
        world = World(task.urls, Random(0), (), history, CALL_SECONDS)  # noqa: S311
        world.token, world.tls = task.token, tls_for(task.urls)
        found = await read_final(world)
        final = Final(found.messages, found.runs, self._own(found.stats))
        told = {**asdict(final), "samples": self._samples}
        (task.folder / "end.json").write_text(json.dumps(told))
        return Verdict(
            history=history,
            final=final,
            violations=violations(history, final),
            lost_processes=self._processes.lost,
            policies=self._policies,
            rest_seconds=rest_seconds,
        )
