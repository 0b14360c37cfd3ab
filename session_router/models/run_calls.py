"""A holder's calls on its run, each with its answer: heartbeat, ask, seal, complete."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from session_router.models.fields import Data, Fence, Id, Moment, Tokens, Words
from session_router.models.run_states import Interrupt
from session_router.models.runs import BatchMessage, Run
from session_router.models.sessions import SessionView
from session_router.models.vocabulary import Outcome

SENT_MAX = 100
Seen = Annotated[tuple[Id, ...], Field(max_length=1000)]
Sent = Annotated[tuple[Id, ...], Field(max_length=SENT_MAX)]


class Usage(Words):
    """What a run reports of its model calls so far; each report replaces the last."""

    context_tokens: Tokens | None = None
    context_limit: Tokens | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cost_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


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


class Heartbeat(Words):
    """The answer to a heartbeat: the new deadline, and what the holder should know."""

    lease_expires_at: Moment
    sealed: bool = False
    interrupt: Interrupt | None = None
    steer: tuple[BatchMessage, ...] = ()
    answers: tuple[BatchMessage, ...] = ()


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


class Asked(Words):
    """The answer to `ask`: until when the run asks, null after a withdrawal."""

    expires_at: Moment | None


class SealRequest(Words):
    """The body of `POST /v1/runs/{id}/seal`."""

    fence: Fence
    seen: Seen = ()


class Seal(Words):
    """Whether the run is sealed; if not, what came first and must be seen before."""

    sealed: bool
    interrupt: Interrupt | None = None
    steer: tuple[BatchMessage, ...] = ()
    answers: tuple[BatchMessage, ...] = ()


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


class Completion(Words):
    """The answer to `complete`: the next run of the session, granted in the same step.

    `session` is null only to a repeat that finds the session deleted.
    """

    next: Run | None = None
    returned: tuple[str, ...] = ()
    session: SessionView | None
