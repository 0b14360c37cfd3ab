"""A session: as every answer shows it, in detail, in lists, and over time."""

from session_router.models.fields import Moment, Words
from session_router.models.messages import WaitingMessage
from session_router.models.run_states import RunState
from session_router.models.vocabulary import ContextAction, Isolation, SessionState, Texts


class Participant(Words):
    """A person who sent a user message to the session."""

    user_id: str
    user_name: str | None = None


class Context(Words):
    """How full the session's context is, in tokens, and what the holder should do."""

    tokens: int = 0
    limit: int | None = None
    ratio: float = 0.0
    action: ContextAction = "none"


class SessionView(Words):
    """The session as every answer shows it.

    `previous_id`, `reset_reason` and `is_new` hold until a run of this id has completed.
    """

    key: str
    id: str
    is_new: bool
    isolation: Isolation
    previous_id: str | None = None
    reset_reason: str | None = None
    participants: tuple[Participant, ...] = ()
    prompt_note: str | None = None
    context: Context = Context()


class SessionCounters(Words):
    """Messages of one session by state; `accepted` is the sum of the others."""

    accepted: int
    waiting: int
    in_run: int
    done: int
    dead: int
    removed: int


class SessionDetail(Words):
    """The answer to `GET /v1/sessions/{key}`.

    `texts`: whether the texts of queue and batch are here, can be asked for, or cannot.
    """

    session: SessionView
    state: SessionState
    run: RunState | None = None
    queue: tuple[WaitingMessage, ...]
    batch: tuple[WaitingMessage, ...]
    ready_at: Moment | None = None
    last_active_at: Moment | None = None
    counters: SessionCounters
    texts: Texts = "shown"


class SessionSummary(Words):
    """One line of the session list."""

    key: str
    id: str
    state: SessionState
    isolation: Isolation
    waiting: int
    oldest_waiting_at: Moment | None = None
    run_id: str | None = None
    consumer: str | None = None
    run_started_at: Moment | None = None
    lease_expires_at: Moment | None = None
    last_active_at: Moment | None = None


class SessionPage(Words):
    """A page of sessions; `cursor` asks for the next one, null at the end."""

    sessions: tuple[SessionSummary, ...]
    cursor: str | None = None


class TimelineEvent(Words):
    """One event in the life of a session: what happened, when, why, by whom."""

    at: Moment
    event: str
    reason: str | None = None
    by: str | None = None
    message_id: str | None = None
    run_id: str | None = None


class Timeline(Words):
    """The last 50 events of a session, oldest first."""

    key: str
    events: tuple[TimelineEvent, ...]
