"""What a message of WhatsApp's web protocol holds under its wrappers: a text, a press, nothing.

Source: WhiskeySockets/Baileys `src/Utils/messages.ts` (`normalizeMessageContent`),
`WAProto/WAProto.proto`.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

from session_router.sources.payloads import Fields

_WRAPPERS = (
    *("ephemeralMessage", "viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension"),
    *("documentWithCaptionMessage", "associatedChildMessage", "groupMentionedMessage"),
    *("lottieStickerMessage", "editedMessage"),
)
_WRAPPERS_DEEP = 5
# What a person says, and where its text stands; whatever else a message holds says nothing.
_TEXT_OF: Mapping[str, str | None] = {
    "extendedTextMessage": "text",
    "imageMessage": "caption",
    "videoMessage": "caption",
    "ptvMessage": "caption",
    "documentMessage": "caption",
    "audioMessage": None,
    "stickerMessage": None,
    "locationMessage": "comment",
    "liveLocationMessage": "caption",
    "contactMessage": "displayName",
    "contactsArrayMessage": "displayName",
    "pollCreationMessage": "name",
    "pollCreationMessageV2": "name",
    "pollCreationMessageV3": "name",
    "eventMessage": "name",
    "orderMessage": "message",
    "groupInviteMessage": "caption",
    "buttonsResponseMessage": "selectedDisplayText",
    "templateButtonReplyMessage": "selectedDisplayText",
    "listResponseMessage": "title",
    "interactiveResponseMessage": "text",  # of its body
}
_ALBUM = frozenset({"1", "MEDIA_ALBUM"})


class Content(NamedTuple):
    """What a message holds under its wrappers, and the album that it is a part of."""

    message: Fields
    album: str | None


class Told(NamedTuple):
    """What a person says: the name of its field, the field's parts, its text."""

    name: str
    parts: Fields
    text: str


def unwrapped(message: Fields | None) -> Content | None:
    """Take off what says how a message is shown: for a time, once, as a part of an album."""
    album = None
    for _ in range(_WRAPPERS_DEEP + 1):
        if message is None:
            return None
        album = album or _album_of(message)
        wrapper = next((name for name in _WRAPPERS if message.has(name)), None)
        if wrapper is None:
            return Content(message, album)
        message = message.part(wrapper).part_or_none("message")
    return None


def _album_of(message: Fields) -> str | None:
    context = message.part_or_none("messageContextInfo")
    association = context and context.part_or_none("messageAssociation")
    if association is None or association.id_or_none("associationType") not in _ALBUM:
        return None
    return association.part("parentMessageKey").id("id")


def told_in(message: Fields) -> Told | None:
    """Return what a person says in a message, None where nobody says anything."""
    if message.has("conversation"):
        return Told("conversation", Fields({}), message.text("conversation"))
    name = next((name for name in _TEXT_OF if message.has(name)), None)
    if name is None:
        return None
    parts, field = message.part(name), _TEXT_OF[name]
    body = parts.part_or_none("body") if name == "interactiveResponseMessage" else parts
    text = body.text_or_none(field) if body and field else None
    return Told(name, parts, text or "")


def button_data(told: Told) -> str | None:
    """Return what stands on the button, row or flow that was chosen."""
    if told.name == "buttonsResponseMessage":
        return told.parts.text_or_none("selectedButtonId")
    if told.name == "templateButtonReplyMessage":
        return told.parts.text_or_none("selectedId")
    if told.name == "listResponseMessage":
        row = told.parts.part_or_none("singleSelectReply")
        return row.text_or_none("selectedRowId") if row else None
    if told.name == "interactiveResponseMessage":
        flow = told.parts.part_or_none("nativeFlowResponseMessage")
        return _id_in_json(flow) if flow else None
    return None


def _id_in_json(flow: Fields) -> str | None:
    try:
        parameters = json.loads(flow.text_or_none("paramsJson") or "{}")
    except (ValueError, RecursionError) as error:
        raise flow.unreadable("paramsJson", "is not JSON") from error
    return Fields(parameters, "paramsJson").text_or_none("id")
