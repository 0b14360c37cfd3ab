"""The words that speak to the router, the same on every platform.

A command is the first word of a text, all of it, in any case: `/stop`, not `/stopwatch`, and not
in the middle. What follows `/queue` and `/steer` is the message; what follows a control is no
prompt and stays with it as it was written.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from session_router.models import Busy, Control


class Command(NamedTuple):
    """What a word asks for: a control, or a busy mode for the rest of the text."""

    control: Control | None = None
    busy: Busy | None = None


COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "/stop": Command(control="stop"),
        "/new": Command(control="reset"),
        "/reset": Command(control="reset"),
        "/queue": Command(busy="queue"),
        "/steer": Command(busy="steer"),
    }
)

_FIRST_WORD = re.compile(r"\S+")


class Said(NamedTuple):
    """A text as the router takes it, and what its first word asked for."""

    text: str
    control: Control | None = None
    busy: Busy | None = None


def said(text: str, *names: str) -> Said:
    """Return the text with its command read; `/queue` and `/steer` alone stay as written.

    One of the bot's `names`, as the platform writes a mention of it, may stand before the command.
    """
    word = _FIRST_WORD.match(_without_name(text, names))
    command = COMMANDS.get(word[0].casefold()) if word else None
    if word is None or command is None:
        return Said(text)
    if command.control is not None:
        return Said(text, control=command.control)
    return Said(word.string[word.end() :].strip() or text, busy=command.busy)


def _without_name(text: str, names: tuple[str, ...]) -> str:
    word = _FIRST_WORD.match(text)
    if word is None or word[0].casefold() not in {name.casefold() for name in names}:
        return text
    return text[word.end() :].lstrip()
