"""What signal-cli tells of incoming messages, written from its manual and its JSON records.

`man/…` and `json/…` (src/main/java/org/asamk/signal/json/) are of github.com/AsamK/signal-cli at
c26e063. Above each payload stands what it is written from.
"""

from typing import Any

BOT = "+4915112345678"
BOT_UUID = "b07b07b0-0000-4000-8000-000000000000"
ALICE = "a11ce000-1111-4111-8111-111111111111"
ALICE_PHONE = "+33123456789"
BOB = "b0bb0b00-2222-4222-8222-222222222222"
GROUP_ID = "Pmpi+EfPWmsxiomLe9Nx2XF9HOE483p6iKiFj65iMwI="
SENT = 1795328956123
ID = f"{ALICE}:{SENT}"

# json/JsonMessageEnvelope.java
alice = {
    "source": ALICE_PHONE,
    "sourceNumber": ALICE_PHONE,
    "sourceUuid": ALICE,
    "sourceName": "Alice",
    "sourceDevice": 2,
}
# json/JsonGroupInfo.java
group = {"groupId": GROUP_ID, "groupName": "Team", "revision": 4, "type": "DELIVER"}
# json/JsonMention.java
of_bot = {"name": BOT, "number": BOT, "uuid": BOT_UUID, "start": 0, "length": 1}
of_bob = {"name": BOB, "number": None, "uuid": BOB, "start": 6, "length": 1}


def envelope(sender: dict[str, Any] = alice, **fields: Any) -> dict[str, Any]:
    """Return what a `receive` notification holds in `params`."""
    times = {"timestamp": SENT, "serverReceivedTimestamp": SENT, "serverDeliveredTimestamp": SENT}
    return {"envelope": {**sender, **times, **fields}, "account": BOT}


def data(sender: dict[str, Any] = alice, **fields: Any) -> dict[str, Any]:
    """Return an envelope with a data message: json/JsonDataMessage.java."""
    said = {"timestamp": SENT, "message": None, "expiresInSeconds": 0, "viewOnce": False}
    return envelope(sender, dataMessage={**said, **fields})


# man/signal-cli-jsonrpc.5.adoc, "Basic usage"
DM = data(message="how do I reset it?", mentions=[], attachments=[], contacts=[])
NOTIFICATION = {"jsonrpc": "2.0", "method": "receive", "params": DM}
SUBSCRIPTION = {
    "jsonrpc": "2.0",
    "method": "receive",
    "params": {"subscription": 0, "result": DM},
}
# json/JsonMessageEnvelope.java: the number is null where the person hides it
NO_NUMBER = data({**alice, "source": ALICE, "sourceNumber": None}, message="hi")
NO_UUID = data({**alice, "sourceUuid": None}, message="hi")
# before 0.9: the deprecated field alone
SOURCE_ALONE = data({"source": ALICE_PHONE, "sourceDevice": 1}, message="hi")
NO_SOURCE = data({"sourceDevice": 1}, message="hi")

# json/JsonGroupInfo.java
GROUP = data(message="lunch?", groupInfo=group)
# github.com/AsamK/signal-cli/issues/1219: somebody was added to a group
JOINED = data(groupInfo=group)
# github.com/AsamK/signal-cli/issues/1457
GROUP_UPDATE = data(groupInfo={**group, "type": "UPDATE"})
GROUP_UPDATE_WITH_TEXT = data(message="renamed it", groupInfo={**group, "type": "UPDATE"})
STOP = data(message="/stop", groupInfo=group)
STEER = data(message="/steer in blue")

# json/JsonQuote.java
quote = {"id": SENT - 7, "author": BOB, "authorNumber": None, "authorUuid": BOB, "text": "hi"}
of_own = {"id": SENT - 9, "author": BOT, "authorNumber": BOT, "authorUuid": BOT_UUID, "text": "?"}
QUOTE = data(message="this one", groupInfo=group, quote=quote)
QUOTE_OF_BOT = data(message="yes", groupInfo=group, quote=of_own)

# json/JsonMention.java: U+FFFC stands for each mention in the text
MENTIONING = data(message="\ufffc ask \ufffc", groupInfo=group, mentions=[of_bot, of_bob])
MENTIONING_BOB = data(message="hello \ufffc", groupInfo=group, mentions=[of_bob])
MENTION_AND_STOP = data(message="\ufffc /stop", groupInfo=group, mentions=[of_bot])
BOB_AND_STOP = data(message="\ufffc /stop", groupInfo=group, mentions=[{**of_bob, "start": 0}])

BOB_AND_STOP_AND_BOT = data(
    message="\ufffc /stop \ufffc",
    groupInfo=group,
    mentions=[{**of_bob, "start": 0}, {**of_bot, "start": 8}],
)

# json/JsonAttachment.java, JsonSticker.java, JsonPollCreate.java
attachment = {"contentType": "image/jpeg", "filename": None, "id": "x1.jpg", "size": 52_000}
IMAGE = data(message="this one", attachments=[attachment])
IMAGE_ALONE = data(attachments=[attachment])
STICKER = data(sticker={"packId": "9acc9e8aba563d26a4994e69263e3b25", "stickerId": 3})
POLL = data(pollCreate={"question": "Lunch?", "allowMultiple": False, "options": ["now"]})
EXPIRATION = data(isExpirationUpdate=True, expiresInSeconds=3600)

# json/JsonEditMessage.java
EDIT = envelope(
    editMessage={
        "targetSentTimestamp": SENT,
        "dataMessage": {"timestamp": SENT + 5, "message": "how do I *reset* it?"},
    },
)
GROUP_EDIT = envelope(
    editMessage={
        "targetSentTimestamp": SENT,
        "dataMessage": {"timestamp": SENT + 5, "message": "dinner?", "groupInfo": group},
    },
)
# signalapp/Signal-Desktop, getTargetOfThisEditTimestamp: a second edit names the first
SECOND_EDIT = envelope(
    editMessage={
        "targetSentTimestamp": SENT + 5,
        "dataMessage": {"timestamp": SENT + 9, "message": "breakfast?", "groupInfo": group},
    },
)
# json/JsonRemoteDelete.java
DELETED = data(remoteDelete={"timestamp": SENT - 7})
DELETED_IN_GROUP = data(remoteDelete={"timestamp": SENT - 7}, groupInfo=group)
# json/JsonAdminDelete.java
DELETED_BY_ADMIN = data(
    adminDelete={
        "targetAuthor": BOB,
        "targetAuthorNumber": None,
        "targetAuthorUuid": BOB,
        "targetSentTimestamp": SENT - 7,
    },
    groupInfo=group,
)

# json/JsonReaction.java, JsonPollVote.java, JsonPinMessage.java
REACTION = data(
    reaction={
        "emoji": "👍",
        "targetAuthorUuid": BOT_UUID,
        "targetSentTimestamp": SENT - 9,
        "isRemove": False,
    }
)
POLL_VOTE = data(pollVote={"authorUuid": BOT_UUID, "targetSentTimestamp": 1, "voteCount": 1})
PIN = data(pinMessage={"targetAuthorUuid": BOT_UUID, "targetSentTimestamp": 1})
# json/JsonStoryMessage.java, JsonStoryContext.java
STORY = envelope(storyMessage={"allowsReplies": True, "textAttachment": {"text": "hi"}})
STORY_REPLY = data(message="nice", storyContext={"authorUuid": BOT_UUID, "sentTimestamp": SENT - 9})
# json/JsonSyncMessage.java: what the account's owner did on another device
SYNC = envelope(
    {**alice, "source": BOT, "sourceNumber": BOT, "sourceUuid": BOT_UUID},
    syncMessage={
        "sentMessage": {"destinationUuid": ALICE, "timestamp": SENT, "message": "an answer"}
    },
)
OWN = data({**alice, "source": BOT, "sourceNumber": BOT, "sourceUuid": BOT_UUID}, message="note")
# json/JsonReceiptMessage.java, JsonTypingMessage.java, JsonCallMessage.java
RECEIPT = envelope(receiptMessage={"when": SENT, "isRead": True, "timestamps": [SENT - 9]})
TYPING = envelope(typingMessage={"action": "STARTED", "timestamp": SENT, "groupId": GROUP_ID})
CALL = envelope(callMessage={"offerMessage": {"id": 1, "type": "AUDIO_CALL", "opaque": "AA=="}})
# man/signal-cli-jsonrpc.5.adoc; CHANGELOG: a message that could not be decrypted
EXCEPTION = {**envelope(), "exception": {"message": "untrusted", "type": "UntrustedIdentity"}}
