"""Kills in the middle of everything: nothing lost, nothing twice, and nobody has to help.

Routers and store are processes; the store flushes always. Streams, long polls and half-read
requests hang on whatever is killed. Workers and the sweep bring everything to rest.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from app.store.embedded import EmbeddedValkey
from app.torture.ending import read, read_final
from app.torture.history import Json
from app.torture.senders import GIVE_UP_SECONDS, LEASE_SECONDS, Sender, World, world
from app.torture.workers import CLAIM, workers
from tests.faults.checker import assert_holds
from tests.faults.services import Service, services
from tests.survival import servers
from tests.survival.eventually import eventually

SEED = int(os.environ.get("FAULTS_SEED", "20261122"))
SENDERS, WORKERS, MESSAGES = 4, 3, 30
# A lease, a period of the sweep, and what a busy machine takes for the runs themselves.
REST_SECONDS = LEASE_SECONDS + 1.0 + 6.0
POLICY = """
version: 1
defaults:
  lease_seconds: 1
  interrupt_grace_seconds: null
  max_deliveries: 50
  queue: {max: 500, max_per_sender: 500}
rules:
  - match: {chat_id: shared}
    set: {isolation: shared}
  - match: {chat_id: one}
    set: {isolation: tagged, drain: one, busy: {same_sender: queue}}
"""
SOURCES: list[Json] = [
    {"platform": "discord", "chat_type": "group", "chat_id": chat_id, "user_id": f"user-{user}"}
    for user in range(3)
    for chat_id in ("own", "shared", "one")
]
Kill = Callable[[Service, EmbeddedValkey], Awaitable[None]]


async def router_killed(router: Service, _store: EmbeddedValkey) -> None:
    with hanging_on(router):
        router.kill()
    router.launch()
    await asyncio.to_thread(router.await_ready)


async def store_killed(router: Service, store: EmbeddedValkey) -> None:
    with hanging_on(router):
        assert store.pid is not None
        os.kill(store.pid, signal.SIGKILL)
        await eventually(lambda: store.poll() is not None)
        await asyncio.sleep(0.3)
        assert store.ensure_running()


def hanging_on(router: Service) -> ExitStack:
    """Streams, long polls and half-read requests on a router."""
    stack = ExitStack()
    clients = [servers.stream(router.port, f"gw-{number}") for number in range(SENDERS)]
    clients += [servers.waiting_claim(router.port, f"gone-{number}") for number in range(3)]
    clients += [servers.half_read(router.port), servers.half_a_head(router.port)]
    for client in clients:
        stack.callback(client.close)
    return stack


@asynccontextmanager
async def traffic(shared_world: World) -> AsyncIterator[None]:
    going = True

    async def go_on(sender: Sender) -> None:
        while going:
            await sender.send(5, 0.05)

    async with asyncio.TaskGroup() as senders:
        for number in range(SENDERS):
            senders.create_task(go_on(Sender(shared_world, f"gw-{number}")))
        try:
            yield
        finally:
            going = False


async def more_messages(shared_world: World, count: int) -> None:
    wanted = len(shared_world.history.accepted()) + count
    await eventually(lambda: len(shared_world.history.accepted()) >= wanted, GIVE_UP_SECONDS)


async def rest(shared_world: World) -> float:
    """Wait until nothing waits and nothing runs; the seconds that it took."""
    since = time.monotonic()
    while True:
        stats = await read(shared_world, "/v1/stats")
        assert stats is not None
        if stats["messages"]["waiting"] == stats["messages"]["in_run"] == 0:
            return time.monotonic() - since
        assert time.monotonic() - since < REST_SECONDS, f"it does not go on: {stats}"
        await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("kill", [router_killed, store_killed])
async def test_what_was_accepted_is_answered_once_whatever_is_killed_and_nobody_helps(
    tmp_path: Path, kill: Kill
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    with EmbeddedValkey(tmp_path / "data", "always") as store:
        arguments = ("--redis-url", store.url, "--policy", str(policy))
        with services(tmp_path, 2, *arguments) as (mortal, other):
            async with world([other.url, mortal.url], SEED, SOURCES) as shared_world:
                async with workers(shared_world, WORKERS):
                    async with traffic(shared_world):
                        await more_messages(shared_world, MESSAGES)
                        await kill(mortal, store)
                        await more_messages(shared_world, MESSAGES)
                    shared_world.mishaps = False
                    await rest(shared_world)
                final = await read_final(shared_world)
                assert_holds(shared_world.history, final, SEED)
                assert any(event.unknown for event in shared_world.history.events)
                assert any(event.verb == CLAIM for event in shared_world.history.events)
