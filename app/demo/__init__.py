"""`session-router demo`: one short conversation under each isolation, side by side.

Each scene has a service of its own with a store in a temporary folder; nothing stays behind.
"""

import argparse
import asyncio
import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from app.demo.scenes import SCENES, Comparison, Scene, compare
from app.demo.service import DemoError, running_service
from app.demo.stage import Stage
from app.replay.player import Player, Target
from app.replay.recording import Chat, Entry, read_recording
from app.replay.report import faults

SPEED_DEFAULT: Final = 14.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `session-router demo`."""
    parser.add_argument(
        "--speed",
        type=float,
        default=SPEED_DEFAULT,
        metavar="N",
        help="seconds of the conversation a second (default 14: all of it in a minute)",
    )


def main(arguments: argparse.Namespace) -> int:
    """Play all scenes and compare them; 0 when each was worked off, 1 when not."""
    stage = Stage(sys.stdout)
    stage.open()
    try:
        rows = [_play(scene, arguments.speed, stage) for scene in SCENES]
    except DemoError as error:
        sys.stderr.write(f"session-router demo: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    stage.table(rows)
    return 0


def _play(scene: Scene, speed: float, stage: Stage) -> Comparison:
    stage.announce(scene)
    entries = _sample(scene)
    with (
        tempfile.TemporaryDirectory(prefix="session-router-demo-") as folder,
        running_service(Path(folder), scene.policy) as url,
    ):
        played = asyncio.run(Player(Target(url=url), speed, stage.decision).play(entries))
    stage.sessions(played)
    problems = faults(played)
    if problems:
        raise DemoError("\n".join(problems))
    return compare(scene, entries, played)


def _sample(scene: Scene) -> list[Entry]:
    chat = Chat(platform="discord", scope=None, chat_id="support", threads=scene.threads)
    with as_file(files("app") / "samples" / "crossing.jsonl") as path:
        return read_recording(path, chat, "")
