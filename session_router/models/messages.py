"""Messages: sent, resolved, amended, waiting, and what became of them."""

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, ValidationInfo, field_validator, model_validator

from session_router.models.fields import Id, Moment, Payload, SentAt, Words
from session_router.models.sources import ReplyTo, Source, To
from session_router.models.vocabulary import (
    Busy,
    Control,
    DecisionWord,
    Dispatch,
    Kind,
    MessageState,
)


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


class Resolution(Words):
    """The answer to `POST /v1/resolve`: key, effective policy, and the rule behind each field.

    `why` tells in a sentence why the message belongs to its conversation.
    """

    key: str
    policy: dict[str, JsonValue]
    rules: dict[str, str]
    why: str | None = None


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

    `unknown`: no such message was accepted yet; what came is kept a minute for it. `unchanged`: it
    reads so already, by this edit done before if a run has or had it.
    """

    result: Literal["updated", "unchanged", "removed", "already_delivered", "unknown"]


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
