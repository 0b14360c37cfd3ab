"""A recorded conversation, read whole before anything of it is sent.

A line of the file is one JSON object, of one of two kinds, told apart by its content:

- something that was said: `line` (unique in the file), `at` (RFC 3339), `user`, `text`,
  `conversation` (which talk it belongs to, or null), and where wanted `work_seconds`, how long
  the stand-in agent takes for it in the recording's time;
- a body of `POST /v1/messages`, without a time.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from pydantic import AwareDatetime, Field, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from session_router.models import ID_CHARACTERS_MAX, Id, Message, Name, ReplyTo, Source, Words

FAULTS_MAX: Final = 20


class RecordingError(Exception):
    """The recording cannot be sent; one line for each fault, with file and line."""


class Said(Words):
    """One line of a recorded chat."""

    line: Annotated[int, Field(ge=0)]
    at: AwareDatetime
    user: Annotated[Name, Field(min_length=1)]
    text: str
    conversation: int | str | None = None
    work_seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Chat:
    """Where recorded talk takes place. `threads`: each conversation has a platform thread."""

    platform: str = "irc"
    scope: str | None = "ubuntu"
    chat_id: str = "#ubuntu"
    threads: bool = False

    def source(self, said: Said) -> Source:
        """Return the source of something said here."""
        in_thread = self.threads and said.conversation is not None
        return Source(
            platform=self.platform,
            scope=self.scope,
            chat_type="thread" if in_thread else "group",
            chat_id=self.chat_id,
            thread_id=f"topic-{said.conversation}" if in_thread else None,
            user_id=said.user,
            user_name=said.user,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One message to send, and what the recording tells of it. `at` is None without a time."""

    at: datetime | None
    user: str
    message_id: str
    source: Source
    text: str
    agent: str = "main"
    payload: JsonValue = None
    reply_to: str | ReplyTo | None = None
    mentions: tuple[str, ...] = ()
    conversation: int | str | None = None


def read_recording(path: Path, chat: Chat, prefix: str) -> list[Entry]:
    """Read a file whole; message ids are the recorded ones behind `prefix`.

    Raises `RecordingError` with `file:line` for every bad line (the first 20 of them).
    """
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: cannot be read: {error}") from error
    reader = _Reader(chat, prefix)
    entries: list[Entry] = []
    faults: list[str] = []
    for number, line in _lines(content):
        try:
            entries.append(reader.entry(line))
        except ValueError as error:
            faults.append(f"{path}:{number}: {_why(error)}")
    if faults:
        more = [f"{path}: {len(faults) - FAULTS_MAX} more"] if len(faults) > FAULTS_MAX else []
        raise RecordingError("\n".join(faults[:FAULTS_MAX] + more))
    if not entries:
        raise RecordingError(f"{path}: has no messages")
    return entries


def _lines(content: str) -> Iterator[tuple[int, str]]:
    # Not splitlines: a text may hold separators that JSON leaves unescaped.
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            yield number, line


class _Reader:
    """Turns the lines of one file into entries, one after the other."""

    def __init__(self, chat: Chat, prefix: str) -> None:
        self._chat = chat
        self._prefix = prefix
        self._users: set[str] = set()
        self._line_numbers: set[int] = set()

    def entry(self, line: str) -> Entry:
        data = json.loads(line)
        if not isinstance(data, dict):
            raise ValueError("must be a JSON object")  # noqa: TRY004  a fault of the file
        return self._message(data) if "source" in data else self._said(data)

    def _said(self, data: dict[str, object]) -> Entry:
        said = Said.model_validate(data)
        if said.line in self._line_numbers:
            raise ValueError(f"line: {said.line} was there before")
        self._line_numbers.add(said.line)
        mentions = self._mentions(said.text)
        self._users.add(said.user)
        payload: dict[str, JsonValue] = (
            {} if said.work_seconds is None else {"work_seconds": said.work_seconds}
        )
        return Entry(
            at=said.at.astimezone(UTC),
            user=said.user,
            message_id=f"{self._prefix}{said.line}",
            source=self._chat.source(said),
            text=said.text,
            payload=payload,
            mentions=mentions,
            conversation=said.conversation,
        )

    def _mentions(self, text: str) -> tuple[str, ...]:
        """Tell who is addressed: a nick seen before, then `:` or `,`, opens the text."""
        first = text.split(maxsplit=1)[0] if text.strip() else ""
        nick = first[: min((first.find(mark) for mark in ":," if mark in first), default=0)]
        return (nick,) if nick in self._users else ()

    def _message(self, data: dict[str, object]) -> Entry:
        message = Message.model_validate(data | {"consumer": "replay"})
        source = message.source
        if source is None:
            raise ValueError("source: a recording says where each message comes from")
        return Entry(
            at=None,
            user=source.user_name or source.user_id or "-",
            message_id=self._own_id(message.message_id),
            source=source,
            text=message.text,
            agent=message.agent,
            payload=message.payload,
            reply_to=self._own_reply(message.reply_to),
            mentions=message.mentions,
        )

    def _own_reply(self, reply_to: str | ReplyTo | None) -> str | ReplyTo | None:
        if isinstance(reply_to, ReplyTo):
            return reply_to.model_copy(update={"message_id": self._own_id(reply_to.message_id)})
        return None if reply_to is None else self._own_id(reply_to)

    def _own_id(self, message_id: Id) -> str:
        own_id = f"{self._prefix}{message_id}"
        if len(own_id) > ID_CHARACTERS_MAX:
            raise ValueError(f"message_id: too long behind {self._prefix!r}")
        return own_id


def _why(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(_readable(fault) for fault in error.errors(include_url=False))
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON: {error.msg} (column {error.colno})"
    return str(error)


def _readable(fault: ErrorDetails) -> str:
    path = ".".join(str(part) for part in fault["loc"])
    return f"{path}: {fault['msg'].removeprefix('Value error, ')}"
