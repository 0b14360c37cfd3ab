"""What a gateway imports: the client of Session Router, its errors, the words on the wire."""

from session_router.client import SessionRouter, Submission
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
from session_router.models import (
    BatchMessage,
    Decision,
    Interrupt,
    Message,
    ReplyTo,
    Run,
    Source,
    Usage,
)
from session_router.work import RunHandler, RunInWork

__all__ = [
    "BatchMessage",
    "Decision",
    "Interrupt",
    "Interrupted",
    "InvalidMessage",
    "LeaseLost",
    "Message",
    "Refused",
    "ReplyTo",
    "RouterError",
    "Run",
    "RunHandler",
    "RunInWork",
    "SessionRouter",
    "Source",
    "Submission",
    "Superseded",
    "Unauthorized",
    "Unavailable",
    "Usage",
]
