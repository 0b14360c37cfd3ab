"""From a platform's raw payload to an event of the router, without the platform's library.

One module a platform, each with one function: `read(payload, *, …)` takes the payload as the
platform sent it, decoded from JSON, and what it does not say (which bot this is, the parent of a
thread). It returns a message, an edit, a deletion or a move (`session_router.events`), or None
where there is nothing for the router. It is pure: the payload is left as it was, and the same
payload gives the same event. What is not as the platform sends it raises `UnreadablePayload`.

Which words are controls is in `commands.py`, the same on all platforms.
"""

from session_router.sources.payloads import UnreadablePayload

__all__ = ["UnreadablePayload"]
