"""What an isolation gave and cost: context, foreign and missing lines, waits and interrupts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final, NamedTuple

from app.evaluate.busy import BusySession
from app.evaluate.sessions import Message
from app.replay.recording import Entry
from app.routing.keys import SessionKey

CHARACTERS_PER_TOKEN: Final = 4
Talk = int | str


class Figures(NamedTuple):
    """The figures of one isolation, named as `--json` names them.

    Tokens are of the context that a turn's session holds before it. `foreign` is the share of
    the judged messages there that belong to another conversation, `recall` the share of its own
    conversation's earlier ones that are there; both summed over all turns. `waits` and
    `interrupts` count turns; `BusySession` tells what is counted.
    """

    turns: int
    sessions: int
    tokens_mean: float
    tokens_p95: float
    tokens_max: float
    foreign: float
    recall: float
    waits: int
    interrupts: int


@dataclass(slots=True)
class _Session:
    characters: int = 0
    judged: Counter[Talk] = field(default_factory=Counter)
    busy: BusySession = field(default_factory=BusySession)


class Tally:
    """Adds up the turns of one isolation over any number of recordings."""

    def __init__(self) -> None:
        self._contexts: list[int] = []
        self._sessions = self._waits = self._interrupts = 0
        self._before = self._own_before = self._own_ever = 0

    def add(self, messages: Sequence[Message], keys: Iterable[SessionKey]) -> None:
        """Take in one recording, and the session of each of its messages."""
        sessions: defaultdict[SessionKey, _Session] = defaultdict(_Session)
        earlier: Counter[Talk] = Counter()
        for message, key in zip(messages, keys, strict=True):
            session, talk = sessions[key], message.entry.conversation
            did = session.busy.hear(message)
            if talk is not None:
                self._contexts.append(session.characters)
                self._before += session.judged.total()
                self._own_before += session.judged[talk]
                self._own_ever += earlier[talk]
                self._waits += did == "wait"
                self._interrupts += did == "interrupt"
                session.judged[talk] += 1
                earlier[talk] += 1
            session.characters += len(shown(message.entry))
        self._sessions += len(sessions)

    def figures(self) -> Figures:
        """Return the figures; without any turn all are 0, but that nothing was missed."""
        contexts = sorted(self._contexts) or [0]
        turns = len(self._contexts)
        return Figures(
            turns=turns,
            sessions=self._sessions,
            tokens_mean=_tokens(sum(contexts) / len(contexts)),
            tokens_p95=_tokens(contexts[ceil(0.95 * len(contexts)) - 1]),
            tokens_max=_tokens(contexts[-1]),
            foreign=round((self._before - self._own_before) / max(self._before, 1), 4),
            recall=round(self._own_before / self._own_ever, 4) if self._own_ever else 1.0,
            waits=self._waits,
            interrupts=self._interrupts,
        )


def shown(entry: Entry) -> str:
    """Return a message as a context holds it: `name: text` on a line, in every isolation alike."""
    return f"{entry.user}: {entry.text}\n"


def _tokens(characters: float) -> float:
    return round(characters / CHARACTERS_PER_TOKEN, 1)
