"""Kills in the middle of traffic: of the service, of its store; and a router that stood still.

The embedded store flushes always: what was acknowledged is there afterwards, and each session
goes on with its next message.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.store.embedded import EmbeddedValkey
from app.torture.ending import bring_to_rest, read, read_final
from app.torture.history import Json
from app.torture.senders import GIVE_UP_SECONDS, Sender, World, world
from tests.faults.checker import assert_holds
from tests.faults.services import Service, processes_on, services
from tests.processes import is_gone, wait_until

SEED = int(os.environ.get("FAULTS_SEED", "20261122"))
SENDERS = 8
POLICY = """
version: 1
defaults: {lease_seconds: 1, interrupt_grace_seconds: null, queue: {max: 500, max_per_sender: 500}}
rules:
  - match: {chat_id: shared}
    set: {isolation: shared}
  - match: {chat_id: one}
    set: {isolation: tagged, drain: one, busy: {same_sender: queue}, max_deliveries: 5}
"""
SOURCES: list[Json] = [
    {"platform": "discord", "chat_type": "group", "chat_id": chat_id, "user_id": f"user-{user}"}
    for user in range(4)
    for chat_id in ("own", "shared", "one")
]


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return str(path)


@asynccontextmanager
async def traffic(shared_world: World, url: str | None = None) -> AsyncIterator[None]:
    """Senders that go on until the block is left; `url` pins every other one."""
    going = True

    async def go_on(sender: Sender) -> None:
        while going:
            await sender.send(5, 0.05)

    async with asyncio.TaskGroup() as senders:
        for number in range(SENDERS):
            pinned = url if number % 2 else None
            senders.create_task(go_on(Sender(shared_world, f"gw-{number}", pinned)))
        try:
            yield
        finally:
            going = False


async def more_messages(shared_world: World, count: int) -> None:
    """Return when so many more messages have been accepted than are now."""
    wanted = len(shared_world.history.accepted()) + count
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while len(shared_world.history.accepted()) < wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def assert_nothing_is_missing(shared_world: World) -> None:
    await bring_to_rest(shared_world)
    final = await read_final(shared_world)
    assert_holds(shared_world.history, final, SEED)


async def service_killed(service: Service) -> None:
    await asyncio.to_thread(service.restart)


async def store_killed(service: Service) -> None:
    store = service.store_pid
    os.kill(store, signal.SIGKILL)
    await asyncio.to_thread(wait_until, lambda: service.store_pid not in (0, store))
    assert is_gone(store)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kill", [service_killed, store_killed])
async def test_what_was_accepted_survives_kill_minus_nine_in_the_middle_three_times(
    tmp_path: Path, policy: str, kill: Callable[[Service], Awaitable[None]]
) -> None:
    with Service(tmp_path / "service", "--policy", policy) as service:
        service.await_ready()
        async with world([service.url], SEED, SOURCES) as shared_world:
            async with traffic(shared_world):
                for _ in range(3):
                    await more_messages(shared_world, 60)
                    await kill(service)
                await more_messages(shared_world, 60)
            await assert_nothing_is_missing(shared_world)
            assert any(event.unknown for event in shared_world.history.events)
        store = service.store_pid
        service.kill()
        wait_until(lambda: is_gone(store))
        wait_until(lambda: not processes_on(tmp_path))


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_router_that_stood_still_past_its_leases_changes_nothing_afterwards(
    tmp_path: Path, policy: str
) -> None:
    with EmbeddedValkey(tmp_path / "data") as store:
        arguments = ("--redis-url", store.url, "--policy", policy)
        with services(tmp_path, 2, *arguments) as (still, other):
            urls = [other.url, still.url]
            async with world(urls, SEED, SOURCES, timeout_seconds=0.7) as shared_world:
                async with traffic(shared_world, still.url):
                    for _ in range(2):
                        await more_messages(shared_world, 60)
                        still.stop()
                        await asyncio.sleep(1.7)
                        still.resume()
                    await more_messages(shared_world, 60)
                await assert_nothing_is_missing(shared_world)
                assert any(event.status is None for event in shared_world.history.events)


async def test_a_complete_that_a_router_held_past_the_lease_is_refused(
    tmp_path: Path, policy: str
) -> None:
    with EmbeddedValkey(tmp_path / "data") as store:
        arguments = ("--redis-url", store.url, "--policy", policy)
        with services(tmp_path, 2, *arguments) as (still, other):
            async with world([other.url], SEED, SOURCES) as calls:
                source = SOURCES[1]
                first = calls.new_message("slow", source)
                run = (await calls.call(still.url, "slow", "submit", "shared/0", first)).granted
                assert run is not None
                still.stop()
                body = {"fence": run["fence"], "outcome": "completed"}
                held = calls.call(still.url, "slow", "complete", run["id"], body)
                holding = asyncio.create_task(held)
                await asyncio.sleep(1.2)
                second = calls.new_message("quick", source)
                taken = await calls.call(other.url, "quick", "submit", "shared/1", second)
                session = f"/v1/sessions/{run['session_key']}"
                before = await read(calls, session)
                still.resume()
                assert (await holding).status == 409
                assert await read(calls, session) == before
                assert taken.granted is not None
                assert [m["message_id"] for m in taken.granted["messages"]] == ["0", "1"]
                assert taken.granted["previous"]["ended"] == "lease_expired"
