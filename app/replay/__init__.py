"""`session-router replay`: a recorded conversation, through a running service.

A stand-in agent takes time for each run; each decision is printed as it falls, then a summary.
"""

import argparse
import asyncio
import os
import re
import sys
import uuid
from pathlib import Path
from typing import Final

from app.replay.player import Player, Target
from app.replay.recording import Chat, Entry, RecordingError, read_recording
from app.replay.report import DecisionLines, faults, summary
from session_router import Router, RouterError

TOKEN_VARIABLE: Final = "SESSION_ROUTER_TOKEN"  # noqa: S105  the variable's name
SPEED_DEFAULT: Final = 2000.0
FIRST_ANSWER_SECONDS: Final = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `session-router replay`."""
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="JSON lines of what was said, or of bodies of POST /v1/messages",
    )
    parser.add_argument(
        "--url", default="http://127.0.0.1:8080", help="the service (default %(default)s)"
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"holds the bearer token; without it the token is ${TOKEN_VARIABLE}, if set",
    )
    parser.add_argument(
        "--speed",
        type=speed,
        default=SPEED_DEFAULT,
        metavar="N|max",
        help="seconds of the recording a second (default 2000: a day in 43 s); max: as fast as "
        "answers come",
    )
    parser.add_argument(
        "--scope", default="ubuntu", help="scope of recorded talk (default %(default)s)"
    )
    parser.add_argument(
        "--chat", default="#ubuntu", help="chat id of recorded talk (default %(default)s)"
    )
    parser.add_argument(
        "--run-id",
        type=_run_id,
        help="begins every message id; default: a new one, so that nothing is a repeat",
    )
    parser.epilog = "Exit code: 0 all worked off, 1 not all, 2 nothing was sent."


def speed(text: str) -> float | None:
    """Return a speed of the command line: seconds of the recording a second, None for `max`."""
    if text == "max":
        return None
    factor = float(text)
    if not 0 < factor < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0, or max")
    return factor


def _run_id(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", text) is None:
        raise argparse.ArgumentTypeError("must be 1 to 64 letters, digits, _ . or -")
    return text


def main(arguments: argparse.Namespace) -> int:
    """Replay the files, one after the other; 0 when every message was answered and worked off.

    1: a message got no answer, or something is left waiting or leased. 2: nothing was sent,
    because a file is bad or the service cannot be reached.
    """
    try:
        entries = _read(arguments)
        target = Target(url=arguments.url, token=read_token(arguments.token_file))
        return asyncio.run(_replay(target, entries, arguments.speed))
    except (RecordingError, RouterError, OSError) as error:
        sys.stderr.write(f"session-router replay: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _read(arguments: argparse.Namespace) -> list[Entry]:
    chat = Chat(scope=arguments.scope or None, chat_id=arguments.chat)
    run_id = arguments.run_id or uuid.uuid4().hex[:12]
    entries: list[Entry] = []
    for number, path in enumerate(arguments.files):
        prefix = f"{run_id}-{number}-" if len(arguments.files) > 1 else f"{run_id}-"
        entries += read_recording(path, chat, prefix)
    return entries


def read_token(path: Path | None) -> str | None:
    """Read a bearer token from a file, or else from the environment; None for no token."""
    if path is not None:
        return path.read_text(encoding="utf-8").strip()
    return os.environ.get(TOKEN_VARIABLE) or None


async def _replay(target: Target, entries: list[Entry], factor: float | None) -> int:
    async with Router(target.url, target.token, retry_seconds=FIRST_ANSWER_SECONDS) as router:
        await router.stats()
    played = await Player(target, factor, DecisionLines(sys.stdout)).play(entries)
    sys.stdout.write("\n" + "\n".join(summary(played, factor)) + "\n")
    return 1 if faults(played) else 0
