"""Which conversation of a chat a message joins, or that it opens one: pure and deterministic.

One order decides: (1) what it replies to; (2) whom it addresses: by a mention, by a name that
opens the text, else by a name anywhere in it; of several conversations of that person the one
in which both lately talked, else the one where that person spoke last; (3) where its sender
lately talked or was talked to; (4) else it opens a new one. The figures below were chosen on
recorded talk; `docs/choosing-isolation.md` tells how, and how little hangs on each.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from math import inf
from typing import Final, NamedTuple

from app.routing.addressing import ADDRESSED_MAX, mentioned, named
from app.routing.chat_memory import (
    ChatMemory,
    Conversation,
    Part,
    ShortId,
    short_id,
    short_name,
    with_part,
)
from session_router.models import ReplyTo

# Two who both spoke in a conversation this lately are talking with each other there.
TOGETHER_MS: Final = 600_000
# A person's hold on a conversation is halved after this long, and being spoken to counts half.
HALVED_AFTER_MS: Final = 60_000
ADDRESSED_WEIGHT: Final = 0.5

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
OWN, THEIRS, TOGETHER = 1, 2, 3
SHOWN_CHARACTERS_MAX: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """One message, as far as it tells whom it is for. `at_ms` is the store's clock.

    `user` is the person's id in this chat, None where it is unknown. `replied_in` is the
    conversation of the message replied to, where the caller knows it from elsewhere: the memory
    knows the latest 48 messages alone.
    """

    message_id: str
    user: str | None
    text: str
    at_ms: int
    user_name: str | None = None
    reply_to: str | ReplyTo | None = None
    mentions: tuple[str, ...] = ()
    replied_in: str | None = None


class Choice(NamedTuple):
    """The conversation of a message, by the id of its opener, and why, in a sentence.

    `addressed` are the people it is for, for the memory.
    """

    conversation: str
    is_new: bool
    why: str
    addressed: tuple[ShortId, ...] = ()


def choose(memory: ChatMemory, heard: Heard, idle_ms: int) -> Choice:
    """Tell the conversation of a message; the same memory and message give the same answer.

    A message that is remembered already stays where it is.
    """
    chooser = _Chooser(memory, heard, idle_ms)
    addressed = chooser.addressed
    before = memory.conversation_of(heard.message_id)
    if before is not None:
        return Choice(before, before == heard.message_id, "was heard here before", addressed)
    replied = _replied_to(memory, heard)
    if replied is not None:
        return Choice(replied, False, f"replies to {_shown(_reply_id(heard) or '')}", addressed)
    found = chooser.best()
    if found is not None:
        return Choice(found[0], False, found[1], addressed)
    return Choice(heard.message_id, True, f"opens a new one: {chooser.why_new()}", addressed)


def remember(memory: ChatMemory, heard: Heard, choice: Choice) -> ChatMemory:
    """Return the memory with a message in the conversation that was chosen for it."""
    conversation = memory.conversation(choice.conversation)
    for person in choice.addressed:
        conversation = with_part(conversation, Part(person, 0, heard.at_ms))
    names: dict[ShortId, str] = {}
    if heard.user is not None:
        speaker = short_id(heard.user)
        conversation = with_part(conversation, Part(speaker, heard.at_ms, 0))
        names = {speaker: short_name(heard.user_name or heard.user)}
    return memory.updated(conversation, (heard.message_id,), names)


def remember_sent(
    memory: ChatMemory,
    conversation: str,
    sent_ids: Iterable[str],
    at_ms: int,
    answered: Iterable[str] = (),
) -> ChatMemory:
    """Return the memory with what the agent posted: replies to it join its conversation.

    `answered` are the people that it answers: they are being talked to, so that their idle time
    begins anew.
    """
    spoken_in = memory.conversation(conversation)
    for user in answered:
        spoken_in = with_part(spoken_in, Part(short_id(user), 0, at_ms))
    return memory.updated(spoken_in, sent_ids, {})


def _replied_to(memory: ChatMemory, heard: Heard) -> str | None:
    message_id = _reply_id(heard)
    if message_id is None:
        return None
    return memory.conversation_of(message_id) or heard.replied_in


def _reply_id(heard: Heard) -> str | None:
    reply_to = heard.reply_to
    return reply_to.message_id if isinstance(reply_to, ReplyTo) else reply_to


def _mentions(heard: Heard) -> tuple[str, ...]:
    reply_to = heard.reply_to
    if isinstance(reply_to, ReplyTo) and reply_to.user_id is not None:
        return (reply_to.user_id, *heard.mentions)
    return heard.mentions


class _Fit(NamedTuple):
    """How one conversation fits a message.

    `order` is compared as it stands, the greatest wins: both talked there lately, the addressed
    person talked there, the sender has a part in it; then how lately or how firmly; then the
    place in the memory, the newest last.
    """

    order: tuple[int, float, int]
    conversation: str
    other: ShortId | None
    quiet_ms: int
    was_addressed: bool = False


class _Chooser:
    """One message against everything that is remembered."""

    def __init__(self, memory: ChatMemory, heard: Heard, idle_ms: int) -> None:
        self._memory = memory
        self._at_ms = heard.at_ms
        self._idle_ms = idle_ms
        self._sender = None if heard.user is None else short_id(heard.user)
        self._sender_name = short_name(heard.user_name or heard.user or "the sender")
        self.addressed = mentioned(memory.names, _mentions(heard), heard.text, self._sender)
        self._is_addressing = any(person in memory.names for person in self.addressed)
        if not self._is_addressing:
            found = named(memory.names, heard.text, self._sender)
            self.addressed = (*found, *self.addressed)[:ADDRESSED_MAX]
        # A name inside a text may be a common word: it counts only for those present.
        self._others_idle_ms = inf if self._is_addressing else idle_ms

    def best(self) -> tuple[str, str] | None:
        """Return the conversation that fits best and why, None where none does."""
        fits = filter(None, map(self._fit, count(), self._memory.conversations))
        best = max(fits, default=None, key=_order)
        return None if best is None else (best.conversation, self._sentence(best))

    def _fit(self, place: int, conversation: Conversation) -> _Fit | None:
        spoke_ms = addressed_ms = other_ms = 0
        other = None
        for person, person_spoke_ms, person_addressed_ms in conversation.parts:
            if person == self._sender:
                spoke_ms, addressed_ms = person_spoke_ms, person_addressed_ms
            elif person_spoke_ms > other_ms and person in self.addressed:
                other, other_ms = person, person_spoke_ms
        if other is not None and self._at_ms - other_ms < self._others_idle_ms:
            return self._with_other(place, conversation.opener, spoke_ms, (other, other_ms))
        latest_ms = max(spoke_ms, addressed_ms)
        if latest_ms and self._at_ms - latest_ms < self._idle_ms:
            return self._alone(place, conversation.opener, spoke_ms, addressed_ms)
        return None

    def _with_other(
        self, place: int, opener: str, spoke_ms: int, other: tuple[ShortId, int]
    ) -> _Fit:
        """Rate a conversation in which somebody who is addressed talked."""
        person, other_ms = other
        together_ms = self._at_ms - min(spoke_ms, other_ms)
        if spoke_ms and together_ms < TOGETHER_MS:
            return _Fit((TOGETHER, -together_ms, place), opener, person, together_ms)
        quiet_ms = self._at_ms - other_ms
        return _Fit((THEIRS, -quiet_ms, place), opener, person, quiet_ms)

    def _alone(self, place: int, opener: str, spoke_ms: int, addressed_ms: int) -> _Fit:
        """Rate a conversation by the sender's own part in it."""
        spoke, addressed = self._hold(spoke_ms), ADDRESSED_WEIGHT * self._hold(addressed_ms)
        was_addressed = addressed > spoke
        quiet_ms = self._at_ms - (addressed_ms if was_addressed else spoke_ms)
        return _Fit((OWN, spoke + addressed, place), opener, None, quiet_ms, was_addressed)

    def _hold(self, since_ms: int) -> float:
        """Return how firmly what was at a time still holds, 1 to 0; no `exp`: alike anywhere."""
        age_ms = max(0, self._at_ms - since_ms)
        if not since_ms or age_ms >= self._idle_ms:
            return 0.0
        return HALVED_AFTER_MS / (HALVED_AFTER_MS + age_ms)

    def _sentence(self, fit: _Fit) -> str:
        sender, ago = self._sender_name, _ago(fit.quiet_ms)
        if fit.other is None:
            was = "was addressed" if fit.was_addressed else "last talked"
            return f"goes on where {sender} {was}, {ago}"
        does = "addresses" if self._is_addressing else "names"
        other = f"{does} {self._memory.names.get(fit.other, fit.other)}"
        if fit.order[0] == TOGETHER:
            return f"{other}, who talked here with {sender} {ago}"
        return f"{other}, who last talked here {ago}"

    def why_new(self) -> str:
        """Tell why none fits."""
        if self._sender is None:
            return "nobody knows who sent it"
        if self._sender in self._memory.names:
            return f"{self._sender_name} last talked {_span(self._idle_ms)} ago or earlier"
        return f"{self._sender_name} takes part in no other"


def _order(fit: _Fit) -> tuple[int, float, int]:
    return fit.order


def _ago(age_ms: int) -> str:
    return "just now" if age_ms < MINUTE_MS else f"{_span(age_ms)} ago"


def _span(duration_ms: int) -> str:
    for name, unit_ms in (("hour", HOUR_MS), ("minute", MINUTE_MS)):
        number = duration_ms // unit_ms
        if number:
            return f"{number} {name}{'' if number == 1 else 's'}"
    return "a moment"


def _shown(id_: str) -> str:
    return id_ if len(id_) <= SHOWN_CHARACTERS_MAX and id_.isprintable() else short_id(id_)
