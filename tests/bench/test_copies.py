"""Copied sessions are sessions: the verbs find them as they find the one that was made."""

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from app.store.store_client import StoreClient
from bench import copies
from bench.machine import message
from bench.seeding import Seeder
from tests.packed import unpack_map

SESSIONS = 5


@pytest.fixture
def redis(store_url: str) -> Iterator[Any]:
    with Redis.from_url(store_url, decode_responses=True) as redis:
        yield redis


async def test_a_message_to_a_copy_meets_a_session_that_had_a_run(
    store_url: str, redis: Any
) -> None:
    client = StoreClient(store_url, 5.0)
    seeder = Seeder(client, {})
    await copies.fill(seeder, redis, SESSIONS)
    for number in range(SESSIONS):
        decision = await seeder.admit(message("m2", copies.chat(number), "gw"))
        assert decision.decision == "run"
        assert decision.session is not None
        assert not decision.session.is_new
        assert decision.run is not None
        assert decision.run.route.chat_id == copies.chat(number)
        assert [one.seq for one in decision.run.messages] == [2]
        await seeder.complete(decision.run)
    await client.close()


async def test_all_that_is_stored_of_a_session_is_stored_of_each_copy(
    store_url: str, redis: Any
) -> None:
    client = StoreClient(store_url, 5.0)
    await copies.fill(Seeder(client, {}), redis, SESSIONS)
    await client.close()
    found = redis.keys()
    for number in range(SESSIONS):
        own = {key.replace(copies.chat(number), "") for key in found if copies.chat(number) in key}
        assert own == {key.replace(copies.chat(0), "") for key in found if copies.chat(0) in key}
        assert own
    for kind in ("id", "ended"):
        assert len([key for key in found if f"}}:{kind}:" in key]) == SESSIONS
    assert redis.zcard("sr:{0}:sessions:main:discord") == SESSIONS
    assert not redis.exists("sr:{0}:due"), "idle sessions have no deadline"
    with Redis.from_url(store_url) as raw:
        counted = unpack_map(raw.get("sr:{0}:counts:main:discord"))
    assert counted["accepted"] == counted["done"] == SESSIONS
