"""The example gateways as a person would start them: every message is answered once."""

import signal

import httpx
import pytest

from tests.examples.bot_api import BotApi
from tests.examples.instances import Gateways


@pytest.mark.timeout(240)
async def test_the_telegram_bot_answers_every_message_once(
    gateways: Gateways, telegram: BotApi
) -> None:
    bot = gateways.bot(0.3)

    await telegram.say("ina", "in-1")
    await telegram.say("ino", "in-2")
    await gateways.answers("in-1", "in-2")
    await telegram.say("ina", "in-3")
    await gateways.answers("in-3")
    bot.signal(signal.SIGTERM)

    assert await bot.exit_code() == 0
    assert telegram.answered() == {"in-1": 1, "in-2": 1, "in-3": 1}


@pytest.mark.timeout(240)
async def test_the_split_bot_answers_every_webhook_once(
    gateways: Gateways, telegram: BotApi
) -> None:
    receiver, workers = gateways.receiver(), [gateways.worker(0.3) for _ in range(2)]
    url = await receiver.started()
    for worker in workers:
        await worker.started()
    updates = [telegram.message(f"user-{n % 4}", f"split-{n}") for n in range(8)]

    async with httpx.AsyncClient() as http:
        for update in [*updates, *updates[:4]]:
            assert (await http.post(url, json=update)).status_code == 200
        malformed = await http.post(url, json={"message": 9})
        secret = {"X-Telegram-Bot-Api-Secret-Token": "guessed"}
        forged = await http.post(url, json=updates[0], headers=secret)
    await gateways.answers(*(f"split-{n}" for n in range(8)))

    assert (malformed.status_code, forged.status_code) == (400, 403)
    assert set(telegram.answered().values()) == {1}
    for instance in (receiver, *workers):
        instance.signal(signal.SIGTERM)
        assert await instance.exit_code() == 0
        assert instance.log() == ""
