"""The seal and giving back, against a real service: what is sealed comes once, or not at all."""

import asyncio
import time

import pytest

from session_router import Incoming, Router, RunInWork, Source, Superseded
from tests.client.agents import Agent, client, outcome_of, state_of, steer
from tests.client.lossy_proxy import LossyProxy

AT_ONCE_SECONDS = 1.0  # a lease of these tests is 30 s, a beat comes every 10


async def test_what_is_sealed_is_not_interrupted_and_what_comes_waits_for_the_next_run(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source, text="first"))
        run = await agent.next_run()
        await run.seal()
        await run.seal()
        waiting = await router.submit(Incoming(message_id="2", source=source, text="second"))
        await run.beat_now()
        agent.let_go.set()
        assert await outcome_of(run) == "completed"
        following = await agent.next_run()
        assert await outcome_of(following) == "completed"

    assert (waiting.decision, waiting.reason) == ("queue", "run_sealed")
    assert run.interrupt is None
    assert following.text == "second"
    assert agent.cancelled == []


@pytest.mark.parametrize("cancel", [True, False])
async def test_a_seal_after_an_interrupt_is_refused_and_the_run_ends_as_interrupted(
    proxy: LossyProxy, service_url: str, source: Source, cancel: bool
) -> None:
    refused: list[Superseded] = []

    async def seal(run: RunInWork) -> None:
        if run.messages[0].message_id == "2":
            return
        proxy.cut.append(b"/heartbeat")
        async with Router(service_url) as other:
            await other.submit(Incoming(message_id="2", source=source))
        try:
            await run.seal()
        except Superseded as news:
            refused.append(news)
            raise

    proxy.cut.append(b"/v1/signals")
    async with client(proxy.url, seal, cancel_on_interrupt=cancel) as router:
        submission = await router.submit(Incoming(message_id="1", source=source))
        assert submission.run is not None
        assert await outcome_of(submission.run) == "interrupted"
        await router.idle()

    (news,) = refused
    assert news.interrupt is not None
    assert (news.interrupt.message_id, news.steer) == ("2", ())


async def test_a_seal_after_a_steer_is_refused_until_it_is_seen(
    service_url: str, source: Source
) -> None:
    said: list[str] = []

    async def answer(run: RunInWork) -> None:
        said.append(run.text)
        await steer(service_url, source, "2", "second")
        with pytest.raises(Superseded, match="steer") as caught:
            await run.seal()
        assert [message.text for message in caught.value.steer] == ["second"]
        said.extend(message.text for message in run.take_steer())
        await run.seal()

    async with client(service_url, answer) as router:
        submission = await router.submit(Incoming(message_id="1", source=source, text="first"))
        assert submission.run is not None
        assert await outcome_of(submission.run) == "completed"
        assert await state_of(router, source, "2") == "done"

    assert said == ["first", "second"]


async def test_a_handler_that_knows_no_steers_gets_them_with_its_batch_in_the_next_run(
    service_url: str, source: Source
) -> None:
    texts: list[str] = []

    async def answer(run: RunInWork) -> None:
        texts.append(run.text)
        if len(texts) == 1:
            await steer(service_url, source, "2", "second")
        await run.seal()

    async with client(service_url, answer) as router:
        submission = await router.submit(Incoming(message_id="1", source=source, text="first"))
        assert submission.run is not None
        assert await outcome_of(submission.run) == "released"
        await router.idle()

    assert texts == ["first", "first\nsecond"]


async def test_a_seal_whose_answer_was_lost_is_a_seal(proxy: LossyProxy, source: Source) -> None:
    async def answer(run: RunInWork) -> None:
        await run.seal()

    proxy.lose.append(b"/seal")
    async with client(proxy.url, answer) as router:
        submission = await router.submit(Incoming(message_id="1", source=source))
        assert submission.run is not None
        assert await outcome_of(submission.run) == "completed"
        state = await router.run_state(submission.run.id)

    assert proxy.lost == [b"/seal"]
    assert state.sealed


async def test_an_error_after_the_seal_does_not_repeat_the_run(
    service_url: str, source: Source
) -> None:
    async def answer(run: RunInWork) -> None:
        await run.seal()
        raise ConnectionError("was it sent?")

    async with client(service_url, answer) as router:
        submission = await router.submit(Incoming(message_id="1", source=source))
        assert submission.run is not None
        assert await outcome_of(submission.run) == "completed"
        state = await router.run_state(submission.run.id)
        assert await state_of(router, source, "1") == "done"

    assert state.reason == "after the seal: ConnectionError: was it sent?"


async def test_leaving_the_client_lets_a_sealed_run_finish(
    service_url: str, source: Source
) -> None:
    sent: list[str] = []
    is_sealed = asyncio.Event()

    async def answer(run: RunInWork) -> None:
        await run.seal()
        is_sealed.set()
        await asyncio.sleep(0.2)  # the platform takes a moment
        sent.append(run.text)

    async with client(service_url, answer) as router:
        submission = await router.submit(Incoming(message_id="1", source=source, text="hello"))
        await is_sealed.wait()

    assert submission.run is not None
    assert await submission.run.finished() == "completed"
    assert sent == ["hello"]


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("way", ["by its handler", "from outside"])
async def test_a_run_is_given_back_uncounted_for_another_claim(
    service_url: str, source: Source, sealed: bool, way: str
) -> None:
    is_ready = asyncio.Event()
    go_on = asyncio.Event()

    async def answer(run: RunInWork) -> None:
        if sealed:
            await run.seal()
        if way == "by its handler":
            run.give_back("no model is free")
            return
        is_ready.set()
        await go_on.wait()

    heir = Agent()
    heir.let_go.set()
    name = f"agent-{source.chat_id}"
    async with client(service_url, answer, agent=name) as router:
        submission = await router.submit(Incoming(message_id="1", source=source))
        assert submission.run is not None
        if way == "from outside":
            await is_ready.wait()
            submission.run.give_back("no model is free")
            go_on.set()
        outcome = await outcome_of(submission.run)
        if sealed and way == "from outside":  # its reply may be out: it may only finish
            assert outcome == "completed"
            return
        assert outcome == "released"
        async with client(service_url, heir.answer, agent=name, max_runs=1):
            given_at = time.monotonic()
            run = await heir.next_run()
            assert time.monotonic() - given_at < AT_ONCE_SECONDS
            await run.finished()

    assert run.messages[0].deliveries == 1
    assert run.previous is not None
    assert (run.previous.reason, run.previous.sealed) == ("no model is free", sealed)
