"""The log: one line an event, readable or JSON, that nothing which came from outside can fake.

A line is a fixed sentence and named fields, given with `extra=fields(...)`. No text of a message
and no token is ever among them; ids are, and where the service has a key for it, each is
written as its keyed hash: the same id has the same hash, and nobody without the key finds the
id. Control characters, line ends and bidirectional overrides are written as escapes.
"""

import json
import logging
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from types import TracebackType
from typing import Any, Final, Literal

from pydantic import ValidationError

request_id: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The id of the request that is being served; empty outside of requests."""

IDS: Final = frozenset({"session", "message_id", "user_id", "consumer", "run_id"})
ERRORS_TOLD_MAX: Final = 10  # of a chain or a group
_DANGEROUS: Final = {
    number: f"\\u{number:04x}"
    for first, last in (
        (0x00, 0x1F),
        (0x7F, 0x9F),
        (0x61C, 0x61C),
        (0x200E, 0x200F),
        (0x2028, 0x202E),
        (0x2066, 0x206F),
        (0xD800, 0xDFFF),
        (0xFEFF, 0xFEFF),
    )
    for number in range(first, last + 1)
}

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def fields(**values: object) -> dict[str, object]:
    """What `extra` takes: named fields of a line, None for what is not there."""
    return {"fields": {name: value for name, value in values.items() if value is not None}}


def escaped(text: str) -> str:
    """A text that stands in a line without ending it or reordering it."""
    return text.translate(_DANGEROUS)


class Lines(logging.Formatter):
    """What both forms share: the parts of a line, in their order."""

    def __init__(self, hash_key: str | None = None) -> None:
        super().__init__()
        self._hash_key = None if hash_key is None else sha256(hash_key.encode()).digest()

    def _named(self, record: logging.LogRecord) -> dict[str, Any]:
        named = {name: self._shown(name, value) for name, value in _fields_of(record).items()}
        request = request_id.get()
        return {"request_id": request, **named} if request else named

    def _shown(self, name: str, value: object) -> object:
        if self._hash_key is None or name not in IDS:
            return value
        return blake2b(str(value).encode(), key=self._hash_key, digest_size=8).hexdigest()

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802  the base class's name
        """Where an error came from, and what it says; without ids where these are hashed.

        A failed validation quotes the input, which may be a message: only its kind is told.
        """
        error = ei[1]
        return "" if error is None else "\n".join(self._error_lines(error))

    def _error_lines(self, error: BaseException) -> Iterator[str]:
        for number, each in enumerate(_chain(error)):
            if number == ERRORS_TOLD_MAX:
                yield "and more"
                return
            for frame in traceback.extract_tb(each.__traceback__):
                yield f"{frame.filename}:{frame.lineno} in {frame.name}"
            yield escaped(f"{type(each).__qualname__}: {self._words_of(each)}")

    def _words_of(self, error: BaseException) -> str:
        if isinstance(error, ValidationError):
            faults = error.errors(include_url=False, include_context=False, include_input=False)
            return ", ".join(fault["type"] for fault in faults[:ERRORS_TOLD_MAX])
        return str(error) if self._hash_key is None else "(not told: it may name ids)"


class TextLines(Lines):
    """`time LEVEL logger: sentence name=value ...`; what goes on below is indented."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line of a record, and below it, indented, where its error came from."""
        named = "".join(f" {n}={_quoted(v)}" for n, v in self._named(record).items())
        sentence = escaped(_sentence(record))
        lines = [f"{_time(record)} {record.levelname} {record.name}: {sentence}{named}"]
        if record.exc_info:
            lines += self.formatException(record.exc_info).splitlines()
        return "\n    ".join(lines)


class JsonLines(Lines):
    """An object a line: `time`, `level`, `logger`, `text`, the fields, `error`."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line of a record."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": _sentence(record),
            **self._named(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configuration(
    level: str, form: Literal["text", "json"], hash_key: str | None
) -> dict[str, Any]:
    """What `logging.config.dictConfig` takes: every logger to stderr, uvicorn's too."""
    lines = "app.logs.JsonLines" if form == "json" else "app.logs.TextLines"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": lines, "hash_key": hash_key}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
    }


def _sentence(record: logging.LogRecord) -> str:
    """What a record says.

    uvicorn tells why the application did not start as the text of a whole traceback: of an
    error that we raise in so many words, those words are told.
    """
    text = record.getMessage().rstrip()
    kind, _, words = text.rpartition("\n")[2].partition(": ")
    is_ours = text.startswith("Traceback ") and kind.startswith("app.")
    return words if is_ours and words else text


def _fields_of(record: logging.LogRecord) -> dict[str, object]:
    found: dict[str, object] = getattr(record, "fields", {})
    return found


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _quoted(value: object) -> str:
    text = escaped(str(value))
    plain = text and not any(sign in text for sign in ' "=')
    return text if plain else '"' + text.replace('"', '\\"') + '"'


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, what is in it if it is a group, and what it came from."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _chain(inner)
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _chain(before)
