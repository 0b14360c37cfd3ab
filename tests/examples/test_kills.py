"""Example gateways that are killed, stopped and ended, at every point of a run."""

import signal
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import httpx
import pytest

from session_router import Decision, Incoming, Refused, Router, Source, Submission
from session_router.models import RunState, SessionDetail
from tests.client.agents import eventually
from tests.client.lossy_proxy import LossyProxy
from tests.examples.bot_api import BotApi, user_id
from tests.examples.conftest import LEASE_SECONDS
from tests.examples.instances import STARTED_SECONDS, Gateways

# A lease, the sweep that finds its end within a second, and a slow machine.
RECOVERED_SECONDS = LEASE_SECONDS + 2.0


def message(text: str, user: str = "point") -> Incoming:
    """What a receiver reads from an update; its id is its text."""
    source = Source(
        platform="telegram",
        account="42",
        chat_type="group",
        chat_id="-100200",
        user_id=str(user_id(user)),
        user_name=user,
    )
    return Incoming(message_id=text, source=source, text=text)


async def send(router: Router, text: str, user: str) -> Submission[Decision]:
    """Send as a webhook receiver would."""
    return await router.submit(message(text, user))


async def session_of(router: Router, user: str) -> SessionDetail:
    key = f"agent:main:telegram:account:42:group:-100200:{user_id(user)}"
    return await router.session(key)


async def run_of(router: Router, user: str) -> RunState | None:
    """The active run of a user's session, if there are such."""
    try:
        return (await session_of(router, user)).run
    except Refused:
        return None


def in_work(router: Router, user: str) -> Callable[[], Awaitable[bool]]:
    async def is_in_work() -> bool:
        return await run_of(router, user) is not None

    return is_in_work


def held_by(router: Router, user: str, consumer: str) -> Callable[[], Awaitable[bool]]:
    async def is_held() -> bool:
        run = await run_of(router, user)
        return run is not None and run.consumer == consumer

    return is_held


def idle(router: Router, user: str) -> Callable[[], Awaitable[bool]]:
    async def is_idle() -> bool:
        return (await session_of(router, user)).state == "idle"

    return is_idle


@pytest.mark.timeout(180)
async def test_a_bot_killed_in_the_middle_of_its_runs_is_taken_over_within_the_lease_time(
    gateways: Gateways, router: Router, telegram: BotApi
) -> None:
    users = [f"kit{n}" for n in range(5)]
    bot = gateways.bot(60.0)

    for user in users:
        await telegram.say(user, f"{user}-1")
    for user in users:
        await eventually(in_work(router, user), STARTED_SECONDS)
    heir = gateways.worker(1.0)
    heirs_name = await heir.started()
    bot.kill()
    killed_at = time.monotonic()
    for user in users:
        await eventually(held_by(router, user, heirs_name), RECOVERED_SECONDS)
    seconds = time.monotonic() - killed_at
    await gateways.answers(*(f"{user}-1" for user in users))

    assert seconds <= RECOVERED_SECONDS
    assert telegram.answered() == {f"{user}-1": 1 for user in users}


async def test_a_worker_that_slept_past_its_lease_is_refused_and_changes_nothing(
    gateways: Gateways, telegram: BotApi, router: Router, service_url: str
) -> None:
    sleeper = gateways.worker(3.0)
    name = await sleeper.started()
    await send(router, "nap-1", "nap")
    await eventually(held_by(router, "nap", name))
    run = await run_of(router, "nap")
    assert run is not None

    sleeper.signal(signal.SIGSTOP)
    await gateways.worker(0.1).started()
    await gateways.answers("nap-1")
    await eventually(idle(router, "nap"))
    before = await session_of(router, "nap")
    async with httpx.AsyncClient(base_url=service_url) as http:
        for call in ("heartbeat", "seal", "complete"):
            body = {"fence": run.fence} | ({"outcome": "completed"} if call == "complete" else {})
            answer = await http.post(f"/v1/runs/{run.id}/{call}", json=body)
            assert answer.status_code == 409
    sleeper.signal(signal.SIGCONT)

    async def has_noticed() -> bool:
        return "its result is void" in sleeper.log()

    await eventually(has_noticed)
    assert await session_of(router, "nap") == before
    assert telegram.answered() == {"nap-1": 1}
    await send(router, "nap-2", "nap")  # and both work on
    await gateways.answers("nap-2")
    assert telegram.answered() == {"nap-1": 1, "nap-2": 1}


async def test_a_worker_that_ends_cleanly_hands_back_at_once_and_uncounted(
    gateways: Gateways, telegram: BotApi, router: Router
) -> None:
    leaver, heir = gateways.worker(1.0), gateways.worker(1.0)
    names = {await leaver.started(): leaver, await heir.started(): heir}
    await send(router, "bye-1", "bye")

    await eventually(in_work(router, "bye"))
    run = await run_of(router, "bye")
    assert run is not None
    leaver = names.pop(run.consumer)
    leaver.signal(signal.SIGTERM)
    seconds = await eventually(held_by(router, "bye", names.popitem()[0]))

    (message,) = (await session_of(router, "bye")).batch
    assert seconds < 1.0
    assert message.deliveries == 1
    assert await leaver.exit_code() == 0
    await gateways.answers("bye-1")
    assert telegram.answered() == {"bye-1": 1}


async def test_a_worker_killed_while_it_waits_takes_nothing_with_it(
    gateways: Gateways, router: Router
) -> None:
    idle, other = gateways.worker(0.1), gateways.worker(0.1)
    await idle.started()
    await other.started()
    idle.kill()

    for n in range(3):
        await send(router, f"idle-{n}", f"idle{n}")

    assert await gateways.answers("idle-0", "idle-1", "idle-2") < LEASE_SECONDS


# At each point a worker behind a proxy is held in its run, to be killed there.


async def before_the_seal(router: Router, _proxy: LossyProxy, _telegram: BotApi) -> bool:
    """It has its run, and thinks."""
    return await run_of(router, "point") is not None


async def after_the_seal(router: Router, proxy: LossyProxy, _telegram: BotApi) -> bool:
    """It is sealed, and does not know: every answer to that is lost."""
    proxy.lose[:] = [b"/seal"] * 100
    run = await run_of(router, "point")
    return run is not None and run.sealed


async def after_the_send(_router: Router, proxy: LossyProxy, telegram: BotApi) -> bool:
    """Its reply is out, and nobody hears that it has completed."""
    proxy.cut[:] = [b"/complete"]
    return bool(telegram.replies())


class Point(NamedTuple):
    """Where a worker is killed, what the next message meets, and the replies in the end."""

    is_reached: Callable[[Router, LossyProxy, BotApi], Awaitable[bool]]
    thinks_seconds: float
    meets: tuple[str, str]
    replies: list[list[str]]


POINTS = [
    Point(before_the_seal, 5.0, ("interrupt", "same_sender_active"), [["1", "2"]]),
    Point(after_the_seal, 0.1, ("queue", "run_sealed"), [["2"]]),
    Point(after_the_send, 0.1, ("queue", "run_sealed"), [["1"], ["2"]]),
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.is_reached.__name__)
async def test_a_sealing_agent_killed_at_any_point_never_replies_twice(
    gateways: Gateways, telegram: BotApi, router: Router, proxy: LossyProxy, point: Point
) -> None:
    worker = gateways.worker(point.thinks_seconds, proxy.url)
    await worker.started()

    first, second = (f"{point.is_reached.__name__}-{n}" for n in (1, 2))
    await send(router, first, "point")
    await eventually(lambda: point.is_reached(router, proxy, telegram))
    submission = await send(router, second, "point")
    worker.kill()
    await gateways.worker(0.1).started()
    await gateways.answers(second)
    await eventually(idle(router, "point"))

    assert (submission.decision, submission.reason) == point.meets
    answered = [[text.partition("-")[2] for text in reply] for reply in telegram.replies()]
    assert answered == point.replies
    for text in (first, second):
        status = await router.message_status(text, message(text).source)
        assert status.state == "done"
