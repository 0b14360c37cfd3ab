"""The discord.py example in this process: raw events in, as over the socket; calls of HTTP out."""

import asyncio
import itertools
import json
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from discord import Client, Intents
from discord.gateway import DiscordWebSocket
from discord.http import Route
from discord.webhook.async_ import AsyncWebhookAdapter

from examples import agent, discord_bot
from session_router import Router
from tests.client.agents import eventually

ME = {"id": "42", "username": "bot", "discriminator": "0", "avatar": None, "bot": True}
GUILD, CHANNEL, THREAD = "900", "901", "902"
NUMBERS = itertools.count(10**18 + secrets.randbelow(10**12) * 10**5)


def guild() -> dict[str, Any]:
    """A guild with one channel and one thread in it, as GUILD_CREATE brings it."""
    channel = {"id": CHANNEL, "type": 0, "name": "support", "position": 0}
    thread = {
        "id": THREAD,
        "type": 11,
        "name": "a thread",
        "parent_id": CHANNEL,
        "guild_id": GUILD,
        "owner_id": "7",
        "message_count": 1,
        "member_count": 1,
        "thread_metadata": {
            "archived": False,
            "auto_archive_duration": 60,
            "archive_timestamp": "2026-11-22T06:30:00+00:00",
        },
    }
    return {"id": GUILD, "name": "guild", "channels": [channel], "threads": [thread]}


class Socket:
    """Discord's side of the socket and of HTTP, without a network."""

    def __init__(self, bot: Client, router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
        self.router = router
        self.posts: list[dict[str, Any]] = []
        self.acknowledged: list[str] = []
        nothing_is_sent_on_it: Any = None
        self._socket = DiscordWebSocket(nothing_is_sent_on_it, loop=asyncio.get_running_loop())
        self._socket._connection = bot._connection
        self._socket._discord_parsers = bot._connection.parsers
        self._socket._dispatch = bot.dispatch
        self._socket._keep_alive = None
        self._socket.shard_id = None
        self._socket.log_receive = self._socket.debug_log_receive  # type: ignore[method-assign]
        self._bot = bot
        monkeypatch.setattr(bot.http, "request", self._request)
        monkeypatch.setattr(AsyncWebhookAdapter, "request", self._acknowledged)

    async def _acknowledged(self, route: Route, *_: object, **__: object) -> dict[str, Any]:
        self.acknowledged.append(route.path)
        return {"interaction": {"id": "1", "type": 3}}

    async def _request(self, route: Route, **fields: Any) -> dict[str, Any]:
        assert (route.method, route.path) == ("POST", "/channels/{channel_id}/messages")
        post = fields["json"] | {"id": str(next(NUMBERS)), "to": str(route.channel_id)}
        self.posts.append(post)
        return message(post["content"], ME, channel_id=post["to"]) | {"id": post["id"]}

    async def hear(self, event: str, data: dict[str, Any]) -> None:
        payload = {"op": 0, "s": 1, "t": event, "d": data}
        await self._socket.received_message(json.dumps(payload))

    async def say(self, user: str, text: str, **fields: Any) -> dict[str, Any]:
        said = message(text, person(user)) | {"guild_id": GUILD} | fields
        await self.hear("MESSAGE_CREATE", said)
        return said

    def replies(self) -> list[list[str]]:
        texts = [post["content"] for post in self.posts if post["content"].startswith("You said: ")]
        return [text.removeprefix("You said: ").split(", then ") for text in texts]

    async def answered(self, count: int) -> list[list[str]]:
        async def is_answered() -> bool:
            return len(self.replies()) >= count

        await eventually(is_answered)
        return self.replies()


def person(name: str) -> dict[str, Any]:
    number = str(1000 + int.from_bytes(name.encode()) % 10**9)
    return {"id": number, "username": name, "discriminator": "0", "avatar": None, "bot": False}


def message(text: str, author: dict[str, Any], channel_id: str = CHANNEL) -> dict[str, Any]:
    """Return a message object as Discord documents it."""
    return {
        "id": str(next(NUMBERS)),
        "type": 0,
        "channel_id": channel_id,
        "author": author,
        "content": text,
        "timestamp": datetime.now(UTC).isoformat(),
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "pinned": False,
        "components": [],
    }


@pytest.fixture
async def socket(service_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Socket]:
    """Give the other side of a bot that answers within half a second."""
    monkeypatch.setattr(agent, "SECONDS", 0.5)
    intents = Intents(guilds=True, messages=True, message_content=True)
    async with Client(intents=intents, enable_debug_events=True) as bot:
        router = Router(service_url, accounts=("42",), requeue_interrupted=True)
        discord_bot.gateway(bot, router, "42")
        async with router:
            side = Socket(bot, router, monkeypatch)
            ready = {"user": ME, "guilds": [], "application": {"id": "42", "flags": 0}}
            await side.hear("READY", ready | {"session_id": "s", "resume_gateway_url": "wss://x"})
            await side.hear("GUILD_CREATE", guild())
            yield side


async def test_an_event_is_answered_once_however_often_it_comes(socket: Socket) -> None:
    said = await socket.say("ana", "hello")
    await socket.hear("MESSAGE_CREATE", said)
    await socket.say("ben", "hi")

    assert sorted(await socket.answered(2)) == [["hello"], ["hi"]]
    assert {post["to"] for post in socket.posts} == {CHANNEL}


async def test_an_interrupted_request_is_answered_together_with_the_next(socket: Socket) -> None:
    await socket.say("cid", "book a table")
    await socket.say("cid", "for four")

    assert await socket.answered(1) == [["book a table", "for four"]]


async def test_an_answer_goes_to_the_thread_that_was_asked_in(socket: Socket) -> None:
    await socket.say("dan", "in the thread", channel_id=THREAD)

    assert (await socket.answered(1), socket.posts[-1]["to"]) == ([["in the thread"]], THREAD)


async def test_a_stop_and_what_is_said_of_it(socket: Socket) -> None:
    await socket.say("eve", "book a table")
    await socket.say("eve", "/stop")
    await socket.say("eve", "never mind")

    assert await socket.answered(1) == [["never mind"]]
    assert "Stopped." in [post["content"] for post in socket.posts]


async def test_an_edit_and_a_deletion_reach_what_still_waits(socket: Socket) -> None:
    await socket.say("fay", "one")
    second = await socket.say("fay", "/queue two")
    third = await socket.say("fay", "/queue four")
    moment = datetime.now(UTC).isoformat()
    edit = second | {"content": "/queue three", "edited_timestamp": moment}
    await socket.hear("MESSAGE_UPDATE", edit)
    where = {"channel_id": CHANNEL, "guild_id": GUILD}
    await socket.hear("MESSAGE_DELETE", where | {"id": third["id"]})

    assert await socket.answered(2) == [["one"], ["three"]]


async def test_a_question_is_answered_by_a_button(socket: Socket) -> None:
    await socket.say("gil", "order two")

    async def is_asked() -> bool:
        states = [await socket.router.run_state(run.id) for run in socket.router.runs]
        return any(state.asking is not None for state in states)

    await eventually(is_asked)
    question = socket.posts[0]
    (row,) = question["components"]
    yes = row["components"][0]
    press = {
        "id": str(next(NUMBERS)),
        "application_id": "42",
        "type": 3,
        "token": "t",
        "version": 1,
        "channel_id": CHANNEL,
        "channel": {"id": CHANNEL, "type": 0},
        "guild_id": GUILD,
        "member": {"user": person("gil"), "roles": [], "joined_at": None, "permissions": "0"}
        | {"deaf": False, "mute": False, "flags": 0},
        "message": message("Shall I?", ME) | {"id": question["id"]},
        "data": {"custom_id": yes["custom_id"], "component_type": 2},
        "entitlements": [],
        "authorizing_integration_owners": {},
        "context": 0,
        "attachment_size_limit": 0,
    }
    await socket.hear("INTERACTION_CREATE", press)

    assert question["content"] == "Shall I?"
    assert await socket.answered(1) == [["order two", "yes"]]
    assert len(socket.acknowledged) == 1


async def test_what_the_bot_posts_itself_is_nothing_new(socket: Socket) -> None:
    await socket.hear("MESSAGE_CREATE", message("mine", ME) | {"guild_id": GUILD})
    await socket.say("hal", "yours")

    assert await socket.answered(1) == [["yours"]]
