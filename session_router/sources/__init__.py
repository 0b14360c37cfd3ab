"""From a platform's raw payload to an event of the router, without the platform's library.

One module a platform, each with one function that matters: `read(payload, *, …)` takes the payload
as the platform sent it, decoded from JSON, and by keyword what it does not say (which bot this is,
the parent of a thread). It returns a message, an edit, a deletion or a move
(`session_router.events`), or None where there is nothing for the router. It is pure: the payload is
left as it was, and the same payload gives the same event. What is not as the platform sends it
raises `UnreadablePayload`. Where one payload can hold several events, the module has
`split(payload)`, which gives one payload for each.

Which words are controls is in `commands.py`, what a button that answers holds in `buttons.py`, the
same on all platforms. `overhears=True` says that the bot hears lines in groups which are not for
it: those become `kind="context"`; without it whatever comes is for the bot.
"""

from session_router.sources import (
    discord,
    matrix,
    signal,
    slack,
    telegram,
    whatsapp_cloud,
    whatsapp_web,
)
from session_router.sources.buttons import button
from session_router.sources.payloads import UnreadablePayload

__all__ = [
    "UnreadablePayload",
    "button",
    "discord",
    "matrix",
    "signal",
    "slack",
    "telegram",
    "whatsapp_cloud",
    "whatsapp_web",
]
