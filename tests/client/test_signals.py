"""Signals, against a real service: what a holder should know reaches its run at once, once."""

import asyncio
import time
from pathlib import Path
from signal import SIGTERM
from typing import Any

import httpx

from session_router import Incoming, Interrupted, Router, RunInWork, Source
from tests.client.agents import Agent, client, eventually, on, outcome_of
from tests.client.lossy_proxy import LossyProxy
from tests.replay.mortal_service import MortalService

AT_ONCE_SECONDS = 1.0  # a lease of these tests is 30 s, a beat comes every 10


async def send_from_elsewhere(url: str, source: Source, message_id: str, **fields: Any) -> str:
    """Send through another client, and return the decision."""
    async with Router(url) as other:
        submission = await other.submit(Incoming(message_id=message_id, source=source, **fields))
    return submission.decision


async def test_an_interrupt_from_elsewhere_cancels_the_handler_at_once(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source, text="first"))
        run = await agent.next_run()
        sent_at = time.monotonic()
        assert await send_from_elsewhere(service_url, source, "2", text="second") == "interrupt"
        assert await outcome_of(run) == "interrupted"
        seconds = time.monotonic() - sent_at
        following = await agent.next_run()
        status = await router.message_status("1", source)

    assert seconds < AT_ONCE_SECONDS
    assert agent.cancelled[0] == run.id
    assert following.text == "second"
    assert (status.state, status.reason) == ("done", "interrupted")


async def test_what_was_interrupted_comes_again_if_the_gateway_wishes(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer, requeue_interrupted=True) as router:
        await router.submit(Incoming(message_id="1", source=source, text="first"))
        run = await agent.next_run()
        await router.submit(Incoming(message_id="2", source=source, text="second"))
        assert await outcome_of(run) == "interrupted"
        following = await agent.next_run()

    assert following.text == "first\nsecond"
    assert [message.deliveries for message in following.messages] == [1, 1]


async def test_what_was_stopped_does_not_come_again(service_url: str, source: Source) -> None:
    agent = Agent()

    async with client(service_url, agent.answer, requeue_interrupted=True) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        assert await send_from_elsewhere(service_url, source, "2", control="stop") == "control"
        assert await outcome_of(run) == "interrupted"
        status = await router.message_status("1", source)

    assert run.interrupt is not None
    assert run.interrupt.cause == "stop"
    assert (status.state, status.reason) == ("removed", "stopped")


async def test_a_handler_that_is_not_to_be_cancelled_is_only_told(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer, cancel_on_interrupt=False) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        await send_from_elsewhere(service_url, source, "2")
        await asyncio.wait_for(run.interrupt_requested(), AT_ONCE_SECONDS)
        agent.let_go.set()
        assert await outcome_of(run) == "interrupted"
        await router.idle()

    assert agent.cancelled == []


async def test_a_handler_that_waits_for_the_interrupt_stops_in_its_own_way(
    service_url: str, source: Source
) -> None:
    ways: list[str] = []

    async def wait(run: RunInWork) -> None:
        if run.text == "second":
            return
        try:
            await run.interrupt_requested()
        except asyncio.CancelledError:
            ways.append("cancelled")
            raise
        ways.append("told")
        raise Interrupted

    async with client(service_url, wait) as router:
        submission = await router.submit(Incoming(message_id="1", source=source, text="first"))
        assert submission.run is not None
        await router.submit(Incoming(message_id="2", source=source, text="second"))
        assert await outcome_of(submission.run) == "interrupted"
        await router.idle()

    assert ways == ["told"]


class SlowAnswers(httpx.AsyncHTTPTransport):
    """Keeps the answer to message 2 back until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.answered = asyncio.Event()
        self.let_go = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if request.method == "POST" and b'"message_id":"2"' in await request.aread():
            self.answered.set()
            await self.let_go.wait()
        return response


async def test_a_signal_that_is_faster_than_its_grant_is_not_lost(
    service_url: str, source: Source
) -> None:
    agent, slow = Agent(), SlowAnswers()

    async with client(service_url, agent.answer, transport=slow) as router:
        await router.submit(Incoming(message_id="1", source=source))
        await agent.next_run()  # from now on there is a stream
        other = on(source, user_id="other")
        submitting = asyncio.create_task(
            router.submit(Incoming(message_id="2", source=other, text="late"))
        )
        await slow.answered.wait()
        await send_from_elsewhere(service_url, other, "3")

        async def is_told() -> bool:
            return len(router._work._told_early) == 1

        await eventually(is_told)
        slow.let_go.set()
        run = (await submitting).run
        assert run is not None
        assert await asyncio.wait_for(run.finished(), AT_ONCE_SECONDS) == "interrupted"


async def test_without_a_stream_an_interrupt_comes_with_a_heartbeat(
    proxy: LossyProxy, service_url: str, source: Source
) -> None:
    source = on(source, platform="brief")
    agent = Agent()
    proxy.cut.append(b"/v1/signals")

    async with client(proxy.url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        await send_from_elsewhere(service_url, source, "2")
        assert await outcome_of(run) == "interrupted"


async def test_a_lease_that_an_operator_took_away_cancels_the_handler_at_once(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        released_at = time.monotonic()
        async with httpx.AsyncClient(base_url=service_url) as http:
            key = httpx.URL(f"/v1/sessions/{run.session_key.replace(':', '%3A')}/release")
            assert (await http.post(key, json={})).json() == {"changed": True}
        assert await outcome_of(run) is None

    assert time.monotonic() - released_at < AT_ONCE_SECONDS
    assert agent.cancelled == [run.id]


async def test_a_stream_comes_back_when_the_service_was_restarted(
    tmp_path: Path, source: Source
) -> None:
    agent = Agent()
    service = MortalService(tmp_path)
    try:
        async with client(service.url, agent.answer) as router:
            await router.submit(Incoming(message_id="1", source=source))
            run = await agent.next_run()
            await asyncio.to_thread(service.kill, SIGTERM)
            await asyncio.to_thread(service.start)
            sent_at = time.monotonic()
            await send_from_elsewhere(service.url, source, "2")
            assert await outcome_of(run) == "interrupted"
    finally:
        service.kill()

    # The hint to come back after a second or more, and no beat before its time.
    assert time.monotonic() - sent_at < run.grant.heartbeat_seconds * 0.8
