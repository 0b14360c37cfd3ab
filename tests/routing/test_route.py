"""What a routing says beside its key, and what resolve explains."""

from typing import Any

import pytest

from app.routing.isolation import MissingMessageId, MissingUser
from app.routing.keys import chat_name, conversation_of
from app.routing.policy import policy_from
from app.routing.route import Routing, chat_of_source, explain, route
from app.routing.rules import Rulebook
from session_router.models import Source
from tests.routing.strategies import rulebook

GROUP: dict[str, Any] = {
    "platform": "discord",
    "chat_type": "group",
    "chat_id": "123",
    "user_id": "456",
}
NOBODY: dict[str, Any] = {**GROUP, "user_id": None}
DM: dict[str, Any] = {"platform": "telegram", "chat_type": "dm", "chat_id": "42"}


def routed(source: dict[str, Any], **settings: Any) -> Routing:
    return route(rulebook(**settings), "main", "user", Source(**source))


@pytest.mark.parametrize(
    ("source", "settings", "isolation"),
    [
        (GROUP, {}, "per_user"),
        (GROUP, {"isolation": "shared"}, "shared"),
        (GROUP, {"isolation": "tagged"}, "tagged"),
        (NOBODY, {"missing_user": "shared"}, "shared"),
        (NOBODY, {"isolation": "tagged"}, "tagged"),
        ({**GROUP, "thread_id": "9"}, {}, "tagged"),
        ({**GROUP, "thread_id": "9"}, {"thread_isolation": "shared"}, "shared"),
        ({**GROUP, "thread_id": "9"}, {"thread_isolation": "per_user"}, "per_user"),
        ({**GROUP, "thread_id": "9"}, {"thread_isolation": "inherit"}, "per_user"),
        (
            {**GROUP, "thread_id": "9"},
            {"thread_isolation": "inherit", "isolation": "shared"},
            "shared",
        ),
        (
            {**NOBODY, "thread_id": "9"},
            {"thread_isolation": "per_user", "missing_user": "shared"},
            "shared",
        ),
        (DM, {}, "per_user"),
        (DM, {"isolation": "tagged"}, "per_user"),
        (DM, {"dm_scope": "main"}, "shared"),
        ({**DM, "thread_id": "9"}, {}, "tagged"),
        ({**DM, "thread_id": "9"}, {"thread_isolation": "inherit"}, "per_user"),
    ],
)
def test_the_isolation_is_what_holds_for_this_session(
    source: dict[str, Any], settings: dict[str, Any], isolation: str
) -> None:
    assert routed(source, **settings).isolation == isolation


@pytest.mark.parametrize(
    ("source", "settings"),
    [
        (NOBODY, {}),
        ({**NOBODY, "thread_id": "9"}, {"thread_isolation": "per_user"}),
        ({**NOBODY, "thread_id": "9"}, {"thread_isolation": "inherit"}),
        ({**DM, "thread_id": "9"}, {"thread_isolation": "per_user", "dm_scope": "main"}),
    ],
)
def test_a_missing_user_is_refused_where_the_isolation_needs_one(
    source: dict[str, Any], settings: dict[str, Any]
) -> None:
    with pytest.raises(MissingUser) as caught:
        routed(source, **settings)
    assert caught.value.path == "source.user_id"
    assert str(caught.value) == MissingUser.__doc__
    with pytest.raises(MissingUser):
        explain(rulebook(**settings), "main", "user", Source(**source))


@pytest.mark.parametrize(
    ("source", "settings"),
    [
        (NOBODY, {"isolation": "shared"}),
        ({**NOBODY, "thread_id": "9"}, {}),
        (DM, {}),
        (DM, {"dm_scope": "main"}),
    ],
)
def test_a_missing_user_is_no_fault_where_nothing_needs_one(
    source: dict[str, Any], settings: dict[str, Any]
) -> None:
    assert routed(source, **settings).person is None


def test_a_message_without_a_user_shares_the_session_of_the_chat() -> None:
    missing = routed(NOBODY, missing_user="shared")
    assert missing.key == routed(GROUP, isolation="shared").key


@pytest.mark.parametrize(
    ("source", "person"),
    [
        (GROUP, "discord:456"),
        ({**GROUP, "scope": "G"}, "discord:456"),
        ({**GROUP, "platform": "slack", "scope": "T1"}, "slack:T1/456"),
        ({**GROUP, "platform": "slack"}, "slack:456"),
        ({**GROUP, "user_id": "@a:b/c"}, "discord:@a%3Ab%2Fc"),
    ],
)
def test_a_person_is_platform_and_user_within_the_scope_where_scoped(
    source: dict[str, Any], person: str
) -> None:
    assert routed(source).person == person


def test_a_place_names_account_scope_chat_and_thread_and_leaves_absent_parts_empty() -> None:
    assert routed(GROUP).place == "discord:default::123:"
    full = {**GROUP, "account": "b:1", "scope": "G", "thread_id": "9"}
    assert routed(full).place == "discord:b%3A1:G:123:9"
    assert routed(full, thread_isolation="inherit").place == "discord:b%3A1:G:123:9"


@pytest.mark.parametrize(
    ("source", "moderators"),
    [
        (GROUP, ["discord:1", "discord:456"]),
        ({**GROUP, "user_id": "@a:b/c"}, ["discord:@a:b/c"]),
        ({**GROUP, "platform": "slack", "scope": "T1"}, ["slack:T1/456"]),
        ({**GROUP, "platform": "slack"}, ["slack:456"]),
        ({**GROUP, "user_id": "thread"}, ["discord:thread"]),
    ],
)
def test_a_moderator_is_known_by_platform_and_id(
    source: dict[str, Any], moderators: list[str]
) -> None:
    assert routed(source, moderators=moderators).is_moderator


@pytest.mark.parametrize(
    ("source", "moderators"),
    [
        (GROUP, []),
        (GROUP, ["telegram:456", "discord:45"]),
        (NOBODY, ["discord:456"]),
        ({**GROUP, "platform": "slack", "scope": "T2"}, ["slack:T1/456", "slack:456"]),
        ({**GROUP, "platform": "slack", "scope": "T", "user_id": "1/456"}, ["slack:T/1"]),
        ({**GROUP, "platform": "slack", "scope": "T/1", "user_id": "4"}, ["slack:T/1/4"]),
        ({**GROUP, "platform": "slack", "user_id": "T1/456"}, ["slack:T1/456"]),
    ],
)
def test_nobody_else_is_a_moderator(source: dict[str, Any], moderators: list[str]) -> None:
    assert not routed(source, moderators=moderators, isolation="shared").is_moderator


def test_the_platforms_word_for_a_moderator_counts_only_where_roles_are_trusted() -> None:
    assert routed({**GROUP, "is_moderator": True}).is_moderator
    assert not routed({**GROUP, "is_moderator": True}, trust_roles=False).is_moderator


def test_main_spans_chats_but_the_message_keeps_its_own_chat() -> None:
    routing = routed({**DM, "user_id": "42"}, dm_scope="main")
    assert routing.spans
    assert routing.chat == "agent:main:telegram:42"
    assert not routed(DM).spans


def test_the_home_of_a_chats_ids_needs_no_user_and_no_thread() -> None:
    for source in (GROUP, {**GROUP, "platform": "slack", "scope": "T:1", "thread_id": "9"}):
        bare = {**source, "user_id": None, "thread_id": None}
        assert chat_name(chat_of_source(rulebook(), "main", Source(**bare))) == routed(source).chat


def test_a_routing_carries_the_fields_and_rules_that_held_and_is_frozen() -> None:
    book = Rulebook(policy_from({"rules": [{"name": "big", "set": {"batch_max": 7}}]}))
    routing = route(book, "main", "user", Source(**GROUP))
    assert routing.fields.batch_max == 7
    assert routing.rule == ("defaults", "big")
    with pytest.raises(AttributeError):
        setattr(routing, "key", "other")  # noqa: B010 (mypy knows better)


def test_a_message_joins_the_conversation_that_was_chosen_or_opens_its_own() -> None:
    book = rulebook(isolation="conversation")
    opened = route(book, "main", "user", Source(**GROUP), "m2")
    joined = route(book, "main", "user", Source(**GROUP), "m2", conversation="m1")
    assert opened.key == "agent:main:discord:group:123:conversation:m2"
    assert (joined.key, joined.isolation) == (
        "agent:main:discord:group:123:conversation:m1",
        "conversation",
    )
    assert conversation_of(joined.key) == "m1"
    with pytest.raises(MissingMessageId):
        route(book, "main", "user", Source(**GROUP))


@pytest.mark.parametrize(
    ("source", "settings", "share"),
    [
        (GROUP, {}, False),
        (GROUP, {"isolation": "person"}, False),
        (GROUP, {"isolation": "shared"}, True),
        (GROUP, {"isolation": "tagged"}, True),
        (GROUP, {"isolation": "thread"}, True),
        (GROUP, {"isolation": "thread", "thread_isolation": "per_user"}, False),
        (NOBODY, {"missing_user": "shared"}, True),
        ({**GROUP, "thread_id": "9"}, {}, True),
        ({**GROUP, "thread_id": "9"}, {"thread_isolation": "per_user"}, False),
        (DM, {}, False),
        ({**DM, "thread_id": "9"}, {}, False),
        ({**DM, "thread_id": "9"}, {"thread_isolation": "shared", "dm_scope": "main"}, False),
        (DM, {"dm_scope": "main"}, True),
        ({**DM, "user_id": "42"}, {"dm_scope": "person"}, False),
    ],
)
def test_people_share_a_session_unless_it_is_one_persons_own(
    source: dict[str, Any], settings: dict[str, Any], share: bool
) -> None:
    assert route(rulebook(**settings), "main", "user", Source(**source), "m").people_share is share


@pytest.mark.parametrize(
    ("platform", "thread_id"), [("discord", "m1"), ("slack", "m1"), ("matrix", "m1"), ("irc", None)]
)
def test_a_message_outside_threads_opens_one_whose_id_some_platforms_tell_before(
    platform: str, thread_id: str | None
) -> None:
    book = rulebook(isolation="thread")
    routing = route(book, "main", "user", Source(**{**GROUP, "platform": platform}), "m1")
    assert routing.opens_thread
    assert routing.thread_id == thread_id
    inside = Source(**{**GROUP, "platform": platform, "thread_id": "m1"})
    within = route(book, "main", "user", inside, "m2")
    assert not within.opens_thread
    assert (within.key == routing.key) is (thread_id is not None)


def test_a_message_that_would_open_a_thread_needs_an_id() -> None:
    with pytest.raises(MissingMessageId) as caught:
        routed(GROUP, isolation="thread")
    assert caught.value.path == "message_id"


def test_a_thread_is_bound_as_its_key_would_be_outside_links_and_in_a_dm_never() -> None:
    linked = {"links": {"all": ["discord:123"]}, "defaults": {"thread_isolation": "shared"}}
    source = Source(**{**GROUP, "thread_id": "9"})
    routing = route(Rulebook(policy_from(linked)), "main", "user", source)
    assert routing.key == "agent:main:link:all:discord:default::123:thread:9"
    assert routing.bound_as == "agent:main:discord:thread:123:thread:9"
    own = routed({**GROUP, "thread_id": "9"}, thread_isolation="per_user")
    assert own.bound_as == own.key == "agent:main:discord:thread:123:thread:9:456"
    assert routed({**GROUP, "thread_id": "9"}, thread_isolation="inherit").bound_as is None
    assert routed({**DM, "thread_id": "9"}).bound_as is None


def test_aliases_count_in_the_key_and_the_source_as_sent_in_rules_home_and_thread() -> None:
    rules = [{"name": "b", "match": {"user_id": "b"}, "set": {"batch_max": 7}}]
    book = Rulebook(policy_from({"rules": rules}))
    sent = Source(platform="whatsapp", chat_type="dm", chat_id="b", user_id="b")
    known = Source(platform="whatsapp", chat_type="dm", chat_id="a", user_id="a")
    routing = route(book, "main", "user", sent, known=known)
    assert routing.key == "agent:main:whatsapp:dm:a"
    assert routing.person == "whatsapp:a"
    assert routing.chat == "agent:main:whatsapp:b"
    assert routing.rule == ("defaults", "b")


def test_resolve_explains_the_key_the_policy_and_the_rule_behind_each_field() -> None:
    rules = [
        {
            "name": "support",
            "match": {"chat_id": [123]},
            "set": {"isolation": "tagged", "busy": {"same_sender": "queue"}},
        }
    ]
    book = Rulebook(policy_from({"defaults": {"lease_seconds": 9}, "rules": rules}))
    told = explain(book, "main", "user", Source(**GROUP))
    assert told.key == "agent:main:discord:group:123"
    assert told.policy["busy"] == {"same_sender": "queue", "other_sender": "queue"}
    assert told.policy["scoped_platforms"] == ["slack", "mattermost", "irc"]
    assert told.policy["lease_seconds"] == 9
    assert told.rules["isolation"] == told.rules["busy.same_sender"] == "support"
    assert told.rules["lease_seconds"] == told.rules["busy.other_sender"] == "defaults"
    leaves = {
        f"{name}.{inner}" if isinstance(value, dict) else name
        for name, value in told.policy.items()
        for inner in (value if isinstance(value, dict) else [None])
    }
    assert set(told.rules) == leaves
