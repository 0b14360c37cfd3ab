"""Leases, against a real service: kept, interrupted, lost, and handed back."""

import asyncio
import time

import pytest

from session_router import (
    Incoming,
    LeaseLost,
    RunInWork,
    Source,
    Usage,
)
from session_router.models import Interrupt
from tests.client.agents import Agent, client, end_from_outside, on, outcome_of
from tests.client.lossy_proxy import LossyProxy

BRIEF_LEASE_SECONDS = 1


async def test_an_interrupt_by_a_message_of_this_client_is_told_at_once(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source, text="first"))
        run = await agent.next_run()
        await router.submit(Incoming(message_id="2", source=source, text="no, wait"))
        interrupt = await asyncio.wait_for(
            run.interrupt_requested(), run.grant.heartbeat_seconds * 0.7
        )
        agent.let_go.set()
        assert await outcome_of(run) == "interrupted"
        await router.idle()

    assert (interrupt.cause, interrupt.message_id) == ("message", "2")
    assert run.interrupt == interrupt


async def test_an_interrupt_by_another_client_comes_with_a_heartbeat(
    service_url: str, source: Source
) -> None:
    source = on(source, platform="brief")
    agent, other_agent = Agent(), Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        async with client(service_url, other_agent.answer) as other:
            answer = await other.submit(Incoming(message_id="2", source=source))
        interrupt = await asyncio.wait_for(run.interrupt_requested(), 10)
        agent.let_go.set()
        await router.idle()

    assert answer.decision == "interrupt"
    assert interrupt.message_id == "2"
    assert other_agent.texts == []


async def test_a_run_is_kept_by_beats_past_the_length_of_its_lease(
    service_url: str, source: Source
) -> None:
    beats: list[Interrupt | None] = []

    async def work_long(run: RunInWork) -> None:
        run.report(status="thinking", usage=Usage(context_tokens=7))
        await run.beat_now()
        await asyncio.sleep(2.5 * BRIEF_LEASE_SECONDS)
        beats.append(run.interrupt)

    async with client(service_url, work_long) as router:
        submission = await router.submit(
            Incoming(message_id="1", source=on(source, platform="brief"))
        )
        assert submission.run is not None
        assert await outcome_of(submission.run) == "completed"
        detail = await router.session(submission.run.session_key)

    assert beats == [None]
    assert detail.session.context.tokens == 7


async def test_a_status_is_seen_by_others_and_may_be_too_long(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        run.report(status="s" * 1000)
        await run.beat_now()
        state = await router.run_state(run.id)

    assert state.status == "s" * 200


@pytest.mark.parametrize("way", ["conflict", "silence"])
async def test_a_lost_lease_cancels_the_handler_and_nothing_more_is_reported(
    proxy: LossyProxy, service_url: str, source: Source, way: str
) -> None:
    agent = Agent()

    async with client(proxy.url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=on(source, platform="brief")))
        run = await agent.next_run()
        if way == "conflict":
            await end_from_outside(service_url, run.grant, "completed")
        else:
            proxy.cut.append(b"/heartbeat")
        assert await outcome_of(run) is None
        with pytest.raises(LeaseLost):
            await run.beat_now()

    assert agent.cancelled == [run.id]


async def test_the_result_of_a_handler_that_outlived_its_lease_is_void(
    service_url: str, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    async def stall(run: RunInWork) -> None:
        if run.messages[0].deliveries == 1:
            time.sleep(1.2 * BRIEF_LEASE_SECONDS)  # noqa: ASYNC251  so that no beat gets through

    async with client(service_url, stall) as router:
        submission = await router.submit(
            Incoming(message_id="1", source=on(source, platform="brief"))
        )
        assert submission.run is not None
        assert await outcome_of(submission.run) is None
        await router.submit(Incoming(message_id="2", source=on(source, platform="brief")))
        state = await router.run_state(submission.run.id)
        await router.idle()

    assert "its result is void" in caplog.text
    assert (state.outcome, state.ended) == (None, "lease_expired")


async def test_leaving_the_client_hands_its_runs_back_uncounted(
    service_url: str, source: Source
) -> None:
    agent, heir = Agent(), Agent()
    heir.let_go.set()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source, text="first"))
        given_back = await agent.next_run()
    async with client(service_url, heir.answer) as router:
        await router.submit(Incoming(message_id="2", source=source, text="second"))
        run = await heir.next_run()
        assert await outcome_of(run) == "completed"

    assert agent.cancelled == [given_back.id]
    assert await given_back.finished() == "released"
    assert [(m.message_id, m.deliveries) for m in run.messages] == [("1", 1), ("2", 1)]
    assert run.previous is not None
    assert (run.previous.id, run.previous.ended) == (given_back.id, "released")


async def test_leaving_a_client_whose_router_is_gone_takes_no_longer_than_the_lease(
    proxy: LossyProxy, source: Source
) -> None:
    agent = Agent()

    async with client(proxy.url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=on(source, platform="brief")))
        run = await agent.next_run()
        proxy.cut.append(b"HTTP/1.1")
        left_at = time.monotonic()

    assert time.monotonic() - left_at < 2.5 * BRIEF_LEASE_SECONDS
    assert await run.finished() is None


async def test_leaving_the_client_takes_no_next_run(service_url: str, source: Source) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        source = on(source, platform="patient")
        await router.submit(Incoming(message_id="1", source=source))
        await router.submit(Incoming(message_id="2", source=source))
        run = await agent.next_run()
    async with client(service_url, agent.answer) as reader:
        detail = await reader.session(run.session_key)
        held = await reader.runs_of(router.consumer)

    assert held == ()
    assert [message.message_id for message in detail.queue] == ["1", "2"]
    assert len(agent.texts) == 1
