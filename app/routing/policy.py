"""The policy: how chats are isolated, and what a busy session does.

Read whole or refused whole. Durations are in the unit that ends their name.
"""

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import ErrorDetails

from app.routing import strict_yaml
from app.routing.faults import Fault, PolicyError
from app.routing.policy_names import faults_of_names
from app.routing.policy_values import (
    ChatTypes,
    Flag,
    Flags,
    IdentityName,
    IdOnPlatform,
    Kinds,
    Moderator,
    Patterns,
    Platforms,
    RuleName,
    Share,
    Timezone,
    Tokens,
)
from session_router.models import Platform

DAY_SECONDS: Final = 86_400
DAY_MS: Final = DAY_SECONDS * 1_000
# Ten years: far above any use, and now plus ten years in microseconds is still below 2^53.
LONGEST_DAYS: Final = 3_650
LONGEST_SECONDS: Final = LONGEST_DAYS * DAY_SECONDS
COUNT_MAX: Final = 100_000
MESSAGES: Final[Mapping[str, str]] = {
    "extra_forbidden": "unknown field",
    "model_type": "should be a mapping",
    "dict_type": "should be a mapping",
    "tuple_type": "should be a list",
}

BusyMode = Literal["queue", "interrupt", "steer", "reject"]
IsolationSetting = Literal["per_user", "shared", "thread", "tagged", "conversation", "person"]
ThreadIsolation = Literal["tagged", "shared", "per_user", "inherit"]


class Fields(BaseModel):
    """Base of every part of the policy: frozen, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Busy(Fields):
    """What a message does to a busy session, by who sends it."""

    same_sender: BusyMode = "interrupt"
    other_sender: BusyMode = "queue"


class Queue(Fields):
    """Limits of what may wait in a session, counted in messages never granted."""

    max: int = Field(50, strict=True, ge=0, le=COUNT_MAX)
    max_per_sender: int = Field(20, strict=True, ge=0, le=COUNT_MAX)
    overflow: Literal["reject", "drop_oldest"] = "reject"
    ttl_seconds: int | None = Field(None, strict=True, ge=1, le=LONGEST_SECONDS)


class Reset(Fields):
    """When a session starts anew by itself; `at_hour` is on the clock of `timezone`."""

    mode: Literal["none", "idle", "daily", "both"] = "none"
    idle_minutes: int = Field(1_440, strict=True, ge=1, le=LONGEST_SECONDS // 60)
    at_hour: int = Field(4, strict=True, ge=0, le=23)
    timezone: Timezone = "UTC"


class ContextBudget(Fields):
    """From which share of the context limit on the holder is told to compress or reset."""

    limit_tokens: Tokens | None = None
    compress_at: Share | None = None
    reset_at: Share | None = None


class BotLimit(Fields):
    """How many messages of bots one session takes in a window."""

    max: int = Field(20, strict=True, ge=0, le=COUNT_MAX)
    per_seconds: int = Field(60, strict=True, ge=1, le=DAY_SECONDS)


class PolicyFields(Fields):
    """Every setting of a session, with its default.

    As a rule's `set` the same model is a partial one: `model_fields_set` tells, at each
    level, which fields the rule names.
    """

    isolation: IsolationSetting = "per_user"
    thread_isolation: ThreadIsolation = "tagged"
    dm_scope: Literal["per_chat", "person", "main"] = "per_chat"
    conversation_idle_minutes: int = Field(20, strict=True, ge=1, le=LONGEST_SECONDS // 60)
    missing_user: Literal["reject", "shared"] = "reject"
    scoped_platforms: tuple[Platform, ...] = ("slack", "mattermost", "irc")
    busy: Busy = Busy()
    moderators: tuple[Moderator, ...] = ()
    trust_roles: Flag = True
    stop_by: Literal["owner", "anyone"] = "owner"
    bot_limit: BotLimit = BotLimit()
    group_ms: int = Field(1_500, strict=True, ge=0, le=DAY_MS)
    context_max: int = Field(50, strict=True, ge=0, le=1_000)
    context_ttl_seconds: int = Field(DAY_SECONDS, strict=True, ge=1, le=LONGEST_SECONDS)
    resend_unconfirmed: Flag = False
    drain: Literal["all", "one", "by_sender"] = "all"
    batch_max: int = Field(100, strict=True, ge=1, le=1_000)
    debounce_ms: int = Field(0, strict=True, ge=0, le=DAY_MS)
    debounce_max_ms: int = Field(10_000, strict=True, ge=0, le=DAY_MS)
    queue: Queue = Queue()
    lease_seconds: int = Field(30, strict=True, ge=1, le=3_600)
    max_run_seconds: int = Field(3_600, strict=True, ge=1, le=LONGEST_SECONDS)
    interrupt_grace_seconds: int | None = Field(60, strict=True, ge=1, le=LONGEST_SECONDS)
    max_deliveries: int = Field(3, strict=True, ge=1, le=1_000)
    retry_delay_seconds: int = Field(0, strict=True, ge=0, le=DAY_SECONDS)
    dedupe_seconds: int = Field(DAY_SECONDS, strict=True, ge=1, le=LONGEST_SECONDS)
    reset: Reset = Reset()
    context: ContextBudget = ContextBudget()
    session_ttl_days: int = Field(30, strict=True, ge=1, le=LONGEST_DAYS)


class Match(Fields):
    """Which messages a rule is for: every named field has one of the named values.

    A value with `*`, `?` or `[` is a glob as `fnmatch.fnmatchcase` reads it. A field that
    the message lacks matches nothing, and `user_aliases` matches by any one of them.
    """

    agent: Patterns = ()
    kind: Kinds = ()
    platform: Platforms = ()
    account: Patterns = ()
    scope: Patterns = ()
    chat_type: ChatTypes = ()
    chat_id: Patterns = ()
    thread_id: Patterns = ()
    user_id: Patterns = ()
    user_name: Patterns = ()
    user_aliases: Patterns = ()
    is_bot: Flags = ()
    is_moderator: Flags = ()


class Rule(Fields):
    """What holds for the messages that `match`; an empty `match` is for all."""

    name: RuleName
    match: Match = Match()
    set: PolicyFields = PolicyFields()


class Policy(Fields):
    """A whole policy: later rules override earlier ones and the defaults, field by field."""

    version: int = Field(1, strict=True, ge=1, le=1)
    defaults: PolicyFields = PolicyFields()
    rules: tuple[Rule, ...] = ()
    identities: dict[IdentityName, tuple[IdOnPlatform, ...]] = {}
    links: dict[IdentityName, tuple[IdOnPlatform, ...]] = {}


def parse_policy(text: str) -> Policy:
    """Read a policy from YAML text.

    Raises `PolicyError` with every fault found. Where the text itself cannot be read (broken
    YAML, aliases, a key that stands twice) those are the faults, and the values are not
    looked at.
    """
    return policy_from(strict_yaml.read(text))


def policy_from(data: object) -> Policy:
    """Check a policy that is read already (dicts, lists, texts, numbers, booleans, None).

    A rule without a name is called by its position, `rule-1` for the first. Raises
    `PolicyError` with every fault.
    """
    if not isinstance(data, dict):
        message = "should be a mapping of version, defaults, rules, identities and links"
        raise PolicyError([Fault("", message)])
    named = {**data, "rules": _named(data["rules"])} if "rules" in data else data
    faults = faults_of_names(named)
    try:
        policy = Policy.model_validate(named)
    except ValidationError as error:
        faults = [*(_fault(detail, named) for detail in error.errors()), *faults]
    if faults:
        raise PolicyError(faults)
    return policy


def _named(rules: object) -> object:
    if not isinstance(rules, list):
        return rules
    return [
        {"name": f"rule-{position}", **rule} if isinstance(rule, dict) else rule
        for position, rule in enumerate(rules, start=1)
    ]


def _fault(detail: ErrorDetails, data: object) -> Fault:
    path: list[str] = []
    for part in detail["loc"]:
        # One value is read as a list of one: its fault is at the value, not at `.0` in it.
        if isinstance(data, dict) and isinstance(part, str):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int):
            data = data[part]
        else:
            break
        path.append(str(part))
    return Fault(".".join(path), _message(detail))


def _message(detail: ErrorDetails) -> str:
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    message = MESSAGES.get(detail["type"], detail["msg"])
    return message.replace("Input should be", "should be")
