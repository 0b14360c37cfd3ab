"""Applying rules: order, lists, globs, nested fields, and the cache against a plain reading."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from app.routing.policy import policy_from
from app.routing.rules import Effective, Rulebook
from session_router.models import Kind, Source

ALICE: dict[str, Any] = {
    "platform": "discord",
    "chat_type": "group",
    "chat_id": "123",
    "user_id": "456",
}


def effective(
    rules: list[dict[str, Any]],
    source: dict[str, Any],
    *,
    agent: str = "main",
    kind: Kind = "user",
    **defaults: Any,
) -> Effective:
    book = Rulebook(policy_from({"defaults": defaults, "rules": rules}))
    return book.effective(agent, kind, Source(**source))


def matches(match: dict[str, Any], source: dict[str, Any] = ALICE, **subject: Any) -> bool:
    found = effective([{"name": "it", "match": match}], source, **subject)
    return found.rule == ("defaults", "it")


@pytest.mark.parametrize(
    "match",
    [
        {},
        {"platform": "discord"},
        {"chat_id": "123"},
        {"chat_id": 123},
        {"chat_id": [122, "123"]},
        {"chat_id": "12?"},
        {"chat_id": "1*"},
        {"chat_id": ["9*", "*3"]},
        {"chat_id": "12[0-5]"},
        {"chat_id": "12[!0-2]"},
        {"chat_id": ["nope", "1*3"]},
        {"user_id": "*"},
        {"is_bot": False},
        {"is_bot": [True, False]},
        {"agent": "main", "kind": "user", "account": "default"},
        {"agent": "m*", "platform": "d*", "chat_type": "g*"},
    ],
)
def test_a_rule_matches_by_value_list_or_glob(match: dict[str, Any]) -> None:
    assert matches(match)


@pytest.mark.parametrize(
    "match",
    [
        {"platform": "disc"},
        {"platform": "discord", "chat_id": "124"},
        {"chat_id": "12"},
        {"chat_id": "?23?"},
        {"chat_id": "[!1]23"},
        {"thread_id": "*"},
        {"scope": "*"},
        {"user_aliases": "*"},
        {"is_bot": True},
        {"is_moderator": True},
        {"kind": "internal"},
        {"agent": "Main"},
        {"chat_type": ["dm", "channel"]},
    ],
)
def test_a_rule_does_not_match_what_differs_or_lacks_a_named_field(match: dict[str, Any]) -> None:
    assert not matches(match)


def test_case_counts_in_values_and_in_globs() -> None:
    source = {**ALICE, "chat_id": "AbC"}
    assert matches({"chat_id": "AbC"}, source)
    assert matches({"chat_id": "A*"}, source)
    assert not matches({"chat_id": "abc"}, source)
    assert not matches({"chat_id": "a*"}, source)


def test_a_glob_covers_line_breaks_and_ends_where_the_id_ends() -> None:
    assert matches({"user_name": "a*b"}, {**ALICE, "user_name": "a\nb"})
    assert not matches({"user_name": "a*b"}, {**ALICE, "user_name": "ab\n"})
    assert matches({"user_name": ["x?", "a[*]"]}, {**ALICE, "user_name": "a*"})


def test_any_one_alias_is_enough() -> None:
    source = {**ALICE, "user_aliases": ("a", "b")}
    assert matches({"user_aliases": ["x", "b"]}, source)
    assert matches({"user_aliases": "[b-c]"}, source)
    assert not matches({"user_aliases": "c"}, source)


def test_a_later_rule_overrides_an_earlier_one_field_by_field() -> None:
    rules = [
        {"name": "one", "set": {"isolation": "shared", "batch_max": 1, "lease_seconds": 1}},
        {"name": "none", "match": {"chat_id": "9"}, "set": {"batch_max": 9}},
        {"name": "two", "match": {"chat_id": "123"}, "set": {"batch_max": 2}},
        {"name": "three", "match": {"platform": "*"}, "set": {"isolation": "tagged"}},
    ]
    found = effective(rules, ALICE, drain="one")
    assert found.rule == ("defaults", "one", "two", "three")
    assert (found.fields.isolation, found.fields.batch_max) == ("tagged", 2)
    assert (found.fields.lease_seconds, found.fields.drain) == (1, "one")
    assert found.origins["isolation"] == "three"
    assert found.origins["batch_max"] == "two"
    assert found.origins["lease_seconds"] == "one"
    assert found.origins["drain"] == found.origins["dm_scope"] == "defaults"


def test_a_nested_field_is_overridden_alone() -> None:
    rules = [
        {"name": "one", "set": {"busy": {"same_sender": "queue"}, "queue": {"max": 7}}},
        {"name": "two", "set": {"busy": {"other_sender": "reject"}, "context": {}}},
    ]
    found = effective(rules, ALICE, busy={"same_sender": "reject"}, queue={"max_per_sender": 3})
    assert found.fields.busy.model_dump() == {"same_sender": "queue", "other_sender": "reject"}
    assert (found.fields.queue.max, found.fields.queue.max_per_sender) == (7, 3)
    assert found.origins["busy.same_sender"] == found.origins["queue.max"] == "one"
    assert found.origins["busy.other_sender"] == "two"
    assert found.origins["queue.max_per_sender"] == found.origins["context.limit_tokens"]


def test_a_null_and_an_empty_list_override_too() -> None:
    rules: list[dict[str, Any]] = [
        {"set": {"interrupt_grace_seconds": None, "scoped_platforms": []}}
    ]
    found = effective(rules, ALICE)
    assert found.fields.interrupt_grace_seconds is None
    assert found.fields.scoped_platforms == ()


def test_rules_filed_under_different_fields_keep_their_order() -> None:
    rules: list[dict[str, Any]] = [
        {"match": {"platform": "discord"}, "set": {"batch_max": 1}},
        {"match": {"user_id": "456"}, "set": {"batch_max": 2}},
        {"match": {}, "set": {"batch_max": 3}},
        {"match": {"chat_id": ["123", "123"]}, "set": {"batch_max": 4}},
        {"match": {"agent": "main"}, "set": {"batch_max": 5}},
    ]
    found = effective(rules, ALICE)
    assert found.rule == ("defaults", "rule-1", "rule-2", "rule-3", "rule-4", "rule-5")
    assert found.fields.batch_max == 5


VALUES = ["1", "2", "12", "a", "A", "discord", "slack"]
PATTERNS = [*VALUES, "*", "1*", "?", "[12]", "[!1]*", "*a*", "disc*", "*2", "1*2", "?2"]
TEXTS = ["agent", "account", "scope", "chat_id", "thread_id", "user_id", "user_name"]


def some(patterns: list[str]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.sampled_from(patterns), st.lists(st.sampled_from(patterns), min_size=1, max_size=3)
    )


match_blocks = st.fixed_dictionaries(
    {},
    optional={
        **{name: some(PATTERNS) for name in TEXTS},
        "platform": some(["discord", "slack", "s*", "*"]),
        "chat_type": some(["group", "dm", "*", "[dg]*"]),
        "kind": some(["user", "internal", "*"]),
        "user_aliases": some(PATTERNS),
        "is_bot": st.booleans(),
        "is_moderator": st.lists(st.booleans(), min_size=1, max_size=2),
    },
)
set_blocks = st.fixed_dictionaries(
    {},
    optional={
        "isolation": st.sampled_from(["per_user", "shared", "tagged"]),
        "batch_max": st.integers(1, 9),
        "interrupt_grace_seconds": st.sampled_from([None, 1, 2]),
        "scoped_platforms": st.sampled_from([[], ["irc"]]),
        "busy": st.fixed_dictionaries(
            {},
            optional={
                "same_sender": st.sampled_from(["queue", "reject"]),
                "other_sender": st.sampled_from(["interrupt", "reject"]),
            },
        ),
        "queue": st.fixed_dictionaries({}, optional={"max": st.integers(1, 3)}),
    },
)
policies = st.fixed_dictionaries(
    {
        "defaults": set_blocks,
        "rules": st.lists(
            st.fixed_dictionaries({"match": match_blocks, "set": set_blocks}), max_size=8
        ),
    }
)
value, maybe = st.sampled_from(VALUES), st.sampled_from([None, *VALUES])
messages = st.tuples(
    value,
    st.builds(
        Source,
        platform=st.sampled_from(["discord", "slack"]),
        account=value,
        scope=maybe,
        chat_type=st.sampled_from(["group", "dm"]),
        chat_id=value,
        thread_id=maybe,
        user_id=maybe,
        user_name=maybe,
        user_aliases=st.lists(value, max_size=2).map(tuple),
        is_bot=st.booleans(),
        is_moderator=st.booleans(),
    ),
)


def plainly_fits(wanted: Any, found: Any) -> bool:
    wanted = wanted if isinstance(wanted, list) else [wanted]
    found = found if isinstance(found, tuple) else (found,)
    return any(
        w == f if isinstance(w, bool) else f is not None and fnmatchcase(f, w)
        for w in wanted
        for f in found
    )


def plainly_set(
    effective: dict[str, Any], origins: dict[str, str], block: dict[str, Any], name: str
) -> None:
    for field, given_value in block.items():
        if isinstance(given_value, dict):
            for inner, inner_value in given_value.items():
                effective[field][inner] = inner_value
                origins[f"{field}.{inner}"] = name
        else:
            effective[field] = given_value
            origins[field] = name


def plainly(
    data: Any, agent: str, source: Source
) -> tuple[dict[str, Any], tuple[str, ...], dict[str, str]]:
    """Apply a policy as a person would read it, rule after rule, nothing kept."""
    effective = policy_from({}).defaults.model_dump(mode="json")
    origins: dict[str, str] = {}
    plainly_set(effective, origins, data["defaults"], "defaults")
    subject = {**source.model_dump(), "agent": agent, "kind": "user"}
    names = ["defaults"]
    for position, rule in enumerate(data["rules"], start=1):
        if all(plainly_fits(wanted, subject[name]) for name, wanted in rule["match"].items()):
            names.append(f"rule-{position}")
            plainly_set(effective, origins, rule["set"], names[-1])
    return effective, tuple(names), origins


@settings(max_examples=200, deadline=None)
@given(policies, st.lists(messages, min_size=1, max_size=6))
def test_the_rulebook_says_what_a_plain_reading_of_the_policy_says(
    data: Any, several: list[tuple[str, Source]]
) -> None:
    book = Rulebook(policy_from(data))
    for agent, source in several * 2:
        fields, names, origins = plainly(data, agent, source)
        found = book.effective(agent, "user", source)
        assert found.fields.model_dump(mode="json") == fields
        assert found.rule == names
        assert {name: by for name, by in found.origins.items() if by != "defaults"} == {
            name: by for name, by in origins.items() if by != "defaults"
        }


def test_of_a_thousand_rules_only_those_filed_under_the_message_are_looked_at() -> None:
    rules = [{"match": {"chat_id": str(n)}, "set": {"batch_max": n % 9 + 1}} for n in range(1000)]
    book = Rulebook(policy_from({"rules": rules}))
    assert book.effective("main", "user", Source(**ALICE)).rule == ("defaults", "rule-124")
    assert book._candidates({"chat_id": "123"}) == [123]


@pytest.mark.parametrize("form", ["room-{}-*", "*-{}", "room-{}-[ab]?*", "*[0-9]-{}"])
def test_of_a_thousand_globs_only_those_that_begin_or_end_like_the_message_are_looked_at(
    form: str,
) -> None:
    globs = [form.format(number) for number in range(1000)]
    rules = [{"match": {"chat_id": glob}, "set": {"batch_max": 1}} for glob in globs]
    book = Rulebook(policy_from({"rules": rules}))
    chat = form.format(123).translate({ord("*"): "9", ord("?"): "9", ord("["): None})
    assert 123 in book._candidates({"chat_id": chat})
    assert len(book._candidates({"chat_id": chat})) <= 3


@pytest.mark.parametrize(
    ("glob", "fits", "other"),
    [
        ("a]b*", "a]bc", "ab"),
        ("[*", "[x", "x"),
        ("*[", "x[", "x"),
        ("*[]]x", "y]x", "yx"),
        ("a*a", "aa", "a"),
        ("*x?", "1xy", "1yx"),
    ],
)
def test_a_glob_is_filed_under_what_its_values_begin_or_end_with(
    glob: str, fits: str, other: str
) -> None:
    book = Rulebook(policy_from({"rules": [{"match": {"chat_id": glob}, "set": {"batch_max": 1}}]}))
    for chat, rule in ((fits, ("defaults", "rule-1")), (other, ("defaults",))):
        source = Source(**{**ALICE, "chat_id": chat})
        assert book.effective("main", "user", source).rule == rule
