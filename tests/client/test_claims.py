"""The standing claim, against a real service: what waits is taken, once, while there is room."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from session_router import Decision, Incoming, Router, Source, Submission
from tests.client.agents import Agent, client, eventually, on
from tests.client.lossy_proxy import LossyProxy
from tests.replay.mortal_service import MortalService


@pytest.fixture
def agent_name(source: Source) -> str:
    """Give an agent that no other test has: a claim takes all that waits for its agent."""
    return f"agent-{source.chat_id}"


async def leave_to_workers(
    url: str, agent: str, source: Source, *message_ids: str
) -> list[Submission[Decision]]:
    """Send messages as a receiver does that only routes."""
    async with Router(url, agent=agent, retry_seconds=10.0) as receiver:
        return [
            await receiver.submit(
                Incoming(message_id=message_id, source=on(source, user_id=f"user-{message_id}"))
            )
            for message_id in message_ids
        ]


async def test_a_client_without_handler_routes_and_a_claim_takes_the_run_at_once(
    service_url: str, source: Source, agent_name: str
) -> None:
    agent = Agent()
    agent.let_go.set()

    async with client(service_url, agent.answer, agent=agent_name, max_runs=1) as worker:
        (submission,) = await leave_to_workers(service_url, agent_name, source, "1")
        sent_at = time.monotonic()
        run = await agent.next_run()
        assert time.monotonic() - sent_at < 0.5
        assert await run.finished() == "completed"

    assert (submission.decision, submission.run) == ("queue", None)
    assert submission.reason == "dispatch_worker"
    assert run.grant.consumer == worker.consumer
    assert run.grant.session is not None


async def test_no_more_runs_are_claimed_than_there_is_room_for(
    service_url: str, source: Source, agent_name: str
) -> None:
    agent = Agent()
    ids = {str(n) for n in range(8)}
    await leave_to_workers(service_url, agent_name, source, *ids)

    async with client(service_url, agent.answer, agent=agent_name, max_runs=3) as worker:
        runs = [await agent.next_run() for _ in range(3)]
        held = await worker.runs_of(worker.consumer)
        assert (len(held), len(worker.runs)) == (3, 3)
        assert agent.started.empty()
        agent.let_go.set()
        runs += [await agent.next_run() for _ in range(5)]
        await worker.idle()

    assert {run.messages[0].message_id for run in runs} == ids


@pytest.mark.parametrize(
    "filters",
    [{"platforms": ("telegram",)}, {"accounts": ("second",)}, {"agents": ("other",)}],
)
async def test_a_claim_takes_only_what_its_filters_name(
    service_url: str, source: Source, agent_name: str, filters: dict[str, tuple[str, ...]]
) -> None:
    picky, other = Agent(), Agent()
    picky.let_go.set()
    other.let_go.set()

    async with client(
        service_url, picky.answer, **({"agent": agent_name, "max_runs": 1} | filters)
    ):
        await leave_to_workers(service_url, agent_name, source, "1")
        async with client(service_url, other.answer, agent=agent_name, max_runs=1):
            await other.next_run()

    assert picky.texts == []


async def test_a_claim_whose_answer_was_lost_is_told_the_same_run_and_works_on_it_once(
    proxy: LossyProxy, service_url: str, source: Source, agent_name: str
) -> None:
    agent = Agent()
    agent.let_go.set()
    proxy.lose.append(b"/v1/runs/claim")

    async with client(proxy.url, agent.answer, agent=agent_name, max_runs=1) as worker:
        await leave_to_workers(service_url, agent_name, source, "1")
        run = await agent.next_run()
        assert await run.finished() == "completed"
        await worker.idle()

    assert proxy.lost == [b"/v1/runs/claim"]
    assert len(agent.texts) == 1
    assert run.messages[0].deliveries == 1


async def test_leaving_ends_the_claim_at_once_and_hands_back_what_it_was_granted_unheard(
    proxy: LossyProxy, service_url: str, source: Source, agent_name: str
) -> None:
    agent, heir = Agent(), Agent()
    heir.let_go.set()
    proxy.lose += [b"/v1/runs/claim"] * 100

    async with client(proxy.url, agent.answer, agent=agent_name, max_runs=1) as worker:
        await leave_to_workers(service_url, agent_name, source, "1")

        async def is_granted() -> bool:
            return bool(await worker.runs_of(worker.consumer))

        await eventually(is_granted)
        leaving_at = time.monotonic()
    left_at = time.monotonic()
    async with client(service_url, heir.answer, agent=agent_name, max_runs=1):
        run = await heir.next_run()
        assert time.monotonic() - left_at < 1.0
        await run.finished()

    assert left_at - leaving_at < 1.0
    assert agent.texts == []
    assert run.messages[0].deliveries == 1


async def test_a_claim_goes_on_when_the_service_was_away(tmp_path: Path, source: Source) -> None:
    agent = Agent()
    agent.let_go.set()
    service = MortalService(tmp_path)
    try:
        async with client(service.url, agent.answer, max_runs=1):
            await leave_to_workers(service.url, "main", source, "1")
            await (await agent.next_run()).finished()
            await asyncio.to_thread(service.kill_and_start)
            await leave_to_workers(service.url, "main", source, "2")
            await (await agent.next_run()).finished()
    finally:
        service.kill()

    assert len(agent.texts) == 2


async def test_a_claim_that_is_refused_is_tried_again_slowly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = 0
    thrice = asyncio.Event()

    def refuse(_request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        if asked == 3:
            thrice.set()
        return httpx.Response(401)

    agent = Agent()
    transport = httpx.MockTransport(refuse)
    async with client("http://router", agent.answer, max_runs=1, transport=transport):
        await asyncio.wait_for(thrice.wait(), 10)

    assert "a claim failed: 401" in caplog.text


async def test_an_answer_that_comes_empty_before_its_time_is_not_asked_again_in_a_rush() -> None:
    asked: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            asked.append(request.content)
        return httpx.Response(200, json={"runs": []})

    transport = httpx.MockTransport(answer)
    began_at = time.monotonic()
    async with client("http://router", Agent().answer, max_runs=1, transport=transport):

        async def many() -> bool:
            return len(asked) >= 5

        await eventually(many)

    assert time.monotonic() - began_at > 0.02
    assert len(set(asked)) == len(asked)  # each a claim of its own


def test_less_than_one_run_is_no_claim() -> None:
    with pytest.raises(ValueError, match="max_runs"):
        Router("http://router", max_runs=0)
