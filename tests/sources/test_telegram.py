"""Telegram: every trap of the platform, from a payload of its documentation to the event."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from session_router.events import ChatMoved, Deletion, Edit, Event, Incoming
from session_router.models import ReplyTo
from session_router.sources import UnreadablePayload, telegram
from tests.sources.payloads import telegram as payloads


def read(update: Mapping[str, Any], **more: Any) -> Event | None:
    return telegram.read(update, account="7000", bot_name="helper_bot", **more)


def incoming(update: Mapping[str, Any], **more: Any) -> Incoming:
    event = read(update, **more)
    assert isinstance(event, Incoming)
    return event


def test_a_dm_is_a_message_of_its_person() -> None:
    event = incoming(payloads.DM)
    assert (event.message_id, event.text, event.kind) == ("1180", "how do I reset it?", "user")
    assert event.sent_at == datetime(2026, 11, 22, 6, 29, 16, tzinfo=UTC)
    source = event.source
    assert (source.platform, source.account, source.scope) == ("telegram", "7000", None)
    assert (source.chat_type, source.chat_id, source.thread_id) == ("dm", "456", None)
    assert (source.user_id, source.user_name) == ("456", "Alice Ärm")
    assert (source.is_bot, source.is_moderator) == (False, False)


def test_a_supergroup_is_a_group_with_a_negative_id() -> None:
    source = incoming(payloads.GROUP).source
    assert (source.chat_type, source.chat_id, source.thread_id) == ("group", "-100200", None)


def test_a_line_that_is_not_for_the_bot_is_context_where_it_overhears() -> None:
    assert incoming(payloads.GROUP, overhears=True).kind == "context"
    assert incoming(payloads.GROUP).kind == "user"


@pytest.mark.parametrize(
    "update",
    [
        payloads.DM,
        payloads.MENTIONING,
        payloads.REPLY_TO_BOT,
        payloads.GENERAL_REPLY,
        payloads.STOP,
        payloads.WEATHER,
        payloads.CHANNEL_DM,
        payloads.GUEST,
    ],
)
def test_what_is_for_the_bot_is_a_message_also_where_it_overhears(update: dict[str, Any]) -> None:
    assert incoming(update, overhears=True).kind == "user"


def test_mentions_are_ids_and_names_and_never_the_bot() -> None:
    assert incoming(payloads.MENTIONING).mentions == ("bob", "457")


def test_a_command_with_the_bots_name_is_a_control() -> None:
    event = incoming(payloads.STOP)
    assert (event.control, event.text) == ("stop", "/stop@helper_bot")


def test_a_command_to_another_bot_is_nothing_or_overheard() -> None:
    assert read(payloads.ANOTHERS_COMMAND) is None
    event = incoming(payloads.ANOTHERS_COMMAND, overhears=True)
    assert (event.kind, event.control) == ("context", None)


def test_a_command_to_another_bot_in_a_dm_is_a_text_like_any_other() -> None:
    event = incoming(payloads.ANOTHERS_COMMAND_IN_DM)
    assert (event.kind, event.control, event.text) == ("user", None, "/stop@other_bot")


def test_what_is_overheard_controls_nothing() -> None:
    for overheard in (payloads.FORWARDED_COMMAND, payloads.BUSINESS_OWNER_COMMAND):
        event = incoming(overheard)
        assert (event.kind, event.control, event.text) == ("context", None, "/stop")


def test_a_busy_mode_is_taken_off_the_text() -> None:
    event = incoming(payloads.QUEUE)
    assert (event.busy, event.text) == ("queue", "and then the tests")


def test_a_message_in_a_topic_is_in_its_thread_and_replies_to_nobody() -> None:
    event = incoming(payloads.TOPIC)
    assert (event.source.chat_id, event.source.thread_id) == ("-100300", "163")
    assert event.reply_to is None


def test_the_bots_own_opening_of_a_topic_makes_no_line_in_it_one_for_the_bot() -> None:
    assert incoming(payloads.TOPIC, overhears=True).kind == "context"


def test_a_reply_in_a_topic_is_a_reply() -> None:
    assert incoming(payloads.TOPIC_REPLY).reply_to == ReplyTo(message_id="180", user_id="456")


def test_the_opening_of_a_topic_is_no_message() -> None:
    assert read(payloads.TOPIC_OPENED) is None


def test_general_is_no_thread() -> None:
    assert incoming(payloads.GENERAL).source.thread_id is None


def test_a_reply_in_general_is_in_no_thread() -> None:
    event = incoming(payloads.GENERAL_REPLY)
    assert event.source.thread_id is None
    assert event.reply_to == "189"


def test_a_reply_chain_in_a_plain_supergroup_is_no_thread() -> None:
    event = incoming(payloads.REPLY_CHAIN)
    assert event.source.thread_id is None
    assert event.reply_to == ReplyTo(message_id="111", user_id="458")


def test_a_topic_in_a_private_chat_is_a_thread() -> None:
    source = incoming(payloads.PRIVATE_TOPIC).source
    assert (source.chat_type, source.chat_id, source.thread_id) == ("dm", "456", "92576")


def test_the_direct_messages_of_a_channel_are_a_thread_for_each_person() -> None:
    source = incoming(payloads.CHANNEL_DM).source
    assert (source.chat_type, source.chat_id, source.thread_id) == ("group", "-100500", "456000001")


def test_an_anonymous_admin_is_the_group_and_moderates_it() -> None:
    source = incoming(payloads.ANONYMOUS_ADMIN).source
    assert (source.user_id, source.user_name) == ("-100200", "the boss")
    assert (source.is_bot, source.is_moderator) == (False, True)


def test_who_writes_as_a_channel_is_that_channel_and_no_moderator() -> None:
    source = incoming(payloads.AS_A_CHANNEL).source
    assert (source.user_id, source.user_name) == ("-100401", "Bob's")
    assert (source.is_bot, source.is_moderator) == (False, False)


def test_an_automatic_forward_of_a_linked_channel_is_overheard() -> None:
    event = incoming(payloads.AUTOMATIC_FORWARD)
    assert (event.kind, event.source.user_id) == ("context", "-100400")


def test_a_channel_post_has_the_channel_as_its_sender() -> None:
    source = incoming(payloads.CHANNEL_POST).source
    assert (source.chat_type, source.chat_id, source.user_id) == ("group", "-100400", "-100400")


def test_a_business_connection_has_an_account_of_its_own() -> None:
    event = incoming(payloads.BUSINESS)
    assert (event.source.account, event.source.chat_id) == ("7000/bc:1", "456")
    assert event.payload == {"business_connection_id": "bc:1"}


def test_what_the_owner_of_a_business_account_writes_is_overheard() -> None:
    event = incoming(payloads.BUSINESS_OWNER)
    assert (event.kind, event.source.user_id) == ("context", "999")


def test_what_the_bot_sent_for_a_business_account_is_nothing() -> None:
    assert read(payloads.BUSINESS_OWN) is None


def test_a_business_message_is_edited_in_its_account() -> None:
    event = read(payloads.BUSINESS_EDITED)
    assert isinstance(event, Edit)
    assert (event.source.account, event.text) == ("7000/bc:1", "are you open now?")


def test_business_messages_that_are_deleted_together_are_split() -> None:
    events = [read(part) for part in telegram.split(payloads.BUSINESS_DELETED)]
    assert all(isinstance(event, Deletion) for event in events)
    assert [event.message_id for event in events if isinstance(event, Deletion)] == ["1180", "1181"]
    with pytest.raises(UnreadablePayload, match="split"):
        read(payloads.BUSINESS_DELETED)


def test_any_other_update_is_one_event() -> None:
    assert telegram.split(payloads.DM) == (payloads.DM,)


def test_a_guest_query_is_apart_from_the_bots_own_chats() -> None:
    event = incoming(payloads.GUEST)
    assert event.source.account == "7000/guest"
    assert event.payload == {"guest_query_id": "gq-1"}


def test_the_photos_of_an_album_are_one_group_with_one_caption() -> None:
    events = [incoming(part) for part in payloads.ALBUM]
    assert {event.group for event in events} == {"13599"}
    assert [event.text for event in events] == ["which is best?", "", "", ""]
    assert len({event.message_id for event in events}) == 4
    payload = events[1].payload
    assert isinstance(payload, dict)
    assert payload == {"photo": payloads.ALBUM[1]["message"]["photo"]}


def test_media_without_text_is_a_message_that_says_what_to_fetch() -> None:
    event = incoming(payloads.VOICE)
    assert (event.text, event.payload) == ("", {"voice": payloads.VOICE["message"]["voice"]})
    assert incoming(payloads.LOCATION).payload == {
        "location": {"latitude": 59.9, "longitude": 10.7}
    }


def test_an_ephemeral_message_has_the_updates_id() -> None:
    event = incoming(payloads.EPHEMERAL)
    assert (event.message_id, event.control) == ("update:90001", "reset")
    assert event.payload == {"ephemeral_message_id": 17}


def test_a_reply_to_an_ephemeral_message_is_for_the_bot_and_names_no_message() -> None:
    event = incoming(payloads.EPHEMERAL_REPLY, overhears=True)
    assert (event.kind, event.reply_to) == ("user", None)


def test_the_edit_of_an_ephemeral_message_is_nothing_for_nobody_knows_which_it_was() -> None:
    assert read(payloads.EPHEMERAL_EDITED) is None


def test_an_edit_has_the_text_as_the_router_took_it() -> None:
    event = read(payloads.EDITED)
    assert isinstance(event, Edit)
    assert (event.message_id, event.text) == ("1180", "and then the docs")


def test_an_edited_channel_post_is_an_edit() -> None:
    event = read(payloads.CHANNEL_POST_EDITED)
    assert isinstance(event, Edit)
    assert (event.source.chat_id, event.text) == ("-100400", "corrected")


def test_a_pressed_button_answers_the_prompt_in_its_topic() -> None:
    event = incoming(payloads.PRESS)
    assert (event.message_id, event.answers) == ("4382bfdwdsb323b2d9", "p7")
    assert (event.text, event.reply_to) == ("yes: now", "200")
    assert (event.source.chat_id, event.source.thread_id) == ("-100300", "163")
    assert event.source.user_id == "456"
    assert event.sent_at is None  # the date is the prompt's


def test_a_button_on_a_message_that_is_no_longer_accessible_still_answers() -> None:
    assert incoming(payloads.PRESS_ON_OLD).answers == "p7"


def test_a_button_of_another_kind_is_the_gateways_own() -> None:
    assert read(payloads.PRESS_OF_ANOTHER_KIND) is None


def test_a_button_on_an_inline_message_is_nothing_for_its_chat_is_unknown() -> None:
    assert read(payloads.PRESS_INLINE) is None


def test_a_group_that_became_a_supergroup_moved_once_whichever_of_both_tells() -> None:
    moved = ChatMoved(platform="telegram", account="7000", moved_from="-200", to="-100200")
    assert read(payloads.MIGRATED_TO) == read(payloads.MIGRATED_FROM) == moved


def test_a_reply_to_another_chat_is_none() -> None:
    assert incoming(payloads.EXTERNAL_REPLY).reply_to is None


def test_a_reply_to_the_bot_does_not_address_it_as_a_person() -> None:
    assert incoming(payloads.REPLY_TO_BOT).reply_to == "1170"


@pytest.mark.parametrize(
    "update",
    [payloads.JOINED, payloads.PINNED, payloads.MEMBER, payloads.REACTION, payloads.OWN, {}],
)
def test_service_messages_other_updates_and_own_posts_are_nothing(update: dict[str, Any]) -> None:
    assert read(update) is None


def test_the_gateways_list_of_admins_makes_moderators() -> None:
    asked = []

    def is_moderator(chat_id: str, user_id: str) -> bool:
        asked.append((chat_id, user_id))
        return True

    assert incoming(payloads.GROUP, is_moderator=is_moderator).source.is_moderator
    assert asked == [("-100200", "456")]


def test_an_update_that_stands_for_its_message_has_an_id_that_fits() -> None:
    of_nobody = {**payloads.DM["message"], "message_id": 0}
    assert incoming({"update_id": "9", "message": of_nobody}).message_id == "update:9"
    with pytest.raises(UnreadablePayload, match=r"^update_id ") as caught:
        read({"update_id": "9" * 512, "message": of_nobody})
    assert caught.value.path == "update_id"


def test_what_telegram_does_not_send_is_told_by_its_path() -> None:
    with pytest.raises(UnreadablePayload, match=r"^message\.chat\.id is missing$") as caught:
        read({"update_id": 1, "message": {"chat": {"type": "group"}, "text": "x"}})
    assert caught.value.path == "message.chat.id"
