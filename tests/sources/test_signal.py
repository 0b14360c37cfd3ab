"""Signal: every trap of it, from what signal-cli tells to the event."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from session_router.events import Deletion, Edit, Event, Incoming
from session_router.models import ReplyTo
from session_router.sources import UnreadablePayload, signal
from tests.sources.payloads import signal as payloads


def read(notification: Mapping[str, Any], **more: Any) -> Event | None:
    return signal.read(notification, **{"account": payloads.BOT, **more})


def incoming(notification: Mapping[str, Any], **more: Any) -> Incoming:
    event = read(notification, **more)
    assert isinstance(event, Incoming)
    return event


def test_a_dm_is_a_message_of_its_person() -> None:
    event = incoming(payloads.DM)
    assert (event.text, event.kind) == ("how do I reset it?", "user")
    assert (event.reply_to, event.mentions, event.group, event.answers) == (None, (), None, None)
    assert event.sent_at == datetime(2026, 11, 22, 6, 29, 16, 123000, tzinfo=UTC)
    source = event.source
    assert (source.platform, source.account, source.scope) == ("signal", payloads.BOT, None)
    assert (source.chat_type, source.chat_id, source.thread_id) == ("dm", payloads.ALICE, None)
    assert (source.user_id, source.user_name) == (payloads.ALICE, "Alice")
    assert source.user_aliases == (payloads.ALICE_PHONE,)


@pytest.mark.parametrize("notification", [payloads.NOTIFICATION, payloads.SUBSCRIPTION])
def test_a_notification_reads_like_what_is_in_it(notification: dict[str, Any]) -> None:
    assert read(notification) == read(payloads.DM)


def test_a_message_id_is_its_sender_and_timestamp_for_two_people_may_write_at_once() -> None:
    assert incoming(payloads.DM).message_id == payloads.ID
    bob = {**payloads.alice, "sourceUuid": payloads.BOB}
    assert incoming(payloads.data(bob, message="hi")).message_id != payloads.ID


def test_a_number_may_be_hidden() -> None:
    source = incoming(payloads.NO_NUMBER).source
    assert (source.user_id, source.user_aliases) == (payloads.ALICE, ())


@pytest.mark.parametrize("notification", [payloads.NO_UUID, payloads.SOURCE_ALONE])
def test_without_a_uuid_the_number_is_the_person(notification: dict[str, Any]) -> None:
    source = incoming(notification).source
    assert (source.user_id, source.user_aliases) == (payloads.ALICE_PHONE, ())


def test_a_message_of_nobody_is_refused_by_name() -> None:
    with pytest.raises(UnreadablePayload) as refused:
        read(payloads.NO_SOURCE)
    assert refused.value.path == "envelope.source"


def test_a_groups_id_keeps_its_case_and_signs() -> None:
    source = incoming(payloads.GROUP).source
    assert (source.chat_type, source.chat_id) == ("group", payloads.GROUP_ID)
    assert source.user_id == payloads.ALICE


def test_a_quote_is_a_reply_to_its_author_and_timestamp() -> None:
    assert incoming(payloads.QUOTE).reply_to == ReplyTo(
        message_id=f"{payloads.BOB}:{payloads.SENT - 7}", user_id=payloads.BOB
    )


def test_the_bot_is_no_author_of_a_quote_and_nobody_who_is_mentioned() -> None:
    expected = f"{payloads.BOT_UUID}:{payloads.SENT - 9}"
    assert incoming(payloads.QUOTE_OF_BOT).reply_to == expected
    assert incoming(payloads.MENTIONING).mentions == (payloads.BOB,)


@pytest.mark.parametrize("account", [payloads.BOT, payloads.BOT_UUID])
def test_in_a_group_it_overhears_the_bot_takes_what_mentions_quotes_or_commands_it(
    account: str,
) -> None:
    for notification in (payloads.GROUP, payloads.QUOTE, payloads.MENTIONING_BOB):
        assert incoming(notification, account=account).kind == "user"
        assert incoming(notification, account=account, overhears=True).kind == "context"
    for notification in (payloads.MENTIONING, payloads.QUOTE_OF_BOT, payloads.STOP, payloads.DM):
        assert incoming(notification, account=account, overhears=True).kind == "user"


def test_commands_are_controls_and_busy_modes_also_after_the_bots_name() -> None:
    assert incoming(payloads.STOP).control == "stop"
    assert incoming(payloads.MENTION_AND_STOP).control == "stop"
    event = incoming(payloads.STEER)
    assert (event.busy, event.text) == ("steer", "in blue")


def test_a_command_after_somebody_elses_name_is_none() -> None:
    assert incoming(payloads.BOB_AND_STOP).control is None
    assert incoming(payloads.BOB_AND_STOP_AND_BOT).control is None


def test_media_come_back_with_what_they_are_fetched_with() -> None:
    event = incoming(payloads.IMAGE)
    assert event.text == "this one"
    assert event.payload == {"attachments": [payloads.attachment]}


@pytest.mark.parametrize(
    ("notification", "text"),
    [(payloads.IMAGE_ALONE, ""), (payloads.STICKER, ""), (payloads.POLL, "Lunch?")],
)
def test_what_has_no_text_is_a_message_too(notification: dict[str, Any], text: str) -> None:
    assert incoming(notification).text == text


@pytest.mark.parametrize(
    ("notification", "chat_id", "text"),
    [
        (payloads.EDIT, payloads.ALICE, "how do I *reset* it?"),
        (payloads.GROUP_EDIT, payloads.GROUP_ID, "dinner?"),
    ],
)
def test_an_edit_names_the_message_that_it_changes(
    notification: dict[str, Any], chat_id: str, text: str
) -> None:
    event = read(notification)
    assert isinstance(event, Edit)
    assert (event.message_id, event.text) == (payloads.ID, text)
    assert event.source.chat_id == chat_id


def test_a_second_edit_names_the_first_one() -> None:
    event = read(payloads.SECOND_EDIT)
    assert isinstance(event, Edit)
    assert event.message_id == f"{payloads.ALICE}:{payloads.SENT + 5}"


@pytest.mark.parametrize(
    ("notification", "author", "chat_id"),
    [
        (payloads.DELETED, payloads.ALICE, payloads.ALICE),
        (payloads.DELETED_IN_GROUP, payloads.ALICE, payloads.GROUP_ID),
        (payloads.DELETED_BY_ADMIN, payloads.BOB, payloads.GROUP_ID),
    ],
)
def test_a_deletion_names_its_message_by_author_and_timestamp(
    notification: dict[str, Any], author: str, chat_id: str
) -> None:
    event = read(notification)
    assert isinstance(event, Deletion)
    assert event.message_id == f"{author}:{payloads.SENT - 7}"
    assert event.source.chat_id == chat_id


@pytest.mark.parametrize(
    "notification", [payloads.JOINED, payloads.GROUP_UPDATE, payloads.EXPIRATION]
)
def test_changes_of_a_group_or_its_timer_are_nothing(notification: dict[str, Any]) -> None:
    assert read(notification) is None


def test_a_change_of_a_group_that_says_something_is_a_message() -> None:
    assert incoming(payloads.GROUP_UPDATE_WITH_TEXT).text == "renamed it"


@pytest.mark.parametrize(
    "notification",
    [payloads.REACTION, payloads.POLL_VOTE, payloads.PIN, payloads.STORY, payloads.STORY_REPLY],
)
def test_reactions_votes_pins_and_stories_are_nothing(notification: dict[str, Any]) -> None:
    assert read(notification) is None


@pytest.mark.parametrize(
    "notification", [payloads.RECEIPT, payloads.TYPING, payloads.CALL, payloads.EXCEPTION]
)
def test_receipts_typing_calls_and_errors_are_nothing(notification: dict[str, Any]) -> None:
    assert read(notification) is None


@pytest.mark.parametrize("notification", [payloads.SYNC, payloads.OWN])
def test_what_the_bots_own_number_sent_is_nothing(notification: dict[str, Any]) -> None:
    assert read(notification) is None


def test_the_gateway_tells_who_moderates_a_group() -> None:
    def is_moderator(chat_id: str, user_id: str) -> bool:
        return (chat_id, user_id) == (payloads.GROUP_ID, payloads.ALICE)

    assert incoming(payloads.GROUP, is_moderator=is_moderator).source.is_moderator
    assert not incoming(payloads.DM, is_moderator=is_moderator).source.is_moderator
