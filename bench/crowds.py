"""What a store and a router are filled with, curve by curve, and what is asked of them then."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Final
from urllib.parse import quote

from bench import copies
from bench.idle_claims import WAIT_SECONDS, wait_in_line
from bench.machine import Connection, Json, message
from bench.places import Block, Place
from bench.seeding import Seeder

DEEP_CHATS: Final = 20
BUSY_ROOM: Final = "busy-room"
MOST: Final = 10_000
SETTLE_SECONDS: Final = 2

random = Random(1)  # noqa: S311


@dataclass(frozen=True)
class Probe:
    """A kind of message, decided some times in a row; `ask` undoes what it did."""

    name: str
    ask: Callable[[Place, int], Awaitable[Block]]


@dataclass(frozen=True)
class Curve:
    """What grows, how far, and what a decision may then cost, by one at the smallest size.

    `fill` works before the router starts, `gather` when it serves.
    """

    over: str
    sizes: tuple[int, ...]
    short_sizes: tuple[int, ...]
    target: float
    probes: tuple[Probe, ...]
    policy: Callable[[int], Json]
    fill: Callable[[Place, Seeder], Awaitable[None]]
    gather: Callable[[Place], Awaitable[None]]


async def _ask_new(place: Place, count: int) -> Block:
    """Each from another user of one room, so each opens a session, which is deleted again."""
    names = _names(place, count)
    bodies = [message(name, BUSY_ROOM, "gateway-1") for name in names]
    for name, body in zip(names, bodies, strict=True):
        body["source"]["user_id"] = name
    block, answers = await place.ask(bodies, "run")
    for answer in answers:
        place.connection.ask("DELETE", f"/v1/sessions/{quote(answer['session']['key'], safe='')}")
        await place.connection.answer()
    return block


async def _ask_known(place: Place, count: int) -> Block:
    """Each in an idle session drawn from all; its run is completed again."""
    drawn = random.sample(range(place.size), count)
    bodies = [
        message(name, copies.chat(number), "gateway-1")
        for name, number in zip(_names(place, count), drawn, strict=True)
    ]
    block, answers = await place.ask(bodies, "run")
    for run in (answer["run"] for answer in answers):
        end = {"fence": run["fence"], "outcome": "completed"}
        await place.connection.post(f"/v1/runs/{run['id']}/complete", end)
    return block


async def _ask_queued(place: Place, count: int) -> Block:
    """Each in another of the deep queues, at its end; it is removed again."""
    bodies = [
        message(name, _deep_chat(number % DEEP_CHATS), "gateway-1")
        for number, name in enumerate(_names(place, count))
    ]
    block, _ = await place.ask(bodies, "queue")
    for body in bodies:
        deletion = {"source": body["source"], "message_id": body["message_id"], "delete": True}
        amended = await place.connection.post("/v1/messages/amend", deletion)
        assert amended["result"] == "removed", amended
    return block


def _names(place: Place, count: int) -> list[str]:
    place.calls_made += count
    return [f"p{place.calls_made - number}" for number in range(count)]


def _deep_chat(number: int) -> str:
    return f"deep-{number}"


async def _fill_sessions(place: Place, seeder: Seeder) -> None:
    await copies.fill(seeder, place.redis, place.size)


async def _fill_queues(place: Place, seeder: Seeder) -> None:
    """A run in every deep chat, and so many messages of one other behind it."""
    for number in range(place.size + 1):
        sender = "sender" if number else "holder"
        bodies = [
            message(f"q{number}", _deep_chat(deep), "gateway-1") for deep in range(DEEP_CHATS)
        ]
        for body in bodies:
            body["source"]["user_id"] = sender
        await asyncio.gather(*map(seeder.admit, bodies))


async def _fill_nothing(_place: Place, _seeder: Seeder) -> None:
    pass


async def _claim(place: Place) -> None:
    """Claims whose first wait is shorter, so that they end and come again all the time."""
    place.crowd += [
        asyncio.create_task(
            wait_in_line(place.router.port, f"worker-{n}", random.random() * WAIT_SECONDS)
        )
        for n in range(place.size)
    ]
    await asyncio.sleep(SETTLE_SECONDS if place.size else 0)


async def _listen(place: Place) -> None:
    for number in range(place.size):
        stream = await Connection.open(place.router.port)
        stream.ask("GET", f"/v1/signals?consumer=holder-{number}")
        head = await stream.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        place.crowd.append(asyncio.create_task(_hear(stream)))


async def _hear(stream: Connection) -> None:
    try:
        while await stream.reader.readline():
            pass
    finally:
        stream.close()


async def _gather_nobody(_place: Place) -> None:
    pass


def _rules(names: Callable[[int], str], last: str) -> Callable[[int], Json]:
    """So many rules, of which only the last is about the room that is asked for."""

    def policy(count: int) -> Json:
        chats = [*(names(number) for number in range(count - 1)), last]
        return {"rules": [{"match": {"chat_id": chat}, "set": {"drain": "one"}} for chat in chats]}

    return policy


def _plain_policy(_size: int) -> Json:
    return {"defaults": {"lease_seconds": 3600}}


def _queue_policy(_size: int) -> Json:
    queue = {"max": MOST, "max_per_sender": MOST}
    return {"defaults": {"lease_seconds": 3600, "isolation": "shared", "queue": queue}}


NEW: Final = Probe("a message that opens a session", _ask_new)
KNOWN: Final = Probe("a message to an idle session", _ask_known)
QUEUED: Final = Probe("a message that is queued", _ask_queued)

CURVES: Final = (
    Curve(
        "sessions",
        (1_000, 10_000, 100_000, 1_000_000),
        (1_000, 50_000),
        1.1,
        (NEW, KNOWN),
        _plain_policy,
        _fill_sessions,
        _gather_nobody,
    ),
    Curve(
        "messages waiting in the session",
        (1, 10, 100, 1_000),
        (1, 200),
        1.1,
        (QUEUED,),
        _queue_policy,
        _fill_queues,
        _gather_nobody,
    ),
    Curve(
        "rules that name chats",
        (1, 10, 100, 1_000),
        (1, 1_000),
        1.3,
        (NEW,),
        _rules(lambda number: f"room-{number}", BUSY_ROOM),
        _fill_nothing,
        _gather_nobody,
    ),
    Curve(
        "rules with patterns",
        (1, 10, 100, 1_000),
        (1, 1_000),
        1.3,
        (NEW,),
        _rules(lambda number: f"room-{number}-*", "busy-*"),
        _fill_nothing,
        _gather_nobody,
    ),
    Curve(
        "waiting claims",
        (0, 10, 100, 1_000),
        (0, 1_000),
        1.2,
        (NEW,),
        _plain_policy,
        _fill_nothing,
        _claim,
    ),
    Curve(
        "open signal streams",
        (0, 10, 100, 500),
        (0, 500),
        1.2,
        (NEW,),
        _plain_policy,
        _fill_nothing,
        _listen,
    ),
)
