"""What a replay prints: a line for each decision, and a summary at the end."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, TextIO

from app.replay.player import Fate, Played
from session_router.models import MessageCounts

USER_COLUMNS: Final = 16
LEFT_LINES_MAX: Final = 20


class DecisionLines:
    """Writes each decision on one aligned line: time, user, decision, reason, key, position."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._key_columns = 0

    def __call__(self, fate: Fate) -> None:
        """Write the line of one message."""
        self._out.write(self._line(fate) + "\n")
        self._out.flush()

    def _line(self, fate: Fate) -> str:
        at = "--:--:--" if fate.entry.at is None else fate.entry.at.strftime("%H:%M:%S")
        user = shown(fate.entry.user)[:USER_COLUMNS].ljust(USER_COLUMNS)
        decision = fate.decision
        if decision is None:
            return f"{at}  {user}  {'ERROR':<9}  {shown(fate.error or '')}"
        key = "-" if decision.session is None else decision.session.key
        self._key_columns = max(self._key_columns, len(key))
        place = decision.queue
        position = "" if place is None else f"  {place.position} of {place.depth}"
        words = f"{decision.decision:<9}  {decision.reason:<19}"
        return f"{at}  {user}  {words}  {key:<{self._key_columns}}{position}".rstrip()


def shown(text: str) -> str:
    """Return a text from outside as it may be shown: nothing in it can steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def faults(played: Played) -> list[str]:
    """Return what went wrong, in lines for people; empty for a replay that succeeded."""
    lines = [
        f"not answered: {shown(fate.entry.message_id)} ({shown(fate.error)})"
        for fate in played.fates
        if fate.error is not None
    ]
    if played.unsent:
        lines.append(f"not sent: {played.unsent} messages")
    lines += [f"left behind: {what}" for what in played.left]
    if played.stats is not None and not _adds_up(played.stats.messages):
        lines.append("the service's figures do not add up")
    return lines


def _adds_up(counts: MessageCounts) -> bool:
    parts = (counts.waiting, counts.in_run, counts.done, counts.dead, counts.removed)
    return counts.accepted == sum(parts)


def summary(played: Played, speed: float | None) -> list[str]:
    """Return the summary of a replay, in lines."""
    decisions = [fate.decision for fate in played.fates if fate.decision is not None]
    words = Counter(decision.decision for decision in decisions)
    sessions = {decision.session.key for decision in decisions if decision.session is not None}
    lines = [
        f"messages         {len(decisions)} of {len(played.fates) + played.unsent} answered",
        f"decisions        {_listed(words.most_common())}",
        f"sessions         {len(sessions)}",
        f"runs             {len({seen.run.id for seen in played.runs})}",
        f"interrupted      {sum(seen.interrupted for seen in played.runs)}",
        f"longest wait     {_longest_wait(played, speed)}",
        f"largest context  {largest_context(played)} tokens (characters / 4, replies stood in for)",
    ]
    if played.stats is not None:
        counts = played.stats.messages.model_dump()
        lines.append(f"service          {_listed(counts.items())} (all it ever accepted)")
    problems = faults(played)
    lines += problems[:LEFT_LINES_MAX]
    if len(problems) > LEFT_LINES_MAX:
        lines.append(f"and {len(problems) - LEFT_LINES_MAX} more")
    return lines


def largest_context(played: Played) -> int:
    """Return the most tokens that a session held."""
    return max((seen.context_tokens for seen in played.runs), default=0)


def _listed(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{word} {count}" for word, count in counts)


def _longest_wait(played: Played, speed: float | None) -> str:
    waits = [fate.seen_at - fate.sent_at for fate in played.fates if fate.seen_at is not None]
    longest = max(waits, default=0.0)
    real = f"{longest:.2f} s from sending to the agent"
    return real if speed is None else f"{real}, {longest * speed:.0f} s in the recording's time"
