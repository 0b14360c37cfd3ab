"""Grants, against a real service: each run is worked on once, and each end is told."""

import asyncio

import httpx
import pytest

from session_router import (
    ChatMoved,
    Deletion,
    Edit,
    Incoming,
    Interrupted,
    RunInWork,
    Source,
)
from session_router.remembered import Remembered
from tests.client.agents import Agent, client, on, outcome_of
from tests.client.lossy_proxy import LossyProxy


async def test_a_granted_run_reaches_the_handler_and_its_return_completes_it(
    service_url: str, source: Source
) -> None:
    agent = Agent()
    agent.let_go.set()

    async with client(service_url, agent.answer) as router:
        submission = await router.submit(
            Incoming(message_id="1", source=source, text="hello", payload={"a": [1]})
        )
        run = submission.run
        assert run is not None
        assert await outcome_of(run) == "completed"
        status = await router.message_status("1", source)

    assert submission.decision == "run"
    assert agent.texts == ["hello"]
    assert run.messages[0].payload == {"a": [1]}
    assert status.state == "done"


async def test_a_message_submitted_again_starts_its_run_once(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        first = await router.submit(Incoming(message_id="1", source=source, text="hello"))
        again = await router.submit(Incoming(message_id="1", source=source, text="hello"))
        assert first.run is not None
        assert again.run is first.run
        agent.let_go.set()
        await outcome_of(first.run)

    assert again.decision == "duplicate"
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
        submission = await router.submit(Incoming(message_id="1", source=source))
        assert submission.run is not None
        assert await outcome_of(submission.run) == "completed"
        await router.idle()
        late = await router.submit(Incoming(message_id="1", source=source))

    assert late.answer.run == submission.answer.run
    assert late.run is None
    assert len(agent.texts) == 1


async def test_a_submit_whose_answer_was_lost_gives_the_same_grant_and_one_run(
    proxy: LossyProxy, source: Source
) -> None:
    agent = Agent()
    proxy.lose.append(b"POST /v1/messages")

    async with client(proxy.url, agent.answer) as router:
        submission = await router.submit(Incoming(message_id="1", source=source, text="hello"))
        assert submission.run is not None
        started = await agent.next_run()
        agent.let_go.set()
        assert await outcome_of(submission.run) == "completed"

    assert proxy.lost == [b"POST /v1/messages"]
    assert submission.decision == "duplicate"
    assert submission.answer.duplicate_of == "run"
    assert started is submission.run
    assert agent.texts == ["hello"]


async def test_a_complete_whose_answer_was_lost_hands_the_next_run_over_once(
    proxy: LossyProxy, source: Source
) -> None:
    agent = Agent()
    source = on(source, platform="patient")

    async with client(proxy.url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source, text="first"))
        await router.submit(Incoming(message_id="2", source=source, text="second"))
        first = await agent.next_run()
        proxy.lose.append(b"/complete")
        agent.let_go.set()
        assert await outcome_of(first) == "completed"
        second = await agent.next_run()
        assert await outcome_of(second) == "completed"
        counters = (await router.session(first.session_key)).counters

    assert proxy.lost == [b"/complete"]
    assert agent.texts == ["first", "second"]
    assert (counters.accepted, counters.done) == (2, 2)


async def test_the_next_run_goes_on_to_the_handler_under_the_same_consumer(
    service_url: str, source: Source
) -> None:
    agent = Agent()
    source = on(source, platform="patient")

    async with client(service_url, agent.answer, consumer="gw-1") as router:
        await router.submit(Incoming(message_id="1", source=source, text="first"))
        waiting = await router.submit(Incoming(message_id="2", source=source, text="second"))
        first = await agent.next_run()
        agent.let_go.set()
        second = await agent.next_run()
        await outcome_of(second)

    assert waiting.run is None
    assert second.text == "second"
    assert second.grant.consumer == first.grant.consumer == "gw-1"
    assert second.fence > first.fence


async def test_raising_interrupted_ends_a_run_as_interrupted(
    service_url: str, source: Source
) -> None:
    async def stop(_run: RunInWork) -> None:
        raise Interrupted

    async with client(service_url, stop) as router:
        submission = await router.submit(Incoming(message_id="1", source=source))
        assert submission.run is not None
        assert await outcome_of(submission.run) == "interrupted"


async def test_a_handler_that_raises_fails_its_run_with_the_reason_cut(
    service_url: str, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    async def stumble(run: RunInWork) -> None:
        if run.messages[0].deliveries == 1:
            raise ValueError("no such model \ud800" + "x" * 1000)

    async with client(service_url, stumble) as router:
        submission = await router.submit(Incoming(message_id="1", source=source))
        assert submission.run is not None
        assert await outcome_of(submission.run) == "failed"
        state = await router.run_state(submission.run.id)
        await asyncio.wait_for(router.idle(), 10)

    assert state.reason is not None
    assert state.reason.startswith("ValueError: no such model ?x")
    assert len(state.reason) == 500
    assert "its handler raised ValueError" in caplog.text
    assert "in stumble" in caplog.text
    assert "x" * 1000 not in caplog.text


async def test_a_cancelled_submit_still_takes_its_run_on(service_url: str, source: Source) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        submitting = asyncio.create_task(
            router.submit(Incoming(message_id="1", source=source, text="hello"))
        )
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
        await router.submit(Incoming(message_id="1", source=source))
        resolved = await router.resolve(source)
        keys: set[str] = set()
        page = await router.sessions()
        keys |= {session.key for session in page.sessions}
        while page.cursor is not None:
            page = await router.sessions(page.cursor)
            keys |= {session.key for session in page.sessions}

    assert resolved.key == f"agent:main:discord:group:{source.chat_id}:456"
    assert resolved.key in keys


async def test_sessions_are_filtered_and_a_timeline_is_told(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source))
        await router.submit(Incoming(message_id="2", source=on(source, user_id="other")))
        chat_id = source.chat_id
        both = await router.sessions(
            agent="main", platform="discord", chat_id=chat_id, state="running", limit=200
        )
        one = await router.sessions(chat_id=chat_id, user_id="other")
        none = await router.sessions(chat_id=chat_id, state="paused")
        timeline = await router.timeline(one.sessions[0].key)

    assert len(both.sessions) == 2
    assert [session.key for session in one.sessions] == [timeline.key]
    assert none.sessions == ()
    assert timeline.events


async def test_a_thread_made_for_a_message_is_bound(service_url: str, source: Source) -> None:
    agent = Agent()
    source = on(source, platform="threaded")

    async with client(service_url, agent.answer) as router:
        opened = await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        binding = await router.bind(run.session_key, "t-1")
        assert binding == await router.bind(run.session_key, "t-1")
        place = on(source, chat_type="thread", thread_id="t-1")
        inside = await router.submit(Incoming(message_id="2", source=place))

    assert opened.answer.thread is not None
    assert (binding.session_key, binding.thread_id) == (run.session_key, "t-1")
    assert inside.answer.session is not None
    assert inside.answer.session.key == run.session_key


async def test_edits_and_deletions_reach_what_waits(service_url: str, source: Source) -> None:
    agent = Agent()
    source = on(source, platform="patient")

    async with client(service_url, agent.answer) as router:
        for number in "123":
            await router.submit(Incoming(message_id=number, source=source, text=number))
        edited = await router.submit(Edit(message_id="2", source=source, text="two"))
        same = await router.submit(Edit(message_id="2", source=source, text="two"))
        gone = await router.submit(Deletion(message_id="3", source=source))
        late = await router.submit(Deletion(message_id="1", source=source))
        agent.let_go.set()
        await router.idle()

    words = [submission.decision for submission in (edited, same, gone, late)]
    assert words == ["updated", "unchanged", "removed", "already_delivered"]
    assert (edited.reason, edited.notice, edited.run) == (None, None, None)
    assert agent.texts == ["1", "two"]


async def test_a_chat_that_moved_keeps_its_session(service_url: str, source: Source) -> None:
    agent = Agent()
    new_id = f"{source.chat_id}-new"

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        moved = await router.submit(
            ChatMoved(platform="discord", moved_from=source.chat_id, to=new_id)
        )
        resolved = await router.resolve(on(source, chat_id=new_id))

    assert (moved.decision, moved.answer.chat_id) == ("moved", source.chat_id)
    assert resolved.key == run.session_key


def test_the_memory_of_ended_runs_is_bounded() -> None:
    memory = Remembered(3)

    for number in range(5):
        memory.add(str(number))

    assert [str(number) in memory for number in range(5)] == [False, False, True, True, True]
    assert len(memory) == 3
