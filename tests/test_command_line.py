"""The command line: what it prints, what it refuses, and how."""

import builtins
import json
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from app.__main__ import main
from app.settings import Settings
from app.tokens import hash_token, read_tokens
from session_router import command

SOURCE = {"platform": "discord", "chat_type": "group", "chat_id": "123", "user_id": "456"}


def test_a_token_and_its_entry_are_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "gw", "--role", "gateway"]) == 0
    output = capsys.readouterr()
    token, entry = output.out.split("\n", 1)
    assert token.startswith("srt_")
    assert hash_token(token) in entry
    assert token not in entry + output.err


def test_a_token_for_a_file_is_all_that_stands_on_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tokens.yaml"
    arguments = ["token", "ops", "--role", "operator", "--agents", "main,other"]
    assert main([*arguments, "--file", str(file)]) == 0
    token = capsys.readouterr().out.strip()
    (entry,) = read_tokens(file)
    assert (entry.name, entry.role, entry.agents) == ("ops", "operator", ("main", "other"))
    assert entry.sha256 == hash_token(token)
    assert token not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_second_token_of_a_name_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["token", "gw", "--role", "gateway", "--file", str(tmp_path / "tokens.yaml")]
    assert main(arguments) == 0
    capsys.readouterr()
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "already has a token named 'gw'" in output.err


def test_a_token_needs_a_plain_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "a b", "--role", "gateway"]) == 2
    assert "token 'a b': name: " in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["token", "gw"], ["token", "gw", "--role", "root"]])
def test_what_is_missing_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: session-router" in capsys.readouterr().err


def test_the_help_of_serve_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = capsys.readouterr().out
    for name in Settings.model_fields:
        assert f"SESSION_ROUTER_{name.upper()} (default " in text


def test_resolve_prints_what_the_service_would_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\ndefaults: {isolation: shared}\n")
    for arguments, key in (
        ([], "agent:main:discord:group:123:456"),
        (["--policy", str(policy)], "agent:main:discord:group:123"),
        (["--agent", "a"], "agent:a:discord:group:123:456"),
    ):
        assert main(["resolve", *arguments, json.dumps(SOURCE)]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["key"] == key
        assert set(answer) == {"key", "policy", "rules", "why"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{", "the source is no JSON"),
        ("[]", "source: "),
        (json.dumps(SOURCE | {"chat": 1}), "source.chat: "),
        (json.dumps({k: v for k, v in SOURCE.items() if k != "user_id"}), "source.user_id: "),
    ],
)
def test_resolve_says_what_is_wrong_with_a_source(
    source: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resolve", source]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"session-router: {reason}")


@pytest.mark.parametrize("arguments", [["resolve", json.dumps(SOURCE)], ["serve", "--port", "0"]])
def test_a_wrong_policy_is_refused_with_its_paths(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\ndefaults: {isolation: alone, colour: red}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SESSION_ROUTER_POLICY_FILE", str(policy))
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert "defaults.isolation: " in message
    assert "defaults.colour: " in message
    assert not (tmp_path / "session-router-data").exists()


def test_it_runs_as_a_module_too() -> None:
    command_line = [sys.executable, "-m", "app", "--help"]
    output = subprocess.run(command_line, capture_output=True, check=True, text=True).stdout
    for name in ("serve", "token", "resolve", "replay", "demo", "openapi"):
        assert name in output


def _without(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every import of a package fail, as where it is not installed."""
    original = builtins.__import__

    def absent(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        if name.split(".", maxsplit=1)[0] == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return original(name, globals, locals, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", absent)
    for name in list(sys.modules):
        if name.split(".")[0] == "app":
            monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize(
    "package",
    [
        "fastapi",
        "hiredis",
        "orjson",
        "prometheus_client",
        "pydantic_settings",
        "redis",
        "starlette",
        "yaml",
    ],
)
def test_a_gateway_without_the_server_is_told_how_to_get_it(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["session-router", "openapi", "--check"])
    _without(package, monkeypatch)
    assert command.main() == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert f"({package} is missing)" in message
    assert "pip install 'session-router[server]'" in message


def test_another_missing_module_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    _without("argparse", monkeypatch)
    with pytest.raises(ModuleNotFoundError, match="argparse"):
        command.main()
