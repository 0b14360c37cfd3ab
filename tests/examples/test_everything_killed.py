"""The aiogram example while everything dies: the service, the bot, and messages all the while."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from session_router import Router
from tests.client.agents import eventually
from tests.examples.bot_api import BotApi
from tests.examples.instances import Gateways, Instance
from tests.replay.mortal_service import MortalService

# Above the time in which a service starts again: a seal whose answer it took along is asked again.
LEASE_SECONDS = 20
POLICY = f"""
version: 1
defaults: {{lease_seconds: {LEASE_SECONDS}}}
"""
USERS = [f"user-{n}" for n in range(6)]
PAUSE_SECONDS = 0.3
PATIENCE_SECONDS = 120.0


@pytest.fixture
def service(tmp_path: Path) -> Iterator[MortalService]:
    """Give a service of the test's own."""
    (tmp_path / "service").mkdir()
    started = MortalService(tmp_path / "service", POLICY)
    yield started
    started.kill()


class Talk:
    """People who go on talking, each message a text of its own."""

    def __init__(self, telegram: BotApi) -> None:
        self.said: list[str] = []
        self._telegram = telegram

    async def go_on(self) -> None:
        while True:
            text = f"m-{len(self.said)}"
            await self._telegram.say(USERS[len(self.said) % len(USERS)], text)
            self.said.append(text)
            await asyncio.sleep(PAUSE_SECONDS)

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        talking = asyncio.create_task(self.go_on())
        yield
        talking.cancel()

    async def more(self, count: int) -> None:
        """Wait until so many more messages were said."""
        wanted = len(self.said) + count

        async def are_said() -> bool:
            return len(self.said) >= wanted

        await eventually(are_said, PATIENCE_SECONDS)

    async def answered_up_to_now(self) -> None:
        """Wait until the newest message of now is answered."""
        newest = self.said[-1]

        async def is_answered() -> bool:
            return newest in self._telegram.answered()

        await eventually(is_answered, PATIENCE_SECONDS)


async def kill_unsealed(bot: Instance, router: Router) -> None:
    """`kill -9` a bot while it has work, but no reply that may be on its way.

    One that dies between the seal and the send leaves its message unanswered, by design: whether
    the reply went out cannot be known (`test_kills.py` shows it).
    """

    async def is_at_work_and_unsealed() -> bool:
        runs = await seals(router)
        return bool(runs) and not any(runs)

    while True:
        await eventually(is_at_work_and_unsealed, PATIENCE_SECONDS)
        bot.signal(signal.SIGSTOP)
        # The second look sees what was on its way to the service at the first.
        if await is_at_work_and_unsealed() and await is_at_work_and_unsealed():
            bot.kill()
            return
        bot.signal(signal.SIGCONT)


async def seals(router: Router) -> list[bool]:
    """Tell of each active run whether it is sealed."""
    page = await router.sessions(state="running")
    details = [await router.session(session.key) for session in page.sessions]
    return [detail.run.sealed for detail in details if detail.run is not None]


@pytest.mark.slow
@pytest.mark.timeout(480)
async def test_every_message_is_answered_once_while_service_and_bot_are_killed_and_restarted(
    service: MortalService, telegram: BotApi, tmp_path: Path
) -> None:
    gateways = Gateways(tmp_path, service.url, telegram)
    talk = Talk(telegram)
    try:
        async with Router(service.url) as router:
            bot = gateways.bot(0.5)
            async with talk.going_on():
                await talk.more(5)
                await talk.answered_up_to_now()

                await asyncio.to_thread(service.kill)
                await talk.more(3)
                await asyncio.to_thread(service.start)
                await talk.answered_up_to_now()

                await kill_unsealed(bot, router)
                await talk.more(3)
                bot = gateways.bot(0.5)
                await talk.answered_up_to_now()

                await kill_unsealed(bot, router)
                await asyncio.to_thread(service.kill)
                bot = gateways.bot(0.5)
                await talk.more(3)
                await asyncio.to_thread(service.start)
                await talk.answered_up_to_now()
            await gateways.answers(*talk.said, seconds=PATIENCE_SECONDS)
            bot.signal(signal.SIGTERM)
            assert await bot.exit_code() == 0
            counts = (await router.stats()).messages
    finally:
        gateways.end()

    assert telegram.answered() == dict.fromkeys(talk.said, 1)
    assert (counts.done, counts.waiting, counts.in_run, counts.dead) == (len(talk.said), 0, 0, 0)
