"""An event on its way to the router, and what became of it."""

from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from session_router.connection import Call
from session_router.errors import InvalidMessage
from session_router.events import ChatMoved, Deletion, Edit, Event, Incoming
from session_router.models import (
    Amendment,
    AmendRequest,
    Decision,
    DecisionWord,
    Dispatch,
    Message,
    Move,
    MoveRequest,
    Reason,
)
from session_router.notices import notice_of
from session_router.work import RunInWork

A_co = TypeVar("A_co", bound=Decision | Amendment | Move, covariant=True)
M = TypeVar("M", bound=BaseModel)

Word: TypeAlias = (
    DecisionWord
    | Literal["updated", "unchanged", "removed", "already_delivered", "unknown", "moved"]
)

_FIELDS: Final = tuple(Incoming.model_fields)


@dataclass(frozen=True, slots=True)
class Submission(Generic[A_co]):
    """What became of a submitted event.

    `answer` is all that the router said: a `Decision` on a message, an `Amendment` for an edit
    or a deletion, a `Move` for a chat. `run` is the run that this answer granted, in the hands
    of the handler; None for every other decision, and for a repeat whose run has ended here.
    """

    answer: A_co
    run: RunInWork | None = None
    is_from_bot: bool = False

    @property
    def decision(self) -> Word:
        """The answer in a word: a decision, an amendment's result, or `moved`."""
        match self.answer:
            case Decision():
                return self.answer.decision
            case Amendment():
                return self.answer.result
            case _:
                return "moved"

    @property
    def reason(self) -> Reason | None:
        """Why the router decided so; None for what is no message."""
        return self.answer.reason if isinstance(self.answer, Decision) else None

    @property
    def notice(self) -> str | None:
        """What to tell the person, in English; None if there is nothing to say.

        A gateway that speaks otherwise goes by `decision`, `reason` and `answer`.
        """
        if self.is_from_bot or not isinstance(self.answer, Decision):
            return None
        return notice_of(self.answer)


def message_call(event: Incoming, agent: str, consumer: str, dispatch: Dispatch) -> Call[Decision]:
    """Return the call for a message; raises `InvalidMessage` before anything is sent."""
    fields = {name: getattr(event, name) for name in _FIELDS}
    fields |= {"agent": agent, "consumer": consumer, "dispatch": dispatch}
    return Call("POST", "/v1/messages", Decision, body_of(Message, fields))


def amend_call(event: Edit | Deletion, agent: str) -> Call[Amendment]:
    """Return the call for an edit or a deletion; raises `InvalidMessage`."""
    fields: dict[str, object] = {
        "agent": agent,
        "source": event.source,
        "message_id": event.message_id,
    }
    fields |= {"text": event.text} if isinstance(event, Edit) else {"delete": True}
    return Call("POST", "/v1/messages/amend", Amendment, body_of(AmendRequest, fields))


def move_call(event: ChatMoved, agent: str) -> Call[Move]:
    """Return the call for a chat whose id changed; raises `InvalidMessage`."""
    fields: dict[str, object] = {"agent": agent, "platform": event.platform}
    fields |= {
        "account": event.account,
        "scope": event.scope,
        "from": event.moved_from,
        "to": event.to,
    }
    return Call("POST", "/v1/chats/move", Move, body_of(MoveRequest, fields))


def chat_of(event: Event) -> tuple[str | None, ...]:
    """Return what tells a chat from others: its events are sent one after the other."""
    if isinstance(event, ChatMoved):
        return event.platform, event.account, event.scope, event.moved_from
    source = event.source
    return source.platform, source.account, source.scope, source.chat_id


def body_of(model: type[M], fields: dict[str, object]) -> M:
    """Return a body; raises `InvalidMessage` that names the fields that do not fit."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise InvalidMessage.here(error) from None
