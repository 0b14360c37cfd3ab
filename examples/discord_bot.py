"""A Discord bot with discord.py, in one process: it routes what it hears, and runs the agent."""

import asyncio
import json
import os
from functools import partial

from discord import Client, Intents, Interaction, Thread
from discord.ui import Button, View

from examples.agent import TOKEN, URL, Buttons, Place, answer
from session_router import Incoming, Router
from session_router.sources import discord


async def post(bot: Client, place: Place, text: str, buttons: Buttons = ()) -> str:
    view = View()
    for label, data in buttons:
        view.add_item(Button(label=label, custom_id=data))
    view.stop()  # a press comes as an event like all others
    channel = bot.get_partial_messageable(int(place.thread_id or place.chat_id))
    return str((await channel.send(text, view=view)).id)


def gateway(bot: Client, router: Router, account: str) -> None:
    router.run(partial(answer, post=partial(post, bot)))

    def parent_of(channel_id: str) -> str | None:
        channel = bot.get_channel(int(channel_id))
        return str(channel.parent_id) if isinstance(channel, Thread) else None

    @bot.event
    async def on_socket_raw_receive(raw: str) -> None:
        event = discord.read(json.loads(raw), account=account, parent_of=parent_of)
        notice = None if event is None else (await router.submit(event)).notice
        if notice is not None and isinstance(event, Incoming):
            await post(bot, event.source, notice)

    @bot.event
    async def on_interaction(interaction: Interaction) -> None:
        await interaction.response.defer()


async def main() -> None:
    intents = Intents(guilds=True, messages=True, message_content=True)
    async with Client(intents=intents, enable_debug_events=True) as bot:
        await bot.login(os.environ["DISCORD_TOKEN"])
        account = str(bot.application_id)
        # What is interrupted comes again with what interrupted it: this agent keeps no transcript.
        router = Router(URL, TOKEN, accounts=(account,), requeue_interrupted=True)
        gateway(bot, router, account)
        async with router:
            await bot.connect()


if __name__ == "__main__":
    asyncio.run(main())
