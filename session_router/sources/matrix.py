"""Matrix: an event of a room, as `/sync` or an application service's transaction gives it.

A thread is named by its first message. Clients add a reply to each message of a thread, for those
that know no threads (`is_falling_back`): that is no reply. An edit is an event of its own whose
text stands in `m.new_content`; the `body` beside it, with its `* `, is a fallback.

The room does not check who edits: anybody can send an event that replaces another person's
message. It is to be ignored, and only the author of that message, which no event names, tells.

Source: spec.matrix.org v1.17, client-server API: event replacements, threading, rich replies,
user and room mentions, instant messaging (media captions), redactions, room upgrades, direct
messaging; room version 11 (`redacts`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from session_router.events import ChatMoved, Deletion, Edit, Event, Incoming
from session_router.models import ChatType, Source
from session_router.sources.commands import Said, said
from session_router.sources.payloads import Fields, IsModerator, mentioned, nobody, reply
from session_router.sources.places import Place, Sender

_EVENTS = frozenset({"m.room.message", "m.sticker", "m.room.redaction"})
_STATES = frozenset({"m.room.tombstone"})
_MEDIA = frozenset({"m.image", "m.file", "m.audio", "m.video"})
# "must never be automatically responded to"
_NOTICES = frozenset({"m.notice", "m.server_notice"})
_GIVEN_BACK = ("msgtype", "url", "file", "info", "filename", "geo_uri")
# The quoted message that clients put before a reply's text up to v1.12 of the specification.
_REPLY_FALLBACK = re.compile(r"\A> (?:\* )?<@[^\n]*(?:\n> [^\n]*)*\n*")

AuthorOf = Callable[[str], str | None]
"""Tells the sender of an event by the event's id, None where the gateway does not know it."""


def not_known(_event_id: str) -> None:
    """Know of no event who sent it."""


def read(  # noqa: PLR0913 - each is a fact that the payload does not tell
    payload: Mapping[str, Any],
    *,
    account: str,
    is_direct: bool,
    room_id: str | None = None,
    user_name: str | None = None,
    overhears: bool = False,
    author_of: AuthorOf = not_known,
    is_moderator: IsModerator = nobody,
) -> Event | None:
    """Return what an event is to the router, None where it is nothing to it.

    `account` is the bot's user id. `is_direct` says that the room is a direct chat (`m.direct` in
    the account data): nothing in an event does. `room_id` is for events of `/sync`, which do not
    name their room, and `user_name` the sender's display name in it. Set `overhears` if the bot
    should read rooms where it is not spoken to: a line that neither mentions it nor replies to it,
    and is no command, is then `context`; notices always are. `author_of` is asked whose message is
    replied to or edited, and should know at least the room's recent events: an edit of somebody
    else's message is nothing, while one of an unknown author's is taken for the author's own.
    `is_moderator` looks into the room's power levels.

    Encrypted events are nothing; decrypted, they are read. `payload` has what a medium is fetched
    with (`url` or `file`, `info`). Raises `UnreadablePayload`.
    """
    fields = Fields(payload)
    kind = fields.text("type")
    is_state = fields.has("state_key")
    if kind not in (_STATES if is_state else _EVENTS):
        return None
    room = _Room(
        room_id=fields.id_or_none("room_id") or room_id or fields.id("room_id"),
        account=account,
        is_direct=is_direct,
        user_name=user_name,
        overhears=overhears,
        author_of=author_of,
        is_moderator=is_moderator,
    )
    if is_state:
        return _moved(fields, room)
    if kind == "m.room.redaction":
        return _deletion(fields, room)
    if fields.id("sender") == account:
        return None
    content = fields.part("content")
    relation = content.part_or_none("m.relates_to") or Fields({})
    if relation.text_or_none("rel_type") == "m.replace":
        return _edit(fields, content, relation, room)
    return _incoming(fields, content, relation, room) if content.has("body") else None


@dataclass(frozen=True, slots=True)
class _Room:
    """What the gateway says: of the bot, of the room, of the sender's name in it."""

    room_id: str
    account: str
    is_direct: bool
    user_name: str | None
    overhears: bool
    author_of: AuthorOf
    is_moderator: IsModerator


def _incoming(event: Fields, content: Fields, relation: Fields, room: _Room) -> Incoming | None:
    kind = content.text_or_none("msgtype")
    if kind == "m.key.verification.request":
        return None
    is_notice = kind in _NOTICES
    text = _text(content, is_reply=relation.has("m.in_reply_to"))
    words = Said(text) if is_notice else said(text, *_names(room))
    addressed = _addressed(content)
    replied = _replied(relation)
    author = room.author_of(replied) if replied else None
    to_bot = room.is_direct or room.account in (*addressed, author)
    meant = to_bot or not room.overhears or bool(words.control or words.busy)
    thread_id = relation.id("event_id") if _is_of_thread(relation) else None
    return Incoming(
        message_id=event.id("event_id"),
        source=_source(event, room, thread_id=thread_id, is_bot=is_notice),
        text=words.text,
        payload=content.copy_of(*_GIVEN_BACK),
        reply_to=reply(replied, author, bot=room.account) if replied else None,
        mentions=mentioned(addressed, bot=room.account),
        kind="user" if meant and not is_notice else "context",
        control=words.control,
        busy=words.busy,
        sent_at=event.moment_or_none("origin_server_ts", per_second=1000),
    )


def _edit(event: Fields, content: Fields, relation: Fields, room: _Room) -> Edit | None:
    new = content.part_or_none("m.new_content")
    if new is None or not new.has("body"):
        return None
    message_id = relation.id("event_id")
    if room.author_of(message_id) not in (None, event.id("sender")):
        return None
    text = said(_text(new, is_reply=False), *_names(room)).text
    return Edit(message_id=message_id, source=_source(event, room), text=text)


def _deletion(event: Fields, room: _Room) -> Deletion:
    # The field's place follows the room's version: in the event up to 10, in the content from 11.
    content = event.part_or_none("content")
    message_id = (content and content.id_or_none("redacts")) or event.id("redacts")
    return Deletion(message_id=message_id, source=_source(event, room))


def _moved(event: Fields, room: _Room) -> ChatMoved | None:
    to = event.part("content").id_or_none("replacement_room")
    if to is None:
        return None
    return ChatMoved(platform="matrix", account=room.account, moved_from=room.room_id, to=to)


def _source(
    event: Fields, room: _Room, *, thread_id: str | None = None, is_bot: bool = False
) -> Source:
    chat_type: ChatType = "dm" if room.is_direct else "group"
    place = Place("matrix", room.account, chat_type, room.room_id, thread_id)
    return place.source(Sender(event.id("sender"), room.user_name, is_bot), room.is_moderator)


def _is_of_thread(relation: Fields) -> bool:
    return relation.text_or_none("rel_type") == "m.thread"


def _replied(relation: Fields) -> str | None:
    if _is_of_thread(relation) and relation.flag("is_falling_back"):
        return None
    replied = relation.part_or_none("m.in_reply_to")
    return replied.id("event_id") if replied else None


def _addressed(content: Fields) -> tuple[str, ...]:
    mentions = content.part_or_none("m.mentions")
    return mentions.ids("user_ids") if mentions else ()


def _names(room: _Room) -> tuple[str, str]:
    return room.account, f"{room.account}:"


def _text(content: Fields, *, is_reply: bool) -> str:
    body = content.text("body")
    kind = content.text_or_none("msgtype")
    if kind is None:
        return ""  # a sticker, which its body describes
    if kind in _MEDIA and content.text_or_none("filename") in (None, body):
        return ""
    return _REPLY_FALLBACK.sub("", body) if is_reply else body
