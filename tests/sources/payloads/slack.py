"""Requests that Slack sends to an app, written from docs.slack.dev.

Above each stands the page which it is written from (below docs.slack.dev).
"""

from typing import Any

SENT = "1795328956.000100"
PARENT = "1795328000.000100"


def callback(*, team_id: str = "T1", **event: Any) -> dict[str, Any]:
    """Return what the Events API sends; a field of None is left out (apis/events-api)."""
    return {
        "token": "XXYYZZ",
        "team_id": team_id,
        "context_team_id": team_id,
        "api_app_id": "A1",
        "event": {name: value for name, value in event.items() if value is not None},
        "type": "event_callback",
        "event_id": f"Ev{event.get('type')}",
        "event_time": 1795328956,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": team_id,
                "user_id": "UBOT",
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }


def message(**fields: Any) -> dict[str, Any]:
    """Return a message of U456 in a channel (reference/events/message)."""
    said = {
        "type": "message",
        "channel": "C123",
        "channel_type": "channel",
        "user": "U456",
        "text": "how do I reset it?",
        "ts": SENT,
        "event_ts": SENT,
        "team": "T1",
    }
    return callback(**{**said, **fields})


# reference/events/message.channels, message.groups, message.im, message.mpim
CHANNEL = message()
PRIVATE_CHANNEL = message(channel="G124", channel_type="group")
DM = message(channel="D500", channel_type="im")
GROUP_DM = message(channel="C600", channel_type="mpim")
# reference/events/message.app_home
APP_HOME = message(channel="D500", channel_type="app_home")

# reference/events/app_mention: no channel_type; the same message comes as `message` too
MENTION = callback(
    type="app_mention",
    user="U456",
    text="<@UBOT> ask <@U457|bob>",
    ts=SENT,
    channel="C123",
    event_ts=SENT,
)
# apis/slack-connect: the bot has a user in each workspace
MENTION_OF_OTHER_USER = callback(
    type="app_mention", user="U456", text="<@UBOT2> hi", ts=SENT, channel="C123", event_ts=SENT
)
MENTION_AS_MESSAGE = message(text="<@UBOT> ask <@U457|bob>")
STOP = message(text="<@UBOT> /stop")
QUEUE = message(channel="D500", channel_type="im", text="/queue and then the tests")

# reference/events/message, thread_ts
IN_THREAD = message(thread_ts=PARENT, parent_user_id="U457")
IN_THREAD_OF_BOT = message(thread_ts=PARENT, parent_user_id="UBOT")
PARENT_WITH_REPLIES = message(ts=PARENT, thread_ts=PARENT, reply_count=2)
IN_THREAD_OF_DM = message(channel="D500", channel_type="im", thread_ts=PARENT)
# reference/events/message/thread_broadcast
BROADCAST = message(
    subtype="thread_broadcast",
    thread_ts=PARENT,
    root={"type": "message", "user": "U457", "text": "x", "ts": PARENT, "thread_ts": PARENT},
)

# reference/events/message/message_changed: `hidden` stands in every one of them
before = {"type": "message", "user": "U456", "text": "how do I reset it?", "ts": SENT}


def changed(**fields: Any) -> dict[str, Any]:
    return message(
        subtype="message_changed",
        hidden=True,
        user=None,
        text=None,
        ts="1795328999.000200",
        event_ts="1795328999.000200",
        message={**before, "edited": {"user": "U456", "ts": "1795328999.000000"}, **fields},
        previous_message=before,
    )


EDITED = changed(text="how do I undo it?")
UNFURLED = changed(attachments=[{"id": 1, "from_url": "https://example.org"}])
OWN_EDITED = changed(user="UBOT", text="more of the answer")
# slack-edge/slack-edge pull request 10: a deleted message that has a thread
TOMBSTONE = changed(
    subtype="tombstone",
    user="USLACKBOT",
    hidden=True,
    text="This message was deleted.",
    thread_ts=SENT,
)
JOIN_EDITED = changed(subtype="channel_join", text="<@U456> has joined")
# reference/events/message/message_deleted
DELETED = message(
    subtype="message_deleted",
    hidden=True,
    user=None,
    text=None,
    ts="1795328999.000300",
    deleted_ts=SENT,
    previous_message=before,
)
OWN_DELETED = message(
    subtype="message_deleted",
    hidden=True,
    user=None,
    text=None,
    deleted_ts=SENT,
    previous_message={**before, "user": "UBOT"},
)

# reference/events/message/bot_message
BOT = message(subtype="bot_message", user=None, bot_id="B77", username="ci", text="build failed")
BOT_WITH_USER = message(
    bot_id="B78",
    user="U900",
    app_id="A2",
    bot_profile={"id": "B78", "app_id": "A2", "name": "Jira"},
)
BLOCKS_ALONE = message(
    subtype="bot_message",
    user=None,
    bot_id="B77",
    text="",
    blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "build failed"}}],
)
EMPTY = message(text="")
SLACKBOT = message(user="USLACKBOT", text="you should know")
OWN = message(user="UBOT", bot_id="B1", app_id="A1")
OWN_WITHOUT_USER = message(user=None, subtype="bot_message", bot_id="B1", app_id="A1")
# reference/events/message/me_message, file_share, channel_join, message_replied
ME = message(subtype="me_message", text="is away")
FILE = message(
    subtype="file_share",
    text="",
    files=[
        {
            "id": "F1",
            "name": "log.txt",
            "mimetype": "text/plain",
            "size": 120,
            "url_private": "https://files.slack.com/files-pri/T1-F1/log.txt",
            "thumb_64": "https://files.slack.com/files-tmb/T1-F1/log_64.png",
        }
    ],
)
JOINED = message(subtype="channel_join", text="<@U456> has joined the channel")
REPLIED = message(subtype="message_replied", hidden=True, message=before)

# apis/slack-connect: the workspace that an event comes for is not the same each time
SHARED = {**message(), "is_ext_shared_channel": True}
SHARED_FOR_OTHER = {
    **message(team_id="T2", user_team="T2", source_team="T2"),
    "is_ext_shared_channel": True,
}
# reference/events/channel_id_changed
CHANNEL_ID_CHANGED = callback(
    type="channel_id_changed",
    old_channel_id="G124",
    new_channel_id="C124",
    event_ts="1795328956.000000",
)

# reference/interaction-payloads/block_actions-payload
PRESS: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U456", "username": "alice", "name": "alice", "team_id": "T1"},
    "api_app_id": "A1",
    "token": "XXYYZZ",
    "container": {
        "type": "message",
        "message_ts": "1795328970.000100",
        "channel_id": "C123",
        "is_ephemeral": False,
        "thread_ts": SENT,
    },
    "trigger_id": "12466734323.1395872398.abc",
    "team": {"id": "T1", "domain": "example"},
    "enterprise": None,
    "is_enterprise_install": False,
    "channel": {"id": "C123", "name": "team"},
    "message": {
        "type": "message",
        "user": "UBOT",
        "ts": "1795328970.000100",
        "thread_ts": SENT,
        "text": "Deploy?",
    },
    "response_url": "https://hooks.slack.com/actions/T1/1/x",
    "actions": [
        {
            "type": "button",
            "action_id": "yes",
            "block_id": "deploy",
            "text": {"type": "plain_text", "text": "Yes"},
            "value": "ask:p7:yes",
            "action_ts": "1795328980.000000",
        }
    ],
}
CHOICE = {
    **PRESS,
    "actions": [
        {
            "type": "static_select",
            "action_id": "colour",
            "block_id": "paint",
            "selected_option": {
                "text": {"type": "plain_text", "text": "Red"},
                "value": "ask:p7:red",
            },
            "action_ts": "1795328980.000000",
        }
    ],
}
PRESS_IN_DM = {
    **PRESS,
    "team": None,
    "is_enterprise_install": True,
    "container": {"type": "message", "message_ts": "1795328970.000100", "channel_id": "D500"},
    "channel": {"id": "D500", "name": "directmessage"},
}
PRESS_OF_ANOTHER_KIND = {**PRESS, "actions": [{**PRESS["actions"][0], "value": "page:2"}]}
PRESS_IN_VIEW = {**PRESS, "container": {"type": "view", "view_id": "V1"}, "channel": None}

# interactivity/implementing-slash-commands: the fields of a form
SLASH_STOP = {
    "token": "XXYYZZ",
    "team_id": "T1",
    "team_domain": "example",
    "channel_id": "C123",
    "channel_name": "team",
    "user_id": "U456",
    "user_name": "alice",
    "command": "/stop",
    "text": "",
    "api_app_id": "A1",
    "is_enterprise_install": "false",
    "response_url": "https://hooks.slack.com/commands/1234/5678",
    "trigger_id": "13345224609.738474920.8088930838d88f008e0",
}
SLASH_STEER = {**SLASH_STOP, "command": "/steer", "text": "use the staging one"}
SLASH_OWN = {**SLASH_STOP, "command": "/weather", "text": "Oslo"}

# reference/events/url_verification, reference/events/reaction_added
URL_VERIFICATION = {"token": "XXYYZZ", "challenge": "3eZbrw1aB", "type": "url_verification"}
REACTION = callback(
    type="reaction_added",
    user="U456",
    reaction="thumbsup",
    item={"type": "message", "channel": "C123", "ts": SENT},
    event_ts="1795328990.000000",
)
