"""What the demo prints."""

import os
from collections import defaultdict
from collections.abc import Sequence
from typing import Final, TextIO

from app.demo.scenes import Comparison, Scene
from app.replay.agent import SeenRun
from app.replay.player import Fate, Played
from app.replay.report import shown

COLOURS: Final = {"run": "32", "queue": "33", "interrupt": "31", "duplicate": "35", "reject": "35"}
BOLD: Final = "1"
FAINT: Final = "2"

# Over the columns of a `Comparison`, in two lines.
HEADINGS: Final = (
    (
        "isolation",
        "sessions",
        "runs",
        "interrupts",
        "waits for",
        "largest",
        "foreign",
        "own topic's",
    ),
    ("", "", "", "", "others", "context", "lines seen", "lines missed"),
)


class Stage:
    """Writes the demo for people, in colour on a terminal (unless `NO_COLOR` is set)."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._colours = out.isatty() and not os.environ.get("NO_COLOR")

    def _write(self, text: str = "") -> None:
        self._out.write(text + "\n")
        self._out.flush()

    def _paint(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colours else text

    def open(self) -> None:
        """Say what will be seen."""
        self._write("A support channel with one AI agent. Ana starts a long job, Ben asks about")
        self._write("something else, and Ana corrects herself while her job is still running.")
        self._write("Which session is each message, and does it run now, wait or interrupt?")

    def announce(self, scene: Scene) -> None:
        """Open a scene."""
        rule = "-" * (74 - len(scene.name))
        self._write(f"\n{self._paint(f'--- {scene.name} {rule}', BOLD)}")
        self._write(f"{scene.says}\n")

    def decision(self, fate: Fate) -> None:
        """Show one decision as it falls."""
        at = "" if fate.entry.at is None else fate.entry.at.strftime("%H:%M:%S")
        text = f"{fate.entry.user:<5} {shown(fate.entry.text)}"
        if fate.decision is None:
            self._write(f"{at}  {text:<66} {fate.error}")
            return
        word, reason = fate.decision.decision, fate.decision.reason
        painted = self._paint(f"{word:<9}", COLOURS[word])
        self._write(f"{at}  {text:<66} {painted} {self._paint(reason, FAINT)}")

    def sessions(self, played: Played) -> None:
        """Show what the agent saw, run by run, in each session."""
        sessions: defaultdict[str, list[SeenRun]] = defaultdict(list)
        for seen in played.runs:
            sessions[seen.run.session_key].append(seen)
        self._write("\nWhat the agent saw, one block for each session:")
        for key, runs in sessions.items():
            self._write(f"  {self._paint(key, BOLD)}")
            for number, seen in enumerate(runs, start=1):
                self._run(number, seen)

    def _run(self, number: int, seen: SeenRun) -> None:
        for place, line in enumerate(seen.run.text.split("\n")):
            label = f"run {number}" if place == 0 else ""
            mark = self._paint("  (interrupted)", COLOURS["interrupt"])
            self._write(f"    {label:<6} | {shown(line)}{mark if seen.interrupted else ''}")

    def table(self, rows: Sequence[Comparison]) -> None:
        """Close with the comparison of all scenes."""
        self._write(f"\n{self._paint('--- compared ' + '-' * 66, BOLD)}")
        lines = [*HEADINGS, *(tuple(str(value) for value in row) for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = [line[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
            self._write("  ".join(cells))
        self._write(
            "\nContext is in tokens. Foreign lines: of another topic, before the agent when"
        )
        self._write("it answered. Missed: said earlier in the topic, but not before the agent.")
