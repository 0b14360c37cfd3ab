"""A run as its holder gets it: the grant with its batch, and the claim that asks for one."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from session_router.models.fields import Id, Moment, Platform, Words
from session_router.models.sessions import SessionView
from session_router.models.sources import ReplyTo, Source
from session_router.models.vocabulary import Ended, Kind


class Route(Words):
    """Where the reply of a batch goes.

    `reply_to` is the id of the newest message that has a source.
    """

    platform: str
    account: str
    scope: str | None = None
    chat_id: str
    thread_id: str | None = None
    reply_to: str | None = None


class Previous(Words):
    """The run that had this batch before, and how it ended."""

    id: str
    ended: Ended
    reason: str | None = None
    sealed: bool = False
    sent: tuple[str, ...] = ()


class BatchMessage(Words):
    """One message of a batch. `deliveries` is 1 plus the counted returns.

    `source` is null where it was sent `to` the session; `group` and `answers` are as sent.
    """

    message_id: str
    seq: int
    source: Source | None = None
    user_id: str | None = None
    user_name: str | None = None
    text: str
    tagged_text: str | None = None
    payload: JsonValue
    reply_to: Id | ReplyTo | None = None
    mentions: tuple[str, ...] = ()
    kind: Kind = "user"
    group: str | None = None
    answers: str | None = None
    sent_at: Moment | None = None
    received_at: Moment
    deliveries: int


class ContextMessage(Words):
    """Overheard, or posted by the agent outside a run: kept for the next run."""

    message_id: str
    source: Source | None = None
    user_id: str | None = None
    user_name: str | None = None
    text: str
    tagged_text: str | None = None
    payload: JsonValue
    reply_to: Id | ReplyTo | None = None
    received_at: Moment


class Omitted(Words):
    """A message that the session accepted and no run will get: it was dropped or expired."""

    message_id: str
    user_id: str | None = None
    user_name: str | None = None
    excerpt: str
    reason: Literal["overflow", "expired"]


class Run(Words):
    """A grant: the right to run one session until `lease_expires_at`, and its batch."""

    id: str
    fence: int
    consumer: str
    lease_seconds: int
    heartbeat_seconds: float
    lease_expires_at: Moment
    session_key: str
    session_id: str
    route: Route
    text: str
    context: tuple[ContextMessage, ...] = ()
    omitted: tuple[Omitted, ...] = ()
    omitted_count: int = 0
    previous: Previous | None = None
    data: dict[str, JsonValue] = Field(default_factory=dict)
    previous_data: dict[str, JsonValue] | None = None
    session: SessionView | None = None
    messages: tuple[BatchMessage, ...]


class ClaimRequest(Words):
    """The body of `POST /v1/runs/claim`. An absent filter takes all; `sessions` are keys.

    `request_id`: new for each claim, the same for its repeats.
    """

    consumer: Id
    agents: Annotated[tuple[Id, ...], Field(min_length=1, max_length=100)] | None = None
    platforms: Annotated[tuple[Platform, ...], Field(min_length=1, max_length=100)] | None = None
    accounts: Annotated[tuple[Id, ...], Field(min_length=1, max_length=100)] | None = None
    sessions: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)] | None = None
    max: Annotated[int, Field(ge=1, le=100)] = 1
    wait_seconds: Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)] = 0
    request_id: Id | None = None


class ClaimedRuns(Words):
    """The runs that a claim was granted, longest-ready first; each carries its `session`."""

    runs: tuple[Run, ...]
