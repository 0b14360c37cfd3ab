"""Discord: every trap of the platform, from a payload of its documentation to the event."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from session_router.events import Deletion, Edit, Event, Incoming
from session_router.models import ReplyTo
from session_router.sources import UnreadablePayload, discord
from tests.sources.payloads import discord as payloads


def read(payload: Mapping[str, Any], **more: Any) -> Event | None:
    return discord.read(payload, account="9000", parent_of=payloads.parents.get, **more)


def incoming(payload: Mapping[str, Any], **more: Any) -> Incoming:
    event = read(payload, **more)
    assert isinstance(event, Incoming)
    return event


def test_a_guild_is_the_scope_and_its_channel_a_group() -> None:
    event = incoming(payloads.GUILD)
    assert (event.message_id, event.text, event.kind) == ("1180", "how do I reset it?", "user")
    assert event.sent_at == datetime(2026, 11, 22, 6, 29, 16, 500_000, tzinfo=UTC)
    source = event.source
    assert (source.platform, source.account, source.scope) == ("discord", "9000", "1")
    assert (source.chat_type, source.chat_id, source.thread_id) == ("group", "123", None)
    assert (source.user_id, source.user_name, source.is_bot) == ("456", "Ali", False)
    assert event.payload == {}


@pytest.mark.parametrize("payload", [payloads.DM, payloads.DM_WITHOUT_CHANNEL_TYPE])
def test_a_dm_has_no_guild(payload: dict[str, Any]) -> None:
    event = incoming(payload, overhears=True)
    assert (event.source.chat_type, event.source.chat_id, event.source.scope) == ("dm", "500", None)
    assert (event.source.user_name, event.kind) == ("Alice", "user")


def test_a_group_dm_is_a_group() -> None:
    event = incoming(payloads.GROUP_DM, overhears=True)
    assert (event.source.chat_type, event.kind) == ("group", "context")


@pytest.mark.parametrize("payload", [payloads.IN_THREAD, payloads.IN_THREAD_WITHOUT_CHANNEL_TYPE])
def test_a_thread_has_the_parent_that_the_gateway_knows(payload: dict[str, Any]) -> None:
    source = incoming(payload).source
    assert (source.chat_type, source.chat_id, source.thread_id) == ("thread", "123", "1100")


def test_a_private_thread_is_a_thread() -> None:
    source = incoming(payloads.IN_PRIVATE_THREAD).source
    assert (source.chat_type, source.chat_id, source.thread_id) == ("thread", "123", "1200")


def test_a_forum_post_is_a_thread_whose_first_message_has_its_id() -> None:
    event = incoming(payloads.FORUM_POST)
    assert (event.source.chat_id, event.source.thread_id) == ("124", "1300")
    assert event.message_id == "1300"


def test_a_thread_whose_parent_is_not_known_is_told_and_never_taken_for_a_chat() -> None:
    with pytest.raises(UnreadablePayload, match=r"d\.channel_id .* parent_of does not know"):
        read(payloads.IN_UNKNOWN_THREAD)


def test_a_category_is_no_parent() -> None:
    event = discord.read(payloads.GUILD, account="9000", parent_of=lambda _: "a category")
    assert isinstance(event, Incoming)
    assert (event.source.chat_id, event.source.thread_id) == ("123", None)


@pytest.mark.parametrize(
    "payload",
    [
        payloads.THREAD_STARTER,
        payloads.THREAD_CREATED,
        payloads.JOINED,
        payloads.PINNED,
        payloads.FOLLOWED,
        payloads.THINKING,
        payloads.OWN,
        payloads.OWN_ANSWER,
        payloads.WITHOUT_INTENT,
        payloads.TYPING,
        payloads.HEARTBEAT_ACK,
        payloads.PING,
        payloads.AUTOCOMPLETE,
        {},
    ],
)
def test_notices_own_posts_and_other_events_are_nothing(payload: dict[str, Any]) -> None:
    assert read(payload) is None


def test_each_name_under_a_webhook_is_a_bot_of_its_own() -> None:
    source = incoming(payloads.WEBHOOK).source
    assert (source.user_id, source.user_name) == ("webhook:8800:Lyra | they", "Lyra | they")
    assert source.is_bot


def test_the_answer_of_another_bot_to_its_command_is_that_bots() -> None:
    source = incoming(payloads.ANSWER_OF_ANOTHER_BOT).source
    assert (source.user_id, source.is_bot) == ("9100", True)


def test_a_reply_names_the_message_and_its_author() -> None:
    event = incoming(payloads.REPLY)
    assert event.reply_to == ReplyTo(message_id="1170", user_id="457")
    assert event.mentions == ("457",)  # a reply pings


def test_a_reply_to_the_bot_is_for_the_bot_without_a_mention() -> None:
    event = incoming(payloads.REPLY_TO_BOT, overhears=True)
    assert (event.kind, event.reply_to) == ("user", "1171")


def test_a_reply_to_a_deleted_message_names_it_all_the_same() -> None:
    assert incoming(payloads.REPLY_TO_DELETED).reply_to == "1172"


def test_a_crosspost_has_a_reference_and_is_no_reply() -> None:
    assert incoming(payloads.CROSSPOST).reply_to is None


def test_a_forward_is_what_it_shows_and_no_reply() -> None:
    event = incoming(payloads.FORWARD)
    assert (event.text, event.reply_to) == ("the forwarded words", None)


def test_mentions_are_people_and_never_the_bot() -> None:
    assert incoming(payloads.MENTIONING).mentions == ("457",)


def test_of_very_many_mentions_the_first_hundred_count() -> None:
    mentions = incoming(payloads.MENTIONING_MANY).mentions
    assert mentions == tuple(str(number) for number in range(100))


def test_roles_and_everyone_are_no_mentions_and_address_no_bot() -> None:
    event = incoming(payloads.EVERYONE, overhears=True)
    assert (event.mentions, event.kind) == ((), "context")


def test_a_line_that_is_not_for_the_bot_is_context_where_it_overhears() -> None:
    assert incoming(payloads.GUILD, overhears=True).kind == "context"
    assert incoming(payloads.MENTIONING, overhears=True).kind == "user"


def test_a_command_behind_a_mention_of_the_bot_is_a_control() -> None:
    assert incoming(payloads.STOP, overhears=True).control == "stop"


def test_a_busy_mode_is_for_the_bot_and_is_taken_off_the_text() -> None:
    event = incoming(payloads.STEER, overhears=True)
    assert (event.busy, event.text, event.kind) == ("steer", "use the staging one", "user")


def test_a_message_that_the_gateway_opens_a_thread_from_is_in_that_thread() -> None:
    source = incoming(payloads.GUILD, opens_threads=True).source
    assert (source.chat_type, source.chat_id, source.thread_id) == ("thread", "123", "1180")


@pytest.mark.parametrize(
    ("payload", "thread_id"),
    [(payloads.IN_THREAD, "1100"), (payloads.DM, None), (payloads.STOP, None)],
)
def test_no_thread_opens_in_a_thread_in_a_dm_or_for_a_control(
    payload: dict[str, Any], thread_id: str | None
) -> None:
    assert incoming(payload, opens_threads=True).source.thread_id == thread_id


def test_no_thread_opens_for_what_is_overheard() -> None:
    source = incoming(payloads.GUILD, opens_threads=True, overhears=True).source
    assert source.thread_id is None


def test_files_are_given_back_as_discord_gave_them() -> None:
    event = incoming(payloads.WITH_FILE)
    assert (event.text, event.payload) == ("", {"attachments": [payloads.ATTACHMENT]})


def test_an_edit_is_an_edit() -> None:
    event = read(payloads.EDITED)
    assert isinstance(event, Edit)
    assert (event.message_id, event.text) == ("1180", "how do I undo it?")
    assert event.source.chat_id == "123"


def test_embeds_that_load_later_are_no_edit() -> None:
    assert read(payloads.EMBEDS_LOADED) is None


def test_an_edit_that_the_bot_may_not_read_empties_no_message() -> None:
    assert read(payloads.EDITED_WITHOUT_INTENT) is None


def test_the_bots_own_edit_is_nothing() -> None:
    assert read(payloads.OWN_EDITED) is None


def test_a_deletion_is_in_the_chat_of_its_message() -> None:
    event = read(payloads.DELETED_IN_THREAD)
    assert isinstance(event, Deletion)
    assert (event.message_id, event.source.scope) == ("1180", "1")
    assert (event.source.chat_id, event.source.thread_id) == ("123", "1100")


def test_messages_that_are_deleted_together_are_split() -> None:
    events = [read(part) for part in discord.split(payloads.DELETED_TOGETHER)]
    assert [event.message_id for event in events if isinstance(event, Deletion)] == ["1", "2"]
    with pytest.raises(UnreadablePayload, match="split"):
        read(payloads.DELETED_TOGETHER)
    assert discord.split(payloads.DELETED) == (payloads.DELETED,)


@pytest.mark.parametrize("payload", [payloads.PRESS, payloads.PRESS_BY_WEBHOOK])
def test_a_pressed_button_answers_the_prompt_in_its_thread(payload: dict[str, Any]) -> None:
    event = incoming(payload)
    assert (event.message_id, event.answers, event.text) == ("7700", "p7", "yes")
    assert (event.reply_to, event.payload) == ("1190", {"token": "aW50ZXJhY3Rpb246"})
    assert (event.source.chat_type, event.source.chat_id) == ("thread", "123")
    assert (event.source.thread_id, event.source.scope) == ("1100", "1")
    assert (event.source.user_id, event.source.user_name) == ("456", "Ali")


def test_what_is_chosen_from_a_menu_is_the_answer() -> None:
    assert incoming(payloads.CHOICE).text == "red, blue"


def test_a_slash_command_is_a_control() -> None:
    event = incoming(payloads.SLASH_STOP)
    assert (event.message_id, event.control, event.text) == ("7700", "stop", "/stop")


def test_a_slash_command_with_a_text_is_a_message_with_a_busy_mode() -> None:
    event = incoming(payloads.SLASH_QUEUE)
    assert (event.busy, event.text) == ("queue", "and then the tests")
    assert (event.source.chat_type, event.source.chat_id) == ("dm", "500")


@pytest.mark.parametrize("payload", [payloads.SLASH_OWN, payloads.PRESS_OF_ANOTHER_KIND])
def test_other_commands_and_buttons_are_the_gateways_own(payload: dict[str, Any]) -> None:
    assert read(payload) is None


def test_the_gateways_list_of_moderators_is_asked_for_the_parent() -> None:
    asked = []

    def is_moderator(chat_id: str, user_id: str) -> bool:
        asked.append((chat_id, user_id))
        return True

    assert incoming(payloads.IN_THREAD, is_moderator=is_moderator).source.is_moderator
    assert asked == [("123", "456")]


def test_what_discord_does_not_send_is_told_by_its_path() -> None:
    with pytest.raises(UnreadablePayload, match=r"^d\.channel_id is missing$"):
        read({"t": "MESSAGE_CREATE", "d": {"id": "1", "content": "x"}})
