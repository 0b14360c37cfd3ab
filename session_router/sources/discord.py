"""Discord: an event of the Gateway (`t` and `d`), or an interaction as an endpoint receives it.

A thread is a channel of its own, and a message names its channel alone: the parent is the
gateway's to know. A forum's posts are threads. What a webhook posts has no user: each name under
a webhook is a sender of its own, and counts as a bot, so that proxies of people (PluralKit) do.

Source: docs.discord.com/developers (discord/discord-api-docs): resources/message,
resources/channel, events/gateway-events, topics/threads, interactions/receiving-and-responding.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from session_router.events import Deletion, Edit, Event, Incoming
from session_router.models import ChatType, ReplyTo, Source
from session_router.sources.buttons import pressed
from session_router.sources.commands import COMMANDS, Said, said
from session_router.sources.payloads import (
    Fields,
    IsModerator,
    as_id,
    mentioned,
    nobody,
    reply,
)
from session_router.sources.places import Place, Sender

_REPLY = 19
_READ = frozenset({0, _REPLY, 20, 23})  # texts, replies, answers to commands; the rest are notices
_FORWARD = 1
_LOADING = 1 << 7  # another bot is thinking: there is no text yet
_DM, _GROUP_DM = 1, 3
_THREADS = frozenset({10, 11, 12})
_COMMAND, _COMPONENT = 2, 3
_TEXT = 3  # the type of a command's option
_WHERE_THREADS_OPEN = frozenset({None, 0, 5})
_CONTENT = ("attachments", "components", "embeds", "poll", "sticker_items")


def read(  # noqa: PLR0913 - each is a fact that the payload does not tell
    payload: Mapping[str, Any],
    *,
    account: str,
    parent_of: Callable[[str], str | None],
    overhears: bool = False,
    opens_threads: bool = False,
    is_moderator: IsModerator = nobody,
) -> Event | None:
    """Return what an event is to the router, None where it is nothing to it.

    `account` is the id of the bot's user (of its application too, for all but the oldest bots).
    `parent_of` tells a thread's parent by the thread's id (from `GUILD_CREATE`, `THREAD_CREATE`,
    `THREAD_LIST_SYNC`, or one GET of the channel) and None for a channel that is no thread, not
    its category. Set `overhears` if the bot reads all that is said: what neither mentions it nor
    replies to it nor begins with a command is then `context`. Set `opens_threads` if the gateway
    answers messages outside threads in a thread made from them, whatever the policy says: such a
    message is then in that thread, whose id is its own.

    `payload` has what the message holds besides text (`attachments`, `embeds`, `poll`, …) as
    Discord gave it, and of an interaction its `token`, which an answer needs.

    An event that deletes several messages must be `split` first. Raises `UnreadablePayload`.
    """
    fields = Fields(payload)
    bot = _Bot(account, parent_of, overhears, opens_threads, is_moderator)
    if not fields.has("t"):  # no event of the Gateway: an interaction, a heartbeat
        return _interaction(fields, bot) if fields.has("application_id") else None
    reader = _READERS.get(fields.text("t"))
    return None if reader is None else reader(fields.part("d"), bot)


def split(payload: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return a payload for each event; only `MESSAGE_DELETE_BULK` can have several.

    Raises `UnreadablePayload`.
    """
    fields = Fields(payload)
    if fields.text_or_none("t") != "MESSAGE_DELETE_BULK":
        return (payload,)
    where = fields.part("d").copy_of("channel_id", "guild_id")
    return tuple(
        {**payload, "t": "MESSAGE_DELETE", "d": {**where, "id": message_id}}
        for message_id in fields.part("d").ids("ids")
    )


@dataclass(frozen=True, slots=True)
class _Bot:
    account: str
    parent_of: Callable[[str], str | None]
    overhears: bool
    opens_threads: bool
    is_moderator: IsModerator


def _created(message: Fields, bot: _Bot) -> Incoming | None:
    sender = _sender(message)
    text, content = _text(message), _content(message)
    if not (text or content) or not _is_readable(message, bot):
        return None
    words = _said(text, bot)
    place = _place(message, bot)
    is_for_bot = place.chat_type == "dm" or not bot.overhears or _is_addressed(message, words, bot)
    if is_for_bot and words.control is None:
        place = _opened(message, place, bot)
    return Incoming(
        message_id=message.id("id"),
        source=place.source(sender, bot.is_moderator),
        text=words.text,
        payload=content,
        reply_to=_reply_to(message, bot),
        mentions=mentioned(_mentions(message), bot=bot.account),
        kind="user" if is_for_bot else "context",
        control=words.control,
        busy=words.busy,
        sent_at=message.iso_moment_or_none("timestamp"),
    )


def _updated(message: Fields, bot: _Bot) -> Edit | None:
    text = _text(message)
    # Embeds that load later are an update too, but no edit.
    is_edit = message.has("edited_timestamp") and (text or _content(message))
    if not is_edit or not _is_readable(message, bot):
        return None
    source = _place(message, bot).source(_sender(message), bot.is_moderator)
    return Edit(message_id=message.id("id"), source=source, text=_said(text, bot).text)


def _deleted(message: Fields, bot: _Bot) -> Deletion:
    source = _place(message, bot).source(Sender(), bot.is_moderator)
    return Deletion(message_id=message.id("id"), source=source)


def _deleted_together(messages: Fields, _bot: _Bot) -> Event | None:
    raise messages.unreadable("ids", "are several: split the payload first")


def _interaction(interaction: Fields, bot: _Bot) -> Incoming | None:
    data = interaction.part_or_none("data")
    if data is None:
        return None
    kind = interaction.integer_or_none("type")
    if kind == _COMMAND:
        return _command(interaction, data, bot)
    return _press(interaction, data, bot) if kind == _COMPONENT else None


def _command(interaction: Fields, data: Fields, bot: _Bot) -> Incoming | None:
    name = f"/{data.text('name')}"
    if name not in COMMANDS:  # the gateway's own
        return None
    options = (
        option for option in data.parts("options") if option.integer_or_none("type") == _TEXT
    )
    words = said(" ".join([name, *(option.text("value") for option in options)]))
    return Incoming(
        message_id=interaction.id("id"),
        source=_source_of_interaction(interaction, bot),
        text=words.text,
        payload=interaction.copy_of("token"),
        control=words.control,
        busy=words.busy,
    )


def _press(interaction: Fields, data: Fields, bot: _Bot) -> Incoming | None:
    press = pressed(data.text("custom_id"))
    if press is None:
        return None
    chosen = ", ".join(data.ids("values"))  # of a select menu, in place of the button's answer
    return Incoming(
        message_id=interaction.id("id"),
        source=_source_of_interaction(interaction, bot),
        text=chosen or press.text,
        payload=interaction.copy_of("token"),
        reply_to=interaction.part("message").id("id"),
        answers=press.prompt_id,
    )


_READERS: Mapping[str, Callable[[Fields, _Bot], Event | None]] = {
    "MESSAGE_CREATE": _created,
    "MESSAGE_UPDATE": _updated,
    "MESSAGE_DELETE": _deleted,
    "MESSAGE_DELETE_BULK": _deleted_together,
    "INTERACTION_CREATE": _interaction,
}


def _is_readable(message: Fields, bot: _Bot) -> bool:
    """Whether a person or another bot says something: no notice, and not the bot's own post."""
    author = message.part_or_none("author")
    return (
        (message.integer_or_none("type") or 0) in _READ
        and not (message.integer_or_none("flags") or 0) & _LOADING
        and message.id_or_none("application_id") != bot.account
        and (author is None or author.id("id") != bot.account)
    )


def _place(message: Fields, bot: _Bot) -> Place:
    channel, scope = message.id("channel_id"), message.id_or_none("guild_id")
    channel_type = message.integer_or_none("channel_type")  # not in every event
    if channel_type == _GROUP_DM:
        return Place("discord", bot.account, "group", channel, scope=scope)
    if channel_type == _DM or (channel_type is None and scope is None):
        return Place("discord", bot.account, "dm", channel, scope=scope)
    parent = bot.parent_of(channel) if channel_type in {None, *_THREADS} else None
    if parent is not None:
        return Place("discord", bot.account, "thread", parent, channel, scope)
    if channel_type in _THREADS:
        raise message.unreadable("channel_id", "is a thread whose parent parent_of does not know")
    return Place("discord", bot.account, "group", channel, scope=scope)


def _opened(message: Fields, place: Place, bot: _Bot) -> Place:
    """Return the thread that the gateway will make from the message, if it will."""
    can_open = message.integer_or_none("channel_type") in _WHERE_THREADS_OPEN
    if not bot.opens_threads or place.chat_type != "group" or not can_open:
        return place
    return place._replace(chat_type="thread", thread_id=message.id("id"))


def _source_of_interaction(interaction: Fields, bot: _Bot) -> Source:
    invoker = _invoker(interaction)
    channel = interaction.part_or_none("channel")
    if channel is None:
        return _place(interaction, bot).source(invoker, bot.is_moderator)
    channel_id, channel_type = channel.id("id"), channel.integer_or_none("type")
    chat_type: ChatType = "dm" if channel_type == _DM else "group"
    scope = interaction.id_or_none("guild_id")
    place = Place("discord", bot.account, chat_type, channel_id, scope=scope)
    if channel_type in _THREADS:
        parent = channel.id("parent_id")
        place = place._replace(chat_type="thread", chat_id=parent, thread_id=channel_id)
    return place.source(invoker, bot.is_moderator)


def _invoker(interaction: Fields) -> Sender:
    member = interaction.part_or_none("member")
    user = interaction.part("user") if member is None else member.part("user")
    return Sender(user.id("id"), _name(member, user), user.flag("bot"))


def _sender(message: Fields) -> Sender:
    author = message.part_or_none("author")
    if author is None:
        return Sender()
    webhook = message.id_or_none("webhook_id")
    if webhook is None or message.has("interaction_metadata"):
        name = _name(message.part_or_none("member"), author)
        return Sender(author.id("id"), name, author.flag("bot"))
    name = author.name_or_none("username") or ""
    return Sender(as_id(f"webhook:{webhook}:{name}", "author.username"), name or None, True)


def _name(member: Fields | None, user: Fields) -> str | None:
    nick = None if member is None else member.name_or_none("nick")
    return nick or user.name_or_none("global_name") or user.name_or_none("username")


def _text(message: Fields) -> str:
    snapshots = message.parts("message_snapshots")  # what a forward shows
    forwarded = (part.part("message").text_or_none("content") for part in snapshots)
    return message.text_or_none("content") or "\n".join(filter(None, forwarded))


def _content(message: Fields) -> dict[str, JsonValue]:
    forwarded = [part.part("message") for part in message.parts("message_snapshots")]
    content: dict[str, JsonValue] = {}
    for part in (*forwarded, message):
        content |= {name: value for name, value in part.copy_of(*_CONTENT).items() if value}
    return content


def _said(text: str, bot: _Bot) -> Said:
    return said(text, f"<@{bot.account}>", f"<@!{bot.account}>")


def _mentions(message: Fields) -> tuple[str, ...]:
    return tuple(user.id("id") for user in message.parts("mentions"))


def _replied_author(message: Fields) -> str | None:
    replied = message.part_or_none("referenced_message")
    return None if replied is None else _sender(replied).user_id


def _reply_to(message: Fields, bot: _Bot) -> str | ReplyTo | None:
    # Crossposts, pins and forwards have a reference too.
    reference = message.part_or_none("message_reference")
    if reference is None or message.integer_or_none("type") != _REPLY:
        return None
    replied = reference.id_or_none("message_id")
    return None if replied is None else reply(replied, _replied_author(message), bot=bot.account)


def _is_addressed(message: Fields, words: Said, bot: _Bot) -> bool:
    is_reply = message.integer_or_none("type") == _REPLY
    return (
        words.control is not None
        or words.busy is not None
        or bot.account in _mentions(message)
        or (is_reply and _replied_author(message) == bot.account)
    )
