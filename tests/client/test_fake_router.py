"""The client without a network, as a gateway's own tests use it."""

import asyncio

import httpx
import pytest

from session_router import (
    ChatMoved,
    Decision,
    Deletion,
    Edit,
    Incoming,
    Refused,
    RunInWork,
    Source,
    Superseded,
)
from session_router.models import AmendRequest, Message, MoveRequest, Previous, QueuePlace
from session_router.testing import FakeRouter
from tests.client.agents import eventually

SOURCE = Source(platform="discord", chat_type="group", chat_id="1", user_id="7")


def said(message_id: str, text: str = "", **fields: object) -> Incoming:
    return Incoming.model_validate(
        {"message_id": message_id, "source": SOURCE, "text": text} | fields
    )


async def test_a_message_reaches_the_handler_and_what_it_reports_is_seen() -> None:
    router = FakeRouter()

    @router.run
    async def answer(run: RunInWork) -> None:
        run.status = "thinking"
        await run.beat_now()
        run.set_data({"model": "small"})
        await run.seal()
        run.sent(f"re:{run.text}")

    async with router:
        submission = await router.submit(said("1", "hello"))
        (run,) = router.grants
        assert await run.ended() == "completed"

    assert (submission.decision, submission.reason) == ("run", "session_idle")
    assert (run.sent, run.data, run.status) == (["re:hello"], {"model": "small"}, "thinking")
    assert run.sealed
    (body,) = router.submitted
    assert isinstance(body, Message)
    assert body.text == "hello"


async def test_a_run_is_granted_steered_and_interrupted_by_the_test() -> None:
    router = FakeRouter()
    heard: list[str] = []
    at_work = asyncio.Event()

    @router.run
    async def answer(run: RunInWork) -> None:
        heard.append(f"{run.text} {run.data} {run.previous.ended if run.previous else None}")
        at_work.set()
        try:
            await asyncio.Event().wait()
        finally:
            heard.extend(message.text for message in run.take_steer())

    async with router:
        previous = Previous(id="before", ended="lease_expired")
        run = router.grant(said("1", "a"), said("2", "b"), data={"n": 1}, previous=previous)
        await at_work.wait()
        run.steer("c")
        run.interrupt("stop")
        assert await run.ended() == "interrupted"

    assert heard == ["a\nb {'n': 1} lease_expired", "c"]


async def test_a_question_is_answered_by_a_button() -> None:
    router = FakeRouter()
    told: list[str | None] = []

    @router.run
    async def answer(run: RunInWork) -> None:
        for prompt_id in ("one", "two"):
            message = await run.ask(prompt_id, from_=["7"], reply_to=5, timeout_seconds=5)
            told.append(None if message is None else message.text)

    async with router:
        run = router.grant(said("1"))
        assert (await run.asked()).from_ == ("7",)
        assert (await router.submit(said("2", "yes", answers="one"))).decision == "answer"
        assert (await run.asked("two")).prompt_id == "two"
        gone = await router.submit(said("3", "yes", answers="one"))
        run.reply("no")
        assert await run.ended() == "completed"

    assert told == ["yes", "no"]
    assert (gone.reason, gone.notice) == ("prompt_gone", "That question is no longer open.")


async def test_what_was_said_to_a_run_stands_in_the_way_of_its_seal() -> None:
    router = FakeRouter()

    @router.run
    async def answer(run: RunInWork) -> None:
        with pytest.raises(Superseded, match="steer"):
            await run.seal()
        assert run.take_steer()
        await run.seal()

    async with router:
        run = router.grant(said("1"))
        run.steer("and")
        assert await run.ended() == "completed"


async def test_a_lost_lease_cancels_the_handler() -> None:
    router = FakeRouter()
    cancelled = asyncio.Event()
    at_work = asyncio.Event()

    @router.run
    async def answer(_run: RunInWork) -> None:
        at_work.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with router:
        run = router.grant(said("1"))
        await at_work.wait()
        run.lose()
        await asyncio.wait_for(cancelled.wait(), 5)

    assert run.outcome is None


async def test_every_event_is_noted_and_may_be_decided_by_the_test() -> None:
    async with FakeRouter() as router:
        place = QueuePlace(position=1, depth=1, first=True)
        router.decide(Decision(decision="queue", reason="other_sender_active", queue=place))
        queued = await router.submit(said("1"))
        waiting = await router.submit(said("2"))
        edited = await router.submit(Edit(message_id="1", source=SOURCE, text="new"))
        await router.submit(Deletion(message_id="1", source=SOURCE))
        moved = await router.submit(ChatMoved(platform="telegram", moved_from="-1", to="-2"))
        kept = await router.submit(said("3", kind="context"))
        control = await router.submit(said("4", control="stop"))
        bound = await router.bind("agent:main:x", "9")
        with pytest.raises(Refused):
            await router.stats()

    assert queued.notice == "I am still at work for somebody else; your message comes next."
    assert (waiting.decision, waiting.reason) == ("queue", "dispatch_worker")
    assert (edited.decision, moved.decision, kept.decision) == ("updated", "moved", "kept")
    assert control.notice == "There is nothing to stop."
    assert (bound.session_key, bound.thread_id) == ("agent:main:x", "9")
    amends = [body for body in router.submitted if isinstance(body, AmendRequest)]
    assert [(body.text, body.delete) for body in amends] == [("new", False), (None, True)]
    (move,) = (body for body in router.submitted if isinstance(body, MoveRequest))
    assert (move.from_, move.to) == ("-1", "-2")


async def test_leaving_hands_back() -> None:
    router = FakeRouter()
    at_work = asyncio.Event()

    @router.run
    async def answer(_run: RunInWork) -> None:
        at_work.set()
        await asyncio.Event().wait()

    async with router:
        run = router.grant(said("1"))
        await at_work.wait()

    assert run.outcome == "released"


async def test_what_is_reported_while_a_beat_is_under_way_goes_soon_with_another() -> None:
    router = FakeRouter()
    at_work, let_go = asyncio.Event(), asyncio.Event()

    @router.run
    async def answer(run: RunInWork) -> None:
        beating = asyncio.create_task(run.beat_now())
        await at_work.wait()
        run.sent("p1")
        let_go.set()
        await beating
        await asyncio.Event().wait()

    async with router:
        run = router.grant(said("1"))
        answer_it = run.answer

        async def answer_late(call: str, request: httpx.Request) -> httpx.Response:
            at_work.set()
            await let_go.wait()
            return await answer_it(call, request)

        run.answer = answer_late  # type: ignore[method-assign]

        async def is_told() -> bool:
            return run.sent == ["p1"]

        # A beat is due every 10 seconds here.
        await eventually(is_told, 5.0)
