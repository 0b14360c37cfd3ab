"""WhatsApp over the web: every trap of it, from what Baileys gives to the event."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from session_router.events import Deletion, Edit, Event, Incoming
from session_router.models import ReplyTo
from session_router.sources import UnreadablePayload, whatsapp_web
from tests.sources.payloads import whatsapp_web as payloads


def read(item: Mapping[str, Any], **more: Any) -> Event | None:
    return whatsapp_web.read(item, account=payloads.BOT, own_lid=payloads.BOT_LID, **more)


def incoming(item: Mapping[str, Any], **more: Any) -> Incoming:
    event = read(item, **more)
    assert isinstance(event, Incoming)
    return event


def test_a_dm_is_a_message_of_its_person() -> None:
    event = incoming(payloads.DM)
    assert (event.message_id, event.text, event.kind) == (payloads.ID, "how do I reset it?", "user")
    assert (event.reply_to, event.mentions, event.group, event.answers) == (None, (), None, None)
    assert event.sent_at == datetime(2026, 11, 22, 6, 29, 16, tzinfo=UTC)
    source = event.source
    assert (source.platform, source.account) == ("whatsapp", payloads.BOT)
    assert (source.chat_type, source.thread_id) == ("dm", None)
    assert (source.user_name, source.is_bot, source.is_moderator) == ("Alice", False, False)


@pytest.mark.parametrize("item", [payloads.DM, payloads.DM_BY_PHONE])
def test_the_lid_is_the_person_and_the_dm_whichever_form_the_chat_has(item: dict[str, Any]) -> None:
    source = incoming(item).source
    assert source.user_id == source.chat_id == payloads.ALICE
    assert source.user_aliases == (payloads.ALICE_PHONE,)


def test_a_number_without_its_lid_is_the_person() -> None:
    source = incoming(payloads.DM_BY_PHONE_ALONE).source
    assert source.user_id == source.chat_id == payloads.ALICE_PHONE
    assert source.user_aliases == ()


def test_who_comes_by_number_alone_is_the_person_of_the_lid_that_the_gateway_looks_up() -> None:
    lids = {payloads.ALICE_PHONE: payloads.ALICE, payloads.BOB_PHONE: payloads.BOB}
    source = incoming(payloads.DM_BY_PHONE_ALONE, lid_of=lids.get).source
    assert source.user_id == source.chat_id == payloads.ALICE
    assert source.user_aliases == (payloads.ALICE_PHONE,)
    event = incoming(payloads.BY_NUMBERS, lid_of=lids.get)
    assert event.mentions == (payloads.BOB,)
    assert event.reply_to == ReplyTo(message_id=payloads.QUOTED, user_id=payloads.ALICE)


@pytest.mark.parametrize(
    ("item", "user_id", "alias"),
    [
        (payloads.GROUP, payloads.ALICE, payloads.ALICE_PHONE),
        (payloads.GROUP_BY_PHONE, payloads.BOB, payloads.BOB_PHONE),
        (payloads.WITH_DEVICE, payloads.ALICE, payloads.ALICE_PHONE),
    ],
)
def test_in_a_group_the_participant_is_the_person_without_the_device(
    item: dict[str, Any], user_id: str, alias: str
) -> None:
    source = incoming(item).source
    assert (source.chat_type, source.chat_id) == ("group", payloads.GROUP_ID)
    assert (source.user_id, source.user_aliases) == (user_id, (alias,))


def test_a_hosted_device_is_its_persons() -> None:
    source = incoming(payloads.HOSTED).source
    assert (source.chat_id, source.user_aliases) == (payloads.ALICE, (payloads.ALICE_PHONE,))


def test_the_bots_own_device_is_no_part_of_the_account() -> None:
    event = whatsapp_web.read(payloads.DM, account="4915112345678:23@s.whatsapp.net")
    assert isinstance(event, Incoming)
    assert event.source.account == payloads.BOT


def test_a_quote_is_a_reply_with_its_author() -> None:
    expected = ReplyTo(message_id=payloads.QUOTED, user_id=payloads.BOB)
    assert incoming(payloads.QUOTE).reply_to == expected


def test_the_bot_is_no_author_of_a_quote_and_nobody_who_is_mentioned() -> None:
    assert incoming(payloads.QUOTE_OF_BOT).reply_to == payloads.QUOTED
    assert incoming(payloads.MENTIONING).mentions == (payloads.BOB,)


@pytest.mark.parametrize("item", [payloads.PRIVATE_REPLY, payloads.REPLY_TO_STATUS])
def test_a_quote_from_another_chat_is_no_reply(item: dict[str, Any]) -> None:
    assert incoming(item).reply_to is None


def test_a_quote_that_names_its_dm_in_the_other_form_is_a_reply() -> None:
    expected = ReplyTo(message_id=payloads.QUOTED, user_id=payloads.ALICE)
    assert incoming(payloads.REPLY_IN_OTHER_FORM).reply_to == expected


def test_a_forward_replies_to_nothing() -> None:
    assert incoming(payloads.FORWARDED).reply_to is None


def test_in_a_group_it_overhears_the_bot_takes_what_mentions_quotes_or_commands_it() -> None:
    for item in (payloads.GROUP, payloads.QUOTE, payloads.MENTIONING_BOB):
        assert incoming(item).kind == "user"
        assert incoming(item, overhears=True).kind == "context"
    for item in (payloads.MENTIONING, payloads.QUOTE_OF_BOT, payloads.STOP, payloads.DM):
        assert incoming(item, overhears=True).kind == "user"


def test_commands_are_controls_and_busy_modes_also_after_the_bots_name() -> None:
    assert incoming(payloads.STOP).control == "stop"
    assert incoming(payloads.MENTION_AND_STOP).control == "stop"
    event = incoming(payloads.QUEUE)
    assert (event.busy, event.text) == ("queue", "and then the tests")


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (payloads.EPHEMERAL, "for a day"),
        (payloads.VIEW_ONCE, "once"),
        (payloads.EPHEMERAL_VIEW_ONCE, "once, for a day"),
        (payloads.DOCUMENT, "the plan"),
    ],
)
def test_wrappers_are_taken_off(item: dict[str, Any], text: str) -> None:
    assert incoming(item).text == text


def test_a_context_under_a_wrapper_counts() -> None:
    expected = ReplyTo(message_id=payloads.QUOTED, user_id=payloads.BOB)
    assert incoming(payloads.DOCUMENT).reply_to == expected


def test_wrappers_without_end_are_nothing() -> None:
    assert read(payloads.WRAPPED_FOR_EVER) is None


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (payloads.VOICE, ""),
        (payloads.STICKER, ""),
        (payloads.LOCATION, ""),
        (payloads.POLL, "Lunch?"),
    ],
)
def test_what_has_no_text_is_a_message_too(item: dict[str, Any], text: str) -> None:
    assert incoming(item).text == text


def test_a_medium_comes_back_with_what_it_is_fetched_with_and_no_thumbnail() -> None:
    assert incoming(payloads.DOCUMENT).payload == {
        "key": payloads.dm,
        "documentMessage": {
            "mimetype": "application/pdf",
            "fileName": "plan.pdf",
            "directPath": "/v/t62",
            "mediaKey": "a2V5",
        },
    }


def test_the_parts_of_an_album_are_a_group_and_the_album_itself_is_nothing() -> None:
    assert incoming(payloads.ALBUM_PART).group == "ALBUM1"
    assert incoming(payloads.ALBUM_PART_IN_WRAPPER).group == "ALBUM1"
    assert incoming(payloads.ALBUM_PART_AROUND_WRAPPER).group == "ALBUM1"
    assert read(payloads.ALBUM) is None


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (payloads.BUTTON, "yes"),
        (payloads.TEMPLATE_BUTTON, "no"),
        (payloads.ROW, "priority"),
        (payloads.FLOW_BUTTON, "later"),
    ],
)
def test_a_button_that_asks_answers(item: dict[str, Any], text: str) -> None:
    event = incoming(item)
    assert (event.answers, event.text, event.reply_to) == ("p7", text, payloads.QUOTED)


def test_another_button_is_a_message_with_its_title() -> None:
    event = incoming(payloads.OTHER_FLOW)
    assert (event.answers, event.text) == (None, "Sent")


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (payloads.EDIT, "how do I *reset* it?"),
        (payloads.EDIT_BY_NUMBER, "that one"),
        (payloads.EDIT_IN_UPDATE, "how do I *reset* it?"),
    ],
)
def test_an_edit_names_the_message_that_it_changes(item: dict[str, Any], text: str) -> None:
    event = read(item)
    assert isinstance(event, Edit)
    assert (event.message_id, event.text) == (payloads.QUOTED, text)
    assert event.source.chat_id == payloads.ALICE


@pytest.mark.parametrize(
    "item", [payloads.REVOKED, payloads.REVOKED_BY_NUMBER, payloads.REVOKED_IN_UPDATE]
)
def test_a_revocation_deletes_the_message_that_it_names(item: dict[str, Any]) -> None:
    event = read(item)
    assert isinstance(event, Deletion)
    assert (event.message_id, event.source.chat_id) == (payloads.QUOTED, payloads.ALICE)


def test_an_admin_revokes_the_message_of_another() -> None:
    event = read(payloads.REVOKED_BY_ADMIN)
    assert isinstance(event, Deletion)
    assert (event.message_id, event.source.chat_id) == (payloads.QUOTED, payloads.GROUP_ID)


def test_an_update_that_does_not_say_which_message_is_refused() -> None:
    with pytest.raises(UnreadablePayload) as refused:
        read(payloads.EDIT_IN_UPDATE_WITHOUT_ID)
    assert refused.value.path == "key.id"


@pytest.mark.parametrize("item", [payloads.STATUS, payloads.WHATSAPP, payloads.CALL])
def test_statuses_and_what_whatsapp_itself_says_are_nothing(item: dict[str, Any]) -> None:
    assert read(item) is None


def test_a_broadcast_list_reaches_the_dm_of_its_sender() -> None:
    source = incoming(payloads.BROADCAST_LIST).source
    assert (source.chat_type, source.chat_id) == ("dm", payloads.ALICE)
    assert source.user_aliases == (payloads.ALICE_PHONE,)


def test_a_newsletter_is_a_channel_that_speaks_for_itself() -> None:
    source = incoming(payloads.NEWSLETTER).source
    assert (source.chat_type, source.chat_id) == ("channel", "120363144038483540@newsletter")
    assert source.user_id == source.chat_id
    assert incoming(payloads.NEWSLETTER, overhears=True).kind == "context"


def test_whatsapps_own_assistant_is_a_bot() -> None:
    assert incoming(payloads.META_AI).source.is_bot
    assert not incoming(payloads.DM).source.is_bot


@pytest.mark.parametrize("item", [payloads.OWN, payloads.SELF_CHAT])
def test_what_the_bots_own_number_sent_is_nothing(item: dict[str, Any]) -> None:
    assert read(item) is None


@pytest.mark.parametrize(
    "item",
    [
        payloads.REACTION,
        payloads.POLL_VOTE,
        payloads.KEYS_ALONE,
        payloads.UNDECRYPTED,
        payloads.GROUP_EVENT,
        payloads.RECEIPT,
        payloads.GROUP_RECEIPT,
        payloads.ENCRYPTED_EDIT,
        payloads.EPHEMERAL_SETTING,
    ],
)
def test_what_nobody_says_is_nothing(item: dict[str, Any]) -> None:
    assert read(item) is None


def test_the_gateway_tells_who_moderates_a_group() -> None:
    asked = []

    def is_moderator(chat_id: str, user_id: str) -> bool:
        asked.append((chat_id, user_id))
        return True

    assert incoming(payloads.GROUP, is_moderator=is_moderator).source.is_moderator
    assert asked == [(payloads.GROUP_ID, payloads.ALICE)]


@pytest.mark.parametrize("jid", ["16505551234", "@lid", ":1@lid", "16505551234@"])
def test_what_is_no_jid_is_refused_by_name(jid: str) -> None:
    with pytest.raises(UnreadablePayload) as refused:
        read(payloads.message({**payloads.dm, "remoteJid": jid}, conversation="hi"))
    assert refused.value.path == "key.remoteJid"
