"""The table of `docs/state-machine.md` that says where a batch goes when its run ends."""

import pytest

from tests.scenarios.conftest import Serve
from tests.scenarios.endings import ENDS, MAX_RUN_SECONDS
from tests.scenarios.service import ROOM, Service
from tests.table.reading import cells_after

ROWS = {row[0]: row for row in cells_after("table: ends")[1:]}
COUNTED = {"front, counted": 2, "front, uncounted": 1}


def test_every_way_to_end_has_a_row() -> None:
    assert set(ROWS) == set(ENDS)


async def _state_of_batch(s: Service) -> str:
    state, _ = await s.state("m1")
    if state != "waiting":
        return state
    first = (await s.session(ROOM))["queue"][0]
    assert first["message_id"] == "m1", "it does not stand in front"
    return next(word for word, number in COUNTED.items() if number == first["deliveries"])


@pytest.mark.parametrize("outstanding", ["nothing", "interrupt", "operator", "stop", "reset"])
@pytest.mark.parametrize("end", ROWS)
async def test_a_batch_goes_where_the_table_says(serve: Serve, end: str, outstanding: str) -> None:
    max_run_seconds = MAX_RUN_SECONDS if end == "max_run" else 3600
    s = await serve(max_run_seconds=max_run_seconds, retry_delay_seconds=100)
    run = await s.run("m1")
    await s.send("m2", "bob")
    if outstanding in {"stop", "reset"}:
        await s.send("c", control=outstanding)
    elif outstanding == "operator" or end == "grace":
        await s.act("interrupt")
    elif outstanding == "interrupt":
        await s.send("m3")
    await ENDS[end](s, run)
    await s.claim(max=1, sessions=["agent:main:discord:group:another"])
    _, _, batch, batch_if_stopped, delay = ROWS[end]
    expected = batch_if_stopped if outstanding in {"stop", "reset"} else batch
    assert await _state_of_batch(s) == expected
    if end == "session_deleted":
        return
    assert ((await s.session())["ready_at"] is not None) == (delay == "yes")
    decision = await s.send("m4", "carol")
    assert (decision["reason"] == "retry_delay") == (delay == "yes")
