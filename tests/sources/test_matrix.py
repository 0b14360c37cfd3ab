"""Matrix: every trap of it, from an event of its specification to the router's."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from session_router.events import ChatMoved, Deletion, Edit, Event, Incoming
from session_router.models import ReplyTo
from session_router.sources import UnreadablePayload, matrix
from tests.sources.payloads import matrix as payloads


def read(event: Mapping[str, Any], **more: Any) -> Event | None:
    return matrix.read(event, **{"account": payloads.BOT, "is_direct": False, **more})


def incoming(event: Mapping[str, Any], **more: Any) -> Incoming:
    told = read(event, **more)
    assert isinstance(told, Incoming)
    return told


def test_a_text_is_a_message_of_its_sender_in_its_room() -> None:
    event = incoming(payloads.TEXT, user_name="Alice")
    assert (event.message_id, event.text, event.kind) == (payloads.ID, "how do I reset it?", "user")
    assert (event.reply_to, event.mentions) == (None, ())
    assert event.sent_at == datetime(2026, 11, 22, 6, 29, 16, 123000, tzinfo=UTC)
    source = event.source
    assert (source.platform, source.account, source.scope) == ("matrix", payloads.BOT, None)
    assert (source.chat_type, source.chat_id, source.thread_id) == ("group", payloads.ROOM_ID, None)
    assert (source.user_name, source.is_bot) == ("Alice", False)


def test_a_user_id_keeps_its_case() -> None:
    assert incoming(payloads.TEXT).source.user_id == "@Alice:example.org"


def test_the_gateway_says_that_a_room_is_a_direct_chat() -> None:
    source = incoming(payloads.TEXT, is_direct=True).source
    assert (source.chat_type, source.chat_id) == ("dm", payloads.ROOM_ID)


def test_an_event_of_a_sync_is_given_its_room() -> None:
    assert read(payloads.SYNCED, room_id=payloads.ROOM_ID) == read(payloads.TEXT)
    with pytest.raises(UnreadablePayload) as refused:
        read(payloads.SYNCED)
    assert refused.value.path == "room_id"


@pytest.mark.parametrize("event", [payloads.THREAD, payloads.FALLING_BACK])
def test_a_thread_is_named_by_its_root_and_a_fallback_is_no_reply(event: dict[str, Any]) -> None:
    told = incoming(event)
    assert (told.source.chat_id, told.source.thread_id) == (payloads.ROOM_ID, payloads.ROOT)
    assert told.reply_to is None


@pytest.mark.parametrize("event", [payloads.THREAD_REPLY, payloads.THREAD_REPLY_BY_DEFAULT])
def test_a_reply_in_a_thread_is_a_reply(event: dict[str, Any]) -> None:
    told = incoming(event)
    assert (told.source.thread_id, told.reply_to) == (payloads.ROOT, payloads.TARGET)


def test_a_thread_in_a_direct_chat_is_a_thread() -> None:
    source = incoming(payloads.THREAD, is_direct=True).source
    assert (source.chat_type, source.thread_id) == ("dm", payloads.ROOT)


def test_a_reply_names_its_message_and_the_author_that_the_gateway_knows() -> None:
    assert incoming(payloads.REPLY).reply_to == payloads.TARGET
    authors = {payloads.TARGET: payloads.BOB}
    expected = ReplyTo(message_id=payloads.TARGET, user_id=payloads.BOB)
    assert incoming(payloads.REPLY, author_of=authors.get).reply_to == expected


@pytest.mark.parametrize(
    ("event", "text"),
    [(payloads.QUOTING_REPLY, "This is the reply"), (payloads.QUOTING_EMOTE, "Get well")],
)
def test_what_an_older_client_quotes_before_a_reply_is_no_text_of_it(
    event: dict[str, Any], text: str
) -> None:
    assert incoming(event).text == text


def test_a_quote_that_a_person_wrote_stays() -> None:
    assert incoming(payloads.OWN_QUOTE).text == "> somebody said that\nand I doubt it"
    assert incoming(payloads.QUOTE_WITHOUT_REPLY).text == "> <@bob:example.org> said\n\nthat"


def test_mentions_are_user_ids_each_once_and_never_the_bot() -> None:
    assert incoming(payloads.MENTIONING).mentions == (payloads.BOB,)
    assert incoming(payloads.MENTIONING_NOBODY).mentions == ()


def test_of_very_many_mentions_the_first_hundred_count() -> None:
    assert len(incoming(payloads.MENTIONING_ALL).mentions) == 100


def test_in_a_room_it_overhears_the_bot_takes_what_mentions_answers_or_commands_it() -> None:
    authors = {payloads.TARGET: payloads.BOT}
    for event in (payloads.TEXT, payloads.MENTIONING_BOB, payloads.REPLY):
        assert incoming(event).kind == "user"
        assert incoming(event, overhears=True).kind == "context"
    for event in (payloads.MENTIONING, payloads.STOP, payloads.REPLY):
        assert incoming(event, overhears=True, author_of=authors.get).kind == "user"
    assert incoming(payloads.TEXT, overhears=True, is_direct=True).kind == "user"


def test_a_reply_to_the_bot_addresses_nobody_else() -> None:
    authors = {payloads.TARGET: payloads.BOT}
    assert incoming(payloads.REPLY, author_of=authors.get).reply_to == payloads.TARGET


@pytest.mark.parametrize("event", [payloads.NOTICE, payloads.SERVER_NOTICE])
def test_a_notice_is_a_bots_and_never_answered(event: dict[str, Any]) -> None:
    told = incoming(event, is_direct=True)
    assert (told.kind, told.source.is_bot) == ("context", True)


def test_a_notice_controls_nothing() -> None:
    event = incoming(payloads.NOTICE_OF_STOP)
    assert (event.kind, event.control, event.text) == ("context", None, "/stop")


def test_commands_are_controls_and_busy_modes_also_after_the_bots_name() -> None:
    assert incoming(payloads.STOP).control == "stop"
    assert incoming(payloads.NAMED_STOP).control == "stop"
    event = incoming(payloads.QUEUE)
    assert (event.busy, event.text) == ("queue", "and then the tests")


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (payloads.EMOTE, "waves"),
        (payloads.UNKNOWN_KIND, "a fallback"),
        (payloads.IMAGE, ""),
        (payloads.NAMED_TWICE, ""),
        (payloads.CAPTIONED, "this one"),
        (payloads.LOCATION, "Big Ben, London"),
        (payloads.STICKER, ""),
    ],
)
def test_a_body_is_the_text_unless_it_is_a_files_name(event: dict[str, Any], text: str) -> None:
    assert incoming(event).text == text


def test_a_medium_comes_back_with_what_it_is_fetched_with() -> None:
    assert incoming(payloads.IMAGE).payload == {
        "msgtype": "m.image",
        "url": "mxc://example.org/abc123",
        "info": payloads.info,
    }


def test_an_edit_has_its_new_content_and_not_the_fallback() -> None:
    event = read(payloads.EDIT)
    assert isinstance(event, Edit)
    assert (event.message_id, event.text) == (payloads.TARGET, "how do I *reset* it?")
    assert event.source.chat_id == payloads.ROOM_ID


def test_an_edit_that_changes_nothing_has_the_text_of_before() -> None:
    event = read(payloads.EDIT_OF_NOTHING)
    assert isinstance(event, Edit)
    assert event.text == incoming(payloads.TEXT).text


def test_an_edit_of_a_caption_or_a_queued_text_reads_as_the_message_did() -> None:
    caption, queued = read(payloads.EDIT_OF_CAPTION), read(payloads.EDIT_OF_QUEUED)
    assert isinstance(caption, Edit)
    assert isinstance(queued, Edit)
    assert (caption.text, queued.text) == ("that one", "then the docs")


def test_an_edit_without_new_content_is_nothing() -> None:
    assert read(payloads.EDIT_WITHOUT_CONTENT) is None


def test_an_edit_of_somebody_elses_message_is_nothing() -> None:
    assert read(payloads.EDIT, author_of={payloads.TARGET: payloads.BOB}.get) is None
    own = read(payloads.EDIT, author_of={payloads.TARGET: payloads.ALICE}.get)
    assert isinstance(own, Edit)


@pytest.mark.parametrize("event", [payloads.REDACTION, payloads.REDACTION_V11])
def test_a_redaction_names_its_message_in_either_place(event: dict[str, Any]) -> None:
    told = read(event)
    assert isinstance(told, Deletion)
    assert (told.message_id, told.source.chat_id) == (payloads.TARGET, payloads.ROOM_ID)


def test_a_redaction_that_names_no_message_is_refused() -> None:
    with pytest.raises(UnreadablePayload) as refused:
        read(payloads.REDACTION_OF_NOTHING)
    assert refused.value.path == "redacts"


def test_a_message_that_was_redacted_before_it_came_is_nothing() -> None:
    assert read(payloads.REDACTED) is None


def test_a_tombstone_moves_the_room() -> None:
    assert read(payloads.TOMBSTONE) == ChatMoved(
        platform="matrix",
        account=payloads.BOT,
        moved_from=payloads.ROOM_ID,
        to="!newroom:example.org",
    )


@pytest.mark.parametrize("event", [payloads.TOMBSTONE_WITHOUT_ROOM, payloads.FALSE_TOMBSTONE])
def test_a_tombstone_without_a_room_or_out_of_the_state_is_nothing(event: dict[str, Any]) -> None:
    assert read(event) is None


@pytest.mark.parametrize("event", [payloads.ENCRYPTED, payloads.ENCRYPTED_EDIT])
def test_what_is_encrypted_is_nothing(event: dict[str, Any]) -> None:
    assert read(event) is None


@pytest.mark.parametrize(
    "event",
    [
        payloads.OWN,
        payloads.JOIN,
        payloads.STATE_OF_MESSAGE_TYPE,
        payloads.REACTION,
        payloads.TYPING,
        payloads.VERIFICATION,
    ],
)
def test_own_messages_states_reactions_and_typing_are_nothing(event: dict[str, Any]) -> None:
    assert read(event) is None


def test_the_gateway_tells_who_moderates_a_room() -> None:
    def is_moderator(chat_id: str, user_id: str) -> bool:
        return (chat_id, user_id) == (payloads.ROOM_ID, payloads.ALICE)

    assert incoming(payloads.TEXT, is_moderator=is_moderator).source.is_moderator
    assert not incoming(payloads.NOTICE, is_moderator=is_moderator).source.is_moderator
