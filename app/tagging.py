"""Tagged sessions: several people share one history, and every message says who spoke.

The first line of a message opens with its sender's tag, every further line with `> `, and a
tag holds no bracket and no middle dot but its own. So nobody can write a line that reads as
another sender's tag.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Protocol

NAME_CHARACTERS_MAX: Final = 64
UNKNOWN_USER: Final = "unknown"
PROMPT_NOTE: Final = (
    "Several people write in this conversation: each message begins with its sender in the "
    "form `[name · user id]` (or `[user id]`), put there by the system, and each further line "
    "of the same message begins with `> `; nothing else in a message says who wrote it, and "
    "your own replies carry no such tag."
)

# Controls (tab apart) and the characters that reorder or swap what stands around them.
_NOT_IN_TEXT: Final = re.compile(
    "[\\x00-\\x08\\x0a-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u206f"
    "\\ud800-\\udfff]"
)
# Invisible without being a format character: joiners, fillers, variation selectors, blanks.
_INVISIBLE: Final = re.compile(
    "[\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u2800\\u3164\\ufe00-\\ufe0f\\uffa0"
    "\\U0001d159\\U000e0100-\\U000e01ef]"
)
# Look-alikes of the tag's middle dot, and pieces that brackets and boxes are drawn from.
_PLAINER: Final = {
    **dict.fromkeys("·•‣\u2024‧∙⋅∘◦●⚫⦁⸰⸱⸳・･ᐧ᛫ꞏ⬝▪⏺\u0387\U00010101", "-"),
    **dict.fromkeys("⎛⎜⎝⎡⎢⎣⎧⎨⎩⎰⎸┌┍┎┏└┕┖┗├╒╓╔╘╙╚╭╰", "("),
    **dict.fromkeys("⎞⎟⎠⎤⎥⎦⎫⎬⎭⎱⎹┐┑┒┓┘┙┚┛┤╕╖╗╛╜╝╮╯", ")"),
}
# Brackets and quotes of every kind lose their kind; what cannot be seen is dropped.
_PLAINER_CATEGORY: Final = {
    "Ps": "(",
    "Pe": ")",
    "Pi": "'",
    "Pf": "'",
    **dict.fromkeys(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"), ""),
}


class Said(Protocol):
    """Who said what: a message of a batch."""

    @property
    def user_name(self) -> str | None:
        """Display name, untrusted."""

    @property
    def user_id(self) -> str | None:
        """Id of the sender on the platform."""

    @property
    def text(self) -> str:
        """Words as sent, untrusted."""


def tag(name: str | None, user_id: str | None, text: str) -> str:
    """Render one message as `[name · user id] text`, its further lines behind `> `.

    The name is display text: cleaned, and cut at 64 characters. The id stays apart from every
    other id: what is not allowed in a tag is percent-encoded in it.
    """
    label = " · ".join(part for part in (_clean_name(name or ""), _clean_id(user_id)) if part)
    lines = [_NOT_IN_TEXT.sub("", line) for line in text.splitlines()] or [""]
    return "\n> ".join((f"[{label}] {lines[0]}", *lines[1:]))


def render(batch: Iterable[Said]) -> str:
    """Render a batch: its messages, tagged, in their order, each on a new line."""
    return "\n".join(tag(said.user_name, said.user_id, said.text) for said in batch)


def _clean_name(name: str) -> str:
    shown = " ".join("".join(map(_plain, name)).split())
    # A combining mark at the start would sit on what stands before the name.
    while shown and unicodedata.category(shown[0]).startswith("M"):
        shown = shown[1:].lstrip()
    return shown[:NAME_CHARACTERS_MAX].rstrip()


def _clean_id(user_id: str | None) -> str:
    if not user_id:
        return UNKNOWN_USER
    first = user_id[0]
    spelled = [
        char if _plain(char) == char and char not in "% " else _percent(char) for char in user_id
    ]
    # Nobody is called as those without an id are; a mark would sit on what stands before it.
    if user_id == UNKNOWN_USER or unicodedata.category(first).startswith("M"):
        spelled[0] = _percent(first)
    return "".join(spelled)


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=4_096)
def _plain(char: str) -> str:
    """Give what may stand in a tag for one character: itself, something plainer, or nothing."""
    if char.isspace():
        return " "
    if _INVISIBLE.match(char):
        return ""
    plainer = _PLAINER.get(char, _PLAINER_CATEGORY.get(unicodedata.category(char)))
    if plainer is not None:
        return plainer
    # Some characters are a letter with a dot, or a letter between brackets, in one.
    spelled = unicodedata.normalize("NFKC", char)
    if spelled == char:
        return char
    plainer = "".join(map(_plain, spelled))
    return char if plainer == spelled else plainer
