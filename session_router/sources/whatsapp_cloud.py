"""WhatsApp's Cloud API: the body of a webhook of a WhatsApp Business Account.

One body may carry several messages: `split` gives one body for each, and `read` takes such a one.

A person is known by the business-scoped id (`US.1349…`) where there is one, else by the phone
number; the other ids are aliases, for any of them may be missing next time. When a person's ids
change, WhatsApp says so once (`user_id_update` and system messages): that becomes an overheard
line, whose aliases tie the new ids to the old ones.

Source: developers.facebook.com, WhatsApp Business Platform, webhooks reference `messages` (text,
image, button, interactive, group, system, edit, revoke) and business-scoped user ids.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import JsonValue

from session_router.events import Deletion, Edit, Event, Incoming
from session_router.models import Source
from session_router.sources.buttons import pressed
from session_router.sources.commands import Said, said
from session_router.sources.payloads import Fields, nobody
from session_router.sources.places import Place, Sender

_CARRIED = ("messages", "user_id_update")  # fields of a change, and of its value
_NO_MESSAGES = frozenset({"reaction", "unsupported", "request_welcome"})
_CAPTIONED = frozenset({"image", "video", "document"})
_GIVEN_BACK = (
    *("type", "image", "video", "audio", "voice", "document", "sticker", "location", "contacts"),
    *("order", "interactive", "button", "referral"),
)


def split(payload: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return one body for each message or change of ids, in their order.

    Statuses and whatever else is nothing for the router are left out. Raises
    `UnreadablePayload`.
    """
    return tuple(
        {"object": "whatsapp_business_account", "entry": [{"changes": [change]}]}
        for change in _single_changes(payload)
    )


def read(payload: Mapping[str, Any], *, overhears: bool = False) -> Event | None:
    """Read a webhook's body that carries one message, or one change of ids, or neither.

    With `overhears` a line in a group is for the bot if it replies to one of the business's
    messages, presses a button or is a command: nothing else in a payload says so. Raises
    `UnreadablePayload`, also for a body that should be `split` first.
    """
    changes = list(_carrying(payload))
    if not changes:
        return None
    if len(changes) > 1:
        raise Fields(payload).unreadable("entry", "holds several events: split it first")
    name, value = changes[0]
    items = value.parts(name)
    if len(items) > 1:
        raise value.unreadable(name, "holds several events: split it first")
    if name == "user_id_update":
        return _update_of_ids(value, items[0])
    return _message(value, items[0], overhears=overhears)


def _carrying(payload: Mapping[str, Any]) -> Iterator[tuple[str, Fields]]:
    body = Fields(payload)
    if body.text("object") != "whatsapp_business_account":
        return
    for entry in body.parts("entry"):
        for change in entry.parts("changes"):
            name = change.text("field")
            if name in _CARRIED and change.part("value").parts(name):
                yield name, change.part("value")


def _single_changes(payload: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, value in _carrying(payload):
        shared = value.copy_of("metadata", "contacts")
        for item in cast(list[JsonValue], value.copy_of(name)[name]):
            yield {"field": name, "value": {**shared, name: [item]}}


def _message(value: Fields, message: Fields, *, overhears: bool) -> Event | None:
    kind = message.text("type")
    if kind in _NO_MESSAGES:
        return None
    if kind == "system":
        return _system_message(value, message)
    sender = _sender(message, _contact_of(message, value.parts("contacts")))
    source = _source(value, message, sender)
    if kind == "edit":
        edit = message.part("edit")
        text = said(_text(edit.part("message")))
        return Edit(message_id=edit.id("original_message_id"), source=source, text=text.text)
    if kind == "revoke":
        message_id = message.part("revoke").id("original_message_id")
        return Deletion(message_id=message_id, source=source)
    return _incoming(value, message, source, overhears=overhears)


def _incoming(value: Fields, message: Fields, source: Source, *, overhears: bool) -> Incoming:
    press = pressed(_button_data(message) or "")
    text = said(_text(message)) if press is None else Said(press.text)
    context = message.part_or_none("context")
    to_business = _is_of_business(value, context)
    meant = source.chat_type == "dm" or bool(press or text.control or text.busy or to_business)
    return Incoming(
        message_id=message.id("id"),
        source=source,
        text=text.text,
        payload=message.copy_of(*_GIVEN_BACK),
        reply_to=_replied(context),
        kind="context" if overhears and not meant else "user",
        control=text.control,
        busy=text.busy,
        answers=press.prompt_id if press else None,
        sent_at=message.moment_or_none("timestamp"),
    )


def _update_of_ids(value: Fields, update: Fields) -> Incoming | None:
    user_id = update.part("user_id")
    parents = update.part_or_none("parent_user_id")
    ids = (
        *(user_id.id("current"), user_id.id_or_none("previous"), update.id_or_none("wa_id")),
        *((parents.id_or_none("current"), parents.id_or_none("previous")) if parents else ()),
    )
    # The update has no id of its own; the new user id is one, for it comes to be only once.
    return _changed_ids(value, update, ids, ids[0], update.text_or_none("detail"))


def _system_message(value: Fields, message: Fields) -> Incoming | None:
    system = message.part("system")
    ids = (
        *(system.id_or_none("user_id"), system.id_or_none("wa_id")),
        *(message.id_or_none("from_user_id"), message.id_or_none("from")),
        *(system.id_or_none("parent_user_id"), message.id_or_none("from_parent_user_id")),
    )
    return _changed_ids(value, message, ids, message.id("id"), system.text_or_none("body"))


def _changed_ids(
    value: Fields, said_by: Fields, ids: tuple[str | None, ...], message_id: str, text: str | None
) -> Incoming | None:
    known = tuple(dict.fromkeys(id_ for id_ in ids if id_))
    if not known[1:]:
        return None
    return Incoming(
        message_id=message_id,
        source=_source(value, said_by, Sender(known[0], aliases=known[1:])),
        text=text or "",
        kind="context",
        sent_at=said_by.moment_or_none("timestamp"),
    )


def _source(value: Fields, message: Fields, sender: Sender) -> Source:
    account = value.part("metadata").id("phone_number_id")
    group_id = message.id_or_none("group_id")
    chat_id = group_id or sender.user_id or ""
    place = Place("whatsapp", account, "group" if group_id else "dm", chat_id)
    return place.source(sender, nobody)


def _sender(message: Fields, contact: Fields | None) -> Sender:
    ids = (
        *(message.id_or_none("from_user_id"), contact and contact.id_or_none("user_id")),
        *(message.id_or_none("from"), contact and contact.id_or_none("wa_id")),
        message.id_or_none("from_parent_user_id"),
        contact and contact.id_or_none("parent_user_id"),
    )
    known = tuple(dict.fromkeys(id_ for id_ in ids if id_))
    if not known:
        raise message.unreadable("from", "is missing, and so is every other id of the sender")
    profile = contact and contact.part_or_none("profile")
    name = profile.name_or_none("name") if profile else None
    return Sender(known[0], name, aliases=known[1:])


def _contact_of(message: Fields, contacts: tuple[Fields, ...]) -> Fields | None:
    """Return who sent it: a contact with one of its ids; one alone may have another number."""
    user_id, phone = message.id_or_none("from_user_id"), message.id_or_none("from")
    for contact in contacts:
        if user_id and contact.id_or_none("user_id") == user_id:
            return contact
        if phone and contact.id_or_none("wa_id") == phone:
            return contact
    alone = contacts[0] if len(contacts) == 1 else None
    contradicts = alone and user_id and alone.id_or_none("user_id")
    return None if contradicts else alone


def _is_of_business(value: Fields, context: Fields | None) -> bool:
    author = context.id_or_none("from") if context else None
    number = value.part("metadata").id_or_none("display_phone_number")
    return author is not None and number is not None and _digits(author) == _digits(number)


def _digits(number: str) -> str:
    return "".join(character for character in number if character.isdecimal())


def _replied(context: Fields | None) -> str | None:
    if context is None or context.flag("forwarded") or context.flag("frequently_forwarded"):
        return None
    return context.id_or_none("id")


def _text(message: Fields) -> str:
    kind = message.text("type")
    if kind == "text":
        return message.part("text").text("body")
    if kind in _CAPTIONED:
        return message.part(kind).text_or_none("caption") or ""
    if kind == "button":
        return message.part("button").text_or_none("text") or ""
    if kind == "order":
        return message.part("order").text_or_none("text") or ""
    if kind == "interactive":
        reply = _interactive_reply(message)
        return reply.text_or_none("title") or reply.text_or_none("body") or ""
    return ""


def _button_data(message: Fields) -> str | None:
    kind = message.text("type")
    if kind == "button":
        return message.part("button").text_or_none("payload")
    return _interactive_reply(message).text_or_none("id") if kind == "interactive" else None


def _interactive_reply(message: Fields) -> Fields:
    """Return `button_reply`, `list_reply` or, from a flow, `nfm_reply`."""
    interactive = message.part("interactive")
    return interactive.part(interactive.text("type"))
