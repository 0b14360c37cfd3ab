"""Connections that end at any moment, callers that give up at any moment: all of it at once."""

import asyncio
from collections import Counter
from random import Random

import pytest

from app.store.pipe import Pipe
from app.store.topology import Servers
from app.store.wire import TooLate, Unanswered, Unreachable
from tests.store.scripted_server import Peer, bulk, line

CALLS = 600
SECONDS = 2.0
GIVEN_UP = (Unreachable, asyncio.CancelledError)


class Havoc:
    """A server that answers in pieces, late, or not at all, and hangs up when it likes."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)  # noqa: S311
        self.heard: Counter[str] = Counter()

    async def handle(self, peer: Peer) -> None:
        while True:
            word = (await peer.command())[1]
            self.heard[word] += 1
            match self.chance.random():
                case low if low < 0.02:
                    return
                case low if low < 0.03:
                    await peer.say(bulk(word)[: self.chance.randrange(1, 8)])
                    return
                case low if low < 0.032:
                    await peer.say("!nonsense\r\n")
                case low if low < 0.034:
                    await peer.stay()
                case low if low < 0.2:
                    await asyncio.sleep(self.chance.random() / 500)
            for piece in self._pieces(bulk(word)):
                await peer.say(piece)

    def _pieces(self, text: str) -> list[str]:
        cut = self.chance.randrange(len(text))
        return [text[:cut], text[cut:]]


async def call(pipe: Pipe, word: str, chance: Random, *, once: bool) -> object:
    await asyncio.sleep(chance.random() / 2)
    deadline = asyncio.get_running_loop().time() + chance.choice([0.01, 0.1, SECONDS])
    return await pipe.execute(("ECHO", word), deadline, once=once)


@pytest.mark.parametrize("seed", range(5))
async def test_nobody_gets_anothers_reply_or_waits_for_ever_and_what_is_once_is_heard_once(
    seed: int,
) -> None:
    havoc, chance = Havoc(seed), Random(seed)  # noqa: S311
    async with line(*[havoc.handle] * (CALLS * 3)) as server:
        pipe = Pipe(Servers(server.url, SECONDS).open)
        words = [f"{'once' if chance.random() < 0.3 else 'often'}-{n}" for n in range(CALLS)]
        calls = [
            asyncio.create_task(call(pipe, word, chance, once=word.startswith("once")))
            for word in words
        ]
        for one in chance.sample(calls, CALLS // 10):
            asyncio.get_running_loop().call_later(chance.random() / 2, one.cancel)
        _, waiting = await asyncio.wait(calls, timeout=SECONDS * 4)
        assert not waiting
        ends = dict(zip(words, await asyncio.gather(*calls, return_exceptions=True), strict=True))
        await pipe.close()
    assert all(end == word or isinstance(end, GIVEN_UP) for word, end in ends.items())
    assert sum(end == word for word, end in ends.items()) > CALLS / 20
    once = [word for word in words if word.startswith("once")]
    assert max(havoc.heard[word] for word in once) == 1
    assert max(havoc.heard.values()) <= 2
    known = [w for w in once if type(ends[w]) is Unreachable]
    assert not any(havoc.heard[word] for word in known), "what is said not to have left had not"
    assert any(
        isinstance(end, Unanswered) and not isinstance(end, TooLate) for end in ends.values()
    )
