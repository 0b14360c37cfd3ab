"""Which session each message of a recording would have been in, by the service's own routing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.replay.recording import Entry
from app.routing.chat_memory import ChatMemory
from app.routing.conversation import Heard, choose, remember
from app.routing.keys import SessionKey
from app.routing.policy import IsolationSetting, Policy, PolicyFields
from app.routing.route import route
from app.routing.rules import Rulebook

ISOLATIONS: Final[tuple[IsolationSetting, ...]] = (
    "per_user",
    "shared",
    "tagged",
    "thread",
    "conversation",
    "person",
)

KeyOf = Callable[["Message"], SessionKey]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a recording and the moment it came, in milliseconds."""

    entry: Entry
    at_ms: int

    @classmethod
    def of(cls, entry: Entry, at: datetime) -> "Message":
        """Return a message that came at a time."""
        return cls(entry, round(at.timestamp() * 1_000))


def session_keys(
    isolation: IsolationSetting, messages: Iterable[Message], idle_ms: int
) -> Iterator[SessionKey]:
    """Tell the session key of each message of one chat, in order; the chat is new to us."""
    key_of = _key_of(isolation, idle_ms)
    return map(key_of, messages)


def _key_of(isolation: IsolationSetting, idle_ms: int) -> KeyOf:
    rulebook = Rulebook(Policy(defaults=PolicyFields(isolation=isolation)))
    if isolation == "conversation":
        return _Conversations(rulebook, idle_ms)
    return lambda message: _routed(rulebook, message.entry)


def _routed(rulebook: Rulebook, entry: Entry, conversation: str | None = None) -> SessionKey:
    return route(
        rulebook, entry.agent, "user", entry.source, entry.message_id, conversation=conversation
    ).key


class _Conversations:
    """Follows the conversations of one chat as the service does, with the recording's clock."""

    def __init__(self, rulebook: Rulebook, idle_ms: int) -> None:
        self._rulebook = rulebook
        self._memory = ChatMemory()
        self._idle_ms = idle_ms

    def __call__(self, message: Message) -> SessionKey:
        entry = message.entry
        heard = Heard(
            message_id=entry.message_id,
            user=entry.source.user_id,
            user_name=entry.source.user_name,
            text=entry.text,
            at_ms=message.at_ms,
            reply_to=entry.reply_to,
            mentions=entry.mentions,
        )
        choice = choose(self._memory, heard, self._idle_ms)
        self._memory = remember(self._memory, heard, choice)
        return _routed(self._rulebook, entry, choice.conversation)
