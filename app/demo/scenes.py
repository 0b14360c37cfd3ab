"""The demo's scenes, and the figures that compare them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.replay.player import Played
from app.replay.recording import Entry
from app.replay.report import largest_context


@dataclass(frozen=True, slots=True)
class Scene:
    """One setting of the policy. `threads`: each topic is talked of in a platform thread."""

    name: str
    says: str
    settings: str
    threads: bool = False

    @property
    def policy(self) -> str:
        """The policy file of this scene."""
        return f"version: 1\ndefaults: {{{self.settings}}}\n"


SCENES: Final = (
    Scene(
        "per_user",
        "Everybody has a session. Ana's correction interrupts Ana's job, and nobody waits for\n"
        "it; but the agent that answers Ana never hears what Cleo told her.",
        "isolation: per_user",
    ),
    Scene(
        "shared",
        "One session for the channel. Ben waits for Ana's job, and the agent answers each of\n"
        "them with everybody's lines before it, not knowing who said what.",
        "isolation: shared",
    ),
    Scene(
        "tagged",
        "One session again, but each line says who wrote it, in a form nobody can fake.",
        "isolation: tagged",
    ),
    Scene(
        "thread",
        "Each topic has a thread on the platform, and the thread is the session, tagged: those\n"
        "who talk about one thing share it, the others neither wait nor are seen.",
        "isolation: per_user, thread_isolation: tagged",
        threads=True,
    ),
    Scene(
        "conversation",
        "No threads: who answers whom tells which talk a line belongs to, and each talk is a\n"
        "session, tagged. Cleo's second question names nobody, and is taken for Ana's talk.",
        "isolation: conversation",
    ),
)


class Comparison(NamedTuple):
    """The figures of one scene, in the order of the table."""

    isolation: str
    sessions: int
    runs: int
    interrupts: int
    waits_for_others: int
    largest_context_tokens: int
    foreign_lines: int
    missed_lines: int


def compare(scene: Scene, entries: Sequence[Entry], played: Played) -> Comparison:
    """Return the figures of a scene that was played."""
    decisions = [fate.decision for fate in played.fates if fate.decision is not None]
    foreign, missed = _lines_seen(entries, played)
    return Comparison(
        isolation=scene.name,
        sessions=len({seen.run.session_key for seen in played.runs}),
        runs=len(played.runs),
        interrupts=sum(decision.decision == "interrupt" for decision in decisions),
        waits_for_others=sum(decision.reason == "other_sender_active" for decision in decisions),
        largest_context_tokens=largest_context(played),
        foreign_lines=foreign,
        missed_lines=missed,
    )


def _lines_seen(entries: Sequence[Entry], played: Played) -> tuple[int, int]:
    """Count, over all messages: lines of other topics before the agent, and of its own missing.

    What is before the agent: the batch of the message's run and all earlier ones of its session.
    """
    topics = {entry.message_id: entry.conversation for entry in entries}
    places = {entry.message_id: place for place, entry in enumerate(entries)}
    before: defaultdict[str, set[str]] = defaultdict(set)
    foreign = missed = 0
    for seen in played.runs:
        known = before[seen.run.session_id]
        known.update(message.message_id for message in seen.run.messages)
        for message in seen.run.messages:
            own = topics[message.message_id]
            foreign += sum(topics[line] != own for line in known)
            earlier = entries[: places[message.message_id]]
            missed += sum(e.conversation == own and e.message_id not in known for e in earlier)
    return foreign, missed
