"""The aiogram example in this process: aiogram's own updates in, calls of the Bot API out."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Update

from examples import agent, telegram_bot
from session_router import Router
from tests.client.agents import eventually
from tests.examples.bot_api import TOKEN, BotApi


class Chat:
    """A group with the bot in it."""

    def __init__(self, telegram: BotApi, bot: Bot, dispatcher: Dispatcher, router: Router) -> None:
        self.telegram = telegram
        self.router = router
        self._bot = bot
        self._dispatcher = dispatcher

    async def say(self, user: str, text: str, **fields: Any) -> dict[str, Any]:
        update = self.telegram.message(user, text)
        update["message"] |= fields
        await self.hear(update)
        return update

    async def hear(self, update: dict[str, Any]) -> None:
        heard = Update.model_validate(update, context={"bot": self._bot})
        await self._dispatcher.feed_update(self._bot, heard)

    async def replies(self, count: int) -> list[list[str]]:
        async def are_there() -> bool:
            return len(self.telegram.replies()) >= count

        await eventually(are_there)
        await self.router.idle()
        return self.telegram.replies()

    async def posted(self, text: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        async def is_there() -> bool:
            found[:] = [post for post in self.telegram.posts if text in post["text"]]
            return bool(found)

        await eventually(is_there)
        return found[0]

    async def question(self) -> dict[str, Any]:
        """Wait until the agent has asked, and waits for its answer."""

        async def is_asked() -> bool:
            states = [await self.router.run_state(run.id) for run in self.router.runs]
            return any(state.asking is not None for state in states)

        await eventually(is_asked)
        return await self.posted("Shall I?")


@pytest.fixture
async def chat(
    telegram: BotApi, service_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Chat]:
    """Give a group whose bot answers within half a second."""
    monkeypatch.setattr(agent, "SECONDS", 0.5)
    session = AiohttpSession(api=TelegramAPIServer.from_base(telegram.url))
    async with Bot(TOKEN, session=session) as bot:
        router = Router(service_url, accounts=("42",), requeue_interrupted=True)
        dispatcher = telegram_bot.gateway(bot, router)
        async with router:
            yield Chat(telegram, bot, dispatcher, router)


async def test_an_update_is_answered_once_however_often_it_comes(chat: Chat) -> None:
    update = await chat.say("ana", "hello")
    await chat.hear(update)
    await chat.say("ben", "hi")

    assert sorted(await chat.replies(2)) == [["hello"], ["hi"]]


async def test_an_interrupted_request_is_answered_together_with_the_next(chat: Chat) -> None:
    await chat.say("cid", "book a table")
    await chat.say("cid", "for four")

    assert await chat.replies(1) == [["book a table", "for four"]]


async def test_a_steer_is_answered_together_with_the_rest(chat: Chat) -> None:
    await chat.say("dan", "book a table")
    await chat.say("dan", "/steer for four")

    assert await chat.replies(1) == [["book a table", "for four"]]


async def test_an_edit_reaches_what_still_waits(chat: Chat) -> None:
    await chat.say("eve", "one")
    update = await chat.say("eve", "/queue two")
    edited = update["message"] | {"text": "/queue three", "edit_date": update["message"]["date"]}
    await chat.hear({"update_id": update["update_id"] + 1, "edited_message": edited})

    assert await chat.replies(2) == [["one"], ["three"]]


async def test_a_stopped_run_is_not_answered(chat: Chat) -> None:
    await chat.say("fay", "book a table")
    await chat.say("fay", "/stop@the_bot")
    await chat.say("fay", "never mind")

    assert await chat.replies(1) == [["never mind"]]
    assert await chat.posted("Stopped.")


async def test_a_person_whose_message_must_wait_is_told_so_once(chat: Chat) -> None:
    for text in ("first", "/queue second", "/queue third"):
        await chat.say("gil", text)
    await chat.replies(2)

    notices = [post["text"] for post in chat.telegram.posts if "comes next" in post["text"]]
    assert len(notices) == 1
    assert notices[0].startswith("I am still at work on what you wrote before")


async def test_a_reply_goes_to_the_topic_that_was_asked_in(chat: Chat) -> None:
    await chat.say("hal", "in a topic", message_thread_id=7, is_topic_message=True)
    await chat.replies(1)

    assert (await chat.posted("in a topic"))["message_thread_id"] == "7"


async def test_what_is_nothing_to_the_router_is_left_alone(chat: Chat) -> None:
    update = chat.telegram.message("ida", "")
    del update["message"]["text"]
    member = update["message"]["from"]
    await chat.hear(update | {"message": update["message"] | {"left_chat_member": member}})

    assert chat.telegram.posts == []
    assert chat.router.runs == ()


async def test_a_question_is_answered_by_a_button(chat: Chat) -> None:
    await chat.say("jon", "order two")
    question = await chat.question()
    await chat.hear(chat.telegram.pressed("jon", question, "yes"))

    assert await chat.replies(1) == [["order two", "yes"]]
    assert chat.telegram.popups == [None]


async def test_a_button_of_somebody_else_answers_nothing_and_says_so(chat: Chat) -> None:
    await chat.say("kim", "order two")
    question = await chat.question()
    await chat.hear(chat.telegram.pressed("leo", question, "no"))
    await chat.hear(chat.telegram.pressed("kim", question, "yes"))

    assert await chat.replies(1) == [["order two", "yes"]]
    # Each person has a session of their own here, and in that one nothing was asked.
    assert chat.telegram.popups == ["That question is no longer open.", None]
