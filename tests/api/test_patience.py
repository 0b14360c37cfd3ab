"""What stalls is waited for its own time, and hardly at all when the service ends."""

import asyncio
import contextlib

import pytest

from app.api import patience
from app.api.patience import Patience

SHORT_SECONDS = 0.05


async def stalled() -> bytes:
    await asyncio.Event().wait()
    return b""


async def test_what_stalls_is_waited_for_a_bounded_time_and_what_comes_is_returned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "BODY_SECONDS", SHORT_SECONDS)
    waits = Patience()
    async with asyncio.timeout(10):
        ended = await asyncio.gather(
            waits.wait(stalled()),
            waits.wait(asyncio.sleep(0, b"whole")),
            waits.wait(stalled()),
            return_exceptions=True,
        )
    assert ended[1] == b"whole"
    assert isinstance(ended[0], TimeoutError)
    assert isinstance(ended[2], TimeoutError)
    assert not waits.is_lost


async def test_whoever_waits_when_the_service_ends_is_let_go_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "LAST_SECONDS", SHORT_SECONDS)
    waits = Patience()
    before = asyncio.create_task(waits.wait(stalled()))
    await asyncio.sleep(0)
    waits.lose()
    async with asyncio.timeout(10):
        for wait in (before, waits.wait(stalled()), waits.wait(stalled())):
            with pytest.raises(TimeoutError):
                await wait
        assert await waits.wait(asyncio.sleep(0, b"there already")) == b"there already"
    assert waits.is_lost


async def test_a_wait_that_is_cancelled_is_forgotten() -> None:
    waits = Patience()
    task = asyncio.create_task(waits.wait(stalled()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not waits._waits


async def test_a_wait_that_was_too_long_leaves_its_task_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "BODY_SECONDS", SHORT_SECONDS)
    task = asyncio.current_task()
    assert task is not None
    async with asyncio.timeout(10):
        with pytest.raises(TimeoutError):
            await Patience().wait(stalled())
        assert task.cancelling() == 0
        assert await Patience().wait(asyncio.sleep(0, b"the next")) == b"the next"


async def test_what_came_in_time_is_returned_though_it_is_looked_at_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "BODY_SECONDS", 0.0)
    waits = Patience()
    body: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(waits.wait(body))
    await asyncio.sleep(0)
    body.set_result(b"whole")
    waits._look_around(SHORT_SECONDS)
    assert await task == b"whole"
    await asyncio.sleep(0)
    assert task.cancelling() == 0


async def test_a_task_that_was_to_be_cancelled_before_is_told_that_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "BODY_SECONDS", SHORT_SECONDS)

    async def goes_on() -> int:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await Patience().wait(stalled())
        return task.cancelling()

    async with asyncio.timeout(10):
        assert await asyncio.create_task(goes_on()) == 1


async def test_a_part_that_hears_nothing_of_its_end_leaves_its_task_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "BODY_SECONDS", SHORT_SECONDS)

    async def deaf() -> bytes:
        with contextlib.suppress(asyncio.CancelledError):
            await stalled()
        return b"nothing"

    task = asyncio.current_task()
    assert task is not None
    async with asyncio.timeout(10):
        assert await Patience().wait(deaf()) == b"nothing"
    assert task.cancelling() == 0


async def test_who_is_cancelled_while_a_wait_ends_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "BODY_SECONDS", 0.0)
    waits = Patience()
    task = asyncio.create_task(waits.wait(stalled()))
    await asyncio.sleep(0)
    waits._look_around(SHORT_SECONDS)
    await asyncio.sleep(0)
    assert task.cancelling() == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not waits._waits
