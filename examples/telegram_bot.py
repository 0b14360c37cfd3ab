"""A Telegram bot with aiogram, in one process: it routes what it hears, and runs the agent."""

import asyncio
import os
from functools import partial
from math import inf

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, TelegramObject

from examples.agent import TOKEN, URL, Buttons, Place, answer
from session_router import Incoming, Router
from session_router.sources import telegram

API = TelegramAPIServer.from_base(os.environ.get("TELEGRAM_API", "https://api.telegram.org"))
HEARS = ["message", "edited_message", "channel_post", "edited_channel_post", "callback_query"]


async def post(bot: Bot, place: Place, text: str, buttons: Buttons = ()) -> str:
    row = [InlineKeyboardButton(text=label, callback_data=data) for label, data in buttons]
    keys = InlineKeyboardMarkup(inline_keyboard=[row]) if row else None
    topic = None if place.thread_id is None else int(place.thread_id)
    sent = await bot.send_message(place.chat_id, text, message_thread_id=topic, reply_markup=keys)
    return str(sent.message_id)


async def hear(bot: Bot, router: Router, update: TelegramObject) -> None:
    payload = update.model_dump(mode="json", by_alias=True, exclude_unset=True)
    name = (await bot.me()).username or ""
    event = telegram.read(payload, account=str(bot.id), bot_name=name)
    notice = None if event is None else (await router.submit(event)).notice
    if "callback_query" in payload:
        await bot.answer_callback_query(payload["callback_query"]["id"], notice)
    elif notice is not None and isinstance(event, Incoming):
        await post(bot, event.source, notice)


def gateway(bot: Bot, router: Router) -> Dispatcher:
    router.run(partial(answer, post=partial(post, bot)))
    dispatcher = Dispatcher()
    dispatcher.update.outer_middleware(lambda _, update, __: hear(bot, router, update))
    return dispatcher


async def main() -> None:
    bot = Bot(os.environ["TELEGRAM_TOKEN"], session=AiohttpSession(api=API))
    # An update is over once it is stored; what is interrupted comes again: no transcript is kept.
    mine = (str(bot.id),)
    router = Router(URL, TOKEN, accounts=mine, retry_seconds=inf, requeue_interrupted=True)
    dispatcher = gateway(bot, router)
    async with router:
        await dispatcher.start_polling(bot, allowed_updates=HEARS, handle_as_tasks=False)


if __name__ == "__main__":
    asyncio.run(main())
