"""What stands on a button that answers an agent's question, the same on every platform.

A platform gives a pressed button back as one text that the bot chose (Telegram `callback_data`
of at most 64 bytes, Discord `custom_id` of 100 characters, Slack `value`, WhatsApp button id).
It holds the prompt's id and the answer: `ask:p7:yes`.
"""

from typing import NamedTuple

from session_router.models import ID_CHARACTERS_MAX

_PREFIX = "ask:"


class Press(NamedTuple):
    """An answer given by a button: `prompt_id` is for `answers`."""

    prompt_id: str
    text: str


def button(prompt_id: str, text: str) -> str:
    """Return what to put on a button; raises `ValueError` for an id that could not be read."""
    if not prompt_id or ":" in prompt_id:
        raise ValueError("a prompt's id on a button is not empty and has no colon")
    return f"{_PREFIX}{prompt_id}:{text}"


def pressed(data: str) -> Press | None:
    """Return the answer that a button gives, None where it is a button of another kind."""
    if not data.startswith(_PREFIX):
        return None
    prompt_id, colon, text = data.removeprefix(_PREFIX).partition(":")
    is_ours = colon and 1 <= len(prompt_id) <= ID_CHARACTERS_MAX
    return Press(prompt_id, text) if is_ours else None
