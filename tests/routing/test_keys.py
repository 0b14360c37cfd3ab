"""The key grammar: what keys look like, and invariant I7 over hostile ids."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import assume, example, given

from app.routing import keys
from app.routing.route import route
from session_router.models import Source
from tests.routing.strategies import NASTY_IDS, ids, rulebook

GROUP: dict[str, Any] = {
    "platform": "discord",
    "chat_type": "group",
    "chat_id": "123",
    "user_id": "456",
}
SLACK = {**GROUP, "platform": "slack", "scope": "T1", "chat_type": "channel", "chat_id": "C1"}
THREAD = {**GROUP, "thread_id": "9"}
DM: dict[str, Any] = {"platform": "telegram", "chat_type": "dm", "user_id": "42"}
ELSEWHERE = {**GROUP, "platform": "telegram"}
PERSON, OWN_THREAD = {"isolation": "person"}, {"isolation": "thread"}
SHARED, PER_USER, INHERIT = (
    {"thread_isolation": value} for value in ("shared", "per_user", "inherit")
)


@pytest.mark.parametrize(
    ("source", "settings", "key"),
    [
        (GROUP, {}, "agent:main:discord:group:123:456"),
        (GROUP, {"isolation": "shared"}, "agent:main:discord:group:123"),
        (GROUP, {"isolation": "tagged"}, "agent:main:discord:group:123"),
        ({**GROUP, "chat_type": "channel"}, {}, "agent:main:discord:channel:123:456"),
        ({**GROUP, "chat_type": "forum"}, {}, "agent:main:discord:forum:123:456"),
        ({**GROUP, "chat_id": 123, "user_id": 456}, {}, "agent:main:discord:group:123:456"),
        ({**GROUP, "account": "bot2"}, {}, "agent:main:discord:account:bot2:group:123:456"),
        ({**GROUP, "scope": "G"}, {}, "agent:main:discord:group:123:456"),
        (SLACK, {}, "agent:main:slack:channel:scope:T1:C1:456"),
        ({**SLACK, "scope": None}, {}, "agent:main:slack:channel:C1:456"),
        (SLACK, {"scoped_platforms": []}, "agent:main:slack:channel:C1:456"),
        (
            {**SLACK, "account": "b", "thread_id": "1.5"},
            PER_USER,
            "agent:main:slack:account:b:thread:scope:T1:C1:thread:1.5:456",
        ),
        (THREAD, {}, "agent:main:discord:thread:123:thread:9"),
        (THREAD, SHARED, "agent:main:discord:thread:123:thread:9"),
        (THREAD, PER_USER, "agent:main:discord:thread:123:thread:9:456"),
        (THREAD, INHERIT, "agent:main:discord:group:123:456"),
        ({**THREAD, "chat_type": "thread"}, {}, "agent:main:discord:thread:123:thread:9"),
        ({**THREAD, "chat_type": "thread"}, INHERIT, "agent:main:discord:group:123:456"),
        ({**THREAD, "chat_type": "forum"}, INHERIT, "agent:main:discord:forum:123:456"),
        ({**THREAD, "chat_type": "forum"}, {}, "agent:main:discord:thread:123:thread:9"),
        (
            {**THREAD, "chat_type": "channel"},
            {**INHERIT, "isolation": "tagged"},
            "agent:main:discord:channel:123",
        ),
        (DM, {}, "agent:main:telegram:dm:42"),
        ({**DM, "chat_id": "7"}, {}, "agent:main:telegram:dm:7"),
        ({**DM, "thread_id": "9"}, {}, "agent:main:telegram:thread:42:thread:9"),
        ({**DM, "thread_id": "9"}, PER_USER, "agent:main:telegram:thread:42:thread:9:42"),
        ({**DM, "thread_id": "9"}, INHERIT, "agent:main:telegram:dm:42"),
        (DM, {"dm_scope": "main"}, "agent:main:main"),
        (
            {**DM, "thread_id": "9"},
            {"dm_scope": "main"},
            "agent:main:main:telegram:default::42:thread:9",
        ),
        ({**DM, "thread_id": "9"}, {"dm_scope": "main", **INHERIT}, "agent:main:main"),
        (
            {**DM, "thread_id": "9"},
            {"dm_scope": "main", **PER_USER},
            "agent:main:main:telegram:default::42:thread:9:telegram:42",
        ),
        (
            {**SLACK, "chat_type": "dm", "account": "b", "thread_id": "9"},
            {"dm_scope": "main", **PER_USER},
            "agent:main:main:slack:b:T1:C1:thread:9:slack:T1/456",
        ),
        ({**GROUP, "chat_id": "a:b/c%"}, {}, "agent:main:discord:group:a%3Ab%2Fc%25:456"),
        ({**GROUP, "user_id": "thread"}, {}, "agent:main:discord:group:123:%74hread"),
        ({**GROUP, "chat_id": "é\n Z"}, {}, "agent:main:discord:group:%C3%A9%0A Z:456"),
        ({**GROUP, "platform": "main"}, {}, "agent:main:%6Dain:group:123:456"),
        (GROUP, PERSON, "agent:main:person:discord:456"),
        (SLACK, PERSON, "agent:main:person:slack:T1/456"),
        (THREAD, PERSON, "agent:main:discord:thread:123:thread:9"),
        ({**THREAD, "user_id": "é"}, {**PERSON, **INHERIT}, "agent:main:person:discord:%C3%A9"),
        (DM, {"dm_scope": "person"}, "agent:main:person:telegram:42"),
        (
            {**DM, "thread_id": "9"},
            {"dm_scope": "person"},
            "agent:main:person:telegram:42:telegram:default::42:thread:9",
        ),
        (GROUP, OWN_THREAD, "agent:main:discord:thread:123:thread:m1"),
        (GROUP, {**OWN_THREAD, **PER_USER}, "agent:main:discord:thread:123:thread:m1:456"),
        (GROUP, {**OWN_THREAD, **INHERIT}, "agent:main:discord:thread:123:thread:m1"),
        (ELSEWHERE, OWN_THREAD, "agent:main:telegram:thread:123:opener:m1"),
        (ELSEWHERE, {**OWN_THREAD, **PER_USER}, "agent:main:telegram:thread:123:opener:m1:456"),
        ({**ELSEWHERE, "thread_id": "9"}, OWN_THREAD, "agent:main:telegram:thread:123:thread:9"),
        (
            {**ELSEWHERE, "thread_id": "9"},
            {**OWN_THREAD, **INHERIT},
            "agent:main:telegram:thread:123:thread:9",
        ),
    ],
)
def test_a_source_and_a_policy_give_the_key_that_the_contract_spells(
    source: dict[str, Any], settings: dict[str, Any], key: str
) -> None:
    assert route(rulebook(**settings), "main", "user", Source(**source), "m1").key == key


def test_an_agent_named_as_a_word_of_the_layout_stays_readable() -> None:
    book = rulebook(isolation="shared")
    assert route(book, "scope", "user", Source(**GROUP)).key == "agent:scope:discord:group:123"
    assert route(book, "a:é", "user", Source(**GROUP)).key == ("agent:a%3A%C3%A9:discord:group:123")


@pytest.mark.parametrize(
    ("chat", "name"),
    [
        (keys.Chat("main", "discord", "default", None, "1"), "agent:main:discord:1"),
        (
            keys.Chat("main", "slack", "b:2", "T", "thread"),
            "agent:main:slack:account:b%3A2:scope:T:%74hread",
        ),
    ],
)
def test_a_chat_is_named_by_agent_platform_account_scope_and_id(chat: keys.Chat, name: str) -> None:
    assert keys.chat_name(chat) == name


@pytest.mark.parametrize("nasty", NASTY_IDS)
def test_an_encoded_id_decodes_and_holds_nothing_that_the_layout_uses(nasty: str) -> None:
    segment = keys.encode(nasty)
    assert keys.decode(segment) == nasty
    assert segment not in keys.LAYOUT_WORDS
    assert segment.isascii()
    assert segment.isprintable()
    assert not {":", "/"} & set(segment)


@given(ids, ids)
def test_an_id_given_as_integer_or_as_text_is_the_same(one: Any, other: Any) -> None:
    book = rulebook()
    as_given = Source(platform="a", chat_type="group", chat_id=one, user_id=other)
    as_text = Source(platform="a", chat_type="group", chat_id=str(one), user_id=str(other))
    assert route(book, "main", "user", as_given) == route(book, "main", "user", as_text)


@given(ids.map(str), ids.map(str))
@example("é", "e\u0301")
@example("A", "a")
@example("x" * 512, "x" * 511)
@example("thread", "%74hread")
def test_different_ids_are_encoded_differently(one: Any, other: Any) -> None:
    assume(one != other)
    assert keys.encode(one) != keys.encode(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "agent",
        "agent:main",
        "agent:main:",
        "agent:main:discord",
        "agent:main:discord:123",
        "agent:main:discord:group:",
        "agent:main:discord:group:1:",
        "agent:main:discord:group:1:2:3",
        "agent:main:discord:group:thread",
        "agent:main:discord:group:1:thread",
        "agent:main:discord:group:1:thread:2",
        "agent:main:discord:thread:1",
        "agent:main:discord:thread:1:thread:",
        "agent:main:discord:dm:1:2",
        "agent:main:discord:place:1",
        "agent:main:Discord:group:1",
        "agent:main:main:group:1",
        "agent:main:main:",
        "agent:main:main:discord:default::1:thread:2:slack:3",
        "agent:main:main:discord:default:S:1:thread:2:discord:3",
        "agent:main:main:Disc:default::1:thread:2",
        "agent:main:discord:account:default:group:1",
        "agent:main:discord:group:a%3ab",
        "agent:main:discord:group:%41",
        "agent:main:discord:group:%",
        "agent:main:discord:group:%FF",
        "agent:main:discord:group:é",
        "agent:main:discord:group:\ud800",
        "agent:main:discord:group:1\n",
        "agent:main:discord:group:1/2",
        "agent:main:person:",
        "agent:main:person:Disc:1",
        "agent:main:person:alice:bob:carol",
        "agent:main:person:a:b:discord:default::1:thread:2:a:c",
        "agent:main:link:family:Disc:1",
        "agent:main:main:alice",
        "agent:main:discord:thread:1:opener:",
        "agent:main:discord:group:1:opener:2",
        "agent:main:person:é",
        "agent:main:link:a/b",
        " agent:main:main",
        "AGENT:main:main",
    ],
)
def test_a_text_that_no_builder_gives_is_no_key(text: str) -> None:
    for reader in (keys.chat_of, keys.chat_id_of, keys.agent_of, keys.platform_of):
        with pytest.raises(keys.InvalidKey):
            reader(text)


@pytest.mark.parametrize(
    "key",
    [
        "agent:main:main",
        "agent:main:person:alice",
        "agent:main:person:slack:T1/U1",
        "agent:main:link:family",
        "agent:main:link:family:telegram:default::-100:thread:5:telegram:42",
        "agent:main:link:family:alice",
        "agent:main:link:family:slack:T1/U1",
        "agent:main:main:slack:b:T1:C1:thread:9:slack:T1/456",
        "agent:main:main:slack:b:T1:C1:thread:9:alice",
        "agent:main:person:alice:telegram:default::42:thread:9:alice",
    ],
)
def test_a_session_that_spans_chats_has_no_chat_and_no_platform(key: str) -> None:
    assert keys.chat_of(key) is None
    assert keys.platform_of(key) == "*"
    assert keys.agent_of(key) == "main"


def test_shards_stay_where_they_are_from_release_to_release() -> None:
    assert keys.shard_of("agent:main:discord:123", 64) == 28
    assert keys.shard_of("agent:main:main", 1) == 0


@pytest.mark.parametrize("first_id", [1_180_000_000_000_000_000, -1_001_234_567_890])
def test_chats_are_spread_evenly_over_the_shards(first_id: int) -> None:
    chats = 100_000
    names = (f"agent:main:discord:{first_id + number * 4_194_304}" for number in range(chats))
    sizes = Counter(keys.shard_of(name, 64) for name in names)
    assert max(sizes.values()) < 1.3 * chats / 64
    assert len(sizes) == 64
