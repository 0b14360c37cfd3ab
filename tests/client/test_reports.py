"""What a run holds off, keeps and posts, against a real service."""

import asyncio
import time
from typing import Any

import pytest
from pydantic import ValidationError

from session_router import Incoming, RunInWork, Source
from session_router.reports import News, Reports
from tests.client.agents import Agent, client, end_from_outside, eventually, on, outcome_of
from tests.client.lossy_proxy import LossyProxy

SOON_SECONDS = 3.0  # a lease of these tests is 30 s, a beat comes every 10


async def test_what_comes_while_a_run_is_held_waits_and_later_it_interrupts_again(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer, cancel_on_interrupt=False) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        async with run.held():
            async with run.held():
                pass
            held = await router.submit(Incoming(message_id="2", source=source))
            assert (await router.run_state(run.id)).held

        async def is_free() -> bool:
            return not (await router.run_state(run.id)).held

        assert await eventually(is_free) < SOON_SECONDS
        free = await router.submit(Incoming(message_id="3", source=source))

    assert (held.decision, held.reason) == ("queue", "run_held")
    assert held.notice is not None
    assert free.decision == "interrupt"


async def test_data_is_there_in_the_next_run_and_survives_the_death_of_its_holder(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source))
        run = await agent.next_run()
        assert run.data == {}
        run.set_data({"transcript": "t-1"})
        run.sent("post-1")
        run.sent(2)

        async def is_told() -> bool:
            return (await router.run_state(run.id)).sent == ("post-1", "2")

        assert await eventually(is_told) < SOON_SECONDS  # no beat was due
        await end_from_outside(service_url, run.grant, "failed")
        assert await outcome_of(run) is None
    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="2", source=source))
        again = await agent.next_run()

    assert again.data == {"transcript": "t-1"}
    assert again.previous is not None
    assert (again.previous.ended, again.previous.sent) == ("failed", ("post-1", "2"))


async def test_what_is_reported_last_goes_with_the_end(service_url: str, source: Source) -> None:
    seen: list[dict[str, Any]] = []

    async def answer(run: RunInWork) -> None:
        seen.append(run.data)
        run.set_data({"runs": len(seen)})
        run.sent(f"re-{run.text}")

    async with client(service_url, answer) as router:
        for number in "12":
            event = Incoming(message_id=number, source=source, text=number)
            submission = await router.submit(event)
            assert submission.run is not None
            assert await outcome_of(submission.run) == "completed"
            assert (await router.run_state(submission.run.id)).sent == (f"re-{number}",)
            await router.idle()

    assert seen == [{}, {"runs": 1}]


async def test_after_a_reset_the_old_data_is_apart(service_url: str, source: Source) -> None:
    agent = Agent()
    agent.let_go.set()

    async def remember(run: RunInWork) -> None:
        await agent.answer(run)
        run.set_data({"said": run.text})

    async with client(service_url, remember) as router:
        await router.submit(Incoming(message_id="1", source=source, text="1"))
        await router.idle()
        await router.submit(Incoming(message_id="2", source=source, control="reset"))
        await router.submit(Incoming(message_id="3", source=source, text="3"))
        await router.idle()
        await agent.next_run()
        fresh = await agent.next_run()

    assert (fresh.grant.data, fresh.previous_data) == ({}, {"said": "1"})
    assert fresh.session.reset_reason is not None


async def test_a_lost_answer_loses_no_report(proxy: LossyProxy, source: Source) -> None:
    async def answer(run: RunInWork) -> None:
        run.sent("p1")
        proxy.lose.append(b"/heartbeat")
        await run.beat_now()

    async with client(proxy.url, answer) as router:
        submission = await router.submit(Incoming(message_id="1", source=source))
        assert submission.run is not None
        assert await outcome_of(submission.run) == "completed"
        assert (await router.run_state(submission.run.id)).sent == ("p1",)


async def test_a_job_reports_to_the_session_it_was_begun_in_and_not_to_a_later_one(
    service_url: str, source: Source
) -> None:
    agent = Agent()

    async with client(service_url, agent.answer) as router:
        await router.submit(Incoming(message_id="1", source=source, text="begin"))
        run = await agent.next_run()
        waiting = await router.report(run.to, "job-1", "done")
        kept = await router.report(run.to, "job-2", "by the way", kind="context")
        agent.let_go.set()
        following = await agent.next_run()
        await outcome_of(following)
        await router.submit(Incoming(message_id="2", source=source, control="reset"))
        late = await router.report(run.to, "job-3", "done at last")

    assert (waiting.decision, waiting.reason) == ("queue", "internal")
    assert (kept.decision, waiting.notice) == ("kept", None)
    assert (following.text, [m.text for m in following.context]) == ("done", ["by the way"])
    assert (late.decision, late.reason, late.notice) == ("reject", "session_changed", None)


async def test_events_of_one_chat_are_sent_in_their_order_and_others_do_not_wait(
    proxy: LossyProxy, source: Source
) -> None:
    agent = Agent()
    agent.let_go.set()
    source = on(source, platform="patient")

    async with client(proxy.url, agent.answer) as router:
        proxy.lose.append(b"/v1/messages")  # so that the first is asked twice
        sending = [
            asyncio.create_task(
                router.submit(Incoming(message_id=str(n), source=source, text=str(n)))
            )
            for n in range(5)
        ]
        began_at = time.monotonic()
        other = on(source, chat_id="other", user_id="other")
        await router.submit(Incoming(message_id="9", source=other, text="other"))
        assert time.monotonic() - began_at < SOON_SECONDS
        await asyncio.gather(*sending)
        await router.idle()

    numbers = "\n".join(text for text in agent.texts if text != "other").split("\n")
    assert numbers == ["0", "1", "2", "3", "4"]
    assert router._turns._lines == {}


def test_reports_are_kept_until_they_were_heard() -> None:
    reports = Reports({})
    reports.note_sent(1)
    reports.set_data({"a": 1})
    reports.set_hold(hold=True)
    first = reports.news
    reports.note_sent("2")
    reports.set_data({"a": 2})
    reports.set_hold(hold=False)
    reports.heard(first)

    assert reports.news == News(("2",), False, {"a": 2})
    reports.heard(reports.news)
    assert reports.news == News()


def test_no_more_posts_are_reported_than_one_call_may_name() -> None:
    reports = Reports({})
    for number in range(150):
        reports.note_sent(number)

    assert reports.news.sent == tuple(str(number) for number in range(50, 150))


@pytest.mark.parametrize("data", [{"a": "x" * 9000}, {"a": float("nan")}, {"a": object()}])
def test_data_that_does_not_fit_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Reports({}).set_data(data)
