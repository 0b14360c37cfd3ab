"""Steers, against a real service: each is given once, and seen once it was taken."""

import time

import httpx
import pytest

from session_router import BatchMessage, Incoming, RunInWork, Source
from session_router.offers import Offers
from tests.client.agents import Agent, client, eventually, outcome_of, state_of, steer
from tests.client.lossy_proxy import LossyProxy

AT_ONCE_SECONDS = 1.0  # a lease of these tests is 30 s, a beat comes every 10


async def taken(run: RunInWork) -> tuple[BatchMessage, ...]:
    """Wait until there is something to take."""
    found: tuple[BatchMessage, ...] = ()

    async def is_there() -> bool:
        nonlocal found
        found = run.take_steer()
        return bool(found)

    await eventually(is_there, AT_ONCE_SECONDS)
    return found


async def test_a_steer_from_elsewhere_is_offered_at_once_given_once_and_seen_when_taken(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        submission = await steer(service_url, source, "2", "in French")
        (message,) = await taken(run)
        await run.beat_now()
        await steer(service_url, source, "3", "please")
        (other,) = await taken(run)

        async def is_seen() -> bool:
            return await state_of(router, source, "3") == "in_run"

        await eventually(is_seen, AT_ONCE_SECONDS)
        assert await state_of(router, source, "2") == "in_run"
        assert run.take_steer() == ()
        agent.let_go.set()
        assert await outcome_of(run) == "completed"
        assert await state_of(router, source, "3") == "done"

    assert submission.decision == "steer"
    assert (message.text, other.text) == ("in French", "please")
    assert len(agent.texts) == 1


async def test_a_steer_that_was_not_taken_is_in_the_next_run(
    service_url: str, source: Source
) -> None:
    agent = Agent()
    agent.let_go.set()

    async def ignore_it(run: RunInWork) -> None:
        if run.text == "first":
            await steer(service_url, source, "2", "second")
        await agent.answer(run)

    async with client(service_url, ignore_it) as router:
        await router.submit(Incoming(message_id="1", source=source, text="first"))
        await agent.next_run()
        await agent.next_run()
        await router.idle()

    assert agent.texts == ["first", "second"]


@pytest.mark.parametrize("reporting", ["seal", "complete"])
async def test_a_steer_that_no_beat_could_report_is_reported_by_the_seal_and_the_end(
    proxy: LossyProxy, service_url: str, source: Source, reporting: str
) -> None:
    async def take(run: RunInWork) -> None:
        await steer(service_url, source, "2")
        proxy.cut.append(b"/heartbeat")
        took.extend(await taken(run))
        if reporting == "seal":
            await run.seal()
            states.append(await state_of(router, source, "2"))

    states: list[str] = []
    took: list[BatchMessage] = []
    async with client(proxy.url, take) as router:
        submission = await router.submit(Incoming(message_id="1", source=source))
        assert submission.run is not None
        assert await outcome_of(submission.run) == "completed"
        states.append(await state_of(router, source, "2"))

    assert len(took) == 1
    assert states == (["in_run", "done"] if reporting == "seal" else ["done"])


async def test_an_edit_reaches_a_steer_that_was_not_taken(service_url: str, source: Source) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        await steer(service_url, source, "2", "in French")
        await steer(service_url, source, "3", "gone")
        async with httpx.AsyncClient(base_url=service_url) as http:
            place = {"source": source.model_dump(mode="json")}
            for edit in ({"message_id": "2", "text": "in Greek"}, {"message_id": "3", "delete": 1}):
                answer = await http.post("/v1/messages/amend", json=place | edit)
                assert answer.status_code == 200
        await run.beat_now()
        texts = [message.text for message in run.take_steer()]

    assert texts == ["in Greek"]


def message(message_id: str, text: str = "") -> BatchMessage:
    source = {"platform": "discord", "chat_type": "group", "chat_id": "1"}
    fields = {"seq": 1, "source": source, "payload": None, "deliveries": 1}
    named = {"message_id": message_id, "text": text, "received_at": "2026-11-22T06:30:00Z"}
    return BatchMessage.model_validate(fields | named)


def test_an_answer_that_a_signal_overtook_takes_no_steer_away() -> None:
    steers = Offers(3)
    asked_at = time.monotonic() - 1.0

    steers.signalled((message("1"), message("2")))
    steers.answered((message("1"),), asked_at)

    assert [m.message_id for m in steers.take()] == ["1", "2"]


def test_what_is_no_longer_offered_is_not_given() -> None:
    steers = Offers(3)

    steers.signalled((message("1"), message("2", "old")))
    steers.answered((message("2", "new"),), time.monotonic())

    assert [m.text for m in steers.take()] == ["new"]


def test_what_was_taken_is_not_given_again_and_reported_until_confirmed() -> None:
    steers = Offers(3)
    steers.signalled((message("1"),))
    steers.take()
    steers.signalled((message("1"), message("2")))

    assert [m.message_id for m in steers.take()] == ["2"]
    steers.confirmed(("1",))
    assert steers.unconfirmed == ("2",)


def test_no_more_is_given_than_one_report_may_name() -> None:
    steers = Offers(3)
    steers.signalled(tuple(message(str(n)) for n in range(4)))

    assert len(steers.take()) == 3
    assert steers.take() == ()
    steers.confirmed(steers.unconfirmed)
    assert len(steers.take()) == 1
