"""The log: what its lines say, what they never say, and that nothing can fake one."""

import asyncio
import json
import logging
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import logs, sweep
from app.errors import StoreUnavailable
from app.logs import JsonLines, Lines, TextLines
from app.store.deadlines import Deadlines
from app.store.store_client import StoreClient
from app.sweep import Sweep
from app.tokens import TokenEntry, add_token, hash_token
from session_router.models import Heartbeat
from tests.faults.services import Service
from tests.processes import wait_until

KEY = "a key of this test alone"
LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) [\w.]+: [^\n]+"
)
BELOW = re.compile(r"    \S[^\n]*")
REQUESTS = ("first", "second", "third", "fourth")
HOSTILE = "a\r\n2026-11-22T00:00:00.000Z ERROR app: faked\x1b[2J\u202e\u2028b"


def record(text: str = "decided", **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("app.api.calls", logging.INFO, "", 0, text, None, None)
    made.__dict__.update(logs.fields(**fields))
    return made


def failed(error: BaseException) -> logging.LogRecord:
    try:
        raise error  # noqa: TRY301
    except BaseException as caught:  # noqa: BLE001
        info = (type(caught), caught, caught.__traceback__)
        return logging.LogRecord("app", logging.ERROR, "", 0, "failed", None, info)


@pytest.mark.parametrize("lines", [TextLines(), JsonLines(), TextLines(KEY), JsonLines(KEY)])
def test_nothing_from_outside_ends_a_line_or_reorders_it(lines: Lines) -> None:
    for made in (
        record(HOSTILE),
        record(session=HOSTILE),
        record(reason=HOSTILE),
        failed(ValueError(HOSTILE)),
    ):
        line = lines.format(made)
        for part in line.split("\n    "):
            assert part.isprintable(), part
        assert not re.search(r"^2026-11-22T00:00:00", line, re.MULTILINE)


def test_a_value_cannot_fake_a_field() -> None:
    line = TextLines().format(record(reason="x outcome=ok", by='a" outcome="ok'))
    assert line.endswith(r'decided reason="x outcome=ok" by="a\" outcome=\"ok"')


def test_a_line_names_its_request_its_time_and_its_fields() -> None:
    token = logs.request_id.set("gw-1")
    try:
        line = json.loads(JsonLines().format(record(decision="run", ms=1.5, run_id=None)))
    finally:
        logs.request_id.reset(token)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "info",
        "logger": "app.api.calls",
        "text": "decided",
        "request_id": "gw-1",
        "decision": "run",
        "ms": 1.5,
    }


def test_with_a_key_ids_are_hashed_the_same_every_time_and_nothing_else_is() -> None:
    def line(key: str | None, user_id: str) -> dict[str, Any]:
        made = record(user_id=user_id, reason="session_idle")
        found: dict[str, Any] = json.loads(JsonLines(key).format(made))
        return found

    hashed = line(KEY, "456")
    assert re.fullmatch(r"[0-9a-f]{16}", hashed["user_id"])
    assert hashed["reason"] == "session_idle"
    assert line(KEY, "456")["user_id"] == hashed["user_id"]
    assert line(KEY, "457")["user_id"] != hashed["user_id"]
    assert line("another key of this test", "456")["user_id"] != hashed["user_id"]
    assert line(None, "456")["user_id"] == "456"


def test_an_error_is_told_with_its_place_and_what_it_came_from() -> None:
    def cause() -> None:
        raise KeyError("user 456")

    def fail() -> None:
        try:
            cause()
        except KeyError as error:
            group = ExceptionGroup("several", [ValueError("one of them")])
            raise group from error

    with pytest.raises(ExceptionGroup) as caught:
        fail()
    told = TextLines().format(failed(caught.value))
    for part in ("in cause", "KeyError: 'user 456'", "in fail", "ValueError: one of them"):
        assert part in told
    assert "456" not in TextLines(KEY).format(failed(caught.value))
    assert "in cause" in TextLines(KEY).format(failed(caught.value))


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ("app.errors.StoreUnavailable: The store is away.", "The store is away."),
        ("ValueError: a bug", None),
        ("app.errors.Bare", None),
    ],
)
def test_an_end_that_we_chose_is_told_without_a_librarys_traceback(
    last: str, told: str | None
) -> None:
    text = f'Traceback (most recent call last):\n  File "main.py", line 1, in x\n{last}\n'
    line = json.loads(JsonLines(None).format(record(text)))
    assert line["text"] == (told or text.rstrip())


def test_a_failed_validation_is_told_without_what_failed() -> None:
    with pytest.raises(ValueError, match="my secret") as caught:
        Heartbeat.model_validate({"sealed": "my secret"})
    told = TextLines().format(failed(caught.value))
    assert "ValidationError: missing" in told
    assert "secret" not in told


@pytest.fixture
def service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Service]:
    """Give a service with two workers and a token, which logs all it can."""
    for name, value in {"LOG_LEVEL": "debug", **request.param}.items():
        monkeypatch.setenv(f"SESSION_ROUTER_{name}", value)
    tokens = tmp_path / "tokens.yaml"
    for role in ("gateway", "operator"):
        entry = TokenEntry(name=role, role=role, sha256=hash_token(f"srt_{role}"))
        add_token(tokens, entry)
    with Service(tmp_path / "s", "--workers", "2", "--tokens", str(tokens)) as service:
        service.await_ready()
        yield service


def send(service: Service, path: str, role: str, body: object, request: str) -> str:
    """Post something; the request id of the answer."""
    headers = {"Authorization": f"Bearer srt_{role}", "X-Request-Id": request}
    data = json.dumps(body).encode()
    asking = urllib.request.Request(f"{service.url}{path}", data, headers)
    try:
        with urllib.request.urlopen(asking, timeout=10) as answer:
            return str(answer.headers["X-Request-Id"])
    except urllib.error.HTTPError as refusal:
        with refusal:
            return str(refusal.headers["X-Request-Id"])


def talk(service: Service) -> None:
    source = {"platform": "irc", "chat_type": "group", "chat_id": "the-chat", "user_id": "Zoe"}
    body = {"message_id": "m-77", "consumer": "gw-9", "text": "a private matter", "source": source}
    assert send(service, "/v1/messages", "gateway", body, "first") == "first"
    assert send(service, "/v1/messages", "gateway", body | {"text": 7}, "second") == "second"
    key = "agent%3Amain%3Airc%3Agroup%3Athe-chat%3AZoe"
    assert send(service, f"/v1/sessions/{key}/release", "operator", {}, "third") == "third"
    assert send(service, f"/v1/sessions/{key}/release", "gateway", {}, "fourth") == "fourth"


@pytest.mark.slow
@pytest.mark.parametrize(
    "service", [{"LOG_FORMAT": "json", "LOG_HASH_KEY": KEY}], indirect=True, ids=["hashed"]
)
def test_every_line_is_json_and_no_text_no_token_and_no_id_is_in_it(service: Service) -> None:
    talk(service)
    wait_until(lambda: all(f'"{name}", "verb"' in service.log for name in REQUESTS))
    lines = [json.loads(line) for line in service.log.splitlines()]
    assert {line["text"] for line in lines} >= {"decided", "answered"}
    (decided,) = (line for line in lines if line["text"] == "decided")
    assert (decided["level"], decided["request_id"]) == ("debug", "first")
    assert (decided["decision"], decided["reason"]) == ("run", "session_idle")
    calls = {line["request_id"]: line for line in lines if line["text"] == "answered"}
    assert {name: line["outcome"] for name, line in calls.items() if name.isalpha()} == {
        "first": "ok",
        "second": "invalid_request",
        "third": "ok",
        "fourth": "forbidden",
    }
    acted = calls["third"]
    assert (acted["level"], acted["verb"], acted["by"]) == ("info", "release", "operator")
    assert acted["session"] == decided["session"]
    assert "uvicorn.error" in {line["logger"] for line in lines}
    for hidden in ("private matter", "srt_", "Zoe", "the-chat", "m-77", "gw-9"):
        assert hidden not in service.log


@pytest.mark.slow
@pytest.mark.parametrize("service", [{}], indirect=True, ids=["plain"])
def test_every_line_for_people_has_one_form_and_names_ids(service: Service) -> None:
    talk(service)
    wait_until(lambda: all(f"request_id={name} verb" in service.log for name in REQUESTS))
    for line in service.log.splitlines():
        assert LINE.fullmatch(line) or BELOW.fullmatch(line), line
    assert "session=agent:main:irc:group:the-chat:Zoe message_id=m-77 user_id=Zoe" in service.log
    for hidden in ("private matter", "srt_"):
        assert hidden not in service.log


@pytest.mark.slow
@pytest.mark.parametrize("service", [{"LOG_LEVEL": "info"}], indirect=True, ids=["info"])
def test_at_info_only_what_matters_is_said(service: Service) -> None:
    talk(service)
    wait_until(lambda: "request_id=third" in service.log)
    said = [line for line in service.log.splitlines() if "request_id=" in line]
    assert len(said) == 1
    assert "answered request_id=third verb=release outcome=ok status=200" in said[0]


async def test_an_outage_of_the_store_is_said_once_and_so_is_its_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rounds: list[Exception | float] = [0.0, *[StoreUnavailable()] * 3, 0.0, 0.0]

    async def run_once(_sweep: Sweep) -> float:
        if not rounds:
            raise asyncio.CancelledError
        outcome = rounds.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(Sweep, "run_once", run_once)
    monkeypatch.setattr(sweep, "PERIOD_SECONDS", 0.0)
    caplog.set_level("INFO")
    client = StoreClient("redis://nobody", 1.0)
    with pytest.raises(asyncio.CancelledError):
        await Sweep(Deadlines(client, 1)).run()
    await client.close()
    assert caplog.messages == ["the store does not answer", "the store answers again"]


def test_the_documented_way_to_hash_an_id_finds_its_lines() -> None:
    document = Path(__file__).parents[1] / "docs" / "operations.md"
    shown = re.search(
        r"' '(a secret of the routers)' (\d+)\n.*?```text\n(\w+)", document.read_text(), re.DOTALL
    )
    assert shown
    line = json.loads(JsonLines(shown[1]).format(record(user_id=shown[2])))
    assert line["user_id"] == shown[3]
