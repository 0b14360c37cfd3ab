"""The policy changes under load, on two services with one store: nothing lost, nothing split."""

import asyncio
import contextlib
import itertools
import json
import os
import time
from pathlib import Path

import httpx
import pytest

from app.store.embedded import EmbeddedValkey
from app.torture.ending import read, read_final, sample_figures
from app.torture.history import Event, History, Json
from app.torture.senders import NO_TLS, Sender, World, world
from tests.faults.checker import assert_holds
from tests.faults.services import services

SEED = int(os.environ.get("FAULTS_SEED", "20261122"))
SENDERS, WORKERS, MESSAGES_EACH, PAUSE_SECONDS, MOST_SECONDS = 8, 3, 60, 0.05, 30.0
REST_SECONDS = 30.0
BASE = {"lease_seconds": 1, "interrupt_grace_seconds": None, "max_deliveries": 100}
IDENTITIES = {f"person-{n}": [f"discord:discord-{n}", f"telegram:telegram-{n}"] for n in range(3)}
LINKS = {"linked": ["discord:a", "telegram:b"]}
STEERS = {"same_sender": "steer", "other_sender": "steer"}
POLICIES: list[Json] = [
    {"defaults": BASE},
    {"defaults": BASE | {"isolation": "shared"}},
    {"defaults": BASE | {"isolation": "person", "dm_scope": "person"}, "identities": IDENTITIES},
    {"defaults": BASE | {"isolation": "thread"}},
    {"defaults": BASE | {"isolation": "tagged", "busy": STEERS}, "links": LINKS},
    {"defaults": BASE | {"dm_scope": "main"}, "links": LINKS, "identities": IDENTITIES},
    {"defaults": BASE | {"isolation": "thread", "thread_isolation": "per_user"}},
    {"defaults": BASE | {"isolation": "shared", "thread_isolation": "inherit", "drain": "one"}},
]
PLACES = (
    {"platform": "discord", "chat_type": "group", "chat_id": "a"},
    {"platform": "telegram", "chat_type": "group", "chat_id": "b"},
    {"platform": "telegram", "chat_type": "group", "chat_id": "b", "thread_id": "9"},
    {"platform": "discord", "chat_type": "group", "chat_id": "c"},
)
SOURCES: list[Json] = [
    *({**place, "user_id": f"{place['platform']}-{n}"} for place in PLACES for n in range(4)),
    *(
        {"platform": p, "chat_type": "dm", "chat_id": f"{p}-{n}", "user_id": f"{p}-{n}"}
        for p in ("discord", "telegram")
        for n in range(3)
    ),
]


async def change_policies(urls: list[str], until: asyncio.Event) -> int:
    """Put one policy after another in force, through either service; give how many."""
    for changes, policy in enumerate(itertools.cycle(POLICIES)):
        if until.is_set():
            return changes
        await put_policy(urls[changes % len(urls)], policy)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(until.wait(), 0.25)
    raise AssertionError


async def put_policy(url: str, policy: Json) -> None:
    async with httpx.AsyncClient(verify=NO_TLS, timeout=15) as client:
        answer = await client.put(f"{url}/v1/policy", json=policy)
        assert answer.status_code == 200, answer.text


async def claim_and_work(shared_world: World, number: int, until: asyncio.Event) -> None:
    """Take what became ready under keys that the policy no longer gives, and work on it."""
    url = shared_world.urls[number % len(shared_world.urls)]
    worker = Sender(shared_world, f"worker-{number}")
    body = {"consumer": worker.consumer, "max": 5, "wait_seconds": 0.2}
    async with httpx.AsyncClient(verify=NO_TLS, timeout=15) as client, asyncio.TaskGroup() as works:
        while not until.is_set():
            sent = time.monotonic()
            answer = await client.post(f"{url}/v1/runs/claim", json=body)
            received = time.monotonic()
            for run in json.loads(answer.content)["runs"]:
                claimed = {"run": run}
                event = Event(worker.consumer, "claim", run["id"], {}, sent, received, 200, claimed)
                shared_world.history.events.append(event)
                works.create_task(worker.work(run))


async def all_at_rest(shared_world: World) -> None:
    """Return when the workers have left nothing; what is ready needs no message for it (I5)."""
    shared_world.mishaps = False
    deadline = time.monotonic() + REST_SECONDS
    pages = [f"/v1/sessions?limit=200&state={state}" for state in ("running", "waiting")]
    while busy := [s for page in pages for s in (await read(shared_world, page) or {})["sessions"]]:
        assert time.monotonic() < deadline, f"these do not go on: {busy}"
        await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("shards", [1, 4])
async def test_changes_of_the_policy_under_load_lose_nothing_and_split_no_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shards: int
) -> None:
    monkeypatch.setenv("SESSION_ROUTER_SHARDS", str(shards))
    with (
        EmbeddedValkey(tmp_path / "data", "everysec") as store,
        services(tmp_path, 2, "--redis-url", store.url) as running,
    ):
        urls = [service.url for service in running]
        for url in urls:  # so that each has it in force, and no run has the default's long lease
            await put_policy(url, POLICIES[0])
        async with world(urls, SEED, SOURCES, History()) as shared_world:
            sent, rested = asyncio.Event(), asyncio.Event()
            async with asyncio.TaskGroup() as workers:
                for number in range(WORKERS):
                    workers.create_task(claim_and_work(shared_world, number, rested))
                sampler = workers.create_task(sample_figures(shared_world, sent))
                changing = workers.create_task(change_policies(urls, sent))
                async with asyncio.TaskGroup() as senders:
                    for number in range(SENDERS):
                        sender = Sender(shared_world, f"gw-{number}")
                        senders.create_task(sender.send(MESSAGES_EACH, PAUSE_SECONDS, MOST_SECONDS))
                sent.set()
                await asyncio.gather(sampler, changing)
                await all_at_rest(shared_world)
                rested.set()
            final = await read_final(shared_world)
    assert_holds(shared_world.history, final, SEED)
    assert final.stats["messages"]["accepted"] > 100
    assert changing.result() > len(POLICIES)
    assert len({message["session_key"] for message in final.messages.values()}) > 20
