"""Reading a platform's JSON by name, with the path of whatever is not as the platform sends it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Self, TypeGuard, TypeVar

from pydantic import JsonValue

from session_router.models import ID_CHARACTERS_MAX, ReplyTo

_Value = TypeVar("_Value")

IsModerator = Callable[[str, str], bool]
"""Tells of a chat's id and a user's id whether the platform lets that user moderate the chat."""

MENTIONS_MAX = 100  # what the router takes; nobody addresses more people at once
_DEPTH_MAX = 32
_INTEGER_END = 2**64


class UnreadablePayload(ValueError):
    """The payload is not what the platform sends; `path` names the field, as `message.chat.id`."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path or 'the payload'} {problem}")
        self.path = path


class Fields:
    """One JSON object of a payload. A null counts as absent.

    Each method named for what it reads raises `UnreadablePayload` where the field is absent or
    of another type; with `_or_none` it gives None where it is absent.
    """

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, Mapping):
            raise UnreadablePayload(path, "is not an object")
        self._value = value
        self._path = path

    def has(self, name: str) -> bool:
        """Whether the field is there, whatever it is."""
        return self._value.get(name) is not None

    def has_any(self, names: frozenset[str]) -> bool:
        """Whether one of the fields is there."""
        return any(self.has(name) for name in names)

    def unreadable(self, name: str, problem: str) -> UnreadablePayload:
        """Return the error that names this field."""
        return UnreadablePayload(self._path_of(name), problem)

    def text(self, name: str) -> str:
        """Return a string, which may be empty."""
        return self._needed(name, self.text_or_none(name))

    def text_or_none(self, name: str) -> str | None:
        value = self._value.get(name)
        if value is None:
            return None
        if not _is_text(value):
            raise self.unreadable(name, "is not a text")
        return value

    def name_or_none(self, name: str) -> str | None:
        """Return a display name, None where it is empty."""
        value = self.text_or_none(name)
        if value is not None and len(value) > ID_CHARACTERS_MAX:
            raise self.unreadable(name, f"is longer than {ID_CHARACTERS_MAX} characters")
        return value or None

    def id(self, name: str) -> str:
        """Return an id, a string of 1 to 512 characters or an integer, as a string."""
        return self._needed(name, self.id_or_none(name))

    def id_or_none(self, name: str) -> str | None:
        """Return an id, None where it is absent or empty."""
        value = self._value.get(name)
        return None if value is None or value == "" else as_id(value, self._path_of(name))

    def ids(self, name: str) -> tuple[str, ...]:
        """Return a list of ids, empty where it is absent."""
        return tuple(as_id(item, path) for item, path in self._items(name))

    def integer_or_none(self, name: str) -> int | None:
        value = self._value.get(name)
        if value is not None and type(value) is not int:
            raise self.unreadable(name, "is not an integer")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean, False where it is absent."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.unreadable(name, "is not a boolean")
        return bool(value)

    def moment_or_none(self, name: str, *, per_second: int = 1) -> datetime | None:
        """Return a time from a number of seconds since 1970 (or parts of one), or its digits."""
        value = self._value.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self.unreadable(name, "is not a time")
        try:
            return datetime.fromtimestamp(float(value) / per_second, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise self.unreadable(name, "is not a time") from error

    def iso_moment_or_none(self, name: str) -> datetime | None:
        """Return a time from its ISO 8601 form, which must tell its zone."""
        value = self.text_or_none(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
            in_utc = moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.unreadable(name, "is not a time") from error
        if moment.tzinfo is None:
            raise self.unreadable(name, "has no time zone")
        return in_utc

    def part(self, name: str) -> Self:
        """Return an object."""
        return self._needed(name, self.part_or_none(name))

    def part_or_none(self, name: str) -> Self | None:
        value = self._value.get(name)
        return None if value is None else type(self)(value, self._path_of(name))

    def parts(self, name: str) -> tuple[Self, ...]:
        """Return a list of objects, empty where it is absent."""
        return tuple(type(self)(item, path) for item, path in self._items(name))

    def copy_of(self, *names: str) -> dict[str, JsonValue]:
        """Return those of the fields that are there, copied, to be given back with the run."""
        return {
            name: _copy(self._value[name], self._path_of(name)) for name in names if self.has(name)
        }

    def _items(self, name: str) -> list[tuple[object, str]]:
        value = self._value.get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise self.unreadable(name, "is not a list")
        return [(item, f"{self._path_of(name)}.{index}") for index, item in enumerate(value)]

    def _needed(self, name: str, value: _Value | None) -> _Value:
        if value is None:
            raise self.unreadable(name, "is missing")
        return value

    def _path_of(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name


def nobody(_chat_id: str, _user_id: str) -> bool:
    """Say that no user moderates any chat: the gateway does not know or does not care."""
    return False


def reply(message_id: str, author: str | None, *, bot: str | None) -> str | ReplyTo:
    """Return what a message replies to; the bot as an author is not named, it is no addressee."""
    if author is None or author == bot:
        return message_id
    return ReplyTo(message_id=message_id, user_id=author)


def mentioned(user_ids: tuple[str, ...], *, bot: str | None) -> tuple[str, ...]:
    """Return who is addressed, each once and the bot never; of more than 100 the first 100."""
    people = dict.fromkeys(user_id for user_id in user_ids if user_id != bot)
    return tuple(people)[:MENTIONS_MAX]


def _copy(value: object, path: str, depth: int = 0) -> JsonValue:
    if depth < _DEPTH_MAX and isinstance(value, list | tuple):
        return [_copy(item, f"{path}.{index}", depth + 1) for index, item in enumerate(value)]
    if depth < _DEPTH_MAX and isinstance(value, Mapping) and all(map(_is_text, value)):
        return {name: _copy(item, f"{path}.{name}", depth + 1) for name, item in value.items()}
    if isinstance(value, int) and abs(value) < _INTEGER_END:
        return value
    if value is None or _is_text(value) or (isinstance(value, float) and isfinite(value)):
        return value
    raise UnreadablePayload(path, "is not JSON that can be given back")


def as_id(value: object, path: str) -> str:
    """Return an id as a string; `path` is the field that it comes from."""
    if type(value) is int and abs(value) < _INTEGER_END:
        value = str(value)
    if not _is_text(value):
        raise UnreadablePayload(path, "is no id")
    if not 1 <= len(value) <= ID_CHARACTERS_MAX:
        raise UnreadablePayload(path, f"is not 1 to {ID_CHARACTERS_MAX} characters long")
    return value


def _is_text(value: object) -> TypeGuard[str]:
    # JSON can spell half a surrogate pair, which no UTF-8 can.
    return isinstance(value, str) and not any("\ud800" <= one <= "\udfff" for one in value)
