"""Senders: many gateways at once, each a consumer of its own, that misbehave at random.

They resend, repeat calls as if an answer had been lost, stall past their lease, die with a
run in hand, and call with fences that are not theirs; where their world has it so they stop, amend
and ask. Every call goes into a `History`, before it is sent.
"""

import asyncio
import itertools
import json
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random

import httpx

from app.torture.history import Event, History, Json, Verb, name_of

GIVE_UP_SECONDS = 30.0
LEASE_SECONDS = 1.0
SEEN = 0.7
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # made once: it is slow, and knows nobody
PATHS = {
    "submit": "/v1/messages",
    "stop": "/v1/messages",
    "amend": "/v1/messages/amend",
    "claim": "/v1/runs/claim",
}
LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=20)


def tls_for(urls: Sequence[str]) -> ssl.SSLContext:
    """What a client of these addresses checks certificates with."""
    is_needed = any(url.startswith("https:") for url in urls)
    return ssl.create_default_context() if is_needed else NO_TLS


class Stuck(Exception):
    """Something that must go on by itself has not; the text says what."""


@dataclass(slots=True)
class World:
    """What all senders share. `ids` begins every message id.

    Shares of the messages: `offered` are left to workers, a stop follows `stops`, and `amends` are
    edited or deleted. Shares of the runs: `seals`, and `asks`.
    """

    urls: Sequence[str]
    random: Random
    sources: Sequence[Json]
    history: History
    timeout_seconds: float
    mishaps: bool = True
    token: str | None = None
    agent: str = "main"
    ids: str = ""
    offered: float = 0.0
    seals: float = 0.0
    stops: float = 0.0
    amends: float = 0.0
    asks: float = 0.0
    patience_seconds: float = GIVE_UP_SECONDS
    tls: ssl.SSLContext = NO_TLS
    _clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    _numbers: dict[str, Iterator[int]] = field(default_factory=lambda: defaultdict(itertools.count))

    async def call(self, url: str, consumer: str, verb: Verb, target: str, body: Json) -> Event:
        """Make one call and record it, answered or not."""
        path = PATHS.get(verb, f"/v1/runs/{target}/{verb}")
        event = Event(consumer, verb, target, body, time.monotonic())
        return await self.carry(event, "POST", url + path, body)

    async def carry(self, event: Event, method: str, address: str, body: Json | None) -> Event:
        """Make the call of an event, and record it, answered or not."""
        self.history.ask(event)
        try:
            client = self.client_of(event.consumer)
            answer = await client.request(method, address, json=body)
            content = json.loads(answer.content)
            status, received = answer.status_code, time.monotonic()
            event = replace(event, received=received, status=status, answer=content)
        except (httpx.HTTPError, ValueError):
            pass  # no answer: nobody knows whether it was done
        self.history.add(event)
        return event

    def client_of(self, consumer: str) -> httpx.AsyncClient:
        # One for each: httpx looks at all connections of a client for every request.
        client = self._clients.get(consumer)
        if client is None:
            headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
            client = httpx.AsyncClient(
                verify=self.tls, timeout=self.timeout_seconds, limits=LIMITS, headers=headers
            )
            self._clients[consumer] = client
        return client

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    def new_message(self, consumer: str, source: Json | None = None) -> Json:
        source = source or self.random.choice(self.sources)
        number = next(self._numbers[source["chat_id"]])
        text = f"message {number} of {consumer}"
        ids = {"agent": self.agent, "message_id": f"{self.ids}{number}", "consumer": consumer}
        dispatch = "worker" if self.random.random() < self.offered else "inline"
        said = {"text": text, "payload": {"number": number}, "dispatch": dispatch}
        return ids | said | {"source": source}

    def chance(self, probability: float) -> bool:
        return self.mishaps and self.random.random() < probability


@asynccontextmanager
async def world(
    urls: Sequence[str],
    seed: int,
    sources: Sequence[Json],
    history: History | None = None,
    timeout_seconds: float = 15.0,
) -> AsyncIterator[World]:
    """Give a world whose calls time out after so long."""
    met = World(urls, Random(seed), sources, history or History(), timeout_seconds)  # noqa: S311
    try:
        yield met
    finally:
        await met.close()


class Sender:
    """One gateway. `url` pins it to one service; without, every call goes to any."""

    def __init__(self, world: World, consumer: str, url: str | None = None) -> None:
        self.world = world
        self.consumer = consumer
        self._url = url
        self._taken: set[str] = set()

    async def send(
        self, count: int, pause_seconds: float, most_seconds: float = GIVE_UP_SECONDS
    ) -> None:
        """Send so many messages, each after a random pause, and work on what is granted.

        On a busy machine fewer: as many as `most_seconds` allow.
        """
        end = time.monotonic() + most_seconds
        async with asyncio.TaskGroup() as works:
            for _ in range(count):
                if time.monotonic() > end:
                    return
                await asyncio.sleep(self.world.random.random() * 2 * pause_seconds)
                await self.submit(self.world.new_message(self.consumer), works)

    async def submit(self, body: Json, works: asyncio.TaskGroup) -> Event:
        """Send a message until it is answered, with resends; work on a run that it brings."""
        world = self.world
        name = name_of(body["source"], body["message_id"])
        if world.chance(0.05):  # another gateway got the same webhook
            twin = Sender(world, f"{self.consumer}-twin", self._url)
            works.create_task(twin.submit_once(name, body | {"consumer": twin.consumer}, works))
        if world.chance(0.1):  # as if this answer had been lost
            await self._answered("submit", name, body)
        event = await self.submit_once(name, body, works)
        if event.decision == "reject" or world.chance(0.1):
            works.create_task(self._resend(name, body, works))
        if world.chance(world.amends):
            works.create_task(self._amend(name, body))
        if world.chance(world.stops):
            works.create_task(self._stop(body["source"]))
        return event

    async def submit_once(self, name: str, body: Json, works: asyncio.TaskGroup) -> Event:
        event = await self._answered("submit", name, body)
        if event.granted is not None:
            works.create_task(self.work(event.granted))
        return event

    async def _resend(self, name: str, body: Json, works: asyncio.TaskGroup) -> None:
        await asyncio.sleep(self.world.random.choice((0.1, 2)) * self.world.random.random())
        await self.submit_once(name, body, works)

    async def _amend(self, name: str, body: Json) -> None:
        """Edit a message, or delete it; whatever has become of it meanwhile."""
        await asyncio.sleep(self.world.random.random() * 0.2)
        edited = {"text": f"{body['text']}, edited"}
        change = {"delete": True} if self.world.chance(0.3) else edited
        place = {part: body[part] for part in ("agent", "source", "message_id")}
        await self._answered("amend", name, place | change)

    async def _stop(self, source: Json) -> None:
        stop = self.world.new_message(self.consumer, source) | {"text": "/stop", "control": "stop"}
        for _ in range(2 if self.world.chance(0.2) else 1):
            await self._answered("stop", name_of(source, stop["message_id"]), stop)

    async def work(self, run: Json | None) -> None:
        """Run what was granted, and what follows, unless this sender does so already."""
        while run is not None and run["id"] not in self._taken:
            self._taken.add(run["id"])
            run = await self._work_on(run)

    async def _work_on(self, run: Json) -> Json | None:
        world = self.world
        if world.chance(0.02):
            return None  # died: the lease runs out
        if world.chance(0.03):
            await asyncio.sleep(LEASE_SECONDS * (0.9 + world.random.random()))
        offered: list[str] = []
        asks = world.chance(world.asks)
        if asks:
            await self._ask(run)
        for _ in range(asks + world.random.randrange(3) if world.mishaps else 0):
            await asyncio.sleep(world.random.random() * 0.04)
            beat = await self._answered("heartbeat", run["id"], self._seeing(run, offered))
            if not beat.done and not world.chance(0.5):
                return None
            offered += [message["message_id"] for message in beat.offered]
        if world.random.random() < world.seals:
            seal = await self._answered("seal", run["id"], self._seeing(run, offered))
            if world.chance(0.1) or not (seal.done or world.chance(0.5)):
                return None  # sealed, and died before it could tell: it is not repeated
        return await self._complete(run, self._seeing(run, offered)["seen"])

    def _seeing(self, run: Json, offered: list[str]) -> Json:
        """The body of a call that says, mostly, that what was offered has been seen."""
        is_seen = self.world.random.random() < SEEN
        return {"fence": run["fence"], "seen": list(dict.fromkeys(offered)) if is_seen else []}

    async def _ask(self, run: Json) -> None:
        """Let a run ask, and answer it; what others send is an answer too, until it ends."""
        prompt = {"prompt_id": f"ask-{run['fence']}", "from": "anyone", "expires_seconds": 5}
        asked = await self._answered("ask", run["id"], {"fence": run["fence"], **prompt})
        if asked.done:
            source = self.world.random.choice(run["messages"])["source"]
            answer = self.world.new_message(self.consumer, source)
            answer |= {"answers": prompt["prompt_id"]}
            await self._answered("submit", name_of(source, answer["message_id"]), answer)

    async def _complete(self, run: Json, seen: list[str]) -> Json | None:
        world = self.world
        if world.chance(0.03):
            await self._answered("complete", run["id"], _completion(run["fence"] - 1, "completed"))
        outcomes = ("completed", "interrupted", "failed", "released")
        weights = (70, 12, 8, 10) if world.mishaps else (1, 0, 0, 0)
        outcome = world.random.choices(outcomes, weights)[0]
        requeue = outcome == "interrupted" and world.chance(0.3)
        ended = _completion(run["fence"], outcome)
        body = ended | {"requeue": requeue, "seen": seen, "next": not world.chance(0.1)}
        if world.chance(0.15):  # as if this answer had been lost
            await self._answered("complete", run["id"], body)
        answer = await self._answered("complete", run["id"], body)
        if world.chance(0.1):
            await self._answered("heartbeat", run["id"], {"fence": run["fence"]})
        return answer.granted

    async def _answered(self, verb: Verb, target: str, body: Json) -> Event:
        """Make a call again and again until the service has done or refused it."""
        deadline = time.monotonic() + self.world.patience_seconds
        while True:
            url = self._url or self.world.random.choice(self.world.urls)
            event = await self.world.call(url, self.consumer, verb, target, body)
            if not event.unknown:
                return event
            if time.monotonic() > deadline:
                raise Stuck(f"no answer for {self.world.patience_seconds:.0f} seconds: {event}")
            await asyncio.sleep(0.05 + self.world.random.random() * 0.1)


def _completion(fence: int, outcome: str) -> Json:
    return {"fence": fence, "outcome": outcome}
