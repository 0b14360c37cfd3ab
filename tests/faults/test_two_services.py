"""Two services on one store under twelve gateways: "just add a replica" is safe."""

import asyncio
import os
from pathlib import Path

import pytest

from app.store.embedded import EmbeddedValkey
from app.torture.ending import bring_to_rest, read_final, sample_figures
from app.torture.history import History, Json
from app.torture.senders import Sender, world
from tests.faults.checker import assert_holds
from tests.faults.services import services

SEED = int(os.environ.get("FAULTS_SEED", "20261122"))
SENDERS, MESSAGES_EACH, PAUSE_SECONDS = 12, 140, 0.05
MOST_SECONDS = 14.0
POLICY = """
version: 1
defaults:
  lease_seconds: 1
  interrupt_grace_seconds: null
  queue: {max: 200, max_per_sender: 100}
rules:
  - match: {chat_id: shared}
    set: {isolation: shared, busy: {same_sender: queue}}
  - match: {chat_id: tagged}
    set: {isolation: tagged, busy: {same_sender: interrupt, other_sender: interrupt}, batch_max: 3}
  - match: {chat_id: by-sender}
    set: {isolation: shared, drain: by_sender}
  - match: {chat_id: steered}
    set: {isolation: shared, busy: {same_sender: steer, other_sender: steer}}
  - match: {chat_id: one}
    set: {isolation: shared, drain: one, busy: {same_sender: queue}, retry_delay_seconds: 1}
  - match: {chat_id: tight}
    set: {isolation: tagged, queue: {max: 12, max_per_sender: 4}, busy: {other_sender: reject}}
  - match: {chat_id: forum}
    set: {thread_isolation: inherit, isolation: shared, max_deliveries: 2}
"""


CHATS = ("own", "shared", "tagged", "by-sender", "steered", "one", "tight")


def source(chat_id: str, user: int, thread_id: str | None = None) -> Json:
    place = {"platform": "discord", "chat_type": "group", "chat_id": chat_id}
    return place | {"user_id": f"user-{user}", "thread_id": thread_id}


SOURCES = [
    source(chat_id, user, thread_id)
    for user in range(5)
    for chat_id, thread_id in (
        *((chat, None) for chat in CHATS),
        *(("own", "thread-1"), ("forum", None), ("forum", "thread-1")),
    )
]


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_two_services_on_one_store_never_grant_one_session_twice(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    with EmbeddedValkey(tmp_path / "data", "everysec") as store:
        arguments = ("--redis-url", store.url, "--policy", str(policy))
        with services(tmp_path, 2, *arguments) as running:
            urls = [service.url for service in running]
            async with world(urls, SEED, SOURCES, History()) as shared_world:
                finished = asyncio.Event()
                sampler = asyncio.create_task(sample_figures(shared_world, finished))
                async with asyncio.TaskGroup() as senders:
                    for number in range(SENDERS):
                        sender = Sender(shared_world, f"gw-{number}")
                        senders.create_task(sender.send(MESSAGES_EACH, PAUSE_SECONDS, MOST_SECONDS))
                finished.set()
                await sampler
                await bring_to_rest(shared_world)
                final = await read_final(shared_world)
    assert_holds(shared_world.history, final, SEED)
    assert final.stats["messages"]["accepted"] > 300
