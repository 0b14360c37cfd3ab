"""Updates of the Telegram Bot API, written from core.telegram.org/bots/api (Bot API 10.2).

Above each stands the part of that page which it is written from.
"""

from typing import Any

# Of #user
bot = {"id": 7000, "is_bot": True, "first_name": "Helper", "username": "helper_bot"}
alice = {"id": 456, "is_bot": False, "first_name": "Alice", "last_name": "Ärm", "username": "al"}
anonymous = {
    "id": 1087968824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}
telegram = {"id": 777000, "is_bot": False, "first_name": "Telegram"}

# Of #chat
dm = {"id": 456, "type": "private", "first_name": "Alice", "username": "al"}
group = {"id": -100200, "type": "supergroup", "title": "Team"}
forum = {"id": -100300, "type": "supergroup", "title": "Forum", "is_forum": True}
channel = {"id": -100400, "type": "channel", "title": "News"}
channel_dms = {
    "id": -100500,
    "type": "supergroup",
    "title": "News",
    "is_forum": True,
    "is_direct_messages": True,
}


def message(chat: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a message of Alice; a field of None is left out."""
    sent = {"message_id": 1180, "from": alice, "chat": chat, "date": 1795328956, **fields}
    return {name: value for name, value in sent.items() if value is not None}


def update(**fields: Any) -> dict[str, Any]:
    return {"update_id": 90001, **fields}


# Of #update, #message
DM = update(message=message(dm, text="how do I reset it?"))
GROUP = update(message=message(group, text="lunch?"))

# Of #messageentity, offsets count UTF-16 units, the rocket is two of them
MENTIONING = update(
    message=message(
        group,
        text="🚀 @Helper_Bot ask @bob and Cleo",
        entities=[
            {"type": "mention", "offset": 3, "length": 11},
            {"type": "mention", "offset": 19, "length": 4},
            {"type": "text_mention", "offset": 28, "length": 4, "user": {**alice, "id": 457}},
        ],
    )
)
ANOTHERS_COMMAND = update(
    message=message(
        group,
        text="/stop@other_bot",
        entities=[{"type": "bot_command", "offset": 0, "length": 15}],
    )
)
ANOTHERS_COMMAND_IN_DM = update(message=message(dm, text="/stop@other_bot"))
STOP = update(
    message=message(
        group,
        text="/stop@helper_bot",
        entities=[{"type": "bot_command", "offset": 0, "length": 16}],
    )
)
QUEUE = update(
    message=message(
        dm,
        text="/queue and then the tests",
        entities=[{"type": "bot_command", "offset": 0, "length": 6}],
    )
)
WEATHER = update(
    message=message(
        group,
        text="/weather Oslo",
        entities=[{"type": "bot_command", "offset": 0, "length": 8}],
    )
)

# Of #message, message_thread_id, is_topic_message; #forumtopiccreated
topic_opening = message(
    forum,
    message_id=163,
    message_thread_id=163,
    is_topic_message=True,
    **{"from": bot},
    forum_topic_created={"name": "Releases", "icon_color": 7322096},
)
TOPIC = update(
    message=message(
        forum,
        message_id=187,
        message_thread_id=163,
        is_topic_message=True,
        reply_to_message=topic_opening,
        text="is it out?",
    )
)
TOPIC_REPLY = update(
    message=message(
        forum,
        message_id=188,
        message_thread_id=163,
        is_topic_message=True,
        reply_to_message=message(
            forum, message_id=180, message_thread_id=163, is_topic_message=True, text="tomorrow"
        ),
        text="why not today?",
    )
)
TOPIC_OPENED = update(message=topic_opening)
GENERAL = update(message=message(forum, message_id=189, text="hello all"))
# tdlib/telegram-bot-api issues 356 and 447: a reply in General has a thread id, but no topic
GENERAL_REPLY = update(
    message=message(
        forum,
        message_id=190,
        message_thread_id=189,
        reply_to_message=message(forum, message_id=189, **{"from": bot}, text="hello"),
        text="and you?",
    )
)
REPLY_CHAIN = update(
    message=message(
        group,
        message_id=112,
        message_thread_id=111,
        reply_to_message=message(group, message_id=111, **{"from": {**alice, "id": 458}}, text="x"),
        text="no",
    )
)
# Of #user, has_topics_enabled, topics in a chat with the bot
PRIVATE_TOPIC = update(
    message=message(dm, message_thread_id=92576, is_topic_message=True, text="in a topic")
)
# Of #directmessagestopic
CHANNEL_DM = update(
    message=message(
        channel_dms,
        direct_messages_topic={"topic_id": 456000001, "user": alice},
        text="a question to the channel",
    )
)

# Of #message, sender_chat, author_signature, is_automatic_forward
ANONYMOUS_ADMIN = update(
    message=message(
        group,
        **{"from": anonymous},
        sender_chat=group,
        author_signature="the boss",
        text="read this",
    )
)
AS_A_CHANNEL = update(
    message=message(
        group,
        **{"from": {**anonymous, "id": 136817688, "username": "Channel_Bot"}},
        sender_chat={**channel, "id": -100401, "title": "Bob's"},
        text="hi",
    )
)
AUTOMATIC_FORWARD = update(
    message=message(
        group,
        **{"from": telegram},
        sender_chat=channel,
        is_automatic_forward=True,
        text="news of the day",
    )
)
FORWARDED_COMMAND = update(
    message=message(
        group, **{"from": telegram}, sender_chat=channel, is_automatic_forward=True, text="/stop"
    )
)
CHANNEL_POST = update(
    channel_post=message(channel, **{"from": None}, sender_chat=channel, text="news of the day")
)

# Of #message, business_connection_id, sender_business_bot; #businessmessagesdeleted
BUSINESS = update(business_message=message(dm, business_connection_id="bc:1", text="are you open?"))
BUSINESS_OWNER = update(
    business_message=message(
        dm,
        business_connection_id="bc:1",
        **{"from": {**alice, "id": 999, "first_name": "Owner"}},
        text="yes, until six",
    )
)
BUSINESS_OWNER_COMMAND = update(
    business_message=message(
        dm, business_connection_id="bc:1", **{"from": {**alice, "id": 999}}, text="/stop"
    )
)
BUSINESS_OWN = update(
    business_message=message(
        dm,
        business_connection_id="bc:1",
        **{"from": {**alice, "id": 999}},
        sender_business_bot=bot,
        text="sent by the bot",
    )
)
BUSINESS_EDITED = update(
    edited_business_message=message(dm, business_connection_id="bc:1", text="are you open now?")
)
BUSINESS_DELETED = update(
    deleted_business_messages={
        "business_connection_id": "bc:1",
        "chat": dm,
        "message_ids": [1180, 1181],
    }
)
# Of #message, guest_query_id
GUEST = update(guest_message=message(group, guest_query_id="gq-1", text="@helper_bot explain"))

# Of #message, media_group_id, photo, caption, caption_entities; #photosize
ALBUM = [
    update(
        message=message(
            dm,
            message_id=1190 + part,
            media_group_id="13599",
            photo=[
                {"file_id": f"AgAC{part}", "file_unique_id": f"u{part}", "width": 90, "height": 60}
            ],
            caption="which is best?" if part == 0 else None,
        )
    )
    for part in range(4)
]
VOICE = update(
    message=message(
        dm,
        voice={"file_id": "AwAC", "file_unique_id": "v", "duration": 3, "mime_type": "audio/ogg"},
    )
)
LOCATION = update(message=message(dm, location={"latitude": 59.9, "longitude": 10.7}))

# Of #message, message_id "0 for ephemeral messages", ephemeral_message_id
EPHEMERAL = update(
    message=message(group, message_id=0, ephemeral_message_id=17, receiver_user=bot, text="/new")
)
EPHEMERAL_REPLY = update(
    message=message(
        group,
        reply_to_message=message(group, message_id=0, **{"from": bot}, text="only for you"),
        text="thanks",
    )
)
EPHEMERAL_EDITED = update(
    edited_message=message(group, message_id=0, ephemeral_message_id=17, text="/new!")
)

# Of #update, edited_message, edited_channel_post
EDITED = update(edited_message=message(dm, edit_date=1795328999, text="/queue and then the docs"))
CHANNEL_POST_EDITED = update(
    edited_channel_post=message(
        channel, **{"from": None}, sender_chat=channel, edit_date=1795328999, text="corrected"
    )
)

# Of #callbackquery, #inaccessiblemessage
PRESS = update(
    callback_query={
        "id": "4382bfdwdsb323b2d9",
        "from": alice,
        "chat_instance": "-3894",
        "message": message(
            forum,
            message_id=200,
            message_thread_id=163,
            is_topic_message=True,
            **{"from": bot},
            text="Deploy?",
        ),
        "data": "ask:p7:yes: now",
    }
)
PRESS_ON_OLD = update(
    callback_query={
        "id": "4382bfdwdsb323b2da",
        "from": alice,
        "chat_instance": "-3894",
        "message": {"chat": group, "message_id": 20, "date": 0},
        "data": "ask:p7:no",
    }
)
PRESS_OF_ANOTHER_KIND = update(
    callback_query={
        "id": "1",
        "from": alice,
        "chat_instance": "-3894",
        "message": message(group, **{"from": bot}, text="Page 1"),
        "data": "page:2",
    }
)
PRESS_INLINE = update(
    callback_query={
        "id": "2",
        "from": alice,
        "chat_instance": "-3894",
        "inline_message_id": "AAA",
        "data": "ask:p7:yes",
    }
)

# Of #message, migrate_to_chat_id, migrate_from_chat_id
MIGRATED_TO = update(
    message=message({"id": -200, "type": "group", "title": "Team"}, migrate_to_chat_id=-100200)
)
MIGRATED_FROM = update(
    message=message(group, **{"from": anonymous}, sender_chat=group, migrate_from_chat_id=-200)
)

# Of #message, external_reply; #externalreplyinfo
EXTERNAL_REPLY = update(
    message=message(
        group,
        external_reply={
            "origin": {"type": "channel", "date": 1795328000, "chat": channel, "message_id": 9},
            "chat": channel,
            "message_id": 9,
        },
        text="look at this",
    )
)
REPLY_TO_BOT = update(
    message=message(
        group,
        reply_to_message=message(group, message_id=1170, **{"from": bot}, text="x"),
        text="why?",
    )
)

# Of #message, service messages; #chatmemberupdated, #messagereactionupdated
JOINED = update(message=message(group, new_chat_members=[alice]))
PINNED = update(message=message(group, pinned_message=message(group, message_id=5, text="x")))
MEMBER = update(
    my_chat_member={
        "chat": group,
        "from": alice,
        "date": 1795328956,
        "old_chat_member": {"user": bot, "status": "left"},
        "new_chat_member": {"user": bot, "status": "member"},
    }
)
REACTION = update(
    message_reaction={
        "chat": group,
        "message_id": 5,
        "user": alice,
        "date": 1795328956,
        "old_reaction": [],
        "new_reaction": [{"type": "emoji", "emoji": "👍"}],
    }
)
OWN = update(channel_post=message(group, **{"from": bot}, text="my own"))
