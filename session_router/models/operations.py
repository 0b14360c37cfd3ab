"""What operators do: verbs, what they met, and who did what."""

from typing import Annotated, Literal

from pydantic import Field

from session_router.models.fields import Moment, Words


class Seeing(Words):
    """What a person saw when deciding on an action: if it is no longer so, nothing is done."""

    run_id: str | None = None
    session_id: str | None = None


class Change(Words):
    """The answer to an operator's action."""

    changed: bool


SessionVerb = Literal["interrupt", "release", "reset", "pause", "resume", "delete"]
ActionWord = Literal[
    "interrupt",
    "release",
    "reset",
    "pause",
    "resume",
    "delete",
    "remove",
    "redrive",
    "discard",
    "put_policy",
]


class SessionToAct(Seeing):
    """A session and what a person saw of it."""

    key: str


class ActionsRequest(Words):
    """The body of `POST /v1/sessions/actions`: one verb on up to 100 sessions."""

    action: SessionVerb
    sessions: Annotated[tuple[SessionToAct, ...], Field(min_length=1, max_length=100)]


class ActionResult(Words):
    """What a verb met in one session; `unknown`: there is none, or it is another agent's.

    `unavailable`: the store gave no answer, so it may be done or not. Repeated with what was seen
    it is done once.
    """

    key: str
    result: Literal["changed", "unchanged", "unknown", "unavailable"]


class ActionResults(Words):
    """The answer to `POST /v1/sessions/actions`, in the order of the request."""

    results: tuple[ActionResult, ...]


class Action(Words):
    """What somebody did: `by` is the token's name, null where no token was asked for.

    `changed` is false where there was nothing to do, or what was seen was no longer so. Of
    `session_key`, `run_id`, `message_id` and `revision` those are set that it was done to.
    """

    id: str
    at: Moment
    by: str | None = None
    action: ActionWord
    changed: bool
    session_key: str | None = None
    run_id: str | None = None
    message_id: str | None = None
    revision: int | None = None


class ActionPage(Words):
    """A page of what was done, newest first; `cursor` asks for the next one, null at the end."""

    actions: tuple[Action, ...]
    cursor: str | None = None
