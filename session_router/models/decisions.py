"""The answer to a message: which session, and what happens now."""

from typing import Literal

from session_router.models.chats import ThreadToOpen
from session_router.models.fields import Moment, Words
from session_router.models.run_states import ActiveRun
from session_router.models.runs import Run
from session_router.models.sessions import SessionView
from session_router.models.vocabulary import Control, DecisionWord, MessageState, Reason


class Dropped(Words):
    """A waiting message that this call removed."""

    message_id: str
    reason: Literal["overflow", "expired"]


class QueuePlace(Words):
    """Where a message waits: `position` counts from 1, `ready_at` is null behind a run.

    `first` is true when nothing of this sender waited before: the moment for one notice.
    """

    position: int
    depth: int
    ready_at: Moment | None = None
    first: bool


class ControlResult(Words):
    """What a control did: the runs asked to stop, the waiting messages removed.

    `pending`: the session starts its new id when the run has ended.
    """

    action: Control
    stopped: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    session_id: str | None = None
    pending: bool = False
    reason: Reason


class Decision(Words):
    """The answer to `POST /v1/messages`: which session, and what happens now."""

    decision: DecisionWord
    reason: Reason
    session: SessionView | None = None
    run: Run | None = None
    active_run: ActiveRun | None = None
    queue: QueuePlace | None = None
    thread: ThreadToOpen | None = None
    control: ControlResult | None = None
    duplicate_of: DecisionWord | None = None
    state: MessageState | None = None
    dropped: tuple[Dropped, ...] = ()
    rule: tuple[str, ...] = ()
