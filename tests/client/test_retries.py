"""What the client does about answers, without a service: a transport stands in for it."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from session_router import (
    Decision,
    Incoming,
    InvalidMessage,
    Refused,
    Router,
    RouterError,
    Source,
    Submission,
    Unauthorized,
    Unavailable,
)
from session_router.retries import Patience, backoff_seconds, retry_after_seconds

SOURCE = Source(platform="discord", chat_type="group", chat_id="123", user_id="456")
QUEUED = {
    "decision": "queue",
    "reason": "other_sender_active",
    "queue": {"position": 1, "depth": 1, "first": True},
    "state": "waiting",
}

Answers = Callable[[httpx.Request], httpx.Response]


def client(answers: Answers, retry_seconds: float = 5.0) -> Router:
    return Router(
        "http://router",
        "srt_secret",
        retry_seconds=retry_seconds,
        transport=httpx.MockTransport(answers),
    )


async def submit(router: Router) -> Submission[Decision]:
    return await router.submit(Incoming(message_id="1", source=SOURCE, text="a private word"))


def problem(status: int, code: str) -> httpx.Response:
    body = {
        "type": f"urn:session-router:problem:{code}",
        "title": code,
        "status": status,
        "detail": "why",
        "errors": [{"path": "source.chat_id", "message": "must be there"}],
    }
    return httpx.Response(status, json=body)


class InTurn:
    """Gives its answers one after the other, the last one for ever; keeps what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_an_answer_that_says_later_is_asked_again_with_the_same_body(status: int) -> None:
    answers = InTurn(httpx.Response(status), httpx.Response(200, json=QUEUED))

    async with client(answers) as router:
        submission = await submit(router)

    assert submission.decision == "queue"
    first, second = answers.requests
    assert first.content == second.content


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("closed"),
    ],
)
async def test_a_broken_connection_is_tried_again(error: Exception) -> None:
    answers = InTurn(error, error, httpx.Response(200, json=QUEUED))

    async with client(answers) as router:
        await submit(router)

    assert len(answers.requests) == 3


async def test_retry_after_is_waited_for() -> None:
    answers = InTurn(
        httpx.Response(503, headers={"Retry-After": "1"}), httpx.Response(200, json=QUEUED)
    )
    began_at = time.monotonic()

    async with client(answers) as router:
        await submit(router)

    assert time.monotonic() - began_at >= 1.0


async def test_a_retry_after_past_the_deadline_gives_up_at_once() -> None:
    answers = InTurn(httpx.Response(429, headers={"Retry-After": "60"}))

    async with client(answers) as router:
        with pytest.raises(Unavailable) as caught:
            await submit(router)

    assert caught.value.retry_after_seconds == 60.0
    assert len(answers.requests) == 1


async def test_trying_again_ends_at_the_total_deadline() -> None:
    answers = InTurn(httpx.ConnectError("refused"))
    began_at = time.monotonic()

    async with client(answers, retry_seconds=0.3) as router:
        with pytest.raises(Unavailable):
            await submit(router)

    assert time.monotonic() - began_at < 1.0


async def test_leaving_the_client_ends_the_trying() -> None:
    answers = InTurn(httpx.Response(503, headers={"Retry-After": "30"}))
    asked = asyncio.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.set()
        return answers(request)

    async with client(answer, retry_seconds=60.0) as router:
        submitting = asyncio.create_task(submit(router))
        await asyncio.wait_for(asked.wait(), 5)

    with pytest.raises(Unavailable):
        await submitting


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "malformed", InvalidMessage),
        (413, "too_large", InvalidMessage),
        (422, "invalid", InvalidMessage),
        (401, "unauthorized", Unauthorized),
        (403, "forbidden", Unauthorized),
        (404, "not_found", Refused),
        (500, "surprise", Refused),
    ],
)
async def test_other_errors_are_told_by_type_and_not_tried_again(
    status: int, code: str, error: type[Refused]
) -> None:
    answers = InTurn(problem(status, code))

    async with client(answers) as router:
        with pytest.raises(error) as caught:
            await submit(router)

    assert (caught.value.status, caught.value.code) == (status, code)
    assert len(answers.requests) == 1


async def test_an_invalid_message_names_its_fields() -> None:
    async with client(InTurn(problem(422, "invalid"))) as router:
        with pytest.raises(InvalidMessage) as caught:
            await submit(router)

    assert [fault.path for fault in caught.value.errors] == ["source.chat_id"]


async def test_a_message_that_no_router_takes_is_refused_before_it_is_sent() -> None:
    answers = InTurn(httpx.Response(200, json=QUEUED))

    async with client(answers) as router:
        with pytest.raises(InvalidMessage) as caught:
            await router.submit(Incoming(message_id="", source=SOURCE))

    assert [fault.path for fault in caught.value.errors] == ["message_id"]
    assert answers.requests == []


async def test_an_error_of_something_that_is_no_router_is_an_error_too() -> None:
    async with client(InTurn(httpx.Response(418, text="<html>"))) as router:
        with pytest.raises(Refused) as caught:
            await submit(router)

    assert (caught.value.status, caught.value.code) == (418, "")


async def test_what_a_newer_router_says_more_is_ignored() -> None:
    newer = QUEUED | {"mood": "fine", "queue": {**QUEUED["queue"], "lane": 7}}  # type: ignore[dict-item]

    async with client(InTurn(httpx.Response(200, json=newer))) as router:
        submission = await submit(router)

    assert submission.answer.queue is not None


async def test_an_answer_that_is_not_understood_is_an_error() -> None:
    async with client(InTurn(httpx.Response(200, json={"decision": "dance"}))) as router:
        with pytest.raises(RouterError, match="decision"):
            await submit(router)


async def test_what_is_submitted_to_a_client_that_is_not_open_is_not_sent() -> None:
    answers = InTurn(httpx.Response(200, json=QUEUED))
    router = client(answers)

    with pytest.raises(RuntimeError, match="not open"):
        await submit(router)
    async with router:
        pass
    with pytest.raises(RuntimeError, match="not open"):
        await submit(router)
    with pytest.raises(RuntimeError, match="once"):
        await router.__aenter__()

    assert answers.requests == []


async def test_the_token_goes_with_each_call_and_nothing_private_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers = InTurn(httpx.Response(503), httpx.Response(200, json=QUEUED))
    caplog.set_level(logging.DEBUG)

    async with client(answers) as router:
        await submit(router)

    assert {call.headers["Authorization"] for call in answers.requests} == {"Bearer srt_secret"}
    assert "srt_secret" not in caplog.text
    assert "a private word" not in caplog.text


async def test_each_client_is_a_consumer_of_its_own() -> None:
    answers = InTurn(httpx.Response(200, json=QUEUED))
    async with client(answers) as one, client(answers) as other:
        assert one.consumer != other.consumer


@pytest.mark.parametrize("url", ["router:8080", "unix:///run/router"])
def test_a_url_that_is_not_http_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        Router(url)


@pytest.mark.parametrize("failures", [0, 1, 5, 100_000])
def test_the_backoff_grows_up_to_its_cap(failures: int) -> None:
    for _ in range(100):
        assert 0.0 <= backoff_seconds(failures) <= min(5.0, 0.1 * 2 ** min(failures, 10))


def test_a_delay_is_never_shorter_than_asked_for_nor_past_the_deadline() -> None:
    patience = Patience(10.0)

    delay = patience.next_delay_seconds(7.0)

    assert delay is not None
    assert delay >= 7.0
    assert patience.next_delay_seconds(10.0) is None


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=30), usegmt=True)

    assert retry_after_seconds({}) is None
    assert retry_after_seconds({"retry-after": "12"}) == 12.0
    assert 28.0 <= (retry_after_seconds({"retry-after": soon}) or 0.0) <= 30.0
    assert retry_after_seconds({"retry-after": past}) == 0.0
    assert retry_after_seconds({"retry-after": "soon"}) is None
