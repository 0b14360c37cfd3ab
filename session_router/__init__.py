"""What a gateway imports: the client of Session Router, its errors, the words on the wire.

`session_router.sources` reads platforms' payloads into the events; `session_router.testing` has
a client without a network for a gateway's own tests.
"""

from session_router.errors import (
    Interrupted,
    InvalidMessage,
    LeaseLost,
    Refused,
    RouterError,
    Superseded,
    Unauthorized,
    Unavailable,
)
from session_router.events import ChatMoved, Deletion, Edit, Event, Incoming
from session_router.models import (
    Amendment,
    BatchMessage,
    ContextMessage,
    Decision,
    Interrupt,
    Message,
    Move,
    Previous,
    ReplyTo,
    Route,
    Run,
    Source,
    To,
    Usage,
)
from session_router.router import Router
from session_router.submission import Submission
from session_router.work import RunHandler, RunInWork

__all__ = [
    "Amendment",
    "BatchMessage",
    "ChatMoved",
    "ContextMessage",
    "Decision",
    "Deletion",
    "Edit",
    "Event",
    "Incoming",
    "Interrupt",
    "Interrupted",
    "InvalidMessage",
    "LeaseLost",
    "Message",
    "Move",
    "Previous",
    "Refused",
    "ReplyTo",
    "Route",
    "Router",
    "RouterError",
    "Run",
    "RunHandler",
    "RunInWork",
    "Source",
    "Submission",
    "Superseded",
    "To",
    "Unauthorized",
    "Unavailable",
    "Usage",
]
