"""Answers that are really lost: a repeated call gives the same grant, the same end, the same next.

A proxy drops the connection when the service has answered, so the work was done.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
import pytest_asyncio

from app.torture.ending import bring_to_rest, read, read_final
from app.torture.history import Event, Json, Verb, milliseconds
from app.torture.senders import Sender, World, world
from tests.faults.checker import assert_holds
from tests.faults.proxy import LossyProxy, lossy_proxy
from tests.faults.services import Service, services

SEED = int(os.environ.get("FAULTS_SEED", "20261122"))
POLICY = """
version: 1
defaults: {isolation: shared, busy: {same_sender: queue}, interrupt_grace_seconds: null}
rules: [{match: {chat_id: "short-*"}, set: {lease_seconds: 1}}]
"""
OUTCOMES = ("completed", "interrupted", "failed", "released")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("lost-answers")
    (folder / "policy.yaml").write_text(POLICY)
    with services(folder, 1, "--policy", str(folder / "policy.yaml")) as running:
        yield running[0]


class Lossy(NamedTuple):
    """Calls through a proxy, in a chat of the test's own."""

    world: World
    proxy: LossyProxy
    chat_id: str

    def message(self, consumer: str) -> Json:
        return self.world.new_message(consumer, source_in(self.chat_id))

    async def submit(self, body: Json) -> Event:
        target = f"{self.chat_id}/{body['message_id']}"
        return await self.call(body["consumer"], "submit", target, body)

    async def complete(self, run: Json, outcome: str = "completed") -> Event:
        body = {"fence": run["fence"], "outcome": outcome}
        return await self.call(run["consumer"], "complete", run["id"], body)

    async def beat(self, run: Json) -> Event:
        body = {"fence": run["fence"]}
        return await self.call(run["consumer"], "heartbeat", run["id"], body)

    async def call(self, consumer: str, verb: Verb, target: str, body: Json) -> Event:
        return await self.world.call(self.proxy.url, consumer, verb, target, body)

    async def losing(self, call: object) -> None:
        """Await a call whose answer is lost."""
        self.proxy.lose_next()
        event = await call  # type: ignore[misc]
        assert event.status is None

    async def session(self) -> Json:
        found = await read(self.world, f"/v1/sessions/agent:main:discord:group:{self.chat_id}")
        assert found is not None
        return found

    async def run_with_another_waiting(self) -> Json:
        """Give an active run of consumer a, behind which a message of b waits."""
        run = (await self.submit(self.message("a"))).granted
        assert run is not None
        assert (await self.submit(self.message("b"))).decision == "queue"
        return run


def source_in(chat_id: str, user_id: str = "456") -> Json:
    return {"platform": "discord", "chat_type": "group", "chat_id": chat_id, "user_id": user_id}


@pytest_asyncio.fixture
async def lossy(service: Service, request: pytest.FixtureRequest) -> AsyncIterator[Lossy]:
    chat_id = request.node.name.replace("[", "-").rstrip("]")
    async with world([service.url], SEED, []) as calls, lossy_proxy(service.port) as proxy:
        yield Lossy(calls, proxy, chat_id)


async def test_a_message_sent_again_gets_the_same_grant(lossy: Lossy) -> None:
    message = lossy.message("a")
    await lossy.losing(lossy.submit(message))
    before = await lossy.session()
    again = await lossy.submit(message)
    assert (again.decision, again.answer["duplicate_of"]) == ("duplicate", "run")
    assert again.granted is not None
    assert again.granted["id"] == before["run"]["id"]
    assert again.granted["fence"] == before["run"]["fence"]
    assert [m["message_id"] for m in again.granted["messages"]] == [message["message_id"]]
    assert await lossy.session() == before
    assert (await lossy.submit(message)).granted == again.granted


async def test_the_grant_goes_to_nobody_else(lossy: Lossy) -> None:
    message = lossy.message("a")
    await lossy.losing(lossy.submit(message))
    other = await lossy.submit(message | {"consumer": "b"})
    assert (other.decision, other.granted) == ("duplicate", None)
    assert other.answer["active_run"]["consumer"] == "a"
    assert (await lossy.submit(message)).granted is not None


async def test_the_grant_is_not_given_again_when_its_holder_has_called(lossy: Lossy) -> None:
    message = lossy.message("a")
    run = (await lossy.submit(message)).granted
    assert run is not None
    await lossy.losing(lossy.beat(run))
    again = await lossy.submit(message)
    assert (again.decision, again.granted) == ("duplicate", None)
    assert again.answer["state"] == "in_run"
    assert again.answer["active_run"]["id"] == run["id"]


async def test_a_message_that_waits_is_stored_once(lossy: Lossy) -> None:
    await lossy.submit(lossy.message("a"))
    message = lossy.message("b")
    await lossy.losing(lossy.submit(message))
    again = await lossy.submit(message)
    assert (again.decision, again.answer["duplicate_of"]) == ("duplicate", "queue")
    assert again.answer["queue"]["position"] == 1
    assert (await lossy.session())["counters"]["accepted"] == 2


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_a_complete_sent_again_gives_the_same_next_run(lossy: Lossy, outcome: str) -> None:
    run = await lossy.run_with_another_waiting()
    await lossy.losing(lossy.complete(run, outcome))
    before = await lossy.session()
    again = await lossy.complete(run, outcome)
    assert again.done
    following = again.answer["next"]
    assert (following["id"], following["fence"]) == (before["run"]["id"], before["run"]["fence"])
    assert following["fence"] > run["fence"]
    returned = outcome in ("failed", "released")
    assert [m["message_id"] for m in following["messages"]] == (["0", "1"] if returned else ["1"])
    assert (await lossy.complete(run, outcome)).answer == again.answer
    assert await lossy.session() == before


@pytest.mark.parametrize("call", ["heartbeat", "complete"])
async def test_next_is_null_when_the_next_runs_holder_has_called(lossy: Lossy, call: str) -> None:
    run = await lossy.run_with_another_waiting()
    following = (await lossy.complete(run)).granted
    assert following is not None
    done = await (lossy.beat(following) if call == "heartbeat" else lossy.complete(following))
    assert done.done
    again = await lossy.complete(run)
    assert again.done
    assert again.answer["next"] is None


async def test_a_complete_without_a_next_run_is_repeated_without_one(lossy: Lossy) -> None:
    message = lossy.message("a")
    run = (await lossy.submit(message)).granted
    assert run is not None
    await lossy.losing(lossy.complete(run))
    assert (await lossy.complete(run)).answer["next"] is None
    newer = (await lossy.submit(lossy.message("a"))).granted
    assert newer is not None
    assert (await lossy.complete(run)).answer["next"] is None
    assert (await lossy.session())["run"]["id"] == newer["id"]


async def test_a_repeated_complete_after_the_lease_of_its_next_run_gives_null(
    service: Service,
) -> None:
    async with world([service.url], SEED, []) as calls, lossy_proxy(service.port) as proxy:
        lossy = Lossy(calls, proxy, "short-lease")
        run = await lossy.run_with_another_waiting()
        await lossy.losing(lossy.complete(run))
        expires = (await lossy.session())["run"]["lease_expires_at"]
        await until_over(expires)
        assert (await lossy.complete(run)).answer["next"] is None


async def until_over(expires: str) -> None:
    """Return when a deadline of the store, whose clock is this machine's, has passed."""
    await asyncio.sleep(milliseconds(expires) / 1000 - time.time() + 0.01)


@pytest.mark.slow
async def test_nothing_is_lost_or_done_twice_where_every_fifth_answer_is_lost(
    tmp_path: Path,
) -> None:
    chance = Random(SEED)  # noqa: S311
    sources = [source_in(chat, f"user-{n}") for n in range(3) for chat in ("short-1", "short-2")]
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    with services(tmp_path, 1, "--policy", str(policy)) as (service,):
        async with (
            world([service.url], SEED, sources) as calls,
            lossy_proxy(service.port, lambda: chance.random() < 0.2) as proxy,
        ):
            async with asyncio.TaskGroup() as senders:
                for number in range(6):
                    sender = Sender(calls, f"gw-{number}", proxy.url)
                    senders.create_task(sender.send(30, 0.03))
            await bring_to_rest(calls)
            final = await read_final(calls)
    assert_holds(calls.history, final, SEED)
    assert proxy.lost > 50
