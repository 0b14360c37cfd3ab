"""Runs in work, against a real service."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from session_router import (
    Interrupted,
    LeaseLost,
    Run,
    RunHandler,
    RunInWork,
    SessionRouter,
    Source,
    Usage,
)
from session_router.client import ENDED_RUNS_MAX
from session_router.models import Interrupt

pytestmark = pytest.mark.usefixtures("service_url")

BRIEF_LEASE_SECONDS = 1


class Agent:
    """Keeps each run in work until it is let go; tells what it was given."""

    def __init__(self) -> None:
        self.started: asyncio.Queue[RunInWork] = asyncio.Queue()
        self.texts: list[str] = []
        self.cancelled: list[str] = []
        self.let_go = asyncio.Event()

    async def answer(self, run: RunInWork) -> None:
        self.texts.append(run.text)
        self.started.put_nowait(run)
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled.append(run.run.id)
            raise

    async def next_run(self) -> RunInWork:
        return await asyncio.wait_for(self.started.get(), 10)


def client(url: str, on_run: RunHandler, **settings: Any) -> SessionRouter:
    return SessionRouter(url, on_run=on_run, retry_seconds=10.0, **settings)


def on(source: Source, **changes: Any) -> Source:
    return source.model_copy(update=changes)


async def outcome_of(run: RunInWork) -> str | None:
    return await asyncio.wait_for(run.finished(), 15)


async def end_from_outside(url: str, run: Run, outcome: str) -> None:
    """End a run as its holder would, behind its holder's back."""
    async with httpx.AsyncClient(base_url=url) as http:
        body = {"fence": run.fence, "outcome": outcome}
        answer = await http.post(f"/v1/runs/{run.id}/complete", json=body)
    assert answer.status_code == 200


async def test_a_granted_run_reaches_the_handler_and_its_return_completes_it(
    service_url: str, source: Source
) -> None:
    agent = Agent()
    agent.let_go.set()

    async with client(service_url, agent.answer) as router:
        submission = await router.submit(
            message_id="1", source=source, text="hello", payload={"a": [1]}
        )
        run = submission.run
        assert run is not None
        assert await outcome_of(run) == "completed"
        status = await router.message_status("1", source, agent="main")

    assert submission.decision.decision == "run"
    assert agent.texts == ["hello"]
    assert run.messages[0].payload == {"a": [1]}
    assert status.state == "done"


async def test_a_message_submitted_again_starts_its_run_once(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        first = await router.submit(message_id="1", source=source, text="hello")
        again = await router.submit(message_id="1", source=source, text="hello")
        assert first.run is not None
        assert again.run is first.run
        agent.let_go.set()
        await outcome_of(first.run)

    assert again.decision.decision == "duplicate"
    assert agent.texts == ["hello"]


class Repeating(httpx.AsyncHTTPTransport):
    """Answers every message with the answer to the first one."""

    def __init__(self) -> None:
        super().__init__()
        self._first: bytes | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/v1/messages":
            return await super().handle_async_request(request)
        if self._first is None:
            self._first = await (await super().handle_async_request(request)).aread()
        return httpx.Response(200, content=self._first)


async def test_a_grant_that_is_told_after_its_run_has_ended_starts_nothing(
    service_url: str, source: Source
) -> None:
    agent = Agent()
    agent.let_go.set()

    async with client(service_url, agent.answer, transport=Repeating()) as router:
        submission = await router.submit(message_id="1", source=source)
        assert submission.run is not None
        assert await outcome_of(submission.run) == "completed"
        await router.idle()
        late = await router.submit(message_id="1", source=source)

    assert late.decision.run == submission.decision.run
    assert late.run is None
    assert len(agent.texts) == 1


async def test_a_submit_whose_answer_was_lost_gives_the_same_grant_and_one_run(
    proxy: Any, source: Source
) -> None:
    agent = Agent()
    proxy.lose.append(b"POST /v1/messages")

    async with client(proxy.url, agent.answer) as router:
        submission = await router.submit(message_id="1", source=source, text="hello")
        assert submission.run is not None
        started = await agent.next_run()
        agent.let_go.set()
        assert await outcome_of(submission.run) == "completed"

    assert proxy.lost == [b"POST /v1/messages"]
    assert submission.decision.decision == "duplicate"
    assert submission.decision.duplicate_of == "run"
    assert started is submission.run
    assert agent.texts == ["hello"]


async def test_a_complete_whose_answer_was_lost_hands_the_next_run_over_once(
    proxy: Any, source: Source
) -> None:
    agent = Agent()
    source = on(source, platform="patient")

    async with client(proxy.url, agent.answer) as router:
        await router.submit(message_id="1", source=source, text="first")
        await router.submit(message_id="2", source=source, text="second")
        first = await agent.next_run()
        proxy.lose.append(b"/complete")
        agent.let_go.set()
        assert await outcome_of(first) == "completed"
        second = await agent.next_run()
        assert await outcome_of(second) == "completed"
        counters = (await router.session(first.run.session_key)).counters

    assert proxy.lost == [b"/complete"]
    assert agent.texts == ["first", "second"]
    assert (counters.accepted, counters.done) == (2, 2)


async def test_the_next_run_goes_on_to_the_handler_under_the_same_consumer(
    service_url: str, source: Source
) -> None:
    agent = Agent()
    source = on(source, platform="patient")

    async with client(service_url, agent.answer, consumer="gw-1") as router:
        await router.submit(message_id="1", source=source, text="first")
        waiting = await router.submit(message_id="2", source=source, text="second")
        first = await agent.next_run()
        agent.let_go.set()
        second = await agent.next_run()
        await outcome_of(second)

    assert waiting.run is None
    assert second.text == "second"
    assert second.run.consumer == first.run.consumer == "gw-1"
    assert second.run.fence > first.run.fence


async def test_an_interrupt_by_a_message_of_this_client_is_told_at_once(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(message_id="1", source=source, text="first")
        run = await agent.next_run()
        await router.submit(message_id="2", source=source, text="no, wait")
        interrupt = await asyncio.wait_for(
            run.interrupt_requested(), run.run.heartbeat_seconds * 0.7
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
        await router.submit(message_id="1", source=source)
        run = await agent.next_run()
        async with client(service_url, other_agent.answer) as other:
            answer = await other.submit(message_id="2", source=source)
        interrupt = await asyncio.wait_for(run.interrupt_requested(), 10)
        agent.let_go.set()
        await router.idle()

    assert answer.decision.decision == "interrupt"
    assert interrupt.message_id == "2"
    assert other_agent.texts == []


async def test_raising_interrupted_ends_a_run_as_interrupted(
    service_url: str, source: Source
) -> None:
    async def stop(_run: RunInWork) -> None:
        raise Interrupted

    async with client(service_url, stop) as router:
        submission = await router.submit(message_id="1", source=source)
        assert submission.run is not None
        assert await outcome_of(submission.run) == "interrupted"


async def test_a_handler_that_raises_fails_its_run_with_the_reason_cut(
    service_url: str, source: Source
) -> None:
    async def stumble(run: RunInWork) -> None:
        if run.messages[0].deliveries == 1:
            raise ValueError("no such model \ud800" + "x" * 1000)

    async with client(service_url, stumble) as router:
        submission = await router.submit(message_id="1", source=source)
        assert submission.run is not None
        assert await outcome_of(submission.run) == "failed"
        state = await router.run_state(submission.run.run.id)
        await asyncio.wait_for(router.idle(), 10)

    assert state.reason is not None
    assert state.reason.startswith("ValueError: no such model ?x")
    assert len(state.reason) == 500


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
        submission = await router.submit(message_id="1", source=on(source, platform="brief"))
        assert submission.run is not None
        assert await outcome_of(submission.run) == "completed"
        detail = await router.session(submission.run.run.session_key)

    assert beats == [None]
    assert detail.session.context.tokens == 7


async def test_a_status_is_seen_by_others_and_may_be_too_long(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(message_id="1", source=source)
        run = await agent.next_run()
        run.report(status="s" * 1000)
        await run.beat_now()
        state = await router.run_state(run.run.id)

    assert state.status == "s" * 200


@pytest.mark.parametrize("way", ["conflict", "silence"])
async def test_a_lost_lease_cancels_the_handler_and_nothing_more_is_reported(
    proxy: Any, service_url: str, source: Source, way: str
) -> None:
    agent = Agent()

    async with client(proxy.url, agent.answer) as router:
        await router.submit(message_id="1", source=on(source, platform="brief"))
        run = await agent.next_run()
        if way == "conflict":
            await end_from_outside(service_url, run.run, "completed")
        else:
            proxy.cut.append(b"/heartbeat")
        assert await outcome_of(run) is None
        with pytest.raises(LeaseLost):
            await run.beat_now()

    assert agent.cancelled == [run.run.id]


async def test_the_result_of_a_handler_that_outlived_its_lease_is_void(
    service_url: str, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    async def stall(run: RunInWork) -> None:
        if run.messages[0].deliveries == 1:
            time.sleep(1.2 * BRIEF_LEASE_SECONDS)  # noqa: ASYNC251  so that no beat gets through

    async with client(service_url, stall) as router:
        submission = await router.submit(message_id="1", source=on(source, platform="brief"))
        assert submission.run is not None
        assert await outcome_of(submission.run) is None
        state = await router.run_state(submission.run.run.id)

    assert "its result is void" in caplog.text
    assert (state.outcome, state.ended) == (None, "lease_expired")


async def test_leaving_the_client_hands_its_runs_back_uncounted(
    service_url: str, source: Source
) -> None:
    agent, heir = Agent(), Agent()
    heir.let_go.set()

    async with client(service_url, agent.answer) as router:
        await router.submit(message_id="1", source=source, text="first")
        given_back = await agent.next_run()
    async with client(service_url, heir.answer) as router:
        await router.submit(message_id="2", source=source, text="second")
        run = await heir.next_run()
        assert await outcome_of(run) == "completed"

    assert agent.cancelled == [given_back.run.id]
    assert await given_back.finished() == "released"
    assert [(m.message_id, m.deliveries) for m in run.messages] == [("1", 1), ("2", 1)]
    assert run.run.previous is not None
    assert (run.run.previous.id, run.run.previous.ended) == (given_back.run.id, "released")


async def test_leaving_the_client_takes_no_next_run(service_url: str, source: Source) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        source = on(source, platform="patient")
        await router.submit(message_id="1", source=source)
        await router.submit(message_id="2", source=source)
        run = await agent.next_run()
    async with client(service_url, agent.answer) as reader:
        detail = await reader.session(run.run.session_key)
        held = await reader.runs_of(router.consumer)

    assert held == ()
    assert [message.message_id for message in detail.queue] == ["1", "2"]
    assert len(agent.texts) == 1


async def test_a_cancelled_submit_still_takes_its_run_on(service_url: str, source: Source) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        submitting = asyncio.create_task(router.submit(message_id="1", source=source, text="hello"))
        await asyncio.sleep(0)  # its first step sends
        submitting.cancel()
        run = await agent.next_run()
        agent.let_go.set()
        assert await outcome_of(run) == "completed"

    assert submitting.cancelled()


async def test_a_source_is_resolved_and_sessions_are_listed(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(message_id="1", source=source)
        resolved = await router.resolve(source, agent="main")
        keys: set[str] = set()
        page = await router.sessions()
        keys |= {session.key for session in page.sessions}
        while page.cursor is not None:
            page = await router.sessions(page.cursor)
            keys |= {session.key for session in page.sessions}

    assert resolved.key == f"agent:main:discord:group:{source.chat_id}:456"
    assert resolved.key in keys


def test_the_memory_of_ended_runs_is_bounded() -> None:
    router = SessionRouter("http://router")

    for number in range(ENDED_RUNS_MAX + 5):
        router._remember_ended(str(number))

    assert len(router._ended) == ENDED_RUNS_MAX
    assert "4" not in router._ended
