"""What `session-router torture` leaves behind: the record, if a promise was not kept."""

import argparse
import tempfile
from pathlib import Path

import pytest

import app.torture
from app.torture import add_arguments, main
from app.torture.director import Task, Verdict
from app.torture.history import Final, History
from app.torture.record import Violation
from app.torture.senders import Stuck

NOTHING = dict.fromkeys(("accepted", "waiting", "in_run", "done", "dead", "removed"), 0)
BROKEN = Violation("I2", "c/1 was accepted and is missing", "")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def ends_with(monkeypatch: pytest.MonkeyPatch, end: Exception | list[Violation]) -> None:
    """Let a torture write one line, and end so."""

    async def torture(task: Task) -> Verdict:
        (task.folder / "p1.jsonl").write_text("")
        if isinstance(end, Exception):
            raise end
        final = Final({}, {}, {"messages": NOTHING})
        return Verdict(
            history=History(),
            final=final,
            violations=end,
            lost_processes=0,
            policies=0,
            rest_seconds=0.0,
        )

    monkeypatch.setattr(app.torture, "_torture", torture)


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return main(parser.parse_args(arguments))


@pytest.mark.parametrize("end", [[BROKEN], Stuck("it does not go on")], ids=["broken", "stuck"])
def test_the_record_of_a_broken_promise_is_kept_and_said_where(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    temporary: Path,
    end: Exception | list[Violation],
) -> None:
    ends_with(monkeypatch, end)
    assert run() == 1
    (folder,) = temporary.iterdir()
    assert (folder / "p1.jsonl").exists()
    assert f"the record is in {folder}" in capsys.readouterr().out


@pytest.mark.parametrize(("end", "code"), [([], 0), (ConnectionError("away"), 2)])
def test_nothing_is_left_where_no_promise_was_broken(
    monkeypatch: pytest.MonkeyPatch, temporary: Path, end: Exception | list[Violation], code: int
) -> None:
    ends_with(monkeypatch, end)
    assert run() == code
    assert list(temporary.iterdir()) == []


def test_a_record_that_is_asked_for_is_kept_in_any_case(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    ends_with(monkeypatch, [])
    assert run("--record", str(temporary / "here")) == 0
    assert (temporary / "here" / "p1.jsonl").exists()
