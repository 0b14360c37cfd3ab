"""The events of the live feed: what happened, as it happens."""

from typing import Literal

from session_router.models.fields import Moment, Words
from session_router.models.vocabulary import DecisionWord, Ended, Kind, Outcome, Reason


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
