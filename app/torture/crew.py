"""A process of gateways, workers and an operator: `python -m app.torture.crew`, by the director.

The first line of stdin is its `Orders`, as JSON. A line `quiet` later ends the sending and all
mischief; the end of stdin ends the process. It may be killed at any moment: what it had sent
is in its journal.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from app.torture.journal import Journal
from app.torture.operators import Operator
from app.torture.plan import ROUND_SECONDS, Plan
from app.torture.senders import Sender, Stuck, World, tls_for
from app.torture.workers import workers

STUCK = 3
SENT_AT_A_TIME = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Orders:
    """What a process is to do. `pause_seconds` is the mean between a gateway's messages.

    `operates`: somebody acts on sessions and dead letters too, which takes an operator's token.
    """

    name: str
    torture: str
    seed: int
    urls: tuple[str, ...]
    token: str | None
    journal: str
    gateways: int
    workers: int
    operates: bool
    pause_seconds: float
    timeout_seconds: float
    patience_seconds: float
    started: float

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


class Crew:
    """The gateways, workers and operator of one process."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._plan = Plan(orders.torture, orders.seed)
        self._world = World(
            orders.urls,
            Random(f"{orders.seed}/{orders.name}"),  # noqa: S311
            self._plan.sources(0),
            Journal(Path(orders.journal)),
            orders.timeout_seconds,
            token=orders.token,
            agent=self._plan.agent,
            ids=f"{orders.name}-",
            offered=0.2,
            seals=0.2,
            stops=0.02,
            amends=0.1,
            asks=0.1,
            patience_seconds=orders.patience_seconds,
            tls=tls_for(orders.urls),
        )
        self._is_quiet = False

    def quiet(self) -> None:
        """Send nothing more, and work on what is there without mischief."""
        self._is_quiet = True
        self._world.mishaps = False

    async def work(self) -> None:
        """Send and work until cancelled."""
        orders = self._orders
        async with (
            workers(self._world, orders.workers, agents=[self._plan.agent]),
            asyncio.TaskGroup() as tasks,
        ):
            for number in range(orders.gateways):
                tasks.create_task(self._gateway(f"{orders.name}-gw-{number}"))
            if orders.operates:
                tasks.create_task(Operator(self._world, f"{orders.name}-operator").work())
            await asyncio.Event().wait()

    async def _gateway(self, consumer: str) -> None:
        sender = Sender(self._world, consumer)
        while not self._is_quiet:
            now = time.monotonic()
            round_number = int((now - self._orders.started) / ROUND_SECONDS)
            self._world.sources = self._plan.sources(round_number)
            await sender.send(SENT_AT_A_TIME, self._orders.pause_seconds)


async def _follow_orders() -> None:
    orders = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    fields = json.loads(await orders.readline())
    crew = Crew(Orders(**(fields | {"urls": tuple(fields["urls"])})))
    working = asyncio.create_task(crew.work())
    listening = asyncio.create_task(_listen(orders, crew))
    await asyncio.wait((working, listening), return_when=asyncio.FIRST_COMPLETED)
    for task in (working, listening):
        task.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    if not working.cancelled():
        try:
            await working
        except asyncio.CancelledError:
            return


async def _listen(orders: asyncio.StreamReader, crew: Crew) -> None:
    while await orders.readline():
        crew.quiet()


def _run() -> int:
    stuck: list[str] = []
    try:
        asyncio.run(_follow_orders())
    except* Stuck as group:
        stuck += sorted(set(map(str, _leaves(group))))
    sys.stderr.write("".join(f"{reason}\n" for reason in stuck))
    return STUCK if stuck else 0


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


if __name__ == "__main__":
    sys.exit(_run())
