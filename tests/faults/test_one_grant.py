"""Fifty at the same moment over two services: one grant, and everybody else has a place."""

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from app.store.embedded import EmbeddedValkey
from app.torture.ending import read
from app.torture.history import Event, Json, name_of
from app.torture.senders import World, world
from tests.faults.services import services

SEED = int(os.environ.get("FAULTS_SEED", "20261122"))
MANY = 50
POLICY = """
version: 1
rules:
  - match: {chat_id: "shared-*"}
    set: {isolation: shared}
"""


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    folder: Path = tmp_path_factory.mktemp("one-grant")
    (folder / "policy.yaml").write_text(POLICY)
    with EmbeddedValkey(folder / "data", "everysec") as store:
        arguments = ("--redis-url", store.url, "--policy", str(folder / "policy.yaml"))
        with services(folder, 2, *arguments) as running:
            yield [service.url for service in running]


@pytest_asyncio.fixture
async def calls(urls: list[str]) -> AsyncIterator[World]:
    async with world(urls, SEED, []) as shared_world:
        yield shared_world


def source(chat_id: str, user_id: str) -> Json:
    return {"platform": "discord", "chat_type": "group", "chat_id": chat_id, "user_id": user_id}


async def at_once(calls: World, bodies: Sequence[Json]) -> list[Event]:
    """Send them all in one moment, each to the next service."""
    urls = itertools.cycle(calls.urls)
    events = await asyncio.gather(
        *(
            calls.call(
                *(next(urls), body["consumer"], "submit"),
                name_of(body["source"], body["message_id"]),
                body,
            )
            for body in bodies
        )
    )
    assert [event.status for event in events] == [200] * len(bodies)
    return events


@pytest.mark.parametrize("isolation", ["own", "shared"])
async def test_fifty_identical_messages_give_one_run_to_one_consumer(
    calls: World, isolation: str
) -> None:
    chat = source(f"{isolation}-identical", "456")
    body = calls.new_message("gw", chat)
    consumers = [f"gw-{number % 5}" for number in range(MANY)]
    events = await at_once(calls, [body | {"consumer": consumer} for consumer in consumers])

    decisions = Counter(event.decision for event in events)
    assert decisions == {"run": 1, "duplicate": MANY - 1}
    first = next(event for event in events if event.decision == "run")
    assert first.granted is not None
    for event in events:
        assert event.granted == (first.granted if event.consumer == first.consumer else None)
        assert event.decision == "run" or event.answer["duplicate_of"] == "run"
    detail = await read(calls, f"/v1/sessions/{first.granted['session_key']}")
    assert detail is not None
    assert detail["run"]["id"] == first.granted["id"]
    assert (detail["counters"]["accepted"], detail["counters"]["in_run"]) == (1, 1)


async def test_fifty_users_of_a_shared_session_get_one_run_and_forty_nine_places(
    calls: World,
) -> None:
    bodies = [
        calls.new_message(f"gw-{number}", source("shared-users", f"user-{number}"))
        for number in range(MANY)
    ]
    events = await at_once(calls, bodies)

    runs = [event.granted for event in events if event.granted is not None]
    places = [event.answer["queue"] for event in events if event.decision == "queue"]
    assert (len(runs), len(places)) == (1, MANY - 1)
    assert sorted(place["position"] for place in places) == list(range(1, MANY))
    assert all(place["first"] and place["depth"] == place["position"] for place in places)
    active = {event.answer["active_run"]["id"] for event in events if event.decision == "queue"}
    assert active == {runs[0]["id"]}

    body = {"fence": runs[0]["fence"], "outcome": "completed"}
    ended = await calls.call(calls.urls[1], "gw", "complete", runs[0]["id"], body)
    assert ended.granted is not None
    queued = [event for event in events if event.decision == "queue"]
    queued.sort(key=lambda event: int(event.answer["queue"]["position"]))
    handed_over = [message["message_id"] for message in ended.granted["messages"]]
    assert handed_over == [event.body["message_id"] for event in queued]


async def test_fifty_users_with_sessions_of_their_own_get_fifty_runs(calls: World) -> None:
    bodies = [
        calls.new_message(f"gw-{number}", source("own-users", f"user-{number}"))
        for number in range(MANY)
    ]
    events = await at_once(calls, bodies)
    runs = [event.granted for event in events if event.granted is not None]
    assert len({run["fence"] for run in runs}) == MANY
    assert len({run["session_key"] for run in runs}) == MANY


async def test_fifty_completes_of_one_run_hand_over_once(calls: World) -> None:
    bodies = [calls.new_message("gw", source("shared-end", f"user-{n}")) for n in range(2)]
    first, second = [(await at_once(calls, [body]))[0] for body in bodies]
    run = first.granted
    assert run is not None
    assert second.decision == "queue"
    body = {"fence": run["fence"], "outcome": "completed"}
    urls = itertools.cycle(calls.urls)
    ends = await asyncio.gather(
        *(calls.call(next(urls), "gw", "complete", run["id"], body) for _ in range(MANY))
    )
    assert {event.status for event in ends} == {200}
    following = [event.granted for event in ends]
    assert following[0] is not None
    assert all(granted == following[0] for granted in following)
    assert [m["message_id"] for m in following[0]["messages"]] == [bodies[1]["message_id"]]
