"""Values that a policy may hold, each with its check; a refusal is a sentence for a person."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from session_router.models import ID_CHARACTERS_MAX, ChatType

GLOB_CHARACTERS: Final = frozenset("*?[")


def is_glob(pattern: str) -> bool:
    """Tell whether a value of `match` is a glob: it holds `*`, `?` or `[`."""
    return not GLOB_CHARACTERS.isdisjoint(pattern)


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ValueError("is no time zone of the IANA database") from None
    return name


def _on_a_platform(text: str) -> str:
    if not re.match(r"[a-z0-9_-]{1,32}:.", text, re.DOTALL):
        raise ValueError("should be platform:id, or platform:scope/id on scoped platforms")
    return text


def _a_name(text: str) -> str:
    if not text or ":" in text:
        raise ValueError("a name is a text without a colon")
    return text


def _a_person(text: str) -> str:
    return _on_a_platform(text) if ":" in text else _a_name(text)


def _one_platform(pattern: str) -> str:
    if not is_glob(pattern) and not re.fullmatch(r"[a-z0-9_-]{1,32}", pattern):
        raise ValueError("a platform is 1 to 32 of the characters a-z, 0-9, _ and -")
    return pattern


def _one_of(*words: str) -> Callable[[str], str]:
    def check(pattern: str) -> str:
        if not is_glob(pattern) and pattern not in words:
            raise ValueError(f"should be one of {', '.join(words)}, or a glob")
        return pattern

    return check


def _rule_name(name: str) -> str:
    if name == "defaults":
        raise ValueError("`defaults` names the defaults, so no rule may be called so")
    return name


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


def _integer_to_text(value: object) -> object:
    return str(value) if type(value) is int else value


Flag = Annotated[bool, Field(strict=True)]
Moderator = Annotated[str, AfterValidator(_a_person)]
IdOnPlatform = Annotated[str, AfterValidator(_on_a_platform)]
IdentityName = Annotated[str, Field(max_length=ID_CHARACTERS_MAX), AfterValidator(_a_name)]
RuleName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_rule_name)]
Share = Annotated[float, Field(strict=True, gt=0, le=1, allow_inf_nan=False)]
Timezone = Annotated[str, Field(min_length=1), AfterValidator(_known_timezone)]
Tokens = Annotated[int, Field(strict=True, ge=1, lt=2**53)]

Pattern = Annotated[
    str,
    Field(min_length=1, max_length=ID_CHARACTERS_MAX),
    BeforeValidator(_integer_to_text, json_schema_input_type=str | int),
]
_ChatType = Annotated[Pattern, AfterValidator(_one_of(*get_args(ChatType)))]
_Kind = Annotated[Pattern, AfterValidator(_one_of("user", "internal", "context"))]
_Platform = Annotated[Pattern, AfterValidator(_one_platform)]


def _any_of(one: Any) -> tuple[object, ...]:
    """What stands in `match`: one value, or a list of which one must fit."""
    return BeforeValidator(_listed, json_schema_input_type=one | tuple[one, ...]), Field(
        min_length=1
    )


Patterns = Annotated[tuple[Pattern, ...], *_any_of(Pattern)]
Flags = Annotated[tuple[Flag, ...], *_any_of(Flag)]
ChatTypes = Annotated[tuple[_ChatType, ...], *_any_of(_ChatType)]
Kinds = Annotated[tuple[_Kind, ...], *_any_of(_Kind)]
Platforms = Annotated[tuple[_Platform, ...], *_any_of(_Platform)]
