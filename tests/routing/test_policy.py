"""Reading a policy: whole or not at all, every fault with its path."""

import json
from typing import Any

import pytest

from app.routing.faults import PolicyError
from app.routing.policy import Match, Policy, PolicyFields, parse_policy, policy_from
from app.routing.route import route
from app.routing.rules import Rulebook
from session_router.models import Source

CONTRACT = """
version: 1
defaults:
  isolation: per_user            # per_user | shared | thread | tagged | conversation | person
  thread_isolation: tagged       # tagged | shared | per_user | inherit
  dm_scope: per_chat             # per_chat | person | main
  conversation_idle_minutes: 20
  missing_user: reject           # reject | shared
  scoped_platforms: [slack, mattermost, irc]
  busy: {same_sender: interrupt, other_sender: queue}   # queue | interrupt | steer | reject
  moderators: []                 # ["discord:456", "alice"]: count as same sender everywhere
  trust_roles: true              # believe `is_moderator`
  stop_by: owner                 # owner | anyone
  bot_limit: {max: 20, per_seconds: 60}
  group_ms: 1500
  context_max: 50
  context_ttl_seconds: 86400
  resend_unconfirmed: false
  drain: all                     # all | one | by_sender
  batch_max: 100                 # 1 to 1000
  debounce_ms: 0
  debounce_max_ms: 10000
  queue: {max: 50, max_per_sender: 20, overflow: reject, ttl_seconds: null}   # reject | drop_oldest
  lease_seconds: 30              # 1 to 3600
  max_run_seconds: 3600
  interrupt_grace_seconds: 60    # null: wait for the lease
  max_deliveries: 3
  retry_delay_seconds: 0
  dedupe_seconds: 86400
  reset: {mode: none, idle_minutes: 1440, at_hour: 4, timezone: UTC}
  context: {limit_tokens: null, compress_at: null, reset_at: null}   # compress_at null: 0.85, or 0.60 where people share
  session_ttl_days: 30
rules:
  - name: support-channel
    match: {platform: discord, chat_id: ["123", "124"]}
    set: {isolation: tagged, busy: {same_sender: queue}}
"""  # noqa: E501
NAMED = """
identities: {alice: ["telegram:1", "discord:2"]}
links: {family: ["telegram:-100200", "whatsapp:120363@g.us"]}
"""


def faults_of(text: str) -> dict[str, str]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text)
    return {fault.path: fault.message for fault in caught.value.faults}


def fault_paths(data: Any) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        policy_from(data)
    return [fault.path for fault in caught.value.faults]


def test_the_policy_of_the_contract_reads_as_printed_and_states_every_default() -> None:
    policy = parse_policy(CONTRACT)
    assert policy.defaults == PolicyFields()
    assert policy.defaults.model_fields_set == set(PolicyFields.model_fields)
    assert policy.rules[0].match == Match(platform=("discord",), chat_id=("123", "124"))
    assert policy.rules[0].set.model_dump(exclude_unset=True) == {
        "isolation": "tagged",
        "busy": {"same_sender": "queue"},
    }


def test_the_identities_and_links_of_the_contract_are_read() -> None:
    policy = parse_policy(CONTRACT + NAMED)
    assert policy.identities == {"alice": ("telegram:1", "discord:2")}
    assert policy.links == {"family": ("telegram:-100200", "whatsapp:120363@g.us")}


def test_a_policy_may_leave_everything_out() -> None:
    assert policy_from({}) == Policy()
    assert parse_policy("version: 1") == Policy()
    assert parse_policy('{"rules": [], "identities": {}, "links": {}}') == Policy()


BUSY = ("queue", "interrupt", "steer", "reject")


@pytest.mark.parametrize(
    "settings",
    [
        *({"isolation": value} for value in ("per_user", "shared", "thread", "tagged", "person")),
        *({"thread_isolation": value} for value in ("tagged", "shared", "per_user", "inherit")),
        *({"dm_scope": value} for value in ("per_chat", "person", "main")),
        *({"reset": {"mode": value}} for value in ("none", "idle", "daily", "both")),
        *({"busy": {"same_sender": value}} for value in BUSY),
        *({"busy": {"other_sender": value}} for value in BUSY),
        {"debounce_ms": 1, "queue": {"overflow": "drop_oldest", "ttl_seconds": 60}},
        *({"drain": value} for value in ("all", "one", "by_sender")),
        {"missing_user": "shared"},
        {"moderators": ["discord:456", "slack:T1/U1", "matrix:@a:b.org"], "trust_roles": False},
        {"stop_by": "anyone", "resend_unconfirmed": True, "bot_limit": {"max": 0}},
        {"lease_seconds": 1, "batch_max": 1},
        {"lease_seconds": 3600, "batch_max": 1000},
        {"interrupt_grace_seconds": None},
        {"retry_delay_seconds": 5, "max_deliveries": 1, "queue": {"max": 0, "max_per_sender": 0}},
        {"reset": {"timezone": "Europe/Berlin", "at_hour": 0}},
        {"context": {"limit_tokens": 2**53 - 1, "compress_at": 0.5, "reset_at": 1}},
        {"scoped_platforms": []},
    ],
)
def test_everything_else_of_the_list_is_served(settings: dict[str, Any]) -> None:
    assert policy_from({"defaults": settings}).defaults.model_dump(exclude_unset=True) == (
        {**settings} | {k: tuple(v) for k, v in settings.items() if isinstance(v, list)}
    )


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"isolaton": "shared"}, "isolaton"),
        ({"isolation": "nobody"}, "isolation"),
        ({"isolation": None}, "isolation"),
        ({"busy": {"same_sender": "nope"}}, "busy.same_sender"),
        ({"busy": {"sender": "queue"}}, "busy.sender"),
        ({"busy": "queue"}, "busy"),
        ({"busy": None}, "busy"),
        ({"lease_seconds": 0}, "lease_seconds"),
        ({"lease_seconds": 3601}, "lease_seconds"),
        ({"lease_seconds": True}, "lease_seconds"),
        ({"lease_seconds": "30"}, "lease_seconds"),
        ({"lease_seconds": 30.0}, "lease_seconds"),
        ({"lease_seconds": None}, "lease_seconds"),
        ({"batch_max": 0}, "batch_max"),
        ({"batch_max": 1001}, "batch_max"),
        ({"max_run_seconds": 0}, "max_run_seconds"),
        ({"max_run_seconds": 2**53}, "max_run_seconds"),
        ({"max_run_seconds": 10**400}, "max_run_seconds"),
        ({"interrupt_grace_seconds": 0}, "interrupt_grace_seconds"),
        ({"max_deliveries": 0}, "max_deliveries"),
        ({"retry_delay_seconds": -1}, "retry_delay_seconds"),
        ({"dedupe_seconds": 0}, "dedupe_seconds"),
        ({"debounce_max_ms": -1}, "debounce_max_ms"),
        ({"group_ms": -1}, "group_ms"),
        ({"session_ttl_days": 0}, "session_ttl_days"),
        ({"session_ttl_days": 1e300}, "session_ttl_days"),
        ({"trust_roles": 1}, "trust_roles"),
        ({"trust_roles": "yes"}, "trust_roles"),
        ({"bot_limit": {"per_seconds": 0}}, "bot_limit.per_seconds"),
        ({"queue": {"max": -1}}, "queue.max"),
        ({"queue": {"ttl_seconds": 0}}, "queue.ttl_seconds"),
        ({"reset": {"at_hour": 24}}, "reset.at_hour"),
        ({"reset": {"timezone": "Mars/Olympus"}}, "reset.timezone"),
        ({"reset": {"timezone": "Europe"}}, "reset.timezone"),
        ({"reset": {"timezone": "../etc/passwd"}}, "reset.timezone"),
        ({"reset": {"timezone": ""}}, "reset.timezone"),
        ({"context": {"compress_at": float("nan")}}, "context.compress_at"),
        ({"context": {"compress_at": float("inf")}}, "context.compress_at"),
        ({"context": {"compress_at": 0}}, "context.compress_at"),
        ({"context": {"compress_at": 1.01}}, "context.compress_at"),
        ({"context": {"reset_at": True}}, "context.reset_at"),
        ({"context": {"limit_tokens": 0}}, "context.limit_tokens"),
        ({"scoped_platforms": ["Slack"]}, "scoped_platforms.0"),
        ({"scoped_platforms": "slack"}, "scoped_platforms"),
        ({"moderators": ["discord:1", "alice"]}, "moderators.1"),
        ({"moderators": ["discord:"]}, "moderators.0"),
        ({"moderators": [1]}, "moderators.0"),
    ],
)
@pytest.mark.parametrize("where", ["defaults", "rules.0.set"])
def test_a_wrong_setting_is_refused_at_its_path(
    where: str, settings: dict[str, Any], path: str
) -> None:
    data = {"defaults": settings} if where == "defaults" else {"rules": [{"set": settings}]}
    assert fault_paths(data) == [f"{where}.{path}"]


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (None, ""),
        ([], ""),
        ("version", ""),
        ({"version": 2}, "version"),
        ({"version": True}, "version"),
        ({"version": "1"}, "version"),
        ({"default": {}}, "default"),
        ({"defaults": None}, "defaults"),
        ({"defaults": []}, "defaults"),
        ({"rules": None}, "rules"),
        ({"rules": {}}, "rules"),
        ({"rules": ["x"]}, "rules.0"),
        ({"rules": [{}, {"when": {}}]}, "rules.1.when"),
        ({"rules": [{"name": ""}]}, "rules.0.name"),
        ({"rules": [{"name": None}]}, "rules.0.name"),
        ({"rules": [{"name": "defaults"}]}, "rules.0.name"),
        ({"rules": [{"name": "a"}, {"name": "b"}, {"name": "a"}]}, "rules.2.name"),
        ({"rules": [{"name": "rule-2"}, {}]}, "rules.1.name"),
        ({"rules": [{"match": {"chat": "1"}}]}, "rules.0.match.chat"),
        ({"rules": [{"match": {"chat_id": None}}]}, "rules.0.match.chat_id"),
        ({"rules": [{"match": {"chat_id": []}}]}, "rules.0.match.chat_id"),
        ({"rules": [{"match": {"chat_id": ""}}]}, "rules.0.match.chat_id"),
        ({"rules": [{"match": {"chat_id": True}}]}, "rules.0.match.chat_id"),
        ({"rules": [{"match": {"chat_id": 1.5}}]}, "rules.0.match.chat_id"),
        ({"rules": [{"match": {"chat_id": {"is": 1}}}]}, "rules.0.match.chat_id"),
        ({"rules": [{"match": {"chat_id": ["1", None]}}]}, "rules.0.match.chat_id.1"),
        ({"rules": [{"match": {"chat_id": "x" * 513}}]}, "rules.0.match.chat_id"),
        ({"rules": [{"match": {"chat_type": "grup"}}]}, "rules.0.match.chat_type"),
        ({"rules": [{"match": {"kind": ["user", "bot"]}}]}, "rules.0.match.kind.1"),
        ({"rules": [{"match": {"platform": "Discord"}}]}, "rules.0.match.platform"),
        ({"rules": [{"match": {"is_bot": "true"}}]}, "rules.0.match.is_bot"),
        ({"rules": [{"match": {"is_bot": 1}}]}, "rules.0.match.is_bot"),
        ({"identities": []}, "identities"),
        ({"links": {"a": "telegram:1"}}, "links.a"),
    ],
)
def test_a_wrong_shape_is_refused_at_its_path(data: Any, path: str) -> None:
    assert fault_paths(data) == [path]


def test_all_faults_are_told_at_once() -> None:
    data = {
        "versions": 1,
        "defaults": {"isolation": "nobody", "batch_max": 0, "moderators": ["zoe"]},
        "rules": [{"name": "a", "set": {"busy": {"same_sender": 1}}}, {"name": "a"}],
        "links": {"family": ["telegram"]},
        "identities": {"alice": ["telegram:1"], "bob": ["discord:1", "telegram:1"]},
    }
    assert sorted(fault_paths(data)) == [
        "defaults.batch_max",
        "defaults.isolation",
        "defaults.moderators.0",
        "identities.bob.1",
        "links.family.0",
        "rules.0.set.busy.same_sender",
        "rules.1.name",
        "versions",
    ]


def test_rules_without_a_name_are_called_by_their_position() -> None:
    policy = policy_from({"rules": [{}, {"name": "mine"}, {}]})
    assert [rule.name for rule in policy.rules] == ["rule-1", "mine", "rule-3"]


def test_a_rule_may_match_every_field_of_a_source_and_agent_and_kind() -> None:
    assert set(Match.model_fields) == {"agent", "kind", *Source.model_fields}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("123", "123"),
        ("-100200", "-100200"),
        ("0123", "0123"),
        ("+49301234", "+49301234"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1e5", "1e5"),
        ("no", "no"),
        ("on", "on"),
        ("2026-01-01", "2026-01-01"),
        ("=", "="),
        ('"123"', "123"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ],
)
def test_an_id_is_read_as_it_is_written(written: str, read: str) -> None:
    policy = parse_policy(f"rules: [{{match: {{chat_id: {written}}}}}]")
    assert policy.rules[0].match.chat_id == (read,)


@pytest.mark.parametrize("written", ["1712345678.123456", "true", "null", "~", ".nan", ".inf"])
def test_a_word_that_yaml_takes_for_no_text_is_refused_as_an_id(written: str) -> None:
    text = f"rules: [{{match: {{chat_id: {written}}}}}]"
    assert set(faults_of(text)) == {"rules.0.match.chat_id"}


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("version: 1\nversion: 1", "version", "stands twice"),
        ("rules: [{set: {busy: {same_sender: queue, 'same_sender': queue}}}]",
         "rules.0.set.busy.same_sender", "stands twice"),
        ("defaults: &a {}\nrules: [{set: *a}]", "", "aliases are refused in line 2, column 15"),
        ("defaults: {<<: {}}", "defaults.<<", "unknown field"),
        ("a: [", "", "line 1"),
        ("a: b: c", "", "line 1"),
        ("\x00", "", "not readable"),
        ("version: 1\n---\nversion: 1", "", "another document"),
        ("[" * 10_000, "", "nested too deeply"),
        ("version: !!python/object/apply:os.getcwd []", "version", "tag"),
        ("version: !!binary MQ==", "version", "tag"),
        ("version: !!int one", "version", "no readable int"),
        ("version: !!bool one", "version", "no readable bool"),
        (f"version: {'9' * 5_000}", "version", "no readable int"),
        ("? [version]\n: 1", "", "a key must be a text"),
        ("", "", "should be a mapping"),
        ("just a text", "", "should be a mapping"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_plain_yaml_is_refused(text: str, path: str, message: str) -> None:
    faults = faults_of(text)
    assert set(faults) == {path}
    assert message in faults[path]


def test_a_policy_is_frozen_and_survives_its_own_json() -> None:
    policy = parse_policy(CONTRACT)
    with pytest.raises(ValueError, match="frozen"):
        setattr(policy.defaults, "isolation", "shared")  # noqa: B010 (mypy knows better)
    written = policy.model_dump_json(exclude_unset=True)
    assert policy_from(json.loads(written)) == policy
    source = Source(platform="discord", chat_type="group", chat_id="123", user_id="9")
    book, again = Rulebook(policy), Rulebook(policy_from(json.loads(written)))
    assert route(book, "main", "user", source) == route(again, "main", "user", source)
