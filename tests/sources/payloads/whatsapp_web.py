"""Messages and updates as Baileys gives them, written from its documentation and sources.

`baileys.wiki/…` are pages of the documentation, `src/…` and `WAProto` files of
github.com/WhiskeySockets/Baileys at 78e7e4e. Above each payload stands what it is written from.
"""

from typing import Any

BOT = "4915112345678@s.whatsapp.net"
BOT_LID = "77700012345678@lid"
ALICE = "211459040641230@lid"
ALICE_PHONE = "16505551234@s.whatsapp.net"
BOB = "250405636296798@lid"
BOB_PHONE = "16505550000@s.whatsapp.net"
GROUP_ID = "120363404264904179@g.us"
ID = "3EB0C8712CC1E53869085F"
QUOTED = "A594939A1B2C3D4E5F60"

# baileys.wiki/api-reference/type-aliases/WAMessageKey; src/Utils/decode-wa-message.ts: cleanMessage
# leaves an empty participant where there is none
dm = {
    "remoteJid": ALICE,
    "remoteJidAlt": ALICE_PHONE,
    "fromMe": False,
    "id": ID,
    "participant": "",
    "addressingMode": "lid",
}
group = {
    "remoteJid": GROUP_ID,
    "fromMe": False,
    "id": ID,
    "participant": ALICE,
    "participantAlt": ALICE_PHONE,
    "addressingMode": "lid",
}


def message(key: dict[str, Any] = dm, **content: Any) -> dict[str, Any]:
    """Return an item of `messages.upsert` with this content."""
    return {
        "key": key,
        "messageTimestamp": 1795328956,
        "pushName": "Alice",
        "broadcast": False,
        "message": content,
    }


def text(said: str = "how do I reset it?", key: dict[str, Any] = dm, **context: Any) -> Any:
    """Return a text with a context, as clients send it with quotes and mentions."""
    return message(key, extendedTextMessage={"text": said, "contextInfo": context})


def wrapped(wrapper: str, **content: Any) -> dict[str, Any]:
    return message(dm, **{wrapper: {"message": content}})


# baileys.wiki/concepts/jids; src/Utils/decode-wa-message.ts, decodeMessageNode
DM = message(conversation="how do I reset it?")
DM_BY_PHONE = message(
    {**dm, "remoteJid": ALICE_PHONE, "remoteJidAlt": ALICE, "addressingMode": "pn"},
    conversation="hi",
)
DM_BY_PHONE_ALONE = message(
    {"remoteJid": ALICE_PHONE, "fromMe": False, "id": ID, "addressingMode": "pn"},
    conversation="hi",
)
GROUP = message(group, conversation="lunch?")
GROUP_BY_PHONE = message(
    {**group, "participant": BOB_PHONE, "participantAlt": BOB, "addressingMode": "pn"},
    conversation="lunch?",
)
# src/WABinary/jid-utils.ts, jidDecode: user_agent:device@server
WITH_DEVICE = message(
    {**group, "participant": "16505551234_1:23@c.us", "participantAlt": "211459040641230:7@lid"},
    conversation="from my laptop",
)
# src/Utils/process-message.ts, cleanMessage: hosted devices are their people's
HOSTED = message(
    {**dm, "remoteJid": "16505551234:99@hosted", "remoteJidAlt": "211459040641230:99@hosted.lid"},
    conversation="hi",
)
# WAProto, ContextInfo
QUOTE = text("this one", group, stanzaId=QUOTED, participant="250405636296798:3@lid")
QUOTE_OF_BOT = text("yes", group, stanzaId=QUOTED, participant=BOT_LID)
MENTIONING = text(
    "@77700012345678 ask @250405636296798",
    group,
    mentionedJid=[BOT_LID, "250405636296798:3@lid", BOB],
)
MENTIONING_BOB = text("@250405636296798 look", group, mentionedJid=[BOB])
MENTION_AND_STOP = text("@4915112345678 /stop", group, mentionedJid=[BOT])
BY_NUMBERS = text(
    "@16505550000 look",
    group,
    mentionedJid=[BOB_PHONE, BOT],
    stanzaId=QUOTED,
    participant=ALICE_PHONE,
)
PRIVATE_REPLY = text("just us", stanzaId=QUOTED, participant=BOB, remoteJid=GROUP_ID)
REPLY_TO_STATUS = text("nice", stanzaId=QUOTED, participant=BOT, remoteJid="status@broadcast")
REPLY_IN_OTHER_FORM = text("yes", stanzaId=QUOTED, participant=ALICE, remoteJid=ALICE_PHONE)
FORWARDED = text("look", isForwarded=True, forwardingScore=2)
STOP = message(group, conversation="/stop")
QUEUE = message(conversation="/queue and then the tests")

# src/Utils/messages.ts, normalizeMessageContent
EPHEMERAL = wrapped("ephemeralMessage", extendedTextMessage={"text": "for a day"})
VIEW_ONCE = wrapped("viewOnceMessageV2", imageMessage={"caption": "once", "mimetype": "image/jpeg"})
EPHEMERAL_VIEW_ONCE = wrapped(
    "ephemeralMessage",
    viewOnceMessage={"message": {"imageMessage": {"caption": "once, for a day"}}},
)
DOCUMENT = wrapped(
    "documentWithCaptionMessage",
    documentMessage={
        "caption": "the plan",
        "fileName": "plan.pdf",
        "mimetype": "application/pdf",
        "directPath": "/v/t62",
        "mediaKey": "a2V5",
        "jpegThumbnail": "/9j/4AAQ",
        "contextInfo": {"stanzaId": QUOTED, "participant": BOB},
    },
)
WRAPPED_FOR_EVER = message(conversation="deep")
for _ in range(9):
    WRAPPED_FOR_EVER = message(ephemeralMessage={"message": WRAPPED_FOR_EVER["message"]})
VOICE = message(audioMessage={"mimetype": "audio/ogg; codecs=opus", "seconds": 4, "ptt": True})
STICKER = message(stickerMessage={"mimetype": "image/webp"})
LOCATION = message(locationMessage={"degreesLatitude": 37.4, "degreesLongitude": -122.1})
POLL = message(pollCreationMessageV3={"name": "Lunch?", "options": [{"optionName": "now"}]})

# WAProto, AlbumMessage and MessageAssociation: the album itself holds only how many will come
ALBUM = message(albumMessage={"expectedImageCount": 2})
ALBUM_PART = message(
    messageContextInfo={
        "messageAssociation": {
            "associationType": "MEDIA_ALBUM",
            "parentMessageKey": {"remoteJid": ALICE, "fromMe": False, "id": "ALBUM1"},
        }
    },
    imageMessage={"caption": "", "mimetype": "image/jpeg"},
)
ALBUM_PART_AROUND_WRAPPER = message(
    messageContextInfo={
        "messageAssociation": {"associationType": 1, "parentMessageKey": {"id": "ALBUM1"}}
    },
    associatedChildMessage={"message": {"imageMessage": {"mimetype": "image/jpeg"}}},
)
ALBUM_PART_IN_WRAPPER = wrapped(
    "associatedChildMessage",
    messageContextInfo={
        "messageAssociation": {"associationType": 1, "parentMessageKey": {"id": "ALBUM1"}}
    },
    imageMessage={"mimetype": "image/jpeg"},
)

# WAProto, ButtonsResponseMessage, TemplateButtonReplyMessage, ListResponseMessage,
# InteractiveResponseMessage
context = {"stanzaId": QUOTED, "participant": BOT}
BUTTON = message(
    buttonsResponseMessage={
        "selectedButtonId": "ask:p7:yes",
        "selectedDisplayText": "Yes!",
        "contextInfo": context,
    }
)
TEMPLATE_BUTTON = message(
    templateButtonReplyMessage={
        "selectedId": "ask:p7:no",
        "selectedDisplayText": "No!",
        "contextInfo": context,
    }
)
ROW = message(
    listResponseMessage={
        "title": "Priority",
        "singleSelectReply": {"selectedRowId": "ask:p7:priority"},
        "contextInfo": context,
    }
)
FLOW_BUTTON = message(
    interactiveResponseMessage={
        "body": {"text": "Later"},
        "nativeFlowResponseMessage": {
            "name": "quick_reply",
            "paramsJson": '{"id": "ask:p7:later"}',
        },
        "contextInfo": context,
    }
)
OTHER_FLOW = message(
    interactiveResponseMessage={
        "body": {"text": "Sent"},
        "nativeFlowResponseMessage": {"name": "flow", "paramsJson": '{"screen": 1}'},
    }
)

# src/Utils/process-message.ts: REVOKE, MESSAGE_EDIT
of_alice = {"remoteJid": ALICE, "fromMe": True, "id": QUOTED}
REVOKED = message(protocolMessage={"key": of_alice, "type": "REVOKE"})
REVOKED_BY_NUMBER = message(protocolMessage={"key": of_alice, "type": 0})
REVOKED_BY_ADMIN = message(
    {**group, "participant": BOB},
    protocolMessage={
        "key": {"remoteJid": GROUP_ID, "fromMe": False, "id": QUOTED, "participant": ALICE},
        "type": 0,
    },
)
EDIT = wrapped(
    "editedMessage",
    protocolMessage={
        "key": of_alice,
        "type": "MESSAGE_EDIT",
        "editedMessage": {"conversation": "how do I *reset* it?"},
        "timestampMs": "1795328990000",
    },
)
EDIT_BY_NUMBER = message(
    protocolMessage={
        "key": of_alice,
        "type": 14,
        "editedMessage": {"imageMessage": {"caption": "that one"}},
    }
)
EDIT_IN_UPDATE = {
    "key": {**dm, "id": QUOTED},
    "update": {
        "message": {"editedMessage": {"message": {"conversation": "how do I *reset* it?"}}},
        "messageTimestamp": 1795328990,
    },
}
# github.com/WhiskeySockets/Baileys/issues/2783
EDIT_IN_UPDATE_WITHOUT_ID = {**EDIT_IN_UPDATE, "key": {**dm, "id": None}}
REVOKED_IN_UPDATE = {
    "key": {**dm, "id": QUOTED},
    "update": {"message": None, "messageStubType": 1, "key": dm},
}
RECEIPT = {"key": {**dm, "fromMe": False}, "update": {"status": 4}}
GROUP_RECEIPT = {
    "key": {"remoteJid": GROUP_ID, "fromMe": False, "id": ID},
    "update": {"status": 4},
}
# github.com/WhiskeySockets/Baileys/pull/2690: edits since May 2026
ENCRYPTED_EDIT = message(
    secretEncryptedMessage={
        "targetMessageKey": of_alice,
        "encPayload": "q0o=",
        "encIv": "aXY=",
        "secretEncType": 2,
    }
)
EPHEMERAL_SETTING = message(protocolMessage={"type": 3, "ephemeralExpiration": 86400})

# baileys.wiki/concepts/jids: broadcasts, newsletters, bots
STATUS = message({**group, "remoteJid": "status@broadcast"}, conversation="on the beach")
BROADCAST_LIST = message(
    {
        "remoteJid": "1795328000@broadcast",
        "remoteJidAlt": ALICE_PHONE,
        "fromMe": False,
        "id": ID,
        "participant": ALICE,
    },
    conversation="party on Friday",
)
NEWSLETTER = message(
    {"remoteJid": "120363144038483540@newsletter", "fromMe": False, "id": ID, "server_id": "119"},
    conversation="News",
)
META_AI = message(
    {"remoteJid": "867051314767696@bot", "fromMe": False, "id": ID}, conversation="hi"
)
# src/WABinary/jid-utils.ts: PSA_WID
WHATSAPP = message({"remoteJid": "0@c.us", "fromMe": False, "id": ID}, conversation="New features")
CALL = message({"remoteJid": "1@call", "fromMe": False, "id": ID}, conversation="x")
OWN = message({**dm, "fromMe": True}, conversation="an answer")
SELF_CHAT = message(
    {"remoteJid": BOT, "fromMe": True, "id": ID, "addressingMode": "pn"}, conversation="note"
)
REACTION = message(reactionMessage={"key": of_alice, "text": "👍"})
POLL_VOTE = message(pollUpdateMessage={"pollCreationMessageKey": of_alice})
KEYS_ALONE = message(senderKeyDistributionMessage={"groupId": GROUP_ID})
# src/Utils/decode-wa-message.ts: what could not be decrypted; group events have no message either
UNDECRYPTED = {**message(), "message": None, "messageStubType": 2}
GROUP_EVENT = {
    "key": {"remoteJid": GROUP_ID, "fromMe": False, "id": ID},
    "messageStubType": 21,
    "messageStubParameters": ["Team"],
}
