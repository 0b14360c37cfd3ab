"""The decision table of `docs/state-machine.md`, walked whole through the real API."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.service import Json, ids, serving
from tests.table.reading import (
    Case,
    Row,
    cells_after,
    first_row,
    first_rows,
    read_rows,
    read_values,
    walk,
)
from tests.table.staging import SENDERS, Stage, Waiting, policy

VALUES = read_values()
ROWS = read_rows(VALUES)
STORED = {"batch": "in_run", "front": "waiting", "back": "waiting", "-": None}
CASES_AT_ONCE = 400
DROPS = {"full_drop", "own_drop"}


def test_every_combination_of_all_values_has_a_row() -> None:
    found = first_rows(ROWS, VALUES)
    assert found[0] == 0, "some combinations fit no row"
    total = 1
    for known in VALUES.values():
        total *= len(known)
    assert sum(found.values()) == total


def test_every_row_is_the_first_to_fit_some_combination() -> None:
    found = first_rows(ROWS, VALUES)
    assert [row.number for row in ROWS if not found[row.number]] == []


def test_the_walk_reaches_every_row() -> None:
    walked = Counter(
        first_row(ROWS, case).number
        for state in VALUES["state"]
        for case in walk(ROWS, VALUES, state)
    )
    assert set(walked) == {row.number for row in ROWS}


def test_the_walk_takes_every_value_of_every_column_in_every_state() -> None:
    for state in VALUES["state"]:
        walked = [tuple(case.items()) for case in walk(ROWS, VALUES, state)]
        assert len(set(walked)) == len(walked), "a combination is walked twice"
        found = {item for items in walked for item in items}
        wanted = {(c, v) for c, known in VALUES.items() for v in known if c != "state"}
        assert found == wanted | {("state", state)}


def test_every_test_that_the_document_names_is_there() -> None:
    named = {name for row in cells_after("table: invariants")[1:] for name in row[2].split("`")}
    named = {name for name in named if "::" in name}
    tests = Path(__file__).parents[1]
    there = {
        f"{path.name}::{test}"
        for path in tests.rglob("test_*.py")
        for test in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    assert named <= there, named - there


def _parts() -> Iterator[Any]:
    for state in VALUES["state"]:
        cases = list(walk(ROWS, VALUES, state))
        for part, start in enumerate(range(0, len(cases), CASES_AT_ONCE), 1):
            yield pytest.param(cases[start : start + CASES_AT_ONCE], id=f"{state}-{part}")


@pytest.mark.parametrize("cases", list(_parts()))
async def test_a_message_is_decided_as_the_table_says(
    cases: list[Case], store_url: str, tmp_path: Path
) -> None:
    wrong: list[str] = []
    async with serving(store_url, tmp_path, policy()) as service:
        for number, case in enumerate(cases):
            row, stage = first_row(ROWS, case), Stage(service, case, number)
            await stage.set_up()
            try:
                await _decide(stage, row)
            except AssertionError as error:
                told = " ".join(f"{name}={value}" for name, value in case.items())
                wrong.append(f"row {row.number}: {told}\n{str(error)[:600]}")
    assert not wrong, f"{len(wrong)} combinations differ:\n" + "\n\n".join(wrong[:8])


async def _decide(stage: Stage, row: Row) -> None:
    """Send the message of a case, and compare all that can be seen of it with its row."""
    case, service = stage.case, stage.service
    control, own = case["control"], case["own"]
    answer = await stage.send(
        "m",
        **SENDERS[case["sender"]],
        kind=case["kind"],
        control=None if control == "none" else control,
        busy=None if own == "none" else own,
        dispatch=case["dispatch"],
    )
    expected = row.says
    assert (answer["decision"], answer["reason"]) == (expected["decision"], expected["reason"])
    assert answer["state"] == STORED[expected["place"]]
    _compare_place(stage, answer, expected["place"])
    _compare_control(stage, answer)
    if case["state"] != "none" or answer["session"]:
        assert await service.waiting(stage.key) == [w.message_id for w in stage.waiting]
    if stage.run is not None:
        _compare_signal(case, await service.beat(stage.run), expected["signal"])


def _compare_place(stage: Stage, answer: Json, place: str) -> None:
    own = [w for w in stage.waiting if w.sender == stage.sender]
    dropped: list[Waiting] = []
    is_limited = place in {"front", "back"} and answer["decision"] != "answer"
    if is_limited and stage.case["room"] in DROPS and own:
        dropped = [next(w for w in own if not w.was_granted)]
        stage.waiting.remove(dropped[0])
    named = [{"message_id": w.message_id, "reason": "overflow"} for w in dropped]
    assert answer["dropped"] == named
    if place == "batch":
        assert ids(answer["run"]) == [*(w.message_id for w in stage.waiting), "m"]
        stage.run, stage.waiting = answer["run"], []
    else:
        assert answer["run"] is None
    if place not in {"front", "back"}:
        assert answer["queue"] is None
        return
    _put(stage, place)
    position = [w.message_id for w in stage.waiting].index("m") + 1
    queue = answer["queue"]
    assert (queue["position"], queue["depth"]) == (position, len(stage.waiting))
    assert queue["first"] == (not own)


def _put(stage: Stage, place: str) -> None:
    message = Waiting("m", stage.sender)
    if place == "back":
        stage.waiting.append(message)
        return
    own = [w for w in stage.waiting if w.sender == stage.sender]
    others = [w for w in stage.waiting if w.sender != stage.sender]
    stage.waiting = [*own, message, *others]


def _compare_control(stage: Stage, answer: Json) -> None:
    if answer["decision"] != "control":
        assert answer["control"] is None
        return
    own = [w for w in stage.waiting if w.sender == stage.sender and w.sender is not None]
    stage.waiting = [w for w in stage.waiting if w not in own]
    control: dict[str, Any] = answer["control"]
    assert control["action"] == stage.case["control"]
    assert control["removed"] == [w.message_id for w in own]
    is_asked = stage.run is not None and stage.case["state"] != "sealed"
    assert control["stopped"] == ([stage.run["id"]] if stage.run and is_asked else [])
    assert control["pending"] == (stage.run is not None and control["action"] == "reset")
    assert control["reason"] == answer["reason"]


def _compare_signal(case: Case, beat: Json, signal: str) -> None:
    asked = beat["interrupt"]
    cause = asked and asked["cause"]
    assert [m["message_id"] for m in beat["steer"]] == (["m"] if signal == "steer" else [])
    assert [m["message_id"] for m in beat["answers"]] == (["m"] if signal == "answer" else [])
    if signal in {"stop", "reset"}:
        assert (cause, asked["message_id"]) == (signal, "m")
    elif case["state"] == "stopping":
        assert cause == "operator", "the first request stays"
    elif signal == "interrupt":
        assert (cause, asked["message_id"]) == ("message", "m")
    else:
        assert cause is None
