"""Dockerfile and docker-compose.yml, as far as they can be checked without an engine."""

import json
import re
import shlex
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.routing.policy import parse_policy
from app.settings import PREFIX, Settings
from deploy.check_image import Instruction, instructions

PROJECT = Path(__file__).resolve().parents[2]
STEPS = list(instructions(PROJECT / "Dockerfile"))
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
ROUTER: dict[str, Any] = COMPOSE["services"]["router"]
REDIS: dict[str, Any] = COMPOSE["services"]["redis"]
SET_OUTSIDE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def _only(word: str) -> str:
    (found,) = (step.arguments for step in STEPS if step.word == word)
    return found


def _value(text: str) -> str:
    """Give what compose makes of a value when nothing is set outside."""
    return SET_OUTSIDE.sub(lambda match: match[2], text)


def test_every_copied_file_is_there_and_reaches_the_builder() -> None:
    admitted = (PROJECT / ".dockerignore").read_text().split()
    for step in STEPS:
        if step.word == "COPY" and not step.arguments.startswith("--from"):
            *sources, _ = step.arguments.split()
            for source in sources:
                assert (PROJECT / source).exists(), source
                assert f"!{source.split('/')[0]}" in admitted, source


def test_the_image_is_built_in_two_stages_and_runs_as_nobody_special() -> None:
    assert [step.word for step in STEPS].count("FROM") == 2
    last_stage = STEPS[[step.word for step in STEPS].index("FROM", 1) :]
    assert Instruction("USER", "router") in last_stage
    assert "--uid 10001" in _only_run(last_stage)


def _only_run(stage: list[Instruction]) -> str:
    (found,) = (step.arguments for step in stage if step.word == "RUN")
    return found


def test_the_base_image_is_a_python_that_the_project_supports() -> None:
    for step in STEPS:
        if step.word == "FROM":
            assert re.match(r"python:3\.1[123]-slim\b", step.arguments)


def test_packages_come_from_the_lock_with_hashes_and_are_never_compiled() -> None:
    for step in STEPS:
        if step.word == "RUN" and "pip install" in step.arguments:
            words = shlex.split(step.arguments)
            locked = "--require-hashes" in words and "--only-binary" in words
            assert locked or "--no-deps" in words, step.arguments


def test_the_command_and_the_health_check_need_no_shell() -> None:
    command = json.loads(_only("CMD"))
    assert command == ["session-router", "serve", "--host", "0.0.0.0"]
    check = json.loads(_only("HEALTHCHECK").partition(" CMD ")[2])
    assert check[:2] == ["python", "-c"]
    assert "/healthz" in check[2]
    compile(check[2], "health check", "exec")


def test_every_variable_of_the_router_is_a_setting_with_a_value_that_is_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable, value in ROUTER["environment"].items():
        assert variable.removeprefix(PREFIX).lower() in Settings.model_fields, variable
        monkeypatch.setenv(variable, _value(str(value)))
    settings = Settings()
    assert settings.redis_url == "redis://redis:6379/0"
    assert settings.shutdown_seconds < int(ROUTER["stop_grace_period"].removesuffix("s"))


def test_every_setting_of_a_router_can_be_given() -> None:
    of_the_image = {"host", "port"}
    of_the_embedded_store = {"data_dir", "appendfsync"}
    given = {variable.removeprefix(PREFIX).lower() for variable in ROUTER["environment"]}
    assert given == Settings.model_fields.keys() - of_the_image - of_the_embedded_store


def test_an_overridden_setting_is_overridden_by_its_own_name() -> None:
    for variable, value in ROUTER["environment"].items():
        outside = SET_OUTSIDE.search(str(value))
        assert outside is None or outside[1] == variable


def test_tokens_and_policy_are_where_the_settings_say() -> None:
    environment = ROUTER["environment"]
    assert ROUTER["secrets"] == ["tokens"]
    assert environment["SESSION_ROUTER_TOKENS_FILE"] == "/run/secrets/tokens"
    (policy,) = ROUTER["configs"]
    assert environment["SESSION_ROUTER_POLICY_FILE"] == policy["target"]
    parse_policy((PROJECT / _value(COMPOSE["configs"]["policy"]["file"])).read_text())


def test_the_router_is_published_on_loopback_and_waits_for_a_healthy_store() -> None:
    assert [_value(port) for port in ROUTER["ports"]] == ["127.0.0.1:8080:8080"]
    assert ROUTER["depends_on"] == {"redis": {"condition": "service_healthy"}}
    assert ROUTER["init"] is True
    assert {service["restart"] for service in (ROUTER, REDIS)} == {"unless-stopped"}


def test_the_store_keeps_everything_and_takes_the_image_of_redis_or_valkey() -> None:
    flags = [_value(part) for part in REDIS["command"]]
    # No program: the entrypoint of both images puts its server in front of flags.
    assert all(flag.startswith("--") for flag in flags[::2])
    assert dict(zip(flags[::2], flags[1::2], strict=True)) == {
        "--appendonly": "yes",
        "--appendfsync": "always",
        "--maxmemory-policy": "noeviction",
    }
    assert _value(REDIS["image"]) == "redis:8-alpine"
    assert REDIS["volumes"] == ["redis-data:/data"]
    assert "redis-data" in COMPOSE["volumes"]


def test_the_lock_names_no_place_to_download_from() -> None:
    for file in (PROJECT / "requirements").glob("*.txt"):
        text = file.read_text()
        assert not re.search(r"://|--index|--find-links|--trusted|file:|@ ", text), file
        pinned = re.findall(r"^[\w.-]+==", text, re.MULTILINE)
        assert pinned
        assert len(re.findall(r"--hash=sha256:", text)) >= len(pinned)


def test_the_server_gets_nothing_that_development_did_not_test() -> None:
    def pins(name: str) -> set[str]:
        text = (PROJECT / "requirements" / name).read_text()
        return set(re.findall(r"^[\w.-]+==[^ ]+", text, re.MULTILINE))

    assert pins("server.txt") <= pins("dev.txt")
    assert pins("build.txt") <= pins("dev.txt")


def test_what_continuous_integration_runs_may_be_run() -> None:
    assert stat.S_IMODE((PROJECT / ".ci" / "run").stat().st_mode) & 0o111
    assert sys.version_info >= (3, 11)
