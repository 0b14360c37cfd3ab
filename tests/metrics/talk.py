"""A short talk of three people, sent to a service by the replay's own command."""

import argparse
import json
from pathlib import Path

from app.replay import add_arguments, main


def replay(url: str, folder: Path, lines: int) -> None:
    """Replay so many messages; every one is answered and worked off."""
    path = folder / "talk.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for line in range(lines):
            said = {
                "line": line,
                "at": f"2026-03-02T10:{line // 60:02}:{line % 60:02}Z",
                "user": ("ann", "bob", "cleo")[line % 3],
                "text": f"line {line}",
                "conversation": None,
            }
            file.write(json.dumps(said) + "\n")
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert main(parser.parse_args(["--url", url, "--speed", "max", str(path)])) == 0
