"""Signal, as signal-cli tells it in JSON: a `receive` notification, or the line of `receive`.

A timestamp is unique for its sender only, so a message's id is both: `<sender's uuid>:<timestamp>`.
Quotes, edits and deletions name their message in the same form. Group ids are base64: their case
counts.

A second edit of a message names the first edit's timestamp, not the message's: the router does
not know that id (`unknown`), unless the gateway puts the first one in its place.

Source: AsamK/signal-cli `man/signal-cli-jsonrpc.5.adoc`, `org/asamk/signal/json/` (envelope, data,
edit, quote, mention, group info, remote delete); issues 1219 and 1698; signalapp/Signal-Desktop
`ts/util/editHelpers` (what an edit names).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from session_router.events import Deletion, Edit, Event, Incoming
from session_router.models import ReplyTo, Source
from session_router.sources.commands import said
from session_router.sources.payloads import Fields, IsModerator, as_id, mentioned, nobody, reply
from session_router.sources.places import Place, Sender

_CONTENT = ("attachments", "sticker", "contacts", "pollCreate", "payment")
_MENTION = "\ufffc"  # stands in the text for each mention


def read(
    payload: Mapping[str, Any],
    *,
    account: str,
    overhears: bool = False,
    is_moderator: IsModerator = nobody,
) -> Event | None:
    """Return what a notification is to the router, None where it is nothing to it.

    `account` is the bot's own number or uuid. The JSON-RPC notification is taken as it comes, or
    what is in it: the object with `envelope`. Set `overhears` if the bot should read groups where
    it is not spoken to: a line that neither mentions nor quotes it, and is no command, is then
    `context`. `is_moderator` looks into the gateway's list of a group's admins.

    `payload` has `attachments`, `sticker`, `contacts`, `pollCreate`, `payment` as they came. Raises
    `UnreadablePayload`.
    """
    envelope = _envelope(payload)
    bot = _Bot(account, overhears, is_moderator)
    edit = envelope.part_or_none("editMessage")
    data = edit.part("dataMessage") if edit else envelope.part_or_none("dataMessage")
    if data is None:
        return None
    sender = _person(envelope, "source")
    if account in sender:
        return None
    source = _source(envelope, data, sender, bot)
    if edit is not None:
        message_id = _message_id(sender.user_id, edit, "targetSentTimestamp")
        text = said(_text(data), *_own_name(data, bot)).text
        return Edit(message_id=message_id, source=source, text=text)
    return _deletion(data, source) or _incoming(data, source, bot)


@dataclass(frozen=True, slots=True)
class _Bot:
    account: str
    overhears: bool
    is_moderator: IsModerator


class _Person(NamedTuple):
    """The uuid, and the number if it is known; the number, and nothing, where there is no uuid."""

    user_id: str
    alias: str | None


def _envelope(payload: Mapping[str, Any]) -> Fields:
    fields = Fields(payload)
    parameters = fields.part_or_none("params") or fields
    return (parameters.part_or_none("result") or parameters).part("envelope")


def _incoming(data: Fields, source: Source, bot: _Bot) -> Incoming | None:
    # A reply to a story belongs to the story, not to the chat.
    if data.has("storyContext") or not _has_content(data):
        return None
    text = said(_text(data), *_own_name(data, bot))
    mentions = _mentions(data)
    quoted = _quoted(data)
    meant = (
        source.chat_type == "dm"
        or bool(text.control or text.busy)
        or any(bot.account in person for person in (*mentions, quoted) if person)
    )
    return Incoming(
        message_id=_message_id(source.user_id or "", data, "timestamp"),
        source=source,
        text=text.text,
        payload=data.copy_of(*_CONTENT),
        reply_to=_reply_to(data, quoted, bot),
        mentions=mentioned(
            tuple(person.user_id for person in mentions if bot.account not in person), bot=None
        ),
        kind="user" if meant or not bot.overhears else "context",
        control=text.control,
        busy=text.busy,
        sent_at=data.moment_or_none("timestamp", per_second=1000),
    )


def _deletion(data: Fields, source: Source) -> Deletion | None:
    own = data.part_or_none("remoteDelete")
    if own is not None:
        message_id = _message_id(source.user_id or "", own, "timestamp")
        return Deletion(message_id=message_id, source=source)
    by_admin = data.part_or_none("adminDelete")
    if by_admin is not None:
        author = _person(by_admin, "targetAuthor").user_id
        message_id = _message_id(author, by_admin, "targetSentTimestamp")
        return Deletion(message_id=message_id, source=source)
    return None


def _source(envelope: Fields, data: Fields, sender: _Person, bot: _Bot) -> Source:
    group = data.part_or_none("groupInfo")
    chat_id = group.id("groupId") if group else sender.user_id
    place = Place("signal", bot.account, "group" if group else "dm", chat_id)
    name = envelope.name_or_none("sourceName")
    aliases = (sender.alias,) if sender.alias else ()
    return place.source(Sender(sender.user_id, name, aliases=aliases), bot.is_moderator)


def _person(fields: Fields, name: str) -> _Person:
    """Return whom `<name>Uuid`, `<name>Number` and the deprecated `<name>` tell of."""
    return _known_by(fields, f"{name}Uuid", f"{name}Number", name)


def _known_by(fields: Fields, uuid: str, number: str, deprecated: str) -> _Person:
    alias = fields.id_or_none(number)
    user_id = fields.id_or_none(uuid) or alias or fields.id(deprecated)
    return _Person(user_id, alias if alias != user_id else None)


def _message_id(author: str, fields: Fields, name: str) -> str:
    return as_id(f"{author}:{fields.id(name)}", name)


def _has_content(data: Fields) -> bool:
    # Joins, changes of a group or its timer, reactions, votes and pins say nothing themselves.
    return bool(_text(data)) or any(data.copy_of(*_CONTENT).values())


def _text(data: Fields) -> str:
    poll = data.part_or_none("pollCreate")
    return data.text_or_none("message") or (poll and poll.text_or_none("question")) or ""


def _own_name(data: Fields, bot: _Bot) -> tuple[str, ...]:
    """Return what stands for the bot's name if the text begins with it."""
    first = (mention for mention in data.parts("mentions") if mention.integer_or_none("start") == 0)
    return (_MENTION,) if any(bot.account in _mention(mention) for mention in first) else ()


def _mentions(data: Fields) -> tuple[_Person, ...]:
    return tuple(_mention(mention) for mention in data.parts("mentions"))


def _mention(mention: Fields) -> _Person:
    return _known_by(mention, "uuid", "number", "name")


def _quoted(data: Fields) -> _Person | None:
    quote = data.part_or_none("quote")
    return _person(quote, "author") if quote else None


def _reply_to(data: Fields, quoted: _Person | None, bot: _Bot) -> str | ReplyTo | None:
    if quoted is None:
        return None
    message_id = _message_id(quoted.user_id, data.part("quote"), "id")
    is_own = bot.account in quoted
    return reply(message_id, quoted.user_id, bot=quoted.user_id if is_own else None)
