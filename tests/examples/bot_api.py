"""Telegram's Bot API as far as the examples use it: updates out, messages in, on loopback."""

import asyncio
import itertools
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Self

from aiohttp import web

TOKEN = "42:made-up"
BOT = {"id": 42, "is_bot": True, "first_name": "Bot", "username": "the_bot"}
GROUP = {"id": -100200, "type": "supergroup", "title": "Support"}


def user_id(name: str) -> int:
    """A person's id: the same for the same name."""
    return 1000 + int.from_bytes(name.encode()) % 10**9


def person(name: str) -> dict[str, Any]:
    return {"id": user_id(name), "is_bot": False, "first_name": name}


class BotApi:
    """Keeps updates until the bot asks for later ones, and every message that was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.posts: list[dict[str, Any]] = []
        self.popups: list[str | None] = []
        self._updates: list[dict[str, Any]] = []
        # Ids that no other test has: they all speak to one service.
        self._numbers = itertools.count(1 + secrets.randbelow(10**8) * 10)
        self._news = asyncio.Condition()

    async def serve(self) -> AsyncIterator[Self]:
        app = web.Application()
        app.add_routes([web.post(f"/bot{TOKEN}/{{method}}", self._call)])
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield self
        await runner.cleanup()

    def message(self, user: str, text: str) -> dict[str, Any]:
        """Return an update with a message of the group."""
        number = next(self._numbers)
        message = {"message_id": number, "date": int(time.time()), "chat": GROUP}
        message |= {"from": person(user)}
        return {"update_id": number, "message": message | {"text": text}}

    async def say(self, user: str, text: str) -> None:
        """Let a person say something in the group."""
        async with self._news:
            self._updates.append(self.message(user, text))
            self._news.notify_all()

    def pressed(self, user: str, post: dict[str, Any], label: str) -> dict[str, Any]:
        """Return an update in which a person presses a button of a message."""
        (data,) = (key["callback_data"] for key in post["keys"] if key["text"] == label)
        number = next(self._numbers)
        message = {"message_id": post["message_id"], "date": int(time.time()), "chat": GROUP}
        query = {"id": str(number), "from": person(user), "chat_instance": "1"}
        query |= {"message": message | {"from": BOT}, "data": data}
        return {"update_id": number, "callback_query": query}

    def replies(self) -> list[list[str]]:
        """What each reply of the agent answers, in the order in which they were sent."""
        texts = [post["text"] for post in self.posts if post["text"].startswith("You said: ")]
        return [text.removeprefix("You said: ").split(", then ") for text in texts]

    def answered(self) -> Counter[str]:
        """How often each text was answered."""
        return Counter(text for reply in self.replies() for text in reply)

    async def _call(self, request: web.Request) -> web.Response:
        is_json = request.content_type == "application/json"
        fields = dict(await request.json() if is_json else await request.post())
        match request.match_info["method"]:
            case "getMe":
                result: Any = BOT
            case "getUpdates":
                result = await self._next(int(str(fields.get("offset", 0))))
            case "sendMessage":
                result = self._sent(fields)
            case "answerCallbackQuery":
                self.popups.append(fields.get("text"))
                result = True
            case _:
                result = True
        return web.json_response({"ok": True, "result": result})

    async def _next(self, offset: int) -> list[dict[str, Any]]:
        async with self._news:
            self._updates = [u for u in self._updates if u["update_id"] >= offset]
            if not self._updates:
                try:
                    async with asyncio.timeout(1.0):
                        await self._news.wait()
                except TimeoutError:
                    return []
            return self._updates[:10]

    def _sent(self, fields: dict[str, Any]) -> dict[str, Any]:
        markup = fields.get("reply_markup") or {}
        if isinstance(markup, str):  # in a form
            markup = json.loads(markup)
        keys = [key for row in markup.get("inline_keyboard", []) for key in row]
        number = next(self._numbers)
        said = {name: fields.get(name) for name in ("chat_id", "message_thread_id", "text")}
        self.posts.append(said | {"message_id": number, "keys": keys})
        message = {"message_id": number, "date": int(time.time()), "chat": GROUP, "from": BOT}
        return message | {"text": fields["text"]}
