"""The key grammar: what keys look like, and invariant I7 over hostile ids."""

from typing import Any

import pytest
from hypothesis import assume, example, given, settings, strategies as st

from app.routing import keys
from app.routing.policy import PolicyFields
from app.routing.route import Routing, route
from session_router.models import Source
from tests.routing.strategies import NASTY_IDS, Sent, ids, pairs, rulebook, rulebook_of

GROUP: dict[str, Any] = {
    "platform": "discord",
    "chat_type": "group",
    "chat_id": "123",
    "user_id": "456",
}
SLACK = {**GROUP, "platform": "slack", "scope": "T1", "chat_type": "channel", "chat_id": "C1"}
THREAD = {**GROUP, "thread_id": "9"}
DM: dict[str, Any] = {"platform": "telegram", "chat_type": "dm", "user_id": "42"}
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
    ],
)
def test_a_source_and_a_policy_give_the_key_that_the_contract_spells(
    source: dict[str, Any], settings: dict[str, Any], key: str
) -> None:
    assert route(rulebook(**settings), "main", "user", Source(**source)).key == key


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


def projected(agent: str, source: Source, fields: PolicyFields) -> tuple[Any, ...]:
    """What the policy lets count of a source: a second, plain statement of section 3."""
    scope = source.scope if source.platform in fields.scoped_platforms else None
    chat = (agent, source.platform, source.account, scope, source.chat_id)
    if source.thread_id is not None and fields.thread_isolation != "inherit":
        user_id = source.user_id if fields.thread_isolation == "per_user" else None
        to_main = source.chat_type == "dm" and fields.dm_scope == "main"
        return ("main" if to_main else "thread", chat, source.thread_id, user_id)
    if source.chat_type == "dm":
        return ("main", agent) if fields.dm_scope == "main" else ("dm", chat)
    chat_type = "group" if source.chat_type == "thread" else source.chat_type
    return (chat_type, chat, source.user_id if fields.isolation == "per_user" else None)


def routed(message: Sent) -> Routing:
    agent, source, fields = message
    return route(rulebook_of(fields), agent, "user", source)


@settings(max_examples=500, deadline=None)
@given(pairs())
def test_keys_are_equal_exactly_where_the_projections_are(pair: tuple[Sent, Sent]) -> None:
    same = projected(*pair[0]) == projected(*pair[1])
    assert (routed(pair[0]).key == routed(pair[1]).key) is same


@settings(max_examples=200, deadline=None)
@given(pairs())
def test_places_are_equal_exactly_where_platform_account_scope_chat_and_thread_are(
    pair: tuple[Sent, Sent],
) -> None:
    def parts(source: Source) -> tuple[Any, ...]:
        return source.platform, source.account, source.scope, source.chat_id, source.thread_id

    same = parts(pair[0][1]) == parts(pair[1][1])
    assert (routed(pair[0]).place == routed(pair[1]).place) is same


@settings(max_examples=300, deadline=None)
@given(pairs(), st.integers(1, 4_096))
def test_a_key_tells_its_chat_agent_platform_and_shard(
    pair: tuple[Sent, Sent], shards: int
) -> None:
    agent, source, _ = pair[0]
    routing = routed(pair[0])
    assert keys.agent_of(routing.key) == agent
    assert keys.platform_of(routing.key) == ("*" if routing.spans else source.platform)
    assert keys.chat_of(routing.key) == (None if routing.spans else routing.chat)
    assert keys.chat_id_of(routing.key) == (None if routing.spans else source.chat_id)
    if not routing.spans:
        shard = keys.shard_of(str(keys.chat_of(routing.key)), shards)
        assert shard == keys.shard_of(routing.chat, shards)
        assert 0 <= shard < shards


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


@settings(max_examples=300, deadline=None)
@given(pairs(), st.data())
def test_a_damaged_key_is_refused_or_is_another_key_in_full(
    pair: tuple[Sent, Sent], data: Any
) -> None:
    key = routed(pair[0]).key
    at = data.draw(st.integers(0, len(key)))
    cut = data.draw(st.integers(0, 2))
    damaged = key[:at] + data.draw(st.text(":/%a3", max_size=2)) + key[at + cut :]
    try:
        keys.chat_of(damaged)
    except keys.InvalidKey:
        return
    segments = [part for segment in damaged.split(":") for part in segment.split("/")]
    assert all(
        segment in {"", *keys.LAYOUT_WORDS} or keys.encode(keys.decode(segment)) == segment
        for segment in segments
    )


@pytest.mark.parametrize(
    "key",
    [
        "agent:main:main",
        "agent:main:person:alice",
        "agent:main:person:slack:T1/U1",
        "agent:main:link:family",
        "agent:main:link:family:telegram:default::-100:thread:5:telegram:42",
    ],
)
def test_a_session_that_spans_chats_has_no_chat_and_no_platform(key: str) -> None:
    assert keys.chat_of(key) is None
    assert keys.platform_of(key) == "*"
    assert keys.agent_of(key) == "main"


def test_shards_stay_where_they_are_from_release_to_release() -> None:
    assert keys.shard_of("agent:main:discord:123", 64) == 28
    assert keys.shard_of("agent:main:main", 1) == 0
