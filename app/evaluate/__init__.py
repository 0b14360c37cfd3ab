"""`session-router evaluate`: recorded conversations under every isolation, and what each gives.

Offline: nothing is sent; sessions come from the service's own routing, time from the recording.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from app.evaluate.figures import Figures, Tally
from app.evaluate.picture import picture
from app.evaluate.sessions import ISOLATIONS, Message, session_keys
from app.replay.recording import Chat, RecordingError, read_recording
from app.routing.policy import PolicyFields

MINUTE_MS: Final = 60_000
COLUMNS: Final = (
    "isolation     turns  sessions  tokens/turn     p95      max  foreign  recall   waits  "
    "interrupts"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `session-router evaluate`."""
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="JSON lines; each file is a chat"
    )
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE.svg", help="draw foreign against recall"
    )
    parser.add_argument(
        "--idle-minutes",
        type=_minutes,
        default=PolicyFields().conversation_idle_minutes,
        metavar="N",
        help="conversation_idle_minutes (default %(default)s)",
    )
    parser.epilog = (
        "A line of a file: line, at, user, text, and conversation, which talk people judged it to\n"
        "belong to, or null. A turn is a judged message; its context is what its session holds\n"
        "before it, four characters a token. foreign: the share of the judged messages there\n"
        "that belong to another talk. recall: the share of its own talk's earlier messages that\n"
        "are there. waits, interrupts: turns that would have waited for somebody else's run, or\n"
        "interrupted one of their own, with the stand-in agent of 'session-router replay'.\n\n"
        "Exit code: 0 done, 2 a file is bad."
    )


def _minutes(text: str) -> int:
    minutes = int(text)
    if minutes < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return minutes


def main(arguments: argparse.Namespace) -> int:
    """Print the figures of every isolation; 0, or 2 with the faults of the files on stderr."""
    try:
        recordings = [_read(path) for path in arguments.files]
        result = evaluate(recordings, arguments.idle_minutes * MINUTE_MS)
        if arguments.picture is not None:
            arguments.picture.write_text(picture(result), encoding="utf-8")
    except (RecordingError, OSError) as error:
        sys.stderr.write(f"session-router evaluate: {error}\n")
        return 2
    sys.stdout.write((_json(result) if arguments.json else _table(result)) + "\n")
    return 0


def evaluate(recordings: Sequence[Sequence[Message]], idle_ms: int) -> dict[str, Figures]:
    """Return the figures of each isolation, summed over the recordings, each a chat of its own."""
    result: dict[str, Figures] = {}
    for isolation in ISOLATIONS:
        tally = Tally()
        for messages in recordings:
            tally.add(messages, session_keys(isolation, messages, idle_ms))
        result[isolation] = tally.figures()
    return result


def _read(path: Path) -> list[Message]:
    messages: list[Message] = []
    faults: list[str] = []
    for place, entry in enumerate(read_recording(path, Chat(), "")):
        if entry.at is None:
            faults.append(f"{path}:{_line_number(path, place)}: at: is needed, and user and text")
        else:
            message = Message.of(entry, entry.at)
            # The log's clock may step back; a store's does not.
            at_ms = max(message.at_ms, messages[-1].at_ms) if messages else message.at_ms
            messages.append(Message(entry, at_ms))
    if faults:
        raise RecordingError("\n".join(faults[:20]))
    return messages


def _line_number(path: Path, place: int) -> int:
    lines = path.read_text(encoding="utf-8").split("\n")
    return [number for number, line in enumerate(lines, start=1) if line.strip()][place]


def _json(result: Mapping[str, Figures]) -> str:
    return json.dumps(
        {"isolations": {name: figures._asdict() for name, figures in result.items()}}, indent=2
    )


def _table(result: Mapping[str, Figures]) -> str:
    return "\n".join([COLUMNS, *(_row(name, figures) for name, figures in result.items())])


def _row(name: str, figures: Figures) -> str:
    return (
        f"{name:<12}{figures.turns:>7,}{figures.sessions:>10,}{figures.tokens_mean:>13,.0f}"
        f"{figures.tokens_p95:>8,.0f}{figures.tokens_max:>9,.0f}{figures.foreign:>9.1%}"
        f"{figures.recall:>8.2f}{figures.waits:>8,}{figures.interrupts:>12,}"
    )
