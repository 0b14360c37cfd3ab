"""The command line: `session-router serve`, and what is needed around it.

Exit codes: 0 done; 1 the answer is no (a drift, a faulty policy, a failed replay); 2 it cannot be
done as asked; 3 the service could not start.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from app.routing.faults import PolicyError
from app.settings import PREFIX, Settings, SettingsError, load_settings
from app.store.embedded import EmbeddedValkeyError
from app.tokens import Role, TokenEntry, TokensError, add_token, as_yaml, generate_token, hash_token

Command = Callable[[argparse.Namespace], int]


class CommandError(Exception):
    """What was asked for cannot be done; the text says why."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; what goes wrong is one message on stderr."""
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    try:
        return command(arguments)
    except PolicyError as error:
        faults = "".join(f"\n  {fault}" for fault in error.faults)
        problem = f"the policy is refused, nothing of it is applied:{faults}"
    except (CommandError, SettingsError, TokensError, EmbeddedValkeyError) as error:
        problem = str(error)
    print(f"session-router: {problem}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="session-router",
        description="Which session is this message, and does it run now, wait, interrupt or steer?",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary, command, arguments in (
        ("serve", "serve the API", _serve, _serve_arguments),
        ("token", "make a bearer token", _token, _token_arguments),
        ("resolve", "tell the session key of a source", _resolve, _resolve_arguments),
        ("policy", "check a policy file", _policy, _policy_arguments),
        ("replay", "send a recorded conversation to a service", _replay, _replay_arguments),
        ("evaluate", "compare the isolations on recordings", _evaluate, _evaluate_arguments),
        ("torture", "hold a deployment to its promises", _torture, _torture_arguments),
        ("demo", "show what the service is for, in a minute", _demo, _demo_arguments),
        ("openapi", "write openapi.yaml, or check it", _openapi, _openapi_arguments),
    ):
        part = commands.add_parser(
            name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        arguments(part)
        part.set_defaults(command=command)
    return parser


def _serve_arguments(parser: argparse.ArgumentParser) -> None:
    for flag, setting, meaning in (
        ("--host", "host", "address to listen on"),
        ("--port", "port", "TCP port, 0 for a free one"),
        ("--workers", "workers", "processes that serve HTTP"),
        ("--data-dir", "data_dir", "folder of the embedded Valkey"),
        ("--policy", "policy_file", "YAML file with the policy"),
        ("--tokens", "tokens_file", "YAML file with the hashed tokens"),
        ("--redis-url", "redis_url", "the Redis or Valkey to use in place of the embedded one"),
    ):
        parser.add_argument(flag, dest=setting, metavar=setting.upper(), help=meaning)
    parser.epilog = "Settings come from the environment too; a flag wins over its variable.\n\n"
    for name, field in Settings.model_fields.items():
        parser.epilog += f"{PREFIX}{name.upper()} (default {field.default})\n"
        parser.epilog += f"  {field.description}\n".replace("%", "%%")


def _serve(arguments: argparse.Namespace) -> int:
    for name in Settings.model_fields:
        value = getattr(arguments, name, None)
        if value is not None:
            os.environ[f"{PREFIX}{name.upper()}"] = value
    settings = load_settings()
    from app.serve import serve

    serve(settings)
    return 0


def _token_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="who will use it, for people to read")
    parser.add_argument(
        "--role", required=True, choices=get_args(Role), help="what it may do: docs/operations.md"
    )
    parser.add_argument("--agents", metavar="A,B", help="only these agents; default: all")
    parser.add_argument("--file", type=Path, help="append its entry to this tokens file")


def _token(arguments: argparse.Namespace) -> int:
    """Print a new token on stdout, alone on its line; what is meant for people is on stderr."""
    token = generate_token()
    agents = None if arguments.agents is None else tuple(arguments.agents.split(","))
    try:
        entry = TokenEntry(
            name=arguments.name, role=arguments.role, sha256=hash_token(token), agents=agents
        )
    except ValidationError as error:
        raise CommandError(f"token {arguments.name!r}: {_first_fault(error)}") from None
    if arguments.file is not None:
        add_token(arguments.file, entry)
    print("The token, shown this once; only its hash is kept:", file=sys.stderr)
    print(token, flush=True)
    if arguments.file is None:
        print("Its entry under `tokens:` in the tokens file:", file=sys.stderr, flush=True)
        print(as_yaml(entry), end="")
    return 0


def _replay_arguments(parser: argparse.ArgumentParser) -> None:
    from app.replay import add_arguments

    add_arguments(parser)


def _replay(arguments: argparse.Namespace) -> int:
    from app.replay import main as replay

    return replay(arguments)


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    from app.evaluate import add_arguments

    add_arguments(parser)


def _evaluate(arguments: argparse.Namespace) -> int:
    from app.evaluate import main as evaluate

    return evaluate(arguments)


def _torture_arguments(parser: argparse.ArgumentParser) -> None:
    from app.torture import add_arguments

    add_arguments(parser)


def _torture(arguments: argparse.Namespace) -> int:
    from app.torture import main as torture

    return torture(arguments)


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    from app.demo import add_arguments

    add_arguments(parser)


def _demo(arguments: argparse.Namespace) -> int:
    from app.demo import main as demo

    return demo(arguments)


def _openapi_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only tell whether the file drifted")
    parser.add_argument(
        "--output", type=Path, default=Path("openapi.yaml"), metavar="FILE",
        help="default: %(default)s",
    )  # fmt: skip


def _openapi(arguments: argparse.Namespace) -> int:
    from app.api.openapi import write_or_check
    from app.main import create_app

    if write_or_check(create_app(), arguments.output, check=arguments.check):
        return 0
    print(f"{arguments.output} is not what the code says: run 'make openapi'", file=sys.stderr)
    return 1


def _resolve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help=f"default: {PREFIX}POLICY_FILE, or the defaults"
    )
    parser.add_argument("--agent", default="main", help="whom it is for (default: %(default)s)")
    parser.add_argument("source", metavar="SOURCE_JSON", help="a message's source, as JSON")


def _resolve(arguments: argparse.Namespace) -> int:
    """Print what `POST /v1/resolve` would answer, without a service."""
    from app.main import read_policy
    from app.routing.isolation import MissingPart
    from app.routing.policy import Policy
    from app.routing.route import explain
    from app.routing.rules import Rulebook
    from session_router.models import ResolveRequest

    settings = load_settings()
    if arguments.policy is not None:
        settings = settings.model_copy(update={"policy_file": arguments.policy})
    rulebook = Rulebook(read_policy(settings) or Policy())
    try:
        request = ResolveRequest.model_validate(
            {"agent": arguments.agent, "source": _json(arguments.source)}
        )
        resolution = explain(rulebook, request.agent, request.kind, request.source)
    except ValidationError as error:
        raise CommandError(_first_fault(error)) from None
    except MissingPart as error:
        raise CommandError(f"{error.path}: {error}") from None
    print(resolution.model_dump_json(indent=2))
    return 0


def _policy_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["check"], help="tell every fault, each with its path")
    parser.add_argument("file", type=Path, metavar="FILE")


def _policy(arguments: argparse.Namespace) -> int:
    """Print the faults of a policy, `path: message` a line; none, and nothing, if it is sound."""
    from app.main import read_policy

    try:
        read_policy(load_settings().model_copy(update={"policy_file": arguments.file}))
    except PolicyError as error:
        for fault in error.faults:
            print(fault)
        return 1
    return 0


def _json(text: str) -> object:
    try:
        data: object = json.loads(text)
    except ValueError as error:
        raise CommandError(f"the source is no JSON: {error}") from None
    return data


def _first_fault(error: ValidationError) -> str:
    detail = error.errors()[0]
    return f"{'.'.join(map(str, detail['loc']))}: {detail['msg'].removeprefix('Value error, ')}"


if __name__ == "__main__":
    sys.exit(main())
