"""Slack: every trap of the platform, from a payload of its documentation to the event."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from session_router.events import ChatMoved, Deletion, Edit, Event, Incoming
from session_router.sources import UnreadablePayload, slack
from tests.sources.payloads import slack as payloads


def read(payload: Mapping[str, Any], **more: Any) -> Event | None:
    return slack.read(payload, bot_user_id="UBOT", **more)


def incoming(payload: Mapping[str, Any], **more: Any) -> Incoming:
    event = read(payload, **more)
    assert isinstance(event, Incoming)
    return event


def test_the_workspace_is_the_scope_and_the_app_the_account() -> None:
    event = incoming(payloads.CHANNEL)
    assert (event.message_id, event.text, event.kind) == (
        payloads.SENT,
        "how do I reset it?",
        "user",
    )
    assert event.sent_at == datetime(2026, 11, 22, 6, 29, 16, 100, tzinfo=UTC)
    source = event.source
    assert (source.platform, source.account, source.scope) == ("slack", "A1", "T1")
    assert (source.chat_type, source.chat_id, source.thread_id) == ("group", "C123", None)
    assert (source.user_id, source.is_bot) == ("U456", False)
    assert event.payload == {}


@pytest.mark.parametrize(
    ("payload", "chat_type", "chat_id"),
    [
        (payloads.PRIVATE_CHANNEL, "group", "G124"),
        (payloads.DM, "dm", "D500"),
        (payloads.GROUP_DM, "group", "C600"),
    ],
)
def test_only_an_im_is_a_dm(payload: dict[str, Any], chat_type: str, chat_id: str) -> None:
    source = incoming(payload).source
    assert (source.chat_type, source.chat_id) == (chat_type, chat_id)


def test_a_mention_and_its_twin_are_the_same_message() -> None:
    for more in ({}, {"overhears": True}, {"overhears": True, "opens_threads": True}):
        twins = incoming(payloads.MENTION, **more), incoming(payloads.MENTION_AS_MESSAGE, **more)
        assert twins[0] == twins[1]
        assert twins[0].message_id == payloads.SENT
        assert twins[0].kind == "user"


def test_a_mention_of_the_bots_user_in_another_workspace_is_for_the_bot() -> None:
    assert incoming(payloads.MENTION_OF_OTHER_USER, overhears=True).kind == "user"


def test_mentions_are_people_and_never_the_bot() -> None:
    assert incoming(payloads.MENTION).mentions == ("U457",)


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (payloads.CHANNEL, "context"),
        (payloads.GROUP_DM, "context"),
        (payloads.IN_THREAD, "context"),
        (payloads.DM, "user"),
        (payloads.IN_THREAD_OF_BOT, "user"),
        (payloads.STOP, "user"),
    ],
)
def test_a_line_that_is_not_for_the_bot_is_context_where_it_overhears(
    payload: dict[str, Any], kind: str
) -> None:
    assert incoming(payload, overhears=True).kind == kind
    assert incoming(payload).kind == "user"


def test_a_message_in_a_thread_is_in_the_thread_of_its_parent() -> None:
    assert incoming(payloads.IN_THREAD).source.thread_id == payloads.PARENT


def test_a_parent_with_replies_is_outside_its_thread() -> None:
    assert incoming(payloads.PARENT_WITH_REPLIES).source.thread_id is None


def test_a_thread_in_a_dm_is_a_thread() -> None:
    source = incoming(payloads.IN_THREAD_OF_DM).source
    assert (source.chat_type, source.thread_id) == ("dm", payloads.PARENT)


def test_a_broadcast_reply_is_in_its_thread() -> None:
    assert incoming(payloads.BROADCAST).source.thread_id == payloads.PARENT


def test_a_message_that_is_answered_in_its_thread_is_in_it() -> None:
    event = incoming(payloads.MENTION, opens_threads=True, overhears=True)
    assert event.source.thread_id == payloads.SENT


@pytest.mark.parametrize(
    ("payload", "thread_id"),
    [(payloads.IN_THREAD, payloads.PARENT), (payloads.DM, None), (payloads.STOP, None)],
)
def test_no_thread_opens_in_a_thread_in_a_dm_or_for_a_control(
    payload: dict[str, Any], thread_id: str | None
) -> None:
    assert incoming(payload, opens_threads=True).source.thread_id == thread_id


def test_no_thread_opens_for_what_is_overheard() -> None:
    event = incoming(payloads.CHANNEL, opens_threads=True, overhears=True)
    assert event.source.thread_id is None


def test_an_edit_is_hidden_and_an_edit_all_the_same() -> None:
    event = read(payloads.EDITED)
    assert isinstance(event, Edit)
    assert (event.message_id, event.text) == (payloads.SENT, "how do I undo it?")
    assert (event.source.scope, event.source.chat_id) == ("T1", "C123")


@pytest.mark.parametrize("payload", [payloads.UNFURLED, payloads.OWN_EDITED, payloads.JOIN_EDITED])
def test_previews_own_edits_and_changed_notices_are_no_edits(payload: dict[str, Any]) -> None:
    assert read(payload) is None


@pytest.mark.parametrize("payload", [payloads.DELETED, payloads.TOMBSTONE])
def test_a_deletion_is_of_the_message_also_where_a_thread_remains(payload: dict[str, Any]) -> None:
    event = read(payload)
    assert isinstance(event, Deletion)
    assert (event.message_id, event.source.chat_id) == (payloads.SENT, "C123")


def test_a_bot_may_have_no_user() -> None:
    source = incoming(payloads.BOT).source
    assert (source.user_id, source.user_name, source.is_bot) == ("B77", "ci", True)


def test_a_bot_with_a_user_is_a_bot() -> None:
    source = incoming(payloads.BOT_WITH_USER).source
    assert (source.user_id, source.user_name, source.is_bot) == ("U900", "Jira", True)


def test_what_is_said_in_blocks_alone_is_given_back() -> None:
    event = incoming(payloads.BLOCKS_ALONE)
    assert (event.text, event.payload) == ("", {"blocks": payloads.BLOCKS_ALONE["event"]["blocks"]})


def test_slackbot_is_a_bot() -> None:
    assert incoming(payloads.SLACKBOT).source.is_bot


def test_a_me_message_is_a_message() -> None:
    assert incoming(payloads.ME).text == "is away"


def test_files_say_what_it_takes_to_fetch_them() -> None:
    event = incoming(payloads.FILE)
    url = "https://files.slack.com/files-pri/T1-F1/log.txt"
    file = {"id": "F1", "name": "log.txt", "mimetype": "text/plain", "size": 120}
    assert event.payload == {"files": [{**file, "url_private": url}]}


@pytest.mark.parametrize(
    "payload",
    [
        payloads.APP_HOME,
        payloads.JOINED,
        payloads.REPLIED,
        payloads.EMPTY,
        payloads.OWN,
        payloads.OWN_WITHOUT_USER,
        payloads.OWN_DELETED,
        payloads.URL_VERIFICATION,
        payloads.REACTION,
        {},
    ],
)
def test_notices_own_posts_and_other_events_are_nothing(payload: dict[str, Any]) -> None:
    assert read(payload) is None


def test_a_channel_of_two_workspaces_is_pinned_to_one() -> None:
    pinned = {"home_of": {"C123": "T1"}.get}
    events = [incoming(one, **pinned) for one in (payloads.SHARED, payloads.SHARED_FOR_OTHER)]
    assert events[0] == events[1]
    assert events[0].source.scope == "T1"
    assert incoming(payloads.SHARED_FOR_OTHER).source.scope == "T2"


def test_a_channel_whose_id_changed_moved() -> None:
    assert read(payloads.CHANNEL_ID_CHANGED) == ChatMoved(
        platform="slack", account="A1", scope="T1", moved_from="G124", to="C124"
    )


def test_a_pressed_button_answers_the_prompt_in_its_thread() -> None:
    event = incoming(payloads.PRESS)
    assert (event.message_id, event.answers) == ("12466734323.1395872398.abc", "p7")
    assert (event.text, event.reply_to) == ("yes", "1795328970.000100")
    source = event.source
    assert (source.scope, source.chat_id, source.thread_id) == ("T1", "C123", payloads.SENT)
    assert (source.user_id, source.user_name) == ("U456", "alice")
    assert event.payload == {"response_url": "https://hooks.slack.com/actions/T1/1/x"}


def test_what_is_chosen_from_a_menu_is_the_answer() -> None:
    assert incoming(payloads.CHOICE).text == "red"


def test_a_button_in_a_dm_of_an_organizations_app_has_its_users_workspace() -> None:
    source = incoming(payloads.PRESS_IN_DM).source
    assert (source.chat_type, source.chat_id, source.scope) == ("dm", "D500", "T1")


def test_a_slash_command_is_a_control() -> None:
    event = incoming(payloads.SLASH_STOP)
    assert (event.control, event.text) == ("stop", "/stop")
    assert (event.source.scope, event.source.chat_id, event.source.user_id) == (
        "T1",
        "C123",
        "U456",
    )
    assert event.message_id == "13345224609.738474920.8088930838d88f008e0"


def test_a_slash_command_with_a_text_is_a_message_with_a_busy_mode() -> None:
    event = incoming(payloads.SLASH_STEER)
    assert (event.busy, event.text) == ("steer", "use the staging one")


def test_a_command_behind_a_mention_of_the_bot_is_a_control() -> None:
    assert incoming(payloads.STOP).control == "stop"


def test_a_busy_mode_is_taken_off_the_text() -> None:
    event = incoming(payloads.QUEUE)
    assert (event.busy, event.text) == ("queue", "and then the tests")


@pytest.mark.parametrize(
    "payload", [payloads.SLASH_OWN, payloads.PRESS_OF_ANOTHER_KIND, payloads.PRESS_IN_VIEW]
)
def test_other_commands_and_buttons_are_the_gateways_own(payload: dict[str, Any]) -> None:
    assert read(payload) is None


def test_the_gateways_list_of_moderators_is_asked() -> None:
    asked = []

    def is_moderator(chat_id: str, user_id: str) -> bool:
        asked.append((chat_id, user_id))
        return True

    assert incoming(payloads.CHANNEL, is_moderator=is_moderator).source.is_moderator
    assert asked == [("C123", "U456")]


def test_what_slack_does_not_send_is_told_by_its_path() -> None:
    with pytest.raises(UnreadablePayload, match=r"^event\.ts is missing$"):
        read(payloads.message(ts=None))
