"""Events of Discord's Gateway and interactions, written from docs.discord.com/developers.

Above each stands the page which it is written from (discord/discord-api-docs, `developers/`).
"""

from typing import Any

# resources/user
bot = {"id": "9000", "username": "helper", "discriminator": "0", "global_name": None, "bot": True}
alice = {"id": "456", "username": "al", "discriminator": "0", "global_name": "Alice"}
bob = {"id": "457", "username": "bob", "discriminator": "0", "global_name": None}
other_bot = {"id": "9100", "username": "Greeter", "discriminator": "4321", "bot": True}

# resources/message: the object as MESSAGE_CREATE has it
defaults: dict[str, Any] = {
    "id": "1180",
    "channel_id": "123",
    "guild_id": "1",
    "author": alice,
    "member": {"roles": [], "joined_at": "2015-04-26T06:26:56.936000+00:00", "nick": "Ali"},
    "content": "how do I reset it?",
    "timestamp": "2026-11-22T06:29:16.500000+00:00",
    "edited_timestamp": None,
    "tts": False,
    "mention_everyone": False,
    "mentions": [],
    "mention_roles": [],
    "attachments": [],
    "embeds": [],
    "pinned": False,
    "type": 0,
    "channel_type": 0,
}
in_dm = {"guild_id": None, "member": None, "channel_id": "500", "channel_type": 1}


def event(name: str, **fields: Any) -> dict[str, Any]:
    return {"op": 0, "s": 42, "t": name, "d": fields}


def message(**fields: Any) -> dict[str, Any]:
    """Return a message of Alice in a channel of a guild; a field of None is left out."""
    return {
        name: value
        for name, value in {**defaults, **fields}.items()
        if value is not None or name == "edited_timestamp"
    }


def created(**fields: Any) -> dict[str, Any]:
    return event("MESSAGE_CREATE", **message(**fields))


# events/gateway-events, Message Create
GUILD = created()
DM = created(**in_dm)
DM_WITHOUT_CHANNEL_TYPE = created(**{**in_dm, "channel_type": None})
GROUP_DM = created(**{**in_dm, "channel_type": 3})
MENTIONING = created(content="<@9000> ask <@457>", mentions=[bot, bob])
MENTIONING_MANY = created(mentions=[{**bob, "id": str(number)} for number in range(120)])
EVERYONE = created(content="@everyone <@&77>", mention_everyone=True, mention_roles=["77"])
STOP = created(content="<@9000> /stop", mentions=[bot])
STEER = created(content="/steer use the staging one")
# events/gateway, Message Content Intent: without it what a bot is not mentioned in is empty
WITHOUT_INTENT = created(content="")

# topics/threads: a thread made from a message, a private one, a forum's post
IN_THREAD = created(channel_id="1100", channel_type=11)
IN_THREAD_WITHOUT_CHANNEL_TYPE = created(channel_id="1100", channel_type=None)
IN_PRIVATE_THREAD = created(channel_id="1200", channel_type=12)
FORUM_POST = created(id="1300", channel_id="1300", channel_type=11, content="my question")
IN_UNKNOWN_THREAD = created(channel_id="1400", channel_type=11)
parents = {"1100": "123", "1200": "123", "1300": "124"}

# topics/threads, New Message Types
THREAD_STARTER = created(
    id="1101",
    channel_id="1100",
    channel_type=11,
    type=21,
    content="",
    message_reference={"channel_id": "123", "guild_id": "1", "message_id": "1100"},
    referenced_message=message(id="1100"),
)
THREAD_CREATED = created(
    type=18, content="Releases", message_reference={"channel_id": "1100", "guild_id": "1"}
)
# resources/message, Message Types
JOINED = created(type=7, content="")
PINNED = created(
    type=6, content="", message_reference={"message_id": "7", "channel_id": "123", "guild_id": "1"}
)
FOLLOWED = created(type=12, content="News", message_reference={"channel_id": "8", "guild_id": "2"})

# resources/webhook, resources/message: webhook_id
WEBHOOK = created(
    webhook_id="8800",
    application_id="466378653216014359",
    author={"id": "8800", "username": "Lyra | they", "discriminator": "0000", "bot": True},
    member=None,
    content="sent by a proxy",
)
# interactions/receiving-and-responding: the answer of another bot to its command
ANSWER_OF_ANOTHER_BOT = created(
    type=20,
    webhook_id="9100",
    application_id="9100",
    author=other_bot,
    member=None,
    interaction_metadata={"id": "66", "type": 2, "user": alice},
    content="hello Alice",
)
THINKING = created(
    type=20, webhook_id="9100", application_id="9100", author=other_bot, flags=128, content=""
)
OWN = created(author=bot)
OWN_ANSWER = created(
    type=20, webhook_id="9000", application_id="9000", author={**bot, "id": "9001"}, flags=64
)

# resources/message, Message Reference
REPLY = created(
    type=19,
    message_reference={"type": 0, "message_id": "1170", "channel_id": "123", "guild_id": "1"},
    referenced_message=message(id="1170", author=bob),
    mentions=[bob],
)
REPLY_TO_BOT = created(
    type=19,
    message_reference={"type": 0, "message_id": "1171", "channel_id": "123", "guild_id": "1"},
    referenced_message=message(id="1171", author=bot),
)
REPLY_TO_DELETED = created(
    type=19,
    message_reference={"type": 0, "message_id": "1172", "channel_id": "123", "guild_id": "1"},
    referenced_message=None,
)
CROSSPOST = created(
    flags=2,
    webhook_id="8801",
    author={"id": "8801", "username": "News #general", "discriminator": "0000", "bot": True},
    member=None,
    message_reference={"type": 0, "message_id": "9", "channel_id": "8", "guild_id": "2"},
)
FORWARD = created(
    content="",
    flags=1 << 14,
    message_reference={"type": 1, "message_id": "9", "channel_id": "8", "guild_id": "1"},
    message_snapshots=[
        {
            "message": {
                "type": 0,
                "content": "the forwarded words",
                "timestamp": "2026-11-22T06:00:00+00:00",
                "edited_timestamp": None,
                "attachments": [],
                "embeds": [],
                "mentions": [],
                "flags": 0,
            }
        }
    ],
)

# resources/message, Attachment
ATTACHMENT = {
    "id": "77",
    "filename": "log.txt",
    "content_type": "text/plain",
    "size": 120,
    "url": "https://cdn.discordapp.com/attachments/123/77/log.txt?ex=1&is=2&hm=3",
    "proxy_url": "https://media.discordapp.net/attachments/123/77/log.txt",
}
WITH_FILE = created(content="", attachments=[ATTACHMENT])

# events/gateway-events, Message Update, Message Delete, Message Delete Bulk
EDITED = event(
    "MESSAGE_UPDATE",
    **message(content="how do I undo it?", edited_timestamp="2026-11-22T06:30:00+00:00"),
)
EMBEDS_LOADED = event(
    "MESSAGE_UPDATE", **message(embeds=[{"type": "link", "url": "https://example.org"}])
)
EDITED_WITHOUT_INTENT = event(
    "MESSAGE_UPDATE", **message(content="", edited_timestamp="2026-11-22T06:30:00+00:00")
)
OWN_EDITED = event(
    "MESSAGE_UPDATE", **message(author=bot, edited_timestamp="2026-11-22T06:30:00+00:00")
)
DELETED = event("MESSAGE_DELETE", id="1180", channel_id="123", guild_id="1")
DELETED_IN_THREAD = event("MESSAGE_DELETE", id="1180", channel_id="1100", guild_id="1")
DELETED_TOGETHER = event("MESSAGE_DELETE_BULK", ids=["1", "2"], channel_id="123", guild_id="1")

# interactions/receiving-and-responding, interactions/application-commands, components/reference
interaction: dict[str, Any] = {
    "id": "7700",
    "application_id": "9000",
    "token": "aW50ZXJhY3Rpb246",
    "version": 1,
    "guild_id": "1",
    "channel_id": "1100",
    "channel": {"id": "1100", "type": 11, "parent_id": "123", "name": "Releases"},
    "member": {"user": alice, "nick": "Ali", "roles": [], "permissions": "2147483647"},
    "entitlements": [],
    "authorizing_integration_owners": {"0": "1"},
    "context": 0,
}
press = {
    "type": 3,
    "message": message(id="1190", author=bot, channel_id="1100", content="Deploy?"),
    "data": {"component_type": 2, "custom_id": "ask:p7:yes"},
}
PRESS = event("INTERACTION_CREATE", **interaction, **press)
PRESS_BY_WEBHOOK = {**interaction, **press}
CHOICE = event(
    "INTERACTION_CREATE",
    **interaction,
    **{**press, "data": {"component_type": 3, "custom_id": "ask:p7:", "values": ["red", "blue"]}},
)
PRESS_OF_ANOTHER_KIND = event(
    "INTERACTION_CREATE",
    **interaction,
    **{**press, "data": {"component_type": 2, "custom_id": "page:2"}},
)
SLASH_STOP = event(
    "INTERACTION_CREATE", **interaction, type=2, data={"id": "5", "name": "stop", "type": 1}
)
SLASH_QUEUE = event(
    "INTERACTION_CREATE",
    **{
        **interaction,
        "guild_id": None,
        "member": None,
        "user": alice,
        "channel_id": "500",
        "channel": {"id": "500", "type": 1},
    },
    type=2,
    data={
        "id": "6",
        "name": "queue",
        "type": 1,
        "options": [
            {"name": "text", "type": 3, "value": "and then the tests"},
            {"name": "silent", "type": 5, "value": True},
        ],
    },
)
SLASH_OWN = event(
    "INTERACTION_CREATE", **interaction, type=2, data={"id": "7", "name": "weather", "type": 1}
)
AUTOCOMPLETE = event(
    "INTERACTION_CREATE", **interaction, type=4, data={"id": "6", "name": "queue", "type": 1}
)
PING = {"id": "1", "application_id": "9000", "type": 1, "token": "x", "version": 1}

# events/gateway-events: other events, Gateway Heartbeat ACK
TYPING = event("TYPING_START", channel_id="123", guild_id="1", user_id="456", timestamp=1)
HEARTBEAT_ACK = {"op": 11, "d": None, "s": None, "t": None}
