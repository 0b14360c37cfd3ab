"""The words on the wire: what a gateway sends, and what the router answers.

Server and client read the same models, so the two cannot part. Times are RFC 3339 in
UTC with milliseconds, durations are in the unit that ends their name, and ids are
strings of 1 to 512 characters (integers are accepted and kept as strings).
"""

from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import to_json

ID_CHARACTERS_MAX = 512
SESSION_KEY_CHARACTERS_MAX = 16_384  # every id percent-encoded to its longest
SENT_MAX = 100


def _integer_to_text(value: object) -> object:
    return str(value) if type(value) is int else value


def _to_rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Id = Annotated[
    str,
    Field(min_length=1, max_length=ID_CHARACTERS_MAX),
    BeforeValidator(_integer_to_text),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": ID_CHARACTERS_MAX},
                {"type": "integer"},
            ]
        },
        mode="validation",
    ),
]
Name = Annotated[str, Field(max_length=ID_CHARACTERS_MAX)]
Platform = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]


def _finite(value: JsonValue) -> JsonValue:
    # JSON has no word for these, so they could not be given back as they came.
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("numbers must be finite")
    if isinstance(value, dict):
        for part in value.values():
            _finite(part)
    if isinstance(value, list):
        for part in value:
            _finite(part)
    return value


Payload = Annotated[JsonValue, AfterValidator(_finite)]
Fence = Annotated[int, Field(ge=0, lt=2**53, strict=True)]
Tokens = Annotated[int, Field(ge=0, lt=2**53, strict=True)]
DATA_BYTES_MAX = 8 * 1024


def _small(data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if len(to_json(data)) > DATA_BYTES_MAX:
        raise ValueError("is over 8 KiB")
    return data


Data = Annotated[dict[str, Payload], AfterValidator(_small)]
SentAt = Annotated[AwareDatetime, PlainSerializer(_to_rfc3339, when_used="json")]
Moment = Annotated[
    datetime,
    PlainSerializer(_to_rfc3339, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]

ChatType = Literal["dm", "group", "channel", "forum", "thread"]
Isolation = Literal["per_user", "shared", "tagged", "person", "conversation"]
Kind = Literal["user", "internal", "context"]
Control = Literal["stop", "reset"]
Busy = Literal["queue", "interrupt", "steer", "reject"]
Dispatch = Literal["inline", "worker"]
MessageState = Literal["waiting", "in_run", "done", "dead", "removed"]
SessionState = Literal["idle", "waiting", "running", "paused"]
SessionOrder = Literal["key", "oldest_wait"]
Texts = Literal["shown", "hidden", "forbidden"]
Outcome = Literal["completed", "interrupted", "failed", "released"]
Ended = Literal["lease_expired", "max_run", "grace", "released", "failed", "interrupted", "forced"]
DecisionWord = Literal[
    "run", "queue", "interrupt", "steer", "reject", "duplicate", "answer", "kept", "control"
]
ContextAction = Literal["none", "compress", "reset"]
Reason = Literal[
    "session_idle",
    "same_sender_active",
    "other_sender_active",
    "interrupt_pending",
    "internal",
    "paused",
    "retry_delay",
    "debounce",
    "dispatch_worker",
    "other_account",
    "group",
    "run_held",
    "asking",
    "context",
    "no_session",
    "too_old",
    "session_changed",
    "prompt_gone",
    "deleted",
    "queue_full",
    "sender_queue_full",
    "busy_reject",
    "bot_limit",
    "not_owner",
    "run_sealed",
    "too_late",
    "known_id",
    "id_reused",
    "stopped",
    "reset",
    "nothing_runs",
]


class Words(BaseModel):
    """Base of every model: frozen, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ReplyTo(Words):
    """The message that is answered, and who wrote it."""

    message_id: Id
    user_id: Id | None = None


class Source(Words):
    """Where a message comes from: platform, account, scope, chat, thread, user.

    Inside a thread `chat_id` is the parent's. In a DM `user_id` may stand in for
    `chat_id`; after parsing, `chat_id` is always set.
    """

    platform: Platform
    account: Id = "default"
    scope: Id | None = None
    chat_type: ChatType
    chat_id: Id
    thread_id: Id | None = Field(default=None, validate_default=True)
    user_id: Id | None = None
    user_name: Name | None = None
    user_aliases: Annotated[tuple[Id, ...], Field(max_length=16)] = ()
    is_bot: bool = False
    is_moderator: bool = False

    @model_validator(mode="before")
    @classmethod
    def _dm_user_stands_in(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("chat_type") == "dm":
            chat_id, user_id = data.get("chat_id"), data.get("user_id")
            if chat_id is None and user_id is not None:
                return {**data, "chat_id": user_id}
        return data

    @field_validator("thread_id", mode="after")
    @classmethod
    def _thread_has_an_id(cls, thread_id: str | None, info: ValidationInfo) -> str | None:
        if thread_id is None and info.data.get("chat_type") == "thread":
            raise ValueError("is needed for chat_type thread")
        return thread_id


class To(Words):
    """A session, and the id that it must still have, in place of a source."""

    session_key: Annotated[str, Field(min_length=1, max_length=SESSION_KEY_CHARACTERS_MAX)]
    session_id: Annotated[str, Field(min_length=1, max_length=ID_CHARACTERS_MAX)]


class Sending(Words):
    """What may be said of a message, whoever asks about it."""

    agent: Id = "main"
    text: str = ""
    payload: Payload = Field(default_factory=dict)
    reply_to: Id | ReplyTo | None = None
    mentions: Annotated[tuple[Id, ...], Field(max_length=100)] = ()
    kind: Kind = "user"
    control: Control | None = None
    busy: Busy | None = None
    dispatch: Dispatch = "inline"
    group: Id | None = None
    answers: Id | None = None
    sent_at: SentAt | None = None


class ResolveRequest(Sending):
    """A message of which only `source` need be there: the body of `POST /v1/resolve`."""

    message_id: Id | None = None
    consumer: Id | None = None
    source: Source
    to: None = None


class Message(Sending):
    """One platform message on its way in: the body of `POST /v1/messages`.

    `text` is at most 160 KiB of UTF-8 and `payload` at most 64 KiB of JSON; the payload
    comes back unread with the run. `group` is the platform's id of a burst that is one message
    (an album), `answers` the id of the prompt that this message answers, `sent_at` the
    platform's time. `to` stands in place of `source`, for kinds `internal` and `context`.
    """

    message_id: Id
    consumer: Id
    to: To | None = None
    source: Source | None = Field(default=None, validate_default=True)

    @field_validator("to", mode="after")
    @classmethod
    def _only_a_job_goes_to_a_session(cls, to: To | None, info: ValidationInfo) -> To | None:
        if to is not None and info.data.get("kind") == "user":
            raise ValueError("goes with kind internal or context")
        return to

    @field_validator("source", mode="after")
    @classmethod
    def _one_of_both(cls, source: Source | None, info: ValidationInfo) -> Source | None:
        if "to" in info.data and (source is None) == (info.data["to"] is None):
            raise ValueError("give either source or to")
        return source

    @property
    def origin(self) -> Source | To:
        """The source that it comes from, or the session that it goes to."""
        origin = self.source or self.to
        if origin is None:
            raise ValueError("give either source or to")
        return origin


class Usage(Words):
    """What a run reports of its model calls so far; each report replaces the last."""

    context_tokens: Tokens | None = None
    context_limit: Tokens | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cost_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


Seen = Annotated[tuple[Id, ...], Field(max_length=1000)]


Sent = Annotated[tuple[Id, ...], Field(max_length=SENT_MAX)]


class HeartbeatRequest(Words):
    """The body of `POST /v1/runs/{id}/heartbeat`.

    `sent` are the platform's ids of what the run posted; `hold` keeps interrupts and steers
    off until it is set to false; `data` (at most 8 KiB of JSON) replaces the session's.
    """

    fence: Fence
    seen: Seen = ()
    sent: Sent = ()
    hold: bool | None = None
    status: Annotated[str, Field(max_length=200)] | None = None
    usage: Usage | None = None
    data: Data | None = None


class AskRequest(Words):
    """The body of `POST /v1/runs/{id}/ask`: a question to people; null withdraws it.

    `from` says who may answer: the run's owners, anyone, or a list of user ids of its platform.
    `reply_to` is the platform's id of the post that asks. Repeated with the same `prompt_id`,
    `from` and `reply_to` are taken anew, and it ends no later.
    """

    fence: Fence
    prompt_id: Id | None
    from_: Annotated[
        Literal["owners", "anyone"] | Annotated[tuple[Id, ...], Field(min_length=1, max_length=50)],
        Field(alias="from"),
    ] = "owners"
    reply_to: Id | None = None
    expires_seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 3600


class SealRequest(Words):
    """The body of `POST /v1/runs/{id}/seal`."""

    fence: Fence
    seen: Seen = ()


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


class CompleteRequest(Words):
    """The body of `POST /v1/runs/{id}/complete`."""

    fence: Fence
    outcome: Outcome
    requeue: bool = False
    seen: Seen = ()
    sent: Sent = ()
    reason: Annotated[str, Field(max_length=500)] | None = None
    usage: Usage | None = None
    data: Data | None = None
    next: bool = True

    @model_validator(mode="after")
    def _only_an_interrupt_is_requeued(self) -> Self:
        if self.requeue and self.outcome != "interrupted":
            raise ValueError("requeue goes with the outcome interrupted")
        return self


class AmendRequest(Words):
    """An edit (`text`) or a deletion of a message: the body of `POST /v1/messages/amend`."""

    agent: Id = "main"
    source: Source
    message_id: Id
    text: str | None = None
    delete: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.text is None) != self.delete:
            raise ValueError("give either text or delete: true")
        return self


class Amendment(Words):
    """What an edit or a deletion met.

    `unknown`: no such message was accepted yet; what came is kept a minute for it.
    """

    result: Literal["updated", "unchanged", "removed", "already_delivered", "unknown"]


class MoveRequest(Words):
    """A chat whose id changed: the body of `POST /v1/chats/move`. `to` becomes a name of `from`."""

    agent: Id = "main"
    platform: Platform
    account: Id = "default"
    scope: Id | None = None
    from_: Annotated[Id, Field(alias="from")]
    to: Id


class Move(Words):
    """The chat that a moved chat's sessions are keyed by from now on: the first of its names."""

    chat_id: str


class Seeing(Words):
    """What a person saw when deciding on an action: if it is no longer so, nothing is done."""

    run_id: str | None = None
    session_id: str | None = None


class Change(Words):
    """The answer to an operator's action."""

    changed: bool


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


class Asked(Words):
    """The answer to `ask`: until when the run asks, null after a withdrawal."""

    expires_at: Moment | None


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


class Dropped(Words):
    """A waiting message that this call removed."""

    message_id: str
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


class QueuePlace(Words):
    """Where a message waits: `position` counts from 1, `ready_at` is null behind a run.

    `first` is true when nothing of this sender waited before: the moment for one notice.
    """

    position: int
    depth: int
    ready_at: Moment | None = None
    first: bool


class ThreadToOpen(Words):
    """A thread that the gateway makes for this message, to answer there.

    Where `thread_id` is null the platform gives the id, and the gateway binds it to the
    session: `POST /v1/sessions/{key}/threads`.
    """

    action: Literal["create"]
    thread_id: str | None


class BindRequest(Words):
    """The body of `POST /v1/sessions/{key}/threads`: the id that the platform gave."""

    thread_id: Id


class Binding(Words):
    """The thread that a session is bound to."""

    session_key: str
    thread_id: str


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


class Interrupt(Words):
    """Somebody wants this run to stop; `deadline` is when it ends as lost, if ever."""

    cause: Literal["message", "stop", "reset", "operator"]
    user_id: str | None = None
    message_id: str | None = None
    requested_at: Moment
    deadline: Moment | None = None


class Heartbeat(Words):
    """The answer to a heartbeat: the new deadline, and what the holder should know."""

    lease_expires_at: Moment
    sealed: bool = False
    interrupt: Interrupt | None = None
    steer: tuple[BatchMessage, ...] = ()
    answers: tuple[BatchMessage, ...] = ()


class Seal(Words):
    """Whether the run is sealed; if not, what came first and must be seen before."""

    sealed: bool
    interrupt: Interrupt | None = None
    steer: tuple[BatchMessage, ...] = ()
    answers: tuple[BatchMessage, ...] = ()


class ClaimedRuns(Words):
    """The runs that a claim was granted, longest-ready first; each carries its `session`."""

    runs: tuple[Run, ...]


class InterruptSignal(Words):
    """Event `interrupt` of a signal stream: the run is to stop."""

    run_id: str
    fence: int
    session_key: str
    interrupt: Interrupt


class SteerSignal(Words):
    """Event `steer` of a signal stream: all that is offered to the run and not yet seen."""

    run_id: str
    fence: int
    session_key: str
    steer: tuple[BatchMessage, ...]


class AnswerSignal(Words):
    """Event `answer` of a signal stream: all answers that are offered and not yet seen."""

    run_id: str
    fence: int
    session_key: str
    answers: tuple[BatchMessage, ...]


class LeaseLostSignal(Words):
    """Event `lease_lost` of a signal stream: the run is another's, or nobody's, now."""

    run_id: str
    fence: int
    session_key: str
    ended: Ended


class Completion(Words):
    """The answer to `complete`: the next run of the session, granted in the same step.

    `session` is null only to a repeat that finds the session deleted.
    """

    next: Run | None = None
    returned: tuple[str, ...] = ()
    session: SessionView | None


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


class HistoryEntry(Words):
    """One step in the life of a message.

    `delivery` is `unknown` where a sealed run ended without its holder's word.
    """

    state: MessageState
    at: Moment
    reason: str | None = None
    delivery: Literal["unknown"] | None = None


class MessageStatus(Words):
    """What became of a message."""

    message_id: str
    session_key: str
    state: MessageState
    reason: str | None = None
    decision: DecisionWord
    run_id: str | None = None
    history: tuple[HistoryEntry, ...]


class WaitingMessage(Words):
    """A message in a session's queue, or in its run's batch; `text` is null where hidden."""

    message_id: str
    seq: int
    user_id: str | None = None
    user_name: str | None = None
    text: str | None = None
    kind: Kind
    received_at: Moment
    deliveries: int


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


class DeadLetter(Words):
    """A message whose runs failed too often, set aside for a person."""

    id: str
    session_key: str
    died_at: Moment
    message: WaitingMessage


class DeadLetterPage(Words):
    """A page of dead letters, oldest first; `cursor` asks for the next one."""

    dead_letters: tuple[DeadLetter, ...]
    cursor: str | None = None
    texts: Texts = "shown"


class SessionPage(Words):
    """A page of sessions; `cursor` asks for the next one, null at the end."""

    sessions: tuple[SessionSummary, ...]
    cursor: str | None = None


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
    """What a verb met in one session; `unknown`: there is none, or it is another agent's."""

    key: str
    result: Literal["changed", "unchanged", "unknown"]


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


class Router(Words):
    """A process that serves: one worker of one replica."""

    name: str
    version: str
    started_at: Moment
    last_seen_at: Moment


class RouterList(Words):
    """The routers that were there within the last minute, by name."""

    routers: tuple[Router, ...]


class Consumer(Words):
    """A gateway or worker process: the agents it worked for, and how many runs it holds.

    `token` is the name of its token, null where none was asked for; `agents` is empty for one
    that only claims, for any agent.
    """

    consumer: str
    token: str | None = None
    agents: tuple[str, ...] = ()
    runs: int
    last_seen_at: Moment


class ConsumerList(Words):
    """The consumers that called within the last hour, the latest first, at most 1,000."""

    consumers: tuple[Consumer, ...]


class DecisionEvent(Words):
    """Event `decision` of the live feed: what a message was answered with."""

    at: Moment
    session_key: str
    message_id: str
    kind: Kind
    decision: DecisionWord
    reason: Reason


class RunGrantedEvent(Words):
    """Event `run_granted`: to whom, and on what call. `messages` is the size of the batch."""

    at: Moment
    session_key: str
    run_id: str
    consumer: str
    by: Literal["message", "next", "claim"]
    messages: int


class RunEndedEvent(Words):
    """Event `run_ended`: by its holder's word. A run that ends otherwise is `lease_lost`."""

    at: Moment
    session_key: str
    run_id: str
    outcome: Outcome
    reason: str | None = None


class LeaseLostEvent(Words):
    """Event `lease_lost`: the run ended without its holder's word."""

    at: Moment
    session_key: str
    run_id: str
    consumer: str
    ended: Ended


class DeadLetterEvent(Words):
    """Event `dead_letter`: a message was set aside; `id` is that of the dead letter."""

    at: Moment
    session_key: str
    id: str
    message_id: str


class PolicyEvent(Words):
    """Event `policy`: another policy is in force; `by` is a token's name, or `file`."""

    at: Moment
    revision: int
    by: str | None = None


class GapEvent(Words):
    """Event `gap`: some events did not come here; how many, null where that is not known."""

    missed: int | None = None


class SessionCounts(Words):
    """Sessions by state, exclusive: paused first, then running, then waiting."""

    idle: int = 0
    waiting: int = 0
    running: int = 0
    paused: int = 0


class MessageCounts(Words):
    """Messages by state; `accepted` is the sum of the others at any moment."""

    accepted: int = 0
    waiting: int = 0
    in_run: int = 0
    done: int = 0
    dead: int = 0
    removed: int = 0


class QueueStats(Words):
    """How much waits, and for how long the oldest has."""

    depth: int = 0
    oldest_wait_seconds: float = 0.0


class PlatformStats(Words):
    """The figures of one platform, or of all."""

    sessions: SessionCounts = SessionCounts()
    messages: MessageCounts = MessageCounts()
    queue: QueueStats = QueueStats()


class Stats(PlatformStats):
    """The answer to `GET /v1/stats`.

    Sessions that span platforms stand under `*`; messages always under their own.
    """

    by_platform: dict[str, PlatformStats]


class Resolution(Words):
    """The answer to `POST /v1/resolve`: key, effective policy, and the rule behind each field.

    `why` tells in a sentence why the message belongs to its conversation.
    """

    key: str
    policy: dict[str, JsonValue]
    rules: dict[str, str]
    why: str | None = None


class PolicyRevision(Words):
    """When a policy was put in force, and by whom: a token's name, or `file`."""

    revision: int
    at: Moment
    by: str | None = None


class PolicyView(Words):
    """A policy, and the versions that are kept, the one in force first."""

    revision: int
    policy: dict[str, JsonValue]
    versions: tuple[PolicyRevision, ...]


class TokenAccess(Words):
    """What the caller may do. `role` is null where a token is needed and none was sent.

    `name` is the token's, null where none is needed; `agents` are those it may see, null for all.
    """

    name: str | None = None
    role: Literal["gateway", "viewer", "operator"] | None = None
    agents: tuple[str, ...] | None = None


class FieldError(Words):
    """What is wrong with one field; `path` is dotted, `source.chat_id`."""

    path: str
    message: str


class Problem(Words):
    """An error as RFC 9457 wants it, served as `application/problem+json`."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()
