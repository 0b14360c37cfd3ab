"""Applying the policy's rules to one message: which of them match, and what then holds."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any, Final, TypeVar

from app.routing.people import People
from app.routing.policy import Fields, Match, Policy, PolicyFields, Rule
from app.routing.policy_values import is_glob
from session_router.models import Kind, Source

_NOT_LITERAL: Final = re.compile(r"[]*?[]")

FieldsT = TypeVar("FieldsT", bound=Fields)

MERGES_KEPT: Final = 4_096
# What a rule may be filed under, the field first that tells most messages apart.
FILED_UNDER: Final = (
    "chat_id",
    "thread_id",
    "user_id",
    "user_name",
    "scope",
    "account",
    "platform",
    "agent",
)


@dataclass(frozen=True, slots=True)
class Effective:
    """What holds for a message.

    `rule` is "defaults" and then the name of every rule that matched, in order; `moderators`
    are the persons of the field of that name, spelled as `keys.person` does.
    """

    fields: PolicyFields
    rule: tuple[str, ...]
    moderators: frozenset[str]
    applied: tuple[Rule, ...]

    @property
    def origins(self) -> dict[str, str]:
        """Tell, for each dotted field, the name of the rule that set it, or "defaults"."""
        origins = dict.fromkeys(dotted(self.fields), "defaults")
        for rule in self.applied:
            origins.update(dict.fromkeys(dotted(rule.set, only_set=True), rule.name))
        return origins


class Rulebook:
    """A policy made ready for the path that every message takes.

    Rules are filed under the values that they name, or under how these begin or end, so a message
    looks only at those it may match; what the matching rules give together is merged once and
    kept. `people` knows the policy's identities and links.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._matchers = [_Matcher(rule.match) for rule in policy.rules]
        self._rules_scope = any(
            "scoped_platforms" in rule.set.model_fields_set for rule in policy.rules
        )
        self._unfiled: list[int] = []
        # By field and the part of its value that is named, so that a look-up asks once a part and
        # not once a glob.
        self._filed: dict[tuple[str, int | None, int | None], dict[str, list[int]]] = {}
        for index, rule in enumerate(policy.rules):
            self._file(index, rule.match)
        self.people = People(policy.identities, policy.links, policy.defaults.scoped_platforms)
        self._merged = lru_cache(maxsize=MERGES_KEPT)(self._merge)

    def effective(self, agent: str, kind: Kind, source: Source) -> Effective:
        """Tell what holds for a message, as the rules say in their order."""
        matchers = self._matchers
        if not matchers:
            return self._merged(())
        subject = {**vars(source), "agent": agent, "kind": kind}
        return self._merged(
            tuple([index for index in self._candidates(subject) if matchers[index](subject)])
        )

    def scope_of(self, agent: str, source: Source) -> str | None:
        """Tell the scope that names the chat of a source: of a scoped platform's alone."""
        fields = self._policy.defaults
        if self._rules_scope:
            fields = self.effective(agent, "user", source).fields
        return scope_under(fields, source)

    def _file(self, index: int, match: Match) -> None:
        for name in FILED_UNDER:
            patterns = getattr(match, name)
            if patterns and all(map(_can_be_filed, patterns)):
                for pattern in patterns:
                    first, end, named = _named_part(pattern)
                    filed = self._filed.setdefault((name, first, end), {})
                    filed.setdefault(named, []).append(index)
                return
        self._unfiled.append(index)

    def _candidates(self, subject: Mapping[str, Any]) -> list[int]:
        found = set(self._unfiled)
        for (name, first, end), filed in self._filed.items():
            value = subject[name]
            if value is not None:
                found.update(filed.get(value[first:end], ()))
        return sorted(found)

    def _merge(self, indices: tuple[int, ...]) -> Effective:
        applied = tuple(self._policy.rules[index] for index in indices)
        fields = self._policy.defaults
        for rule in applied:
            fields = overridden(fields, rule.set)
        return Effective(
            fields=fields,
            rule=("defaults", *(rule.name for rule in applied)),
            moderators=frozenset(map(self.people.who, fields.moderators)),
            applied=applied,
        )


def _can_be_filed(pattern: str) -> bool:
    return not is_glob(pattern) or any(_literal_ends(pattern))


def _named_part(pattern: str) -> tuple[int | None, int | None, str]:
    """The bounds of what a pattern names to the letter in a value, and what stands there."""
    beginning, ending = _literal_ends(pattern)
    if not is_glob(pattern):
        return None, None, pattern
    return (None, len(beginning), beginning) if beginning else (-len(ending), None, ending)


def _literal_ends(pattern: str) -> tuple[str, str]:
    """What a value that fits a glob begins and ends with, to the letter."""
    parts = _NOT_LITERAL.split(pattern)
    return parts[0], parts[-1]


class _Matcher:
    """Compiled `match`: true for a message of which every named field fits."""

    __slots__ = ("_checks",)

    def __init__(self, match: Match) -> None:
        named = {name: patterns for name, patterns in match if patterns}
        first = [name for name in FILED_UNDER if name in named]
        # What tells most apart is checked first.
        order = [*first, *(name for name in named if name not in first)]
        self._checks = [(name, *_compiled(named[name])) for name in order]

    def __call__(self, subject: Mapping[str, Any]) -> bool:
        for name, values, glob in self._checks:  # noqa: SIM110 (a third faster than all())
            if not _fits(subject[name], values, glob):
                return False
        return True


def _compiled(patterns: tuple[Any, ...]) -> tuple[frozenset[Any], re.Pattern[str] | None]:
    globs = [pattern for pattern in patterns if isinstance(pattern, str) and is_glob(pattern)]
    glob = re.compile("|".join(map(translate, globs))) if globs else None
    return frozenset(patterns).difference(globs), glob


def _fits(value: object, values: frozenset[Any], glob: re.Pattern[str] | None) -> bool:
    if isinstance(value, tuple):
        return any(_fits(one, values, glob) for one in value)
    if value in values:
        return True
    return glob is not None and isinstance(value, str) and glob.match(value) is not None


def scope_under(fields: PolicyFields, source: Source) -> str | None:
    """Tell the scope of a source where its platform is a scoped one."""
    return source.scope if source.platform in fields.scoped_platforms else None


def overridden(fields: FieldsT, by: FieldsT) -> FieldsT:
    """Override the fields that `by` names, nested fields one by one."""
    update: dict[str, object] = {}
    for name in by.model_fields_set:
        value = getattr(by, name)
        nested = isinstance(value, Fields)
        update[name] = overridden(getattr(fields, name), value) if nested else value
    return fields.model_copy(update=update)


def dotted(fields: Fields, *, only_set: bool = False, prefix: str = "") -> Iterator[str]:
    """Walk the dotted names of all fields, or of those that were given by name."""
    for name, value in fields:
        if only_set and name not in fields.model_fields_set:
            continue
        if isinstance(value, Fields):
            yield from dotted(value, only_set=only_set, prefix=f"{prefix}{name}.")
        else:
            yield prefix + name
