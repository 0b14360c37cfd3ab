"""A run as others see it: who holds it, what it asks, who wants it to stop."""

from typing import Literal

from session_router.models.fields import Moment, Words
from session_router.models.vocabulary import Ended, Outcome


class Interrupt(Words):
    """Somebody wants this run to stop; `deadline` is when it ends as lost, if ever."""

    cause: Literal["message", "stop", "reset", "operator"]
    user_id: str | None = None
    message_id: str | None = None
    requested_at: Moment
    deadline: Moment | None = None


class Asking(Words):
    """The question that a run waits for an answer to."""

    prompt_id: str
    expires_at: Moment


class ActiveRun(Words):
    """The run that holds the session now, as others may see it."""

    id: str
    consumer: str
    started_at: Moment
    owners: tuple[str, ...] = ()
    status: str | None = None
    asking: Asking | None = None


class RunState(Words):
    """A run as `GET /v1/runs/{id}` tells it.

    `outcome` is what its holder said at the end; `ended` why it ended without that.
    """

    id: str
    fence: int
    session_key: str
    state: Literal["active", "ended"]
    consumer: str
    session_id: str
    started_at: Moment
    lease_expires_at: Moment | None = None
    ended_at: Moment | None = None
    outcome: Outcome | None = None
    ended: Ended | None = None
    reason: str | None = None
    status: str | None = None
    sealed: bool = False
    held: bool = False
    asking: Asking | None = None
    owners: tuple[str, ...] = ()
    interrupt: Interrupt | None = None
    message_ids: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()


class RunList(Words):
    """The active runs that a consumer holds."""

    runs: tuple[RunState, ...]
