"""What a chat in `conversation` isolation remembers: who talked where, and how lately.

Bounded whatever comes: at most 24 conversations, 56 participations in them and 48 message ids,
in at most 8 KiB of JSON. The conversation that has been quiet longest is forgotten first.
"""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Final, NamedTuple, NewType

# A person's id or a message's, short enough to be kept; what is long is known by its digest.
ShortId = NewType("ShortId", str)

FORMAT: Final = 1
TEXT_BYTES_MAX: Final = 8_192
CONVERSATIONS_MAX: Final = 24
PARTS_MAX: Final = 56
PARTS_IN_ONE_MAX: Final = 12
MESSAGES_MAX: Final = 48
# Ids of conversations come back whole, so they have a budget of their own.
OPENER_BYTES_MAX: Final = 1_600
NAME_BYTES_MAX: Final = 20

_KEPT_AS_IT_IS: Final = re.compile(r"[!$-\[\]-~][!#-\[\]-~]{0,19}")


class Part(NamedTuple):
    """One person's part in a conversation: when they last spoke and were last spoken to, or 0."""

    person: ShortId
    spoke_ms: int
    addressed_ms: int


class Conversation(NamedTuple):
    """One conversation, named by the id of the message that opened it; newest part last."""

    opener: str
    parts: tuple[Part, ...] = ()

    def part_of(self, person: ShortId) -> Part:
        """Return somebody's part, one of zeros where they have none."""
        for part in self.parts:
            if part.person == person:
                return part
        return Part(person, 0, 0)


@dataclass(frozen=True, slots=True)
class ChatMemory:
    """What is remembered of one chat; conversations and messages with the newest last.

    `names` are the display names of those who spoke, cut and cleaned; `messages` pairs a
    message's short id with its conversation.
    """

    conversations: tuple[Conversation, ...] = ()
    names: Mapping[ShortId, str] = field(default_factory=dict)
    messages: tuple[tuple[ShortId, str], ...] = ()

    def conversation_of(self, message_id: str) -> str | None:
        """Tell which conversation a message belongs to, None where it is not remembered."""
        for conversation in self.conversations:
            if conversation.opener == message_id:
                return message_id
        wanted = short_id(message_id)
        return next((opener for known, opener in self.messages if known == wanted), None)

    def conversation(self, opener: str) -> Conversation:
        """Return a conversation by its opener, an empty one where it is forgotten."""
        for conversation in self.conversations:
            if conversation.opener == opener:
                return conversation
        return Conversation(opener)

    def updated(
        self, conversation: Conversation, message_ids: Iterable[str], names: Mapping[ShortId, str]
    ) -> "ChatMemory":
        """Return the memory with this conversation as its newest, and what is too much gone."""
        others = (one for one in self.conversations if one.opener != conversation.opener)
        kept = _within_bounds((*others, conversation))
        openers = {one.opener for one in kept}
        people = {part.person for one in kept for part in one.parts}
        new = {short_id(message_id): conversation.opener for message_id in message_ids}
        messages = [one for one in self.messages if one[1] in openers and one[0] not in new]
        return ChatMemory(
            conversations=kept,
            names={who: name for who, name in {**self.names, **names}.items() if who in people},
            messages=(*messages, *new.items())[-MESSAGES_MAX:],
        )

    def to_text(self) -> str:
        """Spell the memory as JSON, at most 8 KiB of UTF-8; `from_text` reads it again."""
        # Those with a name in its order: on it depends whom a message names first.
        parts = (part.person for one in self.conversations for part in one.parts)
        people = {person: n for n, person in enumerate(dict.fromkeys((*self.names, *parts)))}
        places = {one.opener: number for number, one in enumerate(self.conversations)}
        return json.dumps(
            {
                "format": FORMAT,
                "people": [
                    [who, self.names[who]] if who in self.names else [who] for who in people
                ],
                "conversations": [
                    [one.opener, [[people[who], *times] for who, *times in one.parts]]
                    for one in self.conversations
                ],
                "messages": [[known, places[opener]] for known, opener in self.messages],
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @classmethod
    def from_text(cls, text: str | None) -> "ChatMemory":
        """Read what `to_text` spelled; None is a chat without a memory.

        A format of another release is forgotten rather than guessed at: every conversation
        then opens anew. Raises `ValueError` for what is no JSON.
        """
        data = None if text is None else json.loads(text)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            return cls()
        people = [ShortId(who) for who, *_ in data["people"]]
        return cls(
            conversations=tuple(
                Conversation(
                    opener, tuple(Part(people[number], *times) for number, *times in parts)
                )
                for opener, parts in data["conversations"]
            ),
            names={ShortId(who): name[0] for who, *name in data["people"] if name},
            messages=tuple(
                (ShortId(known), data["conversations"][place][0])
                for known, place in data["messages"]
            ),
        )


def with_part(conversation: Conversation, part: Part) -> Conversation:
    """Return the conversation with somebody's part renewed; past the most, the oldest goes."""
    before = conversation.part_of(part.person)
    renewed = Part(
        part.person,
        max(before.spoke_ms, part.spoke_ms),
        max(before.addressed_ms, part.addressed_ms),
    )
    others = tuple(one for one in conversation.parts if one.person != part.person)
    return conversation._replace(parts=(*others, renewed)[-PARTS_IN_ONE_MAX:])


@lru_cache(maxsize=4_096)
def short_id(id_: str) -> ShortId:
    """Give the text by which an id is remembered: itself, or a digest of 72 bits behind `#`."""
    if _KEPT_AS_IT_IS.fullmatch(id_):
        return ShortId(id_)
    digest = blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=9).digest()
    return ShortId(f"#{urlsafe_b64encode(digest).decode()}")


@lru_cache(maxsize=4_096)
def short_name(name: str) -> str:
    """Give a display name as it is remembered: without what cannot be seen, and cut."""
    shown = "".join(char for char in islice(name, 4 * NAME_BYTES_MAX) if char.isprintable())
    shown = shown.strip()
    while len(json.dumps(shown, ensure_ascii=False).encode()) > NAME_BYTES_MAX + 2:
        shown = shown[:-1]
    return shown


def _within_bounds(conversations: tuple[Conversation, ...]) -> tuple[Conversation, ...]:
    """Keep the newest conversations that fit, the very newest always."""
    parts = opener_bytes = 0
    for kept, one in enumerate(reversed(conversations)):
        parts += len(one.parts)
        opener_bytes += _bytes(one.opener)
        too_much = parts > PARTS_MAX or opener_bytes > OPENER_BYTES_MAX
        if kept and (too_much or kept == CONVERSATIONS_MAX):
            return conversations[-kept:]
    return conversations


@lru_cache(maxsize=4_096)
def _bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass"))
