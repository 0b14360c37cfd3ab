"""`session-router torture`: many gateways and workers at once, and the invariants held to it.

It drives what it is given and breaks nothing itself: kill routers, stop the store, cut the
network meanwhile, and it tells whether the promises were kept.
"""

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from app.replay import TOKEN_VARIABLE, read_token
from app.torture.director import Director, Task, Verdict
from app.torture.history import ACCEPTED
from app.torture.plan import Plan
from app.torture.routers import Routers
from app.torture.senders import Stuck

PATIENCE_SECONDS: Final = 90.0
SHOWN_MAX: Final = 3
BROKEN: Final = 1
UNKNOWN: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `session-router torture`."""
    parser.add_argument(
        "urls", nargs="*", metavar="URL", default=["http://127.0.0.1:8080"],
        help="routers on one store (default: http://127.0.0.1:8080)",
    )  # fmt: skip
    for flag, kind, default, meaning in (
        ("--seconds", _positive, 60.0, "how long messages are sent"),
        ("--rate", _positive, 20.0, "messages a second, of all gateways together"),
        ("--gateways", _count, 8, "gateways"),
        ("--workers", _count, 4, "workers that claim"),
        ("--processes", _count, 2, "processes that these are divided over"),
    ):
        parser.add_argument(
            flag, type=kind, default=default, metavar="N", help=f"{meaning} (default %(default)s)"
        )
    parser.add_argument(
        "--seed", type=int, help="draws chats, policies and timings (default: a new one)"
    )
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE",
        help=f"holds an operator's token; without it the token is ${TOKEN_VARIABLE}, if set",
    )  # fmt: skip
    parser.add_argument(
        "--keep-policy", action="store_true",
        help="leave the policy alone and let no operator act (a gateway's token is enough); else "
        "rules are added for the torture's own agent and chats, and taken away at the end",
    )  # fmt: skip
    parser.add_argument(
        "--record", type=Path, metavar="FOLDER",
        help="keep the record there (default: in a temporary folder, if a promise was not kept)",
    )  # fmt: skip
    parser.epilog = (
        "Sends as an agent and a platform of its own, `torture-...`, and touches no session of\n"
        "another. Sessions are left to their `session_ttl_days`.\n\n"
        "Exit code: 0 every promise was kept, 1 one was not, 2 it could not be found out."
    )


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def main(arguments: argparse.Namespace) -> int:
    """Torture the routers; 0 if every invariant held, 1 if not, 2 if that is not known."""
    seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    sys.stdout.write(f"seed {seed}\n")
    sys.stdout.flush()
    folder = arguments.record or Path(tempfile.mkdtemp(prefix="session-router-torture-"))
    code = _judged(arguments, seed, folder)
    if code == BROKEN:
        sys.stdout.write(f"the record is in {folder}\n")
    elif arguments.record is None:
        shutil.rmtree(folder)
    return code


def _judged(arguments: argparse.Namespace, seed: int, folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        verdict = asyncio.run(_torture(_task(arguments, seed, folder)))
    except (Stuck, OSError) as error:
        sys.stderr.write(f"session-router torture: seed {seed}: {error}\n")
        return BROKEN if isinstance(error, Stuck) else UNKNOWN
    except KeyboardInterrupt:
        return 130
    sys.stdout.write("\n".join(report(verdict)) + "\n")
    return BROKEN if verdict.violations else 0


def _task(arguments: argparse.Namespace, seed: int, folder: Path) -> Task:
    if any(folder.glob("p*.jsonl")):
        raise FileExistsError(f"{folder} has a record already")
    return Task(
        urls=tuple(url.rstrip("/") for url in arguments.urls),
        token=read_token(arguments.token_file),
        plan=Plan(f"{seed}-{secrets.token_hex(4)}", seed),
        folder=folder,
        seconds=arguments.seconds,
        gateways=arguments.gateways,
        workers=arguments.workers,
        processes=arguments.processes,
        messages_per_second=arguments.rate,
        patience_seconds=PATIENCE_SECONDS,
        keeps_policy=arguments.keep_policy,
    )


async def _torture(task: Task) -> Verdict:
    async with Routers(task.urls, task.token, task.patience_seconds) as routers:
        await routers.find()
        return await Director(task, routers).torture()


def report(verdict: Verdict) -> list[str]:
    """Tell what was done, what came of it, and the shortest stories of what was broken."""
    decisions = Counter(event.decision for event in verdict.history.events if event.decision)
    answers = ", ".join(f"{status}: {n}" for status, n in sorted(verdict.answers.items()))
    states = ", ".join(f"{n} {state}" for state, n in verdict.final.stats["messages"].items())
    accepted = sum(decisions[word] for word in ACCEPTED)
    acts = [event for event in verdict.history.events if event.verb == "act"]
    actions = Counter(str(act.body["action"]) for act in acts if act.answer.get("changed"))
    seen = (verdict.policies, len(verdict.history.samples))
    lines = [
        f"requests {len(verdict.history.events)} ({answers})",
        f"messages: {states}",
        f"decisions: {', '.join(f'{n} {word}' for word, n in decisions.most_common())}",
        f"accepted by answer {accepted}, runs {len(verdict.history.grants())}",
        f"gateways besides: {_besides(verdict)}",
        f"operators: {', '.join(f'{n} {word}' for word, n in actions.most_common()) or 'none'}",
        "changes of the policy {}, figures read {} times".format(*seen),
        f"processes lost {verdict.lost_processes}, at rest after {verdict.rest_seconds:.1f} s",
        f"violations {len(verdict.violations)}",
    ]
    return lines + [str(violation) for violation in verdict.violations[:SHOWN_MAX]]


def _besides(verdict: Verdict) -> str:
    """How often gateways did what is neither sending nor running."""
    done = [event for event in verdict.history.events if event.done]
    seen = {(call.target, name) for call in done for name in call.body.get("seen", ())}
    counts = Counter(event.verb for event in done)
    words = {"stop": "stops", "amend": "amendments", "ask": "questions"}
    told = [f"{counts[verb]} {word}" for verb, word in words.items() if counts[verb]]  # type: ignore[index]
    return ", ".join([*told, f"{len(seen)} steers and answers seen"])
