"""WhatsApp's Cloud API: every trap of it, from a payload of its documentation to the event."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from session_router.events import Deletion, Edit, Incoming
from session_router.sources import UnreadablePayload, whatsapp_cloud
from tests.sources.payloads import whatsapp_cloud as payloads

read = whatsapp_cloud.read


def incoming(body: Mapping[str, Any], **more: Any) -> Incoming:
    event = read(body, **more)
    assert isinstance(event, Incoming)
    return event


def test_a_text_is_a_message_in_the_dm_of_its_sender() -> None:
    event = incoming(payloads.TEXT)
    assert (event.message_id, event.text) == (payloads.WAMID, "Does it come in another color?")
    assert (event.kind, event.reply_to, event.mentions, event.group) == ("user", None, (), None)
    assert event.sent_at == datetime(2026, 11, 22, 6, 29, 16, tzinfo=UTC)
    source = event.source
    assert (source.platform, source.account) == ("whatsapp", "106540352242922")
    assert (source.chat_type, source.chat_id, source.thread_id) == ("dm", "16505551234", None)
    assert (source.user_id, source.user_name) == ("16505551234", "Sheena Nelson")
    assert source.user_aliases == ()


def test_the_business_scoped_id_is_the_user_and_the_other_ids_are_aliases() -> None:
    source = incoming(payloads.SCOPED).source
    assert source.user_id == source.chat_id == payloads.ALICE
    assert source.user_aliases == (payloads.ALICE_PHONE, payloads.ALICE_PARENT)


def test_a_phone_number_may_be_missing() -> None:
    source = incoming(payloads.NO_NUMBER).source
    assert source.user_id == source.chat_id == payloads.ALICE
    assert source.user_aliases == (payloads.ALICE_PARENT,)
    assert source.user_name == "Sheena Nelson"


def test_a_message_that_names_no_sender_is_of_its_only_contact() -> None:
    source = incoming(payloads.CONTACT_SHARED).source
    assert source.user_id == source.chat_id == payloads.ALICE


def test_a_number_may_be_another_than_the_whatsapp_id_of_the_same_person() -> None:
    source = incoming(payloads.OTHER_NUMBER).source
    assert (source.user_id, source.user_aliases) == ("16505551234", ("16505559999",))


def test_a_contact_with_another_scoped_id_is_somebody_else() -> None:
    body = payloads.text(contact={**payloads.both_ids, "wa_id": "1"}, from_user_id=payloads.BOB)
    source = incoming(body).source
    assert (source.user_id, source.user_aliases) == (payloads.BOB, ("16505551234",))
    assert source.user_name is None


def test_an_update_of_ids_is_overheard_and_ties_the_new_id_to_the_old_one() -> None:
    event = incoming(payloads.NEW_IDS)
    assert event.kind == "context"
    assert event.text == "User id for Sheena Nelson has been updated."
    assert event.source.user_id == event.source.chat_id == "US.24817305912873645029"
    assert event.source.user_aliases == (payloads.ALICE, "16505557654")


def test_an_update_of_ids_also_ties_those_of_a_group_of_portfolios() -> None:
    source = incoming(payloads.NEW_IDS_OF_A_GROUP_OF_PORTFOLIOS).source
    assert source.user_aliases == (payloads.ALICE, "US.ENT.99", payloads.ALICE_PARENT)


def test_an_update_of_ids_has_an_id_that_is_the_same_when_it_is_delivered_again() -> None:
    assert incoming(payloads.NEW_IDS).message_id == "US.24817305912873645029"


def test_a_new_number_is_overheard_and_tied_to_the_number_of_before() -> None:
    event = incoming(payloads.NEW_NUMBER)
    assert event.kind == "context"
    assert (event.source.user_id, event.source.user_aliases) == ("12195555358", ("16505551234",))


def test_a_new_id_without_the_old_one_is_nothing() -> None:
    assert read(payloads.NEW_ID_ALONE) is None


def test_a_reply_names_the_message_that_it_answers() -> None:
    assert incoming(payloads.REPLY).reply_to == payloads.ASKED
    assert incoming(payloads.ABOUT_A_PRODUCT).reply_to == payloads.ASKED


@pytest.mark.parametrize("body", [payloads.FORWARDED, payloads.FORWARDED_OFTEN])
def test_a_forward_has_a_context_and_replies_to_nothing(body: dict[str, Any]) -> None:
    assert incoming(body).reply_to is None


@pytest.mark.parametrize(
    ("body", "text"),
    [(payloads.BUTTON, "yes"), (payloads.ROW, "priority"), (payloads.QUICK_REPLY, "no")],
)
def test_a_button_that_asks_answers(body: dict[str, Any], text: str) -> None:
    event = incoming(body)
    assert (event.answers, event.text, event.reply_to) == ("p7", text, payloads.ASKED)


def test_another_button_is_a_message_with_its_title() -> None:
    event = incoming(payloads.OTHER_BUTTON)
    assert (event.answers, event.text) == (None, "Cancel")
    reply = {"type": "button_reply", "button_reply": {"id": "cancel", "title": "Cancel"}}
    assert event.payload == {"type": "interactive", "interactive": reply}


def test_a_flow_that_was_filled_in_is_a_message_with_its_answers() -> None:
    event = incoming(payloads.FLOW)
    assert (event.answers, event.text) == (None, "Sent")
    reply = {"name": "flow", "body": "Sent", "response_json": '{"a": 1}'}
    form = {"type": "nfm_reply", "nfm_reply": reply}
    assert event.payload == {"type": "interactive", "interactive": form}


def test_a_medium_is_a_message_with_its_caption_and_what_it_is_fetched_with() -> None:
    event = incoming(payloads.IMAGE)
    assert event.text == "this one"
    image = {
        "caption": "this one",
        "mime_type": "image/jpeg",
        "sha256": "abc123def456",
        "id": "1003383421387256",
    }
    assert event.payload == {"type": "image", "image": image}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (payloads.VOICE, ""),
        (payloads.DOCUMENT, ""),
        (payloads.LOCATION, ""),
        (payloads.ORDER, "by Friday"),
        (payloads.FROM_AN_AD, "Does it come in another color?"),
    ],
)
def test_what_has_no_text_is_a_message_too(body: dict[str, Any], text: str) -> None:
    assert incoming(body).text == text


def test_a_group_is_a_chat_of_several_people() -> None:
    source = incoming(payloads.GROUP).source
    assert (source.chat_type, source.chat_id) == ("group", payloads.GROUP_ID)
    assert source.user_id == "16505551234"


def test_of_a_group_it_overhears_the_business_takes_replies_to_itself() -> None:
    assert incoming(payloads.GROUP).kind == "user"
    assert incoming(payloads.GROUP, overhears=True).kind == "context"
    assert incoming(payloads.GROUP_REPLY_TO_BOB, overhears=True).kind == "context"
    assert incoming(payloads.GROUP_REPLY, overhears=True).kind == "user"
    assert incoming(payloads.TEXT, overhears=True).kind == "user"


def test_commands_are_controls_and_busy_modes() -> None:
    assert incoming(payloads.STOP).control == "stop"
    event = incoming(payloads.STEER)
    assert (event.busy, event.text) == ("steer", "in blue, please")


@pytest.mark.parametrize(
    ("body", "text"), [(payloads.EDIT, "that one"), (payloads.TEXT_EDIT, "in red?")]
)
def test_an_edit_names_the_message_that_it_changes(body: dict[str, Any], text: str) -> None:
    event = read(body)
    assert isinstance(event, Edit)
    assert (event.message_id, event.text) == (payloads.WAMID, text)
    assert event.source.chat_id == "16505551234"


def test_a_revocation_deletes_the_message_that_it_names() -> None:
    event = read(payloads.REVOKED)
    assert isinstance(event, Deletion)
    assert (event.message_id, event.source.chat_id) == (payloads.WAMID, "16505551234")


@pytest.mark.parametrize(
    "body",
    [payloads.STATUS, payloads.ECHO, payloads.PAGE, payloads.REACTION, payloads.UNSUPPORTED],
)
def test_statuses_echoes_and_reactions_are_nothing(body: dict[str, Any]) -> None:
    assert read(body) is None


def test_a_body_of_several_events_is_split_into_one_each_in_their_order() -> None:
    events = [read(body) for body in whatsapp_cloud.split(payloads.ALL_AT_ONCE)]
    assert all(isinstance(event, Incoming) for event in events)
    ids = [event.message_id for event in events if isinstance(event, Incoming)]
    assert ids == ["wamid.1", "wamid.2", "US.24817305912873645029"]


def test_each_message_of_a_body_is_of_its_own_contact() -> None:
    sources = [incoming(body).source for body in whatsapp_cloud.split(payloads.BATCH)]
    assert [source.user_id for source in sources] == [payloads.BOB, payloads.ALICE]
    assert [source.user_name for source in sources] == ["Bob", "Sheena Nelson"]
    assert sources[0].user_aliases == ("16505550000",)


@pytest.mark.parametrize("body", [payloads.STATUS, payloads.ECHO, payloads.PAGE])
def test_a_body_without_events_is_split_into_nothing(body: dict[str, Any]) -> None:
    assert whatsapp_cloud.split(body) == ()


@pytest.mark.parametrize("body", [payloads.BATCH, payloads.TWO_CHANGES])
def test_a_body_of_several_events_is_not_read_by_halves(body: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePayload, match="split it first"):
        read(body)


def test_a_body_reads_the_same_split_or_not() -> None:
    assert [read(body) for body in whatsapp_cloud.split(payloads.SCOPED)] == [read(payloads.SCOPED)]


def test_a_sender_without_any_id_is_refused_by_name() -> None:
    body = payloads.text(contact=None, **payloads.no_number)
    with pytest.raises(UnreadablePayload) as refused:
        read(body)
    assert refused.value.path == "entry.0.changes.0.value.messages.0.from"
