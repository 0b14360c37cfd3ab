"""A Telegram bot in two parts, a webhook receiver that only routes and workers that run the agent.

    python -m examples.telegram_split receive
    python -m examples.telegram_split work

No library of the platform is needed. Start as many of each as you like; kill any of them at any
moment, and another one goes on.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from hmac import compare_digest
from typing import Any

import httpx
from aiohttp import web

from examples.agent import TOKEN, URL, Buttons, Place, answer
from session_router import Incoming, InvalidMessage, Router, RouterError, RunInWork
from session_router.sources import UnreadablePayload, telegram

API = os.environ.get("TELEGRAM_API", "https://api.telegram.org")
SECRET = os.environ.get("TELEGRAM_SECRET", "").encode()


class Telegram:
    """The Bot API, as far as it is needed here."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def call(self, method: str, **fields: Any) -> Any:
        answered = await self._http.post(method, json=fields)
        return answered.raise_for_status().json()["result"]

    async def post(self, place: Place, text: str, buttons: Buttons = ()) -> str:
        fields: dict[str, Any] = {"chat_id": place.chat_id, "text": text}
        if place.thread_id is not None:
            fields["message_thread_id"] = int(place.thread_id)
        if buttons:
            row = [{"text": label, "callback_data": data} for label, data in buttons]
            fields["reply_markup"] = {"inline_keyboard": [row]}
        return str((await self.call("sendMessage", **fields))["message_id"])


async def receive(bot: Telegram) -> None:
    """Take webhooks, and say 200 only when the message is stored."""
    me = await bot.call("getMe")
    router = Router(URL, TOKEN, retry_seconds=5.0)

    async def hook(request: web.Request) -> web.Response:
        secret = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not compare_digest(secret.encode(), SECRET):
            return web.Response(status=403)
        try:
            update = await request.json()
            event = telegram.read(update, account=str(me["id"]), bot_name=me["username"])
            notice = None if event is None else (await router.submit(event)).notice
        except (ValueError, UnreadablePayload, InvalidMessage):
            return web.Response(status=400)
        except RouterError:
            return web.Response(status=503)  # Telegram sends it again, with the same id
        if notice is not None and isinstance(event, Incoming):
            await bot.post(event.source, notice)
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/", hook)])
    runner = web.AppRunner(app)
    async with router:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", int(os.environ.get("PORT", "8090")))
        await site.start()
        host, port = runner.addresses[0][:2]
        print(f"receiving on http://{host}:{port}/", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


async def work(bot: Telegram) -> None:
    """Run the agent on what waits, and on what another worker dropped."""
    account = str((await bot.call("getMe"))["id"])
    router = Router(URL, TOKEN, accounts=(account,), requeue_interrupted=True)

    @router.run
    async def run_agent(run: RunInWork) -> None:
        await answer(run, bot.post)

    async with router:
        print(f"working as {router.consumer}", flush=True)
        await asyncio.Event().wait()


async def main(part: str) -> None:
    """Do one part until SIGTERM or Ctrl-C; leaving the client hands back what it runs."""
    base = f"{API}/bot{os.environ['TELEGRAM_TOKEN']}/"
    async with httpx.AsyncClient(base_url=base) as http:
        doing = asyncio.create_task({"receive": receive, "work": work}[part](Telegram(http)))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, doing.cancel)
        with suppress(asyncio.CancelledError):
            await doing


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
