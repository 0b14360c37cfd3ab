"""What one turn writes leaves as one; nothing waits longer than its turn, and nothing is lost."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, cast
from unittest.mock import Mock

import pytest

from app.joined_writes import HELD_BYTES_MAX, JoinedWrites


class Written:
    """A transport that keeps what is done to it."""

    def __init__(self) -> None:
        self.done: list[bytes | str] = []
        self.is_gone = False
        self.unsent = 0

    def is_closing(self) -> bool:
        return self.is_gone

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def close(self) -> None:
        self.done.append("closed")

    def abort(self) -> None:
        self.done.append("aborted")

    def get_write_buffer_size(self) -> int:
        return self.unsent


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
async def joined(written: Written) -> JoinedWrites:
    return JoinedWrites(cast("asyncio.Transport", written), asyncio.get_running_loop(), 0.0)


async def test_what_one_turn_writes_leaves_as_one(written: Written, joined: JoinedWrites) -> None:
    joined.write(b"head ")
    joined.write(b"body")
    assert written.done == []
    await asyncio.sleep(0)
    joined.write(b"another")
    await asyncio.sleep(0)
    assert written.done == [b"head body", b"another"]


async def test_what_was_written_leaves_before_the_end(
    written: Written, joined: JoinedWrites
) -> None:
    joined.write(b"last words")
    joined.close()
    await asyncio.sleep(0)
    assert written.done == [b"last words", "closed"]


async def test_much_leaves_within_its_turn(written: Written, joined: JoinedWrites) -> None:
    much = b"x" * HELD_BYTES_MAX
    joined.write(b"head")
    joined.write(much)
    joined.write(b"tail")
    assert written.done == [b"head" + much]
    await asyncio.sleep(0)
    assert written.done == [b"head" + much, b"tail"]


async def test_what_is_for_a_client_that_went_within_the_turn_is_dropped(
    written: Written, joined: JoinedWrites
) -> None:
    joined.write(b"head")
    written.is_gone = True
    await asyncio.sleep(0)
    joined.write(b"body")
    joined.close()
    await asyncio.sleep(0)
    assert written.done == ["closed"]


async def test_what_a_client_does_not_take_keeps_no_connection_open(
    written: Written, joined: JoinedWrites
) -> None:
    joined.write(b"last words")
    written.unsent = 10
    joined.close()
    await asyncio.sleep(0.01)
    assert written.done == [b"last words", "closed", "aborted"]


class Later:
    """A loop whose time is what a test says."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def call_later(self, _seconds: float, call: Callable[..., None], *arguments: Any) -> Any:
        self.calls.append(partial(call, *arguments))
        return Mock(cancel=self.calls.clear)

    def pass_time(self) -> None:
        self.calls.pop()()


def watched(written: Written) -> tuple[Later, JoinedWrites]:
    later, transport = Later(), cast("asyncio.Transport", written)
    return later, JoinedWrites(transport, cast("asyncio.AbstractEventLoop", later), 30.0)


def test_a_client_that_takes_little_by_little_is_not_given_up(written: Written) -> None:
    later, joined = watched(written)
    written.unsent = 10
    joined.give_up_if_stuck()
    for left in (9, 5, 1):
        written.unsent = left
        later.pass_time()
    assert written.done == []
    later.pass_time()
    assert written.done == ["aborted"]


def test_one_that_takes_all_is_not_looked_at_any_more(written: Written) -> None:
    later, joined = watched(written)
    written.unsent = 10
    joined.give_up_if_stuck()
    joined.trust()
    assert later.calls == []
    joined.give_up_if_stuck()
    written.unsent = 0
    later.pass_time()
    assert later.calls == []
    assert written.done == []
