"""What is stored of a session, a waiting message and a remembered id, in bytes.

As the server says (`MEMORY USAGE`), key and allocation included, with ids as long as real ones.
"""

import asyncio
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from redis import Redis

from app.store.arguments import body_of
from app.store.embedded import EmbeddedValkey
from bench.figures import Figure
from bench.scripts import Step, Verbs, message_of

SESSIONS, SHORT_SESSIONS = 1000, 200
WAITING_MAX = 20  # of one sender, by default
AT_ONCE = 100
ASIDE = ("timeline", "participants", "ended")
ALICE, BOB = "456000000000000001", "456000000000000002"
TEXT = "how do I reset it? " * 10


class _Sessions:
    """So many sessions on one store, each in a chat of its own."""

    def __init__(self, store: EmbeddedValkey, redis: Any, count: int) -> None:
        self.verbs = Verbs(store.url)
        self._redis = redis
        self._count = count

    async def each(self, step: Step) -> None:
        for start in range(0, self._count, AT_ONCE):
            await asyncio.gather(*(step(_chat(start + number)) for number in range(AT_ONCE)))

    def bytes_of(self, *kinds: str) -> float:
        """The bytes of these kinds of keys for each session."""
        names = [
            name
            for kind in kinds
            for form in (f"sr:{{0}}:{kind}", f"sr:{{0}}:{kind}:*")
            for name in self._redis.scan_iter(form, count=1000)
        ]
        total: int = sum(self._redis.memory_usage(name, samples=0) for name in names)
        return total / self._count


async def measure(*, short: bool) -> list[Figure]:
    """Let every session end a run; then let messages wait in them behind another."""
    count = SHORT_SESSIONS if short else SESSIONS
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedValkey(Path(folder), "everysec") as store,
        Redis.from_url(store.url) as redis,
    ):
        sessions = _Sessions(store, redis, count)
        verbs = sessions.verbs
        await sessions.each(verbs.admitting(_message_id(0), ALICE, text=TEXT))
        await sessions.each(verbs.complete)
        idle = sessions.bytes_of("session", "sessions", "due")
        remembered = sessions.bytes_of("id")
        aside = {kind: sessions.bytes_of(kind) for kind in ASIDE}
        waiting = await _waiting(sessions)
        await verbs.client.close()
    return [
        Figure("idle session with its indexes", idle, "bytes", 400, count),
        Figure("waiting message, beyond its body", mean(waiting), "bytes", 350, count),
        Figure("waiting message, in the queue of the worst length", max(waiting), "bytes"),
        Figure("remembered message id", remembered, "bytes", 200, count),
        *(
            Figure(f"{kind} of a session", size, "bytes", None, count)
            for kind, size in aside.items()
        ),
    ]


async def _waiting(sessions: _Sessions) -> list[float]:
    """The bytes of each message beyond its body that wait behind another, up to `WAITING_MAX`.

    They differ with the length of the queue, for a list grows in steps.
    """
    await sessions.each(sessions.verbs.admitting(_message_id(1), ALICE))
    ids = sessions.bytes_of("id")
    queues = []
    for number in range(WAITING_MAX):
        await sessions.each(sessions.verbs.admitting(_message_id(2 + number), BOB, text=TEXT))
        queues.append(sessions.bytes_of("queue", "senders"))
    id_bytes = (sessions.bytes_of("id") - ids) / WAITING_MAX
    sample = message_of(_message_id(0), _chat(0), BOB, text=TEXT)
    body = len(TEXT) + len(body_of(sample, None).text.encode())
    behind = enumerate(queues[1:], 1)
    return [(queue - queues[0]) / length + id_bytes - body for length, queue in behind]


def _chat(number: int) -> str:
    return f"118000000000000{number:04}"


def _message_id(number: int) -> str:
    return f"11800000000000{number:05}"
