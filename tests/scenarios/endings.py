"""Every way in which a run can end, as a gateway, an operator or the clock brings it about."""

from collections.abc import Awaitable, Callable

from tests.scenarios.service import ROOM, Json, Service, session_path

MAX_RUN_SECONDS = 40  # the policy that `max_run` needs
Ending = Callable[[Service, Json], Awaitable[object]]


def _says(outcome: str, **fields: bool) -> Ending:
    return lambda s, run: s.end(run, outcome, next=False, **fields)


async def _lease(s: Service, _: Json) -> None:
    s.clock.step(30)


async def _grace(s: Service, run: Json) -> None:
    for _ in range(3):
        await s.beat(run)
        s.clock.step(20)


async def _max_run(s: Service, run: Json) -> None:
    s.clock.step(25)
    await s.beat(run)
    s.clock.step(15)


async def _forced(s: Service, _: Json) -> None:
    await s.act("release")


async def _deleted(s: Service, _: Json) -> None:
    await s.ask("DELETE", session_path(ROOM))


ENDS: dict[str, Ending] = {
    "completed": _says("completed"),
    "interrupted": _says("interrupted"),
    "requeued": _says("interrupted", requeue=True),
    "released": _says("released"),
    "failed": _says("failed"),
    "lease_expired": _lease,
    "grace": _grace,
    "max_run": _max_run,
    "forced": _forced,
    "session_deleted": _deleted,
}
