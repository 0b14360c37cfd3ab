"""What must not go unnoticed: refusals that last, a watch that dies, a handler that goes on."""

import asyncio
import logging

import httpx
import pytest

from session_router import Incoming, Router, RunInWork, Source, Unavailable
from session_router.errors import Unauthorized
from session_router.failures import Failures
from session_router.lease import Lease
from session_router.testing import FakeRouter
from tests.client.agents import Agent, client, eventually

HELLO = Incoming(
    message_id="1",
    source=Source(platform="discord", chat_type="group", chat_id="1", user_id="7"),
    text="hello",
)


def errors(caplog: pytest.LogCaptureFixture, part: str) -> int:
    return sum(
        part in record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR
    )


async def test_a_wrong_token_is_spoken_of_again_and_again(caplog: pytest.LogCaptureFixture) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(401))

    async with client("http://router", Agent().answer, max_runs=1, transport=transport):

        async def are_told() -> bool:
            claims, streams = errors(caplog, "a claim failed"), errors(caplog, "the signal stream")
            return claims >= 2 and streams >= 2

        await eventually(are_told)


def test_what_is_refused_is_asked_less_often_than_what_is_away() -> None:
    away, refused = Failures("a"), Failures("b")
    delays = [
        (away.note(Unavailable("gone")), refused.note(Unauthorized(401, "unauthorized", "no")))
        for _ in range(200)
    ]

    assert max(delay for delay, _ in delays) <= 2.0
    assert 2.0 < max(delay for _, delay in delays) <= 30.0
    refused.over()
    assert refused.note(Unavailable("gone")) <= 0.1


async def test_a_watch_that_dies_ends_its_run_and_is_spoken_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    agent = Agent()
    router = FakeRouter()
    router.run(agent.answer)

    async def die(_lease: Lease) -> None:
        await agent.started.get()
        raise ValueError("a fault of the client")

    monkeypatch.setattr(Lease, "keep", die)
    async with router:
        run = router.grant(HELLO)
        assert await asyncio.wait_for(run.ended(), 5) == "failed"

    assert run.reason == "ValueError: a fault of the client"
    assert agent.cancelled == [run.granted.id]
    assert errors(caplog, "could not go on with it") == 1


async def test_a_handler_that_goes_on_although_it_was_cancelled_is_spoken_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("session_router.carrying.STUBBORN_SECONDS", 0.01)
    router = FakeRouter()
    at_work, let_go = asyncio.Event(), asyncio.Event()

    @router.run
    async def refuse(_run: RunInWork) -> None:
        at_work.set()
        try:
            await let_go.wait()
        except asyncio.CancelledError:
            await let_go.wait()

    async with router:
        run = router.grant(HELLO)
        await at_work.wait()
        run.lose()

        async def is_told() -> bool:
            return errors(caplog, "was cancelled and goes on") >= 1

        await eventually(is_told)
        let_go.set()


@pytest.mark.parametrize("entered", [True, False])
async def test_a_second_handler_or_a_late_one_is_refused(entered: bool) -> None:
    router = Router("http://router")
    if not entered:
        router.run(Agent().answer)
    async with router:
        with pytest.raises(RuntimeError, match="one handler"):
            router.run(Agent().answer)
