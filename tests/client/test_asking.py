"""Questions to people, against a real service: asked, answered, withdrawn, timed out."""

import asyncio

import pytest

from session_router import (
    BatchMessage,
    Decision,
    Incoming,
    InvalidMessage,
    Router,
    RunInWork,
    Source,
    Submission,
    Superseded,
)
from tests.client.agents import Agent, client, eventually, on, outcome_of, state_of
from tests.client.lossy_proxy import LossyProxy

AT_ONCE_SECONDS = 1.0  # a lease of these tests is 30 s, a beat comes every 10


async def press(
    url: str, source: Source, message_id: str, prompt_id: str, text: str = "yes"
) -> Submission[Decision]:
    """Press a button, at another client."""
    async with Router(url) as other:
        event = Incoming(message_id=message_id, source=source, text=text, answers=prompt_id)
        return await other.submit(event)


async def is_asked(router: Router, run: RunInWork, prompt_id: str) -> None:
    async def asks() -> bool:
        asking = (await router.run_state(run.id)).asking
        return asking is not None and asking.prompt_id == prompt_id

    await eventually(asks)


async def test_an_answer_given_elsewhere_comes_back_at_once_and_is_seen(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source, text="order it"))
        run = await agent.next_run()
        asking = asyncio.create_task(run.ask("p1", timeout_seconds=60))
        await is_asked(router, run, "p1")
        decided = await press(service_url, source, "2", "p1")
        answer = await asyncio.wait_for(asking, AT_ONCE_SECONDS)
        state = await router.run_state(run.id)
        assert answer is not None
        assert await state_of(router, source, "2") == "in_run"
        late = await press(service_url, source, "3", "p1")
        await run.seal()
        agent.let_go.set()
        assert await outcome_of(run) == "completed"
        assert await state_of(router, source, "2") == "done"

    assert (decided.decision, answer.text, answer.answers) == ("answer", "yes", "p1")
    assert state.asking is None
    assert (late.decision, late.reason) == ("reject", "prompt_gone")


async def test_nobody_else_may_answer_unless_asked(service_url: str, source: Source) -> None:
    agent = Agent()
    other = on(source, user_id="other")

    async with client(service_url, agent.answer) as router:
        # One session for all, or the other would not be in it.
        shared = Incoming(message_id="1", source=on(source, platform="together"))
        await router.submit(shared)
        run = await agent.next_run()
        asking = asyncio.create_task(run.ask("p1"))
        await is_asked(router, run, "p1")
        place = on(other, platform="together")
        refused = await press(service_url, place, "2", "p1")
        asking.cancel()
        await asyncio.wait({asking})
        again = asyncio.create_task(run.ask("p2", from_=["other"]))
        await is_asked(router, run, "p2")
        await press(service_url, place, "3", "p2", "mine")
        answer = await asyncio.wait_for(again, AT_ONCE_SECONDS)

    assert (refused.decision, refused.reason) == ("reject", "not_owner")
    assert refused.notice == "That is not yours to decide."
    assert answer is not None
    assert (answer.user_id, answer.text) == ("other", "mine")


async def test_a_question_whose_time_is_over_returns_none_and_is_withdrawn(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        assert await run.ask("p1", timeout_seconds=0.2) is None
        assert (await router.run_state(run.id)).asking is None
        late = await press(service_url, source, "2", "p1")

    assert late.reason == "prompt_gone"


async def test_a_question_that_is_given_up_is_withdrawn(service_url: str, source: Source) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await run.ask("p1")
        assert (await router.run_state(run.id)).asking is None
        assert await run.ask("p2", timeout_seconds=0.1) is None


async def test_a_second_answer_is_taken_like_a_steer_and_never_for_the_next_question(
    proxy: LossyProxy, service_url: str, source: Source
) -> None:
    agent = Agent()
    everyone = on(source, platform="together")
    proxy.cut.append(b"/v1/signals")

    async with client(proxy.url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=everyone))
        run = await agent.next_run()
        asking = asyncio.create_task(run.ask("p1", from_="anyone"))
        await is_asked(router, run, "p1")
        for number in (2, 3):
            place = on(everyone, user_id=f"user-{number}")
            await press(service_url, place, str(number), "p1", f"from {number}")
        await run.beat_now()  # which tells both
        first = await asyncio.wait_for(asking, AT_ONCE_SECONDS)
        nothing = await run.ask("p2", timeout_seconds=0.2)
        with pytest.raises(Superseded, match="an answer came first"):
            await run.seal()
        (second,) = run.take_steer()
        await run.seal()
        agent.let_go.set()

    assert first is not None
    assert (first.text, second.text, nothing) == ("from 2", "from 3", None)


async def test_an_answer_reaches_a_client_without_a_stream_by_its_beats(
    proxy: LossyProxy, service_url: str, source: Source
) -> None:
    agent = Agent()
    source = on(source, platform="brief")
    proxy.cut.append(b"/v1/signals")

    async with client(proxy.url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        asking = asyncio.create_task(run.ask("p1"))
        await is_asked(router, run, "p1")
        await press(service_url, source, "2", "p1")
        answer = await asyncio.wait_for(asking, 10)

    assert answer is not None


async def test_an_interrupt_ends_the_asking_with_the_run(service_url: str, source: Source) -> None:
    answers: list[BatchMessage | None] = []
    is_asking = asyncio.Event()

    async def ask(run: RunInWork) -> None:
        if run.text == "stop":
            return
        is_asking.set()
        answers.append(await run.ask("p1"))

    async with client(service_url, ask) as router:
        submission = await router.submit(Incoming(message_id="1", source=source))
        assert submission.run is not None
        await is_asking.wait()
        await is_asked(router, submission.run, "p1")
        await router.submit(Incoming(message_id="2", source=source, control="stop"))
        assert await outcome_of(submission.run) == "interrupted"

    assert answers == []


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"prompt_id": ""}, "prompt_id"),
        ({"timeout_seconds": 0}, "expires_seconds"),
        ({"timeout_seconds": 90_000}, "expires_seconds"),
        ({"from_": []}, "from"),
    ],
)
async def test_a_question_that_does_not_fit_is_refused_where_it_is_asked(
    service_url: str, source: Source, fields: dict[str, object], path: str
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        with pytest.raises(InvalidMessage) as caught:
            await run.ask(**({"prompt_id": "p1"} | fields))  # type: ignore[arg-type]

    assert caught.value.errors[0].path.startswith(path)
