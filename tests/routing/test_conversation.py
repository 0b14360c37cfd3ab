"""Conversations inside a chat: whom a message joins, why, and what the memory may cost."""

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from app.routing.chat_memory import TEXT_BYTES_MAX, ChatMemory
from app.routing.conversation import Choice, Heard, choose, remember, remember_sent
from session_router import ReplyTo

MINUTE = 60_000
IDLE = 20 * MINUTE
START = 1_795_328_956_000


class Talk:
    """A chat as it goes on; each line is said by somebody at a minute."""

    def __init__(self) -> None:
        self.memory = ChatMemory()
        self.said = 0

    def says(self, user: str | None, text: str = "hm", at: float = 0, **heard: Any) -> Choice:
        self.said += 1
        message = Heard(
            **{
                "message_id": f"m{self.said}",
                "user": user,
                "user_name": user,
                "text": text,
                "at_ms": START + round(at * MINUTE),
                **heard,
            }
        )
        choice = choose(self.memory, message, IDLE)
        self.memory = remember(self.memory, message, choice)
        return choice


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_somebody_new_opens_a_conversation(talk: Talk) -> None:
    assert talk.says("alice") == ("m1", True, "opens a new one: alice takes part in no other", ())
    assert talk.says("bob").conversation == "m2"


def test_a_sender_goes_on_with_their_latest(talk: Talk) -> None:
    talk.says("alice")
    talk.says("bob")

    choice = talk.says("alice", at=2)

    assert choice == ("m1", False, "goes on where alice last talked, 2 minutes ago", ())


@pytest.mark.parametrize(("minutes", "joins"), [(19.99, "m1"), (20, "m2"), (300, "m2")])
def test_a_sender_who_was_quiet_for_the_idle_time_opens_a_new_one(
    talk: Talk, minutes: float, joins: str
) -> None:
    talk.says("alice")

    choice = talk.says("alice", at=minutes)

    assert choice.conversation == joins
    if choice.is_new:
        assert choice.why == "opens a new one: alice last talked 20 minutes ago or earlier"


@pytest.mark.parametrize(
    "text",
    [
        "alice: hi",
        "alice, hi",
        "@alice hi",
        "@alice",
        "ALICE: hi",
        "hi alice",
        "so alice",
        "x alice y",
    ],
)
def test_a_name_in_the_text_addresses_its_person(talk: Talk, text: str) -> None:
    talk.says("alice")
    talk.says("bob")

    assert talk.says("bob", text).conversation == "m1"
    assert talk.says("carol", text).conversation == "m1"


@pytest.mark.parametrize(
    "text", ["malice: hi", "so Alice", "alicent", "http://alice", "``: hi", ""]
)
def test_what_only_looks_like_a_name_addresses_nobody(talk: Talk, text: str) -> None:
    talk.says("alice")

    assert talk.says("bob", text).is_new


@pytest.mark.parametrize("text", ["toad, hi", "Toad: hi", "is toad here?", "@toad` hi"])
def test_a_name_is_known_without_the_signs_around_it(talk: Talk, text: str) -> None:
    talk.says("toad`")
    talk.says("``")

    assert talk.says("bob", text).conversation == "m1"


def test_a_name_as_it_is_spelled_comes_before_its_likes(talk: Talk) -> None:
    talk.says("toad`")
    talk.says("Toad")
    talk.says("toad")

    assert talk.says("bob", "toad: hi").conversation == "m3"
    assert talk.says("carol", "Toad: hi").conversation == "m2"
    assert talk.says("dave", "TOAD: hi").addressed == ("Toad", "toad")


def test_a_name_of_several_words_is_found_where_it_opens_the_text(talk: Talk) -> None:
    talk.says("1", user_name="Alice van Dijk")

    choice = talk.says("2", "Alice van Dijk: hi", user_name="Bob")

    assert choice.why == "addresses Alice van Dijk, who last talked here just now"


def test_a_short_name_counts_only_at_the_opening(talk: Talk) -> None:
    talk.says("1", user_name="al")

    assert talk.says("2", "hi al").is_new
    assert talk.says("3", "al: hi").conversation == "m1"


def test_a_mention_by_id_or_by_name_addresses(talk: Talk) -> None:
    talk.says("17", user_name="Alice")

    assert talk.says("18", mentions=("17",)).conversation == "m1"
    assert talk.says("19", mentions=("alice",)).conversation == "m1"


def test_who_is_mentioned_before_they_ever_spoke_answers_there(talk: Talk) -> None:
    talk.says("alice", mentions=("77",))

    choice = talk.says("77", "yes", at=1, user_name="Bob")

    assert choice == ("m1", False, "goes on where Bob was addressed, 1 minute ago", ())


def test_an_unknown_mention_does_not_hide_a_name_in_the_text(talk: Talk) -> None:
    talk.says("alice")

    assert talk.says("bob", "what does alice think?", mentions=("the-bot",)).conversation == "m1"


def test_a_mention_of_oneself_addresses_nobody(talk: Talk) -> None:
    talk.says("alice")
    talk.says("alice", at=30)

    assert talk.says("alice", "alice: note to self", at=31).conversation == "m2"


def test_addressing_goes_where_both_lately_talked(talk: Talk) -> None:
    talk.says("alice")
    talk.says("bob", "alice: try this")
    talk.says("carol", at=1)
    talk.says("bob", "carol: and you this", at=1)
    talk.says("dave", "bob: me too", at=1)

    choice = talk.says("alice", "bob: thanks", at=3)

    assert choice[:3] == ("m1", False, "addresses bob, who talked here with alice 3 minutes ago")


def test_addressing_goes_where_the_other_talked_last_if_both_did_not(talk: Talk) -> None:
    talk.says("alice")
    talk.says("carol", at=1)
    talk.says("bob", "alice: try this", at=2)
    talk.says("bob", "carol: and you this", at=3)

    choice = talk.says("dave", "bob: and I?", at=4)

    assert choice[:3] == ("m2", False, "addresses bob, who last talked here 1 minute ago")


def test_addressing_outlasts_the_idle_time_but_a_name_in_a_text_does_not(talk: Talk) -> None:
    talk.says("alice")

    assert talk.says("bob", "I met alice", at=21).is_new
    assert talk.says("carol", "alice: hi", at=180).conversation == "m1"


def test_who_was_addressed_last_answers_there(talk: Talk) -> None:
    talk.says("bob")
    talk.says("alice", at=4)
    talk.says("carol", "bob: hello?", at=5)
    talk.says("alice", "is bob here", at=5)
    talk.says("bob", "alice: yes", at=5)

    assert talk.says("bob", "wait", at=5.1).conversation == "m1"


def test_people_of_one_name_are_all_addressed(talk: Talk) -> None:
    talk.says("1", user_name="Sam")
    talk.says("2", user_name="sam", at=1)
    talk.says("3", user_name="Sam", at=2)

    assert talk.says("9", "Sam: hi", at=3).addressed == ("1", "3")
    assert talk.says("9", "SAM: hi", at=3).addressed == ("1", "2", "3")


def test_ids_that_differ_only_in_case_are_two_people(talk: Talk) -> None:
    talk.says("U1", user_name="Ann")
    talk.says("u1", user_name="Ben")

    assert talk.says("U1").conversation == "m1"
    assert talk.says("u1").conversation == "m2"
    assert talk.says("x", mentions=("u1",)).conversation == "m2"
    assert talk.says("y", mentions=("U1",)).conversation == "m1"


def test_message_ids_that_differ_only_in_case_are_two_messages(talk: Talk) -> None:
    talk.says("alice", message_id="A")
    talk.says("bob", message_id="a")

    assert talk.says("carol", reply_to="a").conversation == "a"
    assert talk.says("dave", reply_to="A").conversation == "A"


def test_a_reply_wins_over_everything(talk: Talk) -> None:
    talk.says("alice")
    talk.says("bob")
    talk.says("alice", "more")

    choice = talk.says("bob", "bob: carol: hm", mentions=("bob",), reply_to="m3", at=500)

    assert choice[:3] == ("m1", False, "replies to m3")


def test_a_reply_to_a_forgotten_message_addresses_its_author(talk: Talk) -> None:
    talk.says("alice")

    reply = talk.says("bob", reply_to=ReplyTo(message_id="long-ago", user_id="alice"))

    assert reply.conversation == "m1"
    assert reply.why == "addresses alice, who last talked here just now"
    assert talk.says("carol", reply_to="long-ago").is_new


def test_a_reply_joins_the_conversation_that_the_caller_knows(talk: Talk) -> None:
    choice = talk.says("bob", reply_to="long-ago", replied_in="opener-9")

    assert choice[:3] == ("opener-9", False, "replies to long-ago")
    assert talk.says("bob").conversation == "opener-9"


def test_a_reply_to_what_the_agent_posted_joins_its_conversation(talk: Talk) -> None:
    talk.says("alice")
    talk.says("bob")
    talk.memory = remember_sent(talk.memory, "m1", ["b1", "b2"], START + MINUTE)

    assert talk.says("carol", reply_to="b2").conversation == "m1"


def test_an_answer_of_the_agent_renews_the_idle_time_of_whom_it_answers(talk: Talk) -> None:
    talk.says("alice")
    talk.memory = remember_sent(talk.memory, "m1", ["b1"], START + 15 * MINUTE, ["alice"])

    assert talk.says("alice", at=30).conversation == "m1"


def test_a_message_heard_again_stays_where_it_was(talk: Talk) -> None:
    first = talk.says("alice", message_id="x")
    talk.says("bob", "hello", message_id="y")
    again = talk.says("alice", message_id="x", at=60)

    assert (again.conversation, again.is_new) == (first.conversation, True)
    assert talk.says("bob", "alice: changed", message_id="y").conversation == "y"


def test_without_a_user_only_replies_and_addressing_join(talk: Talk) -> None:
    talk.says("alice")

    assert talk.says(None, "alice: hi").conversation == "m1"
    assert talk.says(None, reply_to="m1").conversation == "m1"
    assert talk.says(None).why == "opens a new one: nobody knows who sent it"
    assert talk.says(None).is_new


def test_a_clock_that_begins_at_nothing_joins_no_strangers(talk: Talk) -> None:
    talk.says("alice", at_ms=1)
    talk.says("bob", "alice: hi", at_ms=2)

    assert talk.says("carol", at_ms=3).is_new


ids = st.one_of(
    st.sampled_from(["a", "A", "ab", "#", "#aGVsbG8tZGlnZXN0", '"', "\\", "%3A", "é", "x" * 20]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),  # as parsed
    st.text(st.sampled_from('"\\\x00\u202e😀é:/% '), min_size=500, max_size=512),
)
heards = st.builds(
    Heard,
    message_id=ids,
    user=st.none() | ids,
    user_name=st.none() | ids,
    text=st.one_of(st.text(max_size=50), ids, ids.map(lambda name: f"{name}: hi")),
    at_ms=st.integers(START, START + 100 * MINUTE),
    reply_to=st.none() | ids,
    mentions=st.lists(ids, max_size=6).map(tuple),
)


@given(st.lists(heards, max_size=40))
@settings(max_examples=60, deadline=None)
def test_the_memory_survives_its_text_and_decides_alike(said: list[Heard]) -> None:
    memory = ChatMemory()
    for heard in sorted(said, key=lambda one: one.at_ms):
        text = memory.to_text()
        again = ChatMemory.from_text(text)
        assert again == memory
        assert list(again.names) == list(memory.names)
        assert again.to_text() == text
        assert len(text.encode()) <= TEXT_BYTES_MAX
        choice = choose(memory, heard, IDLE)
        assert choice == choose(again, heard, IDLE)
        assert choice.is_new == (choice.conversation == heard.message_id)
        assert choice.why.isprintable()
        assert "\n" not in choice.why
        before = memory
        memory = remember(memory, heard, choice)
        assert before.to_text() == text
        if isinstance(heard.reply_to, str) and (wanted := before.conversation_of(heard.reply_to)):
            heard_before = before.conversation_of(heard.message_id)
            assert choice.conversation == (heard_before or wanted)
        # A resend, and a reply to it, find the same conversation.
        assert choose(memory, heard, IDLE).conversation == choice.conversation
        reply = Heard(
            message_id="a reply", user=None, text="", at_ms=heard.at_ms, reply_to=heard.message_id
        )
        assert choose(memory, reply, IDLE).conversation == choice.conversation


@pytest.mark.parametrize("worst", ["x" * 20, "é" * 512, '"\\' * 256, "😀" * 512, "\x00" * 512])
def test_ten_thousand_messages_keep_the_memory_small(worst: str) -> None:
    memory = ChatMemory()
    for number in range(10_000 if worst[0] == "x" else 1_000):
        tail = str(number)
        known = worst[: -len(tail)] + tail
        heard = Heard(
            message_id=known,
            user=known,
            user_name=worst[: 100 - len(tail)] + tail,
            text=f"{worst[:-4]}{number - 1}: " + worst * 4,
            at_ms=9_999_999_999_999,
            mentions=tuple(f"{known[:-1]}{other}" for other in "abcdefgh") if number % 3 else (),
        )
        memory = remember(memory, heard, choose(memory, heard, IDLE))
        if number % 50 == 0:
            assert len(memory.to_text().encode()) <= TEXT_BYTES_MAX
    assert len(memory.to_text().encode()) <= TEXT_BYTES_MAX
    assert memory.conversations


def test_a_busy_memory_is_near_its_bounds_and_no_larger() -> None:
    memory = ChatMemory()
    for number in range(1_000):
        known = f"{number:020}"
        heard = Heard(message_id=known, user=known, text="", at_ms=9_999_999_999_999)
        memory = remember(memory, heard, choose(memory, heard, IDLE))

    assert len(memory.conversations) == 24
    assert len(memory.messages) == 24
    assert memory.conversation_of(f"{999:020}") == f"{999:020}"
    assert memory.conversation_of(f"{1:020}") is None


def test_a_flood_of_mentions_pushes_few_out(talk: Talk) -> None:
    talk.says("alice")
    talk.says("bob", "alice: hi")
    for _ in range(3):
        talk.says("mallory", "alice: x", mentions=tuple(f"nobody-{n}" for n in range(100)))

    assert talk.says("bob", at=1).conversation == "m1"


def test_a_memory_of_another_format_is_forgotten(talk: Talk) -> None:
    talk.says("alice")
    text = json.dumps(json.loads(talk.memory.to_text()) | {"format": 99})

    assert ChatMemory.from_text(text) == ChatMemory.from_text(None) == ChatMemory()


def test_a_memory_that_is_no_json_is_refused() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        ChatMemory.from_text("{")
