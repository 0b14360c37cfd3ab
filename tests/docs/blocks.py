"""The fenced blocks of a document, and what each says of how it is checked.

A block of shell, Python, JSON or YAML stands under a comment: `<!-- check: KIND WORD=... -->`.
The kinds are those of `tests/docs/stage.py`; the words are theirs too. A plain text block needs
none, unless it shows what a program prints.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CHECKED_LANGUAGES = frozenset({"sh", "python", "json", "yaml"})
FREE_LANGUAGES = frozenset({"text", "mermaid"})

_MARKER = re.compile(r"<!-- check: (?P<kind>\w+)(?P<words>[^>]*)-->")
_FENCE = re.compile(r"^```(?P<language>\w*)$")


@dataclass(frozen=True)
class Block:
    """One fenced block: where it stands, its text, and its check (empty kind: none)."""

    document: Path
    line: int
    language: str
    text: str
    kind: str = ""
    words: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.document.relative_to(PROJECT)}:{self.line}"


def documents() -> list[Path]:
    """Every document whose blocks are checked."""
    # The README last: it waits for the demo, which plays meanwhile.
    return [
        *sorted((PROJECT / "docs").glob("*.md")),
        PROJECT / "CHANGELOG.md",
        PROJECT / "SECURITY.md",
        PROJECT / "README.md",
    ]


def blocks_of(document: Path) -> list[Block]:
    """All fenced blocks of a document, in their order."""
    blocks: list[Block] = []
    marker: re.Match[str] | None = None
    lines = iter(enumerate(document.read_text("utf-8").splitlines(), start=1))
    for number, line in lines:
        fence = _FENCE.match(line)
        if fence is None:
            marker = _MARKER.search(line) or (marker if not line.strip() else None)
            continue
        body = []
        for _, inner in lines:
            if inner == "```":
                break
            body.append(inner)
        kind = marker["kind"] if marker else ""
        words = _words(marker["words"]) if marker else {}
        text = "\n".join(body)
        blocks.append(Block(document, number, fence["language"], text, kind, words))
        marker = None
    return blocks


def _words(text: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in text.split())
