"""Slack: a request of the Events API, a pressed button, a slash command (of a form, its fields).

In Socket Mode it is the envelope's `payload`. A mention arrives twice, as `message` and as
`app_mention`, and so does whatever Slack sends again: the message's `ts` is its id, never the
event's. A reply is a message in a thread, and a thread is known by its parent's `ts`; the parent
itself is outside. Texts stay as Slack writes them (`<@U1>`, `&amp;`).

Source: docs.slack.dev: apis/events-api, reference/events/message and its subtypes,
reference/events/app_mention, reference/events/channel_id_changed,
reference/interaction-payloads/block_actions-payload, interactivity/implementing-slash-commands,
apis/slack-connect.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from session_router.events import ChatMoved, Deletion, Edit, Event, Incoming
from session_router.models import ChatType
from session_router.sources.buttons import Press, pressed
from session_router.sources.commands import COMMANDS, Said, said
from session_router.sources.payloads import Fields, IsModerator, mentioned, nobody
from session_router.sources.places import Place, Sender

_SAID = frozenset({None, "bot_message", "file_share", "me_message", "thread_broadcast"})
_SLACKBOT = "USLACKBOT"
_MENTION = re.compile(r"<@([UW][A-Z0-9]{1,40})(?:\|[^>]*)?>")
_OF_A_FILE = ("id", "name", "mimetype", "size", "url_private", "file_access")


def _no_home(_channel_id: str) -> str | None:
    return None


def read(  # noqa: PLR0913 - each is a fact that the payload does not tell
    payload: Mapping[str, Any],
    *,
    bot_user_id: str,
    home_of: Callable[[str], str | None] = _no_home,
    overhears: bool = False,
    opens_threads: bool = False,
    is_moderator: IsModerator = nobody,
) -> Event | None:
    """Return what a payload is to the router, None where it is nothing to it.

    `bot_user_id` is the bot's user in this workspace (`auth.test`); the account is the app's id.
    The scope is the workspace that the payload came for. That is not the same each time for a
    channel that Slack Connect shares between workspaces which both have the app: `home_of` pins
    such a channel to one. Set `overhears` if the app gets all that is said in a channel: what
    neither mentions the bot nor answers in a thread of its post nor begins with a command is
    then `context`. Set `opens_threads` if the gateway answers messages at the top of a channel in
    their thread, whatever the policy says: such a message is then in the thread of its own `ts`.

    `payload` has the message's `files`, each with what it takes to fetch it, `attachments` and
    `blocks` where there is no text, and of a button or a slash command its `response_url`.

    Raises `UnreadablePayload`.
    """
    body = Fields(payload)
    bot = _Bot(bot_user_id, home_of, overhears, opens_threads, is_moderator)
    if body.has("command"):
        return _command(body, bot)
    kind = body.text_or_none("type")
    if kind == "block_actions":
        return _press(body, bot)
    return _event(body, body.part("event"), bot) if kind == "event_callback" else None


@dataclass(frozen=True, slots=True)
class _Bot:
    user_id: str
    home_of: Callable[[str], str | None]
    overhears: bool
    opens_threads: bool
    is_moderator: IsModerator


def _event(body: Fields, event: Fields, bot: _Bot) -> Event | None:
    kind, subtype = event.text("type"), event.text_or_none("subtype")
    if kind == "channel_id_changed":
        return _moved(body, event, bot)
    if kind not in {"message", "app_mention"} or event.text_or_none("channel_type") == "app_home":
        return None
    if subtype == "message_changed":
        return _changed(body, event, bot)
    if subtype == "message_deleted":
        return _deleted(body, event, bot)
    return _message(body, event, bot) if subtype in _SAID else None


def _message(body: Fields, event: Fields, bot: _Bot) -> Incoming | None:
    words, content = _said(event, bot), _content(event)
    if not (words.text or content) or _is_own(body, event, bot):
        return None
    place = _place_of_event(body, event, event, bot)
    is_for_bot = place.chat_type == "dm" or not bot.overhears or _is_addressed(event, words, bot)
    is_top = place.chat_type == "group" and place.thread_id is None
    if bot.opens_threads and is_top and is_for_bot and words.control is None:
        place = place._replace(thread_id=event.id("ts"))
    return Incoming(
        message_id=event.id("ts"),
        source=place.source(_sender(event), bot.is_moderator),
        text=words.text,
        payload=content,
        mentions=mentioned(_mentions(event), bot=bot.user_id),
        kind="user" if is_for_bot else "context",
        control=words.control,
        busy=words.busy,
        sent_at=event.moment_or_none("ts"),
    )


def _changed(body: Fields, event: Fields, bot: _Bot) -> Edit | Deletion | None:
    message, previous = event.part("message"), event.part_or_none("previous_message")
    subtype = message.text_or_none("subtype")
    source = _place_of_event(body, event, message, bot).source(_sender(message), bot.is_moderator)
    if subtype == "tombstone":  # what is left of a deleted message that has a thread
        return Deletion(message_id=message.id("ts"), source=source)
    text = message.text_or_none("text")
    # Slack tells of previews, replies and languages in the same way.
    is_same = previous is not None and previous.text_or_none("text") == text
    if is_same or subtype not in _SAID or _is_own(body, message, bot):
        return None
    return Edit(message_id=message.id("ts"), source=source, text=_said(message, bot).text)


def _deleted(body: Fields, event: Fields, bot: _Bot) -> Deletion | None:
    previous = event.part_or_none("previous_message")
    if previous is not None and _is_own(body, previous, bot):
        return None
    source = _place_of_event(body, event, event, bot).source(Sender(), bot.is_moderator)
    return Deletion(message_id=event.id("deleted_ts"), source=source)


def _moved(body: Fields, event: Fields, bot: _Bot) -> ChatMoved:
    moved_from, to = event.id("old_channel_id"), event.id("new_channel_id")
    return ChatMoved(
        platform="slack",
        account=body.id("api_app_id"),
        scope=bot.home_of(to) or body.id("team_id"),
        moved_from=moved_from,
        to=to,
    )


def _press(body: Fields, bot: _Bot) -> Incoming | None:
    container = body.part("container")
    channel = container.id_or_none("channel_id")
    press = next(filter(None, map(_pressed, body.parts("actions"))), None)
    if channel is None or press is None:
        return None
    prompt = container.id("message_ts")
    user = Sender(body.part("user").id("id"), body.part("user").name_or_none("name"))
    place = _place(
        body, bot, channel, team=_team_of_press(body), thread_id=_thread_id(container, prompt)
    )
    return Incoming(
        message_id=body.id("trigger_id"),
        source=place.source(user, bot.is_moderator),
        text=press.text,
        payload=body.copy_of("response_url"),
        reply_to=prompt,
        answers=press.prompt_id,
    )


def _pressed(action: Fields) -> Press | None:
    option = action.part_or_none("selected_option")
    data = action if option is None else option
    return pressed(data.text_or_none("value") or "")


def _team_of_press(body: Fields) -> str:
    team = body.part_or_none("team")  # null where the app is installed in a whole organization
    return body.part("user").id("team_id") if team is None else team.id("id")


def _command(body: Fields, bot: _Bot) -> Incoming | None:
    name = body.text("command")
    if name not in COMMANDS:  # the gateway's own
        return None
    words = said(f"{name} {body.text_or_none('text') or ''}".strip())
    user = Sender(body.id("user_id"), body.name_or_none("user_name"))
    place = _place(body, bot, body.id("channel_id"), team=body.id("team_id"))
    return Incoming(
        message_id=body.id("trigger_id"),
        source=place.source(user, bot.is_moderator),
        text=words.text,
        payload=body.copy_of("response_url"),
        control=words.control,
        busy=words.busy,
    )


def _place(  # noqa: PLR0913 - the kinds of payload tell these in different ways
    body: Fields,
    bot: _Bot,
    channel: str,
    *,
    team: str,
    channel_type: str | None = None,
    thread_id: str | None = None,
) -> Place:
    return Place(
        platform="slack",
        account=body.id("api_app_id"),
        chat_type=_chat_type(channel, channel_type),
        chat_id=channel,
        thread_id=thread_id,
        scope=bot.home_of(channel) or team,
    )


def _place_of_event(body: Fields, event: Fields, message: Fields, bot: _Bot) -> Place:
    return _place(
        body,
        bot,
        event.id("channel"),
        team=body.id("team_id"),
        channel_type=event.text_or_none("channel_type"),
        thread_id=_thread_id(message, message.id("ts")),
    )


def _chat_type(channel: str, channel_type: str | None) -> ChatType:
    if channel_type is None:  # of buttons, slash commands and app_mention
        return "dm" if channel.startswith("D") else "group"
    return "dm" if channel_type == "im" else "group"


def _thread_id(message: Fields, ts: str) -> str | None:
    thread_ts = message.id_or_none("thread_ts")
    return None if thread_ts == ts else thread_ts


def _sender(message: Fields) -> Sender:
    user_id, bot_id = message.id_or_none("user"), message.id_or_none("bot_id")
    is_bot = bot_id is not None or message.text_or_none("subtype") == "bot_message"
    profile = message.part_or_none("bot_profile" if is_bot else "user_profile")
    name = message.name_or_none("username")
    if name is None and profile is not None:
        names = map(profile.name_or_none, ("display_name", "real_name", "name"))
        name = next(filter(None, names), None)
    return Sender(user_id or bot_id, name, is_bot or user_id == _SLACKBOT)


def _is_own(body: Fields, message: Fields, bot: _Bot) -> bool:
    is_of_the_app = message.id_or_none("app_id") == body.id("api_app_id")
    return is_of_the_app or message.id_or_none("user") == bot.user_id


def _content(message: Fields) -> dict[str, JsonValue]:
    files: list[JsonValue] = [file.copy_of(*_OF_A_FILE) for file in message.parts("files")]
    # Apps may say all in blocks.
    rest = {} if message.text_or_none("text") else message.copy_of("attachments", "blocks")
    return {**rest, **({"files": files} if files else {})}


def _said(message: Fields, bot: _Bot) -> Said:
    return said(message.text_or_none("text") or "", f"<@{bot.user_id}>")


def _mentions(message: Fields) -> tuple[str, ...]:
    return tuple(_MENTION.findall(message.text_or_none("text") or ""))


def _is_addressed(event: Fields, words: Said, bot: _Bot) -> bool:
    return (
        words.control is not None
        or words.busy is not None
        or event.text("type") == "app_mention"
        or event.id_or_none("parent_user_id") == bot.user_id
        or bot.user_id in _mentions(event)
    )
