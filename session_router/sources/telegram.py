"""Telegram: an update of the Bot API, as a webhook or `getUpdates` gives it.

A forum's General topic is its chat, for its messages have no topic; a reply chain in a supergroup
has a `message_thread_id` too, but is no thread. Messages on behalf of a chat (anonymous admins,
channels) come from that chat's id: all anonymous admins of a group are one sender, while a
button that one of them presses tells who it was. What reaches the bot through a business
connection or as a guest is apart from the bot's own chat with the same id: it has an account of
its own, `<bot>/<connection>` or `<bot>/guest`.

Source: core.telegram.org/bots/api (Bot API 10.2): Update, Message, Chat, CallbackQuery,
MessageEntity, BusinessMessagesDeleted, DirectMessagesTopic.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from session_router.events import ChatMoved, Deletion, Edit, Event, Incoming
from session_router.models import ChatType, Kind, ReplyTo, Source
from session_router.sources.buttons import pressed
from session_router.sources.commands import Said, said
from session_router.sources.payloads import Fields, IsModerator, as_id, mentioned, nobody, reply
from session_router.sources.places import Place, Sender

_MESSAGES = ("message", "channel_post", "business_message", "guest_message")
_EDITS = ("edited_message", "edited_channel_post", "edited_business_message")
# What a person can send; whatever has none of these is a service message (joins, pins, …).
_CONTENT = (
    *("animation", "audio", "checklist", "contact", "dice", "document", "game", "live_photo"),
    *("location", "paid_media", "photo", "poll", "rich_message", "sticker", "story", "venue"),
    *("video", "video_note", "voice"),
)
_TO_ANSWER = ("business_connection_id", "ephemeral_message_id", "guest_query_id")
_CHAT_TYPES: Final[Mapping[str, ChatType]] = {
    "private": "dm",
    "group": "group",
    "supergroup": "group",
    "channel": "group",
}
_COMMAND_FOR = re.compile(r"(/\w+)@(\w+)")
_NO_ID = "0"  # of ephemeral messages, and of those that Telegram has not sent yet


def read(
    update: Mapping[str, Any],
    *,
    account: str,
    bot_name: str,
    overhears: bool = False,
    is_moderator: IsModerator = nobody,
) -> Event | None:
    """Return what an update is to the router, None where it is nothing to it.

    `account` is the bot's id, `bot_name` its username, both as `getMe` tells them. Set
    `overhears` if the bot also gets lines of groups that are not for it (privacy mode off, or
    admin): a line that neither mentions it nor replies to it nor begins with a command is then
    `context`. `is_moderator` looks into the gateway's list of a chat's admins; anonymous admins
    are moderators without it.

    `payload` has the message's content as Telegram gave it (`photo`, `voice`, `location`, …, with
    the file ids), and what an answer needs besides chat and thread: `business_connection_id`,
    `ephemeral_message_id`, `guest_query_id`.

    An update that deletes several messages must be `split` first. Raises `UnreadablePayload`.
    """
    fields = Fields(update)
    bot = _Bot(account, bot_name.casefold(), overhears, is_moderator)
    for name in filter(fields.has, _MESSAGES):
        return _message(fields, fields.part(name), bot)
    for name in filter(fields.has, _EDITS):
        return _edit(fields.part(name), bot)
    if fields.has("deleted_business_messages"):
        return _deletion(fields.part("deleted_business_messages"), bot)
    if fields.has("callback_query"):
        return _press(fields.part("callback_query"), bot)
    return None


def split(update: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return an update for each event; only `deleted_business_messages` can have several.

    Raises `UnreadablePayload`.
    """
    deleted = Fields(update).part_or_none("deleted_business_messages")
    if deleted is None:
        return (update,)
    shared = {**update["deleted_business_messages"]}
    return tuple(
        {**update, "deleted_business_messages": {**shared, "message_ids": [message_id]}}
        for message_id in deleted.ids("message_ids")
    )


@dataclass(frozen=True, slots=True)
class _Bot:
    account: str
    name: str
    overhears: bool
    is_moderator: IsModerator


def _message(update: Fields, message: Fields, bot: _Bot) -> Incoming | ChatMoved | None:
    moved = _moved(message, bot)
    if moved is not None:
        return moved
    sender = _sender(message)
    has_content = message.has("text") or any(map(message.has, _CONTENT))
    if not has_content or _is_own(message, sender, bot):
        return None
    source = _source(message, sender, bot)
    kind = _kind(message, source, bot)
    if kind is None:
        return None
    words = _said(_text(message), bot) if kind == "user" else Said(_text(message))
    return Incoming(
        message_id=_message_id(update, message),
        source=source,
        text=words.text,
        payload=message.copy_of(*_CONTENT, *_TO_ANSWER),
        reply_to=_reply_to(message, bot),
        mentions=_mentions(message, bot),
        kind=kind,
        control=words.control,
        busy=words.busy,
        group=message.id_or_none("media_group_id"),
        sent_at=message.moment_or_none("date"),
    )


def _moved(message: Fields, bot: _Bot) -> ChatMoved | None:
    # Both chats are told, the group of its new id and the supergroup of its old one.
    chat_id = message.part("chat").id("id")
    to = message.id_or_none("migrate_to_chat_id")
    moved_from = message.id_or_none("migrate_from_chat_id")
    if to is not None:
        return ChatMoved(platform="telegram", account=bot.account, moved_from=chat_id, to=to)
    if moved_from is None:
        return None
    return ChatMoved(platform="telegram", account=bot.account, moved_from=moved_from, to=chat_id)


def _edit(message: Fields, bot: _Bot) -> Edit | None:
    sender = _sender(message)
    message_id = message.id("message_id")
    if message_id == _NO_ID or _is_own(message, sender, bot):
        return None
    text = _said(_text(message), bot).text
    return Edit(message_id=message_id, source=_source(message, sender, bot), text=text)


def _deletion(deleted: Fields, bot: _Bot) -> Deletion | None:
    message_ids = deleted.ids("message_ids")
    if len(message_ids) > 1:
        raise deleted.unreadable("message_ids", "are several: split the update first")
    source = _source(deleted, Sender(), bot)
    return Deletion(message_id=message_ids[0], source=source) if message_ids else None


def _press(query: Fields, bot: _Bot) -> Incoming | None:
    message = query.part_or_none("message")
    press = pressed(query.text_or_none("data") or "")
    if message is None or press is None:
        return None
    prompt = message.id("message_id")
    return Incoming(
        message_id=query.id("id"),
        source=_source(message, _person(query.part("from")), bot),
        text=press.text,
        payload=message.copy_of("business_connection_id", "ephemeral_message_id"),
        reply_to=None if prompt == _NO_ID else prompt,
        answers=press.prompt_id,
    )


def _source(message: Fields, sender: Sender, bot: _Bot) -> Source:
    chat = message.part("chat")
    chat_id = chat.id("id")
    chat_type = _CHAT_TYPES.get(chat.text("type"))
    if chat_type is None:
        raise chat.unreadable("type", "is no type of chat that is known")
    place = Place(
        platform="telegram",
        account=_account(message, bot),
        chat_type=chat_type,
        chat_id=chat_id,
        thread_id=_thread_id(message, chat),
    )
    return place.source(sender, bot.is_moderator)


def _account(message: Fields, bot: _Bot) -> str:
    connection = message.id_or_none("business_connection_id")
    if connection is not None:
        return as_id(f"{bot.account}/{connection}", "business_connection_id")
    return f"{bot.account}/guest" if message.has("guest_query_id") else bot.account


def _thread_id(message: Fields, chat: Fields) -> str | None:
    if chat.flag("is_direct_messages"):
        topic = message.part_or_none("direct_messages_topic")
        return None if topic is None else topic.id("topic_id")
    return message.id("message_thread_id") if message.flag("is_topic_message") else None


def _sender(message: Fields) -> Sender:
    chat = message.part_or_none("sender_chat")
    if chat is not None:  # `from` is then a stand-in that many share
        name = message.name_or_none("author_signature") or chat.name_or_none("title")
        is_anonymous_admin = chat.id("id") == message.part("chat").id("id")
        return Sender(chat.id("id"), name, is_moderator=is_anonymous_admin)
    user = message.part_or_none("from")
    return Sender() if user is None else _person(user)


def _person(user: Fields) -> Sender:
    names = (user.name_or_none("first_name"), user.name_or_none("last_name"))
    name = " ".join(filter(None, names)) or None
    return Sender(user.id("id"), name and as_id(name, "first_name"), user.flag("is_bot"))


def _is_own(message: Fields, sender: Sender, bot: _Bot) -> bool:
    for_the_owner = message.part_or_none("sender_business_bot")
    sent_by = sender.user_id if for_the_owner is None else for_the_owner.id("id")
    return sent_by == bot.account


def _message_id(update: Fields, message: Fields) -> str:
    message_id = message.id("message_id")
    if message_id != _NO_ID:
        return message_id
    return as_id(f"update:{update.id('update_id')}", "update_id")


def _text(message: Fields) -> str:
    return message.text_or_none("text") or message.text_or_none("caption") or ""


def _said(text: str, bot: _Bot) -> Said:
    command = _COMMAND_FOR.match(text)
    is_for_bot = command is not None and command[2].casefold() == bot.name
    plain = command[1] + text[command.end() :] if command is not None and is_for_bot else text
    words = said(plain, f"@{bot.name}")
    return words._replace(text=text) if words.text == plain else words


def _replied(message: Fields) -> Fields | None:
    """Return the message that is answered: of a topic's opening message no one means an answer."""
    replied = message.part_or_none("reply_to_message")
    if replied is None or not message.flag("is_topic_message"):
        return replied
    is_opening = replied.id("message_id") == message.id_or_none("message_thread_id")
    return None if is_opening else replied


def _reply_to(message: Fields, bot: _Bot) -> str | ReplyTo | None:
    replied = _replied(message)
    if replied is None or replied.id("message_id") == _NO_ID:
        return None
    return reply(replied.id("message_id"), _sender(replied).user_id, bot=bot.account)


def _entities(message: Fields) -> tuple[Fields, ...]:
    return message.parts("entities") or message.parts("caption_entities")


def _mentions(message: Fields, bot: _Bot) -> tuple[str, ...]:
    others = (one for one in _mentioned(message) if one.casefold() != bot.name)
    return mentioned(tuple(others), bot=bot.account)


def _mentioned(message: Fields) -> Iterator[str]:
    """Give the id of each user that is mentioned, or the name; offsets count UTF-16 units."""
    units = _text(message).encode("utf-16-le")
    for entity in _entities(message):
        user = entity.part_or_none("user")
        offset, length = entity.integer_or_none("offset"), entity.integer_or_none("length")
        if user is not None:
            yield user.id("id")
        elif entity.text("type") == "mention" and offset is not None and length is not None:
            mention = units[2 * offset : 2 * (offset + length)].decode("utf-16-le", "replace")
            yield as_id(mention.removeprefix("@"), "entities")


def _kind(message: Fields, source: Source, bot: _Bot) -> Kind | None:
    """Tell whom a message is for: the bot, others whom it overhears, another bot alone (None)."""
    if message.flag("is_automatic_forward"):
        return "context"
    if message.has("business_connection_id"):
        # The account's owner writes to the customer: nothing that the bot is asked.
        return "user" if source.user_id == source.chat_id else "context"
    is_direct = message.part("chat").flag("is_direct_messages") or message.has("guest_query_id")
    if source.chat_type == "dm" or is_direct:
        return "user"
    command = _COMMAND_FOR.match(_text(message))
    if command is not None and command[2].casefold() != bot.name:
        return "context" if bot.overhears else None
    return "user" if not bot.overhears or _is_addressed(message, bot) else "context"


def _is_addressed(message: Fields, bot: _Bot) -> bool:
    replied = _replied(message)
    is_reply_to_bot = replied is not None and _sender(replied).user_id == bot.account
    names = {bot.account, bot.name}
    return (
        is_reply_to_bot
        or any(map(_is_leading_command, _entities(message)))
        or any(one.casefold() in names for one in _mentioned(message))
    )


def _is_leading_command(entity: Fields) -> bool:
    return entity.text("type") == "bot_command" and entity.integer_or_none("offset") == 0
