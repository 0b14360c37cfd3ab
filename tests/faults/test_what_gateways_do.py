"""Gateways that steer, stop, edit, ask and claim: every call is on record, and all of it holds."""

import os
from collections import Counter
from pathlib import Path

import pytest

from app.torture.ending import bring_to_rest, read_final
from app.torture.history import Json
from app.torture.senders import Sender, Stuck, world
from app.torture.workers import Worker, workers
from tests.faults.checker import assert_holds
from tests.faults.services import services

SEED = int(os.environ.get("FAULTS_SEED", "20261122"))
POLICY = """
version: 1
defaults:
  isolation: shared
  lease_seconds: 1
  interrupt_grace_seconds: null
  busy: {same_sender: steer, other_sender: steer}
rules: [{match: {chat_id: queued}, set: {busy: {same_sender: queue, other_sender: queue}}}]
"""
SOURCES: list[Json] = [
    {"platform": "discord", "chat_type": "group", "chat_id": chat_id, "user_id": f"user-{user}"}
    for user in range(3)
    for chat_id in ("steered", "queued")
]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_whatever_gateways_do_is_on_record_and_holds(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    with services(tmp_path, 1, "--policy", str(tmp_path / "policy.yaml")) as (service,):
        async with world([service.url], SEED, SOURCES) as calls:
            calls.offered, calls.stops, calls.amends, calls.asks = 0.2, 0.1, 0.2, 0.3
            async with workers(calls, 2):
                await Sender(calls, "gw").send(80, 0.02)
                calls.mishaps = False
            await bring_to_rest(calls)
            final = await read_final(calls)
    assert_holds(calls.history, final, SEED)
    done = [event for event in calls.history.events if event.done]
    assert Counter(event.verb for event in done).keys() >= {"stop", "amend", "ask", "claim"}
    assert any(event.decision == "answer" for event in done)
    seen = {name for event in done for name in event.body.get("seen", ())}
    assert seen & {message["message_id"] for event in done for message in event.offered}


async def test_a_claim_that_nobody_answers_is_on_record() -> None:
    async with world(["http://127.0.0.1:9"], SEED, SOURCES) as calls:
        calls.patience_seconds = 0.0
        with pytest.raises(Stuck, match="was not answered"):
            await Worker(calls, "worker").claim()
    (claim,) = calls.history.events
    assert (claim.verb, claim.unknown, claim.body["consumer"]) == ("claim", True, "worker")
