"""Whatever is sent, every answer is one that `openapi.yaml` promises, and none is a 5xx.

Requests are drawn from the document by schemathesis, those that fit it and those that do not,
for each kind of caller; the service is a process with a real store. The same ones every time,
unless `SESSION_ROUTER_API_EXAMPLES` says how many are drawn anew.
"""

import json
import os
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.generation.case import Case

from tests.faults.services import Service
from tests.processes import PROJECT
from tests.service import Document, message, write_token

DRAWN_ANEW = os.environ.get("SESSION_ROUTER_API_EXAMPLES")
EXAMPLES = int(DRAWN_ANEW or 12)
DOCUMENT: dict[str, Any] = yaml.safe_load((PROJECT / "openapi.yaml").read_text("utf-8"))
FOUND = schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
OPERATIONS = [operation.ok() for operation in FOUND if isinstance(operation, Ok)]
CALLERS = ("operator", "gateway", "viewer", "nobody")
# These do not end by themselves where they are allowed. That of signals can be asked for wrongly.
SIGNALS, EVENTS = "/v1/signals", "/v1/events"
ACCESS = "/v1/access"
CALLS = [
    pytest.param(operation, caller, id=f"{operation.method}-{operation.path}-{caller}")
    for operation in OPERATIONS
    for caller in CALLERS
    if operation.path != EVENTS or caller == "nobody"
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("every-answer")
    tokens = folder / "tokens.yaml"
    write_token(tokens, "operator", "operator")
    write_token(tokens, "gateway", "gateway", ("main",))
    write_token(tokens, "viewer", "viewer", ("main",))
    with Service(folder / "service", "--tokens", str(tokens)) as running:
        running.await_ready()
        yield running
        assert not running.errors


@pytest.fixture(scope="module")
def document() -> Document:
    return Document(DOCUMENT)


def there_is(service: Service, number: int) -> dict[str, Any]:
    """An active run, so that not every call meets nothing."""
    body = json.dumps(message(f"m{number}", chat_id=f"chat-{number}")).encode()
    request = urllib.request.Request(f"{service.url}/v1/messages", body)
    request.add_header("Authorization", "Bearer operator")
    with urllib.request.urlopen(request, timeout=10) as answer:
        run: dict[str, Any] = json.load(answer)["run"]
        return run


def aim(case: Case[Any], run: dict[str, Any]) -> None:
    """Let a request meet what is there."""
    places = {"key": quote(run["session_key"], safe=""), "run_id": run["id"]}
    for name in set(places) & set(case.path_parameters or {}):
        case.path_parameters[name] = places[name]
    if isinstance(case.body, dict) and "fence" in case.body:
        case.body["fence"] = run["fence"]


def answered(service: Service, case: Case[Any], caller: str) -> httpx.Response:
    if isinstance(case.body, dict) and case.body.get("wait_seconds"):
        case.body["wait_seconds"] = 0
    headers = {} if caller == "nobody" else {"Authorization": f"Bearer {caller}"}
    answer = case.call(base_url=service.url, headers=headers, timeout=20)
    return httpx.Response(
        answer.status_code,
        headers={"content-type": answer.headers.get("content-type", [""])[0]},
        content=answer.content,
        request=httpx.Request(case.method.upper(), str(answer.request.url).partition("?")[0]),
    )


def test_every_operation_is_called() -> None:
    assert len(OPERATIONS) == sum(map(len, DOCUMENT["paths"].values()))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("operation", "caller"), CALLS)
def test_every_answer_is_as_documented(
    service: Service, document: Document, operation: Any, caller: str
) -> None:
    may_stream = operation.path == SIGNALS and caller in ("operator", "gateway")
    run = there_is(service, OPERATIONS.index(operation) * len(CALLERS) + CALLERS.index(caller))
    modes = [GenerationMode.NEGATIVE] if may_stream else list(GenerationMode)
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))

    @settings(
        max_examples=EXAMPLES if caller in ("operator", "gateway") else EXAMPLES // 4,
        deadline=None,
        database=None,
        derandomize=DRAWN_ANEW is None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, is_aimed=st.booleans())
    def check(case: Case[Any], is_aimed: bool) -> None:
        if is_aimed:
            aim(case, run)
        if may_stream and case.query.get("consumer"):
            return  # it might fit after all, and then it streams
        answer = answered(service, case, caller)
        if b":malformed_request" in answer.content:
            return  # its address is too long: no call of the API
        assert answer.status_code < 500, answer.text
        document.check(answer)
        # Who asks who he is may be nobody.
        if caller == "nobody" and operation.path.startswith("/v1/") and operation.path != ACCESS:
            assert answer.status_code == 401

    check()
