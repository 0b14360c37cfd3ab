"""Events of Matrix rooms, written from its specification (v1.17, spec.matrix.org/v1.17).

Above each payload stands the section of the client-server API that it is written from.
"""

from typing import Any

BOT = "@helper:example.org"
ALICE = "@Alice:example.org"
BOB = "@bob:example.org"
ROOM_ID = "!636q39766251:example.org"
ID = "$143273582443PhrSn:example.org"
ROOT = "$root:example.org"
TARGET = "$target:example.org"


def event(
    kind: str, content: dict[str, Any], *, sender: str = ALICE, **fields: Any
) -> dict[str, Any]:
    """Return an event with these further fields."""
    return {
        "type": kind,
        "event_id": ID,
        "room_id": ROOM_ID,
        "sender": sender,
        "origin_server_ts": 1795328956123,
        "unsigned": {"age": 1234},
        "content": content,
        **fields,
    }


def message(
    body: str,
    *,
    sender: str = ALICE,
    relates_to: dict[str, Any] | None = None,
    mentions: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    **content: Any,
) -> dict[str, Any]:
    """Return an `m.room.message` with this body."""
    more = {"m.relates_to": relates_to, "m.mentions": mentions, "m.new_content": new}
    given = {name: value for name, value in more.items() if value is not None}
    return event(
        "m.room.message", {"msgtype": "m.text", "body": body, **given, **content}, sender=sender
    )


def reply_to(event_id: str) -> dict[str, Any]:
    return {"m.in_reply_to": {"event_id": event_id}}


# #instant-messaging
TEXT = message("how do I reset it?")
SYNCED = {name: value for name, value in TEXT.items() if name != "room_id"}
EMOTE = message("waves", msgtype="m.emote")
NOTICE = message("build 12 failed", msgtype="m.notice", sender="@ci:example.org")
NOTICE_OF_STOP = message("/stop", msgtype="m.notice", sender="@ci:example.org")
SERVER_NOTICE = message(
    "please accept our terms", msgtype="m.server_notice", sender="@s:example.org"
)
UNKNOWN_KIND = message("a fallback", msgtype="org.example.custom")
VERIFICATION = message("wants to verify", msgtype="m.key.verification.request", to=BOT)
OWN = message("an answer", sender=BOT)
STOP = message("/stop")
NAMED_STOP = message("@helper:example.org: /stop")
QUEUE = message("/queue and then the tests")

# #media-captions
info = {"mimetype": "image/jpeg", "size": 31037}
IMAGE = message("dog.jpg", msgtype="m.image", url="mxc://example.org/abc123", info=info)
CAPTIONED = message(
    "this one", msgtype="m.image", url="mxc://example.org/abc123", filename="dog.jpg", info=info
)
NAMED_TWICE = message("dog.jpg", msgtype="m.file", url="mxc://example.org/1", filename="dog.jpg")
LOCATION = message("Big Ben, London", msgtype="m.location", geo_uri="geo:51.5008,0.1247")
# #sticker-messages
STICKER = event("m.sticker", {"body": "Landing", "url": "mxc://example.org/s", "info": info})

# #threading
THREAD = message("in a thread", relates_to={"rel_type": "m.thread", "event_id": ROOT})
FALLING_BACK = message(
    "in a thread, for old clients",
    relates_to={
        "rel_type": "m.thread",
        "event_id": ROOT,
        **reply_to(TARGET),
        "is_falling_back": True,
    },
)
THREAD_REPLY = message(
    "a reply in a thread",
    relates_to={
        "rel_type": "m.thread",
        "event_id": ROOT,
        **reply_to(TARGET),
        "is_falling_back": False,
    },
)
THREAD_REPLY_BY_DEFAULT = message(
    "a reply in a thread", relates_to={"rel_type": "m.thread", "event_id": ROOT, **reply_to(TARGET)}
)

# #rich-replies
REPLY = message("this one", relates_to=reply_to(TARGET))
# #rich-replies, "changed in v1.13": older clients quote
QUOTING_REPLY = message(
    "> <@bob:example.org> This is the first line\n> This is the second line\n\nThis is the reply",
    relates_to=reply_to(TARGET),
)
QUOTING_EMOTE = message(
    "> * <@bob:example.org> feels like he's going to be sick\n\nGet well",
    relates_to=reply_to(TARGET),
)
OWN_QUOTE = message("> somebody said that\nand I doubt it", relates_to=reply_to(TARGET))
QUOTE_WITHOUT_REPLY = message("> <@bob:example.org> said\n\nthat")

# #user-and-room-mentions
MENTIONING = message("Hello", mentions={"user_ids": [BOT, BOB, BOB], "room": True})
MENTIONING_BOB = message("Hello", mentions={"user_ids": [BOB]})
MENTIONING_NOBODY = message("Hello", mentions={})
MENTIONING_ALL = message(
    "Hello", mentions={"user_ids": [f"@user{number}:example.org" for number in range(150)]}
)

# #event-replacements
EDIT = message(
    "* how do I *reset* it?",
    relates_to={"rel_type": "m.replace", "event_id": TARGET},
    new={"msgtype": "m.text", "body": "how do I *reset* it?"},
)
# only the markup is new: the text stays what it was
EDIT_OF_NOTHING = message(
    "* how do I reset it?",
    relates_to={"rel_type": "m.replace", "event_id": TARGET},
    new={
        "msgtype": "m.text",
        "body": "how do I reset it?",
        "format": "org.matrix.custom.html",
        "formatted_body": "how do I <b>reset</b> it?",
    },
)
EDIT_WITHOUT_CONTENT = message(
    "* how do I *reset* it?", relates_to={"rel_type": "m.replace", "event_id": TARGET}
)
EDIT_OF_CAPTION = message(
    "* that one",
    relates_to={"rel_type": "m.replace", "event_id": TARGET},
    msgtype="m.image",
    new={"msgtype": "m.image", "body": "that one", "filename": "dog.jpg"},
)
EDIT_OF_QUEUED = message(
    "* /queue then the docs",
    relates_to={"rel_type": "m.replace", "event_id": TARGET},
    new={"msgtype": "m.text", "body": "/queue then the docs"},
)
# #editing-encrypted-events
ENCRYPTED_EDIT = event(
    "m.room.encrypted",
    {
        "m.relates_to": {"rel_type": "m.replace", "event_id": TARGET},
        "algorithm": "m.megolm.v1.aes-sha2",
        "ciphertext": "…",
    },
)
# #end-to-end-encryption
ENCRYPTED = event("m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "…"})

# #redactions; rooms/v11
REDACTION = event("m.room.redaction", {"reason": "Spamming"}, redacts=TARGET)
REDACTION_V11 = event("m.room.redaction", {"reason": "Spamming", "redacts": TARGET})
REDACTION_OF_NOTHING = event("m.room.redaction", {"reason": "Spamming"})
REDACTED = event("m.room.message", {}, unsigned={"redacted_because": REDACTION})

# #room-upgrades
TOMBSTONE = event(
    "m.room.tombstone",
    {"body": "This room has been replaced", "replacement_room": "!newroom:example.org"},
    state_key="",
)
TOMBSTONE_WITHOUT_ROOM = event("m.room.tombstone", {"body": "closed"}, state_key="")
FALSE_TOMBSTONE = event("m.room.tombstone", {"body": "moved", "replacement_room": "!new:e"})

# #room-events
JOIN = event("m.room.member", {"membership": "join"}, state_key=ALICE)
STATE_OF_MESSAGE_TYPE = {**TEXT, "state_key": ""}
# #reactions
REACTION = event(
    "m.reaction",
    {"m.relates_to": {"rel_type": "m.annotation", "event_id": TARGET, "key": "👍"}},
)
# #typing-notifications: no event of a room's history
TYPING = {"type": "m.typing", "content": {"user_ids": [ALICE]}}
