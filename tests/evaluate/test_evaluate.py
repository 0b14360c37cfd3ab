"""`session-router evaluate`: its arithmetic by hand, what it prints, what it refuses."""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from app.__main__ import main
from app.evaluate import add_arguments, evaluate
from app.evaluate.busy import BusySession
from app.evaluate.figures import Tally
from app.evaluate.sessions import ISOLATIONS, Message, session_keys
from app.replay.recording import Chat, Entry, Said
from app.routing.keys import SessionKey

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
IDLE = 20 * 60_000
FIGURES = [
    "turns",
    "sessions",
    "tokens_mean",
    "tokens_p95",
    "tokens_max",
    "foreign",
    "recall",
    "waits",
    "interrupts",
]

# Seconds, user, text and the talk it was judged to belong to. With its name, a colon, a blank
# and the line's end each line has as many characters as the number behind it.
LINES: Sequence[tuple[int, str, str, int | None]] = (
    (0, "ann", "hello", None),  # 11
    (60, "ann", "my disk", 1),  # 13
    (120, "ben", "my wifi", 2),  # 13
    (180, "cat", "ann: ok", 1),  # 13
    (240, "ann", "thanks!", 1),  # 13
    (243, "ben", "anybody", 2),  # 13
)


def line(number: int, **changes: Any) -> str:
    seconds, user, text, conversation = LINES[number]
    at = (START + timedelta(seconds=seconds)).isoformat()
    said = {"line": number, "at": at, "user": user, "text": text, "conversation": conversation}
    return json.dumps(said | changes)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "talk.jsonl"
    path.write_text("\n".join(line(number) for number in range(len(LINES))), encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, dict[str, Any]]:
    assert main(["evaluate", "--json", *map(str, arguments)]) == 0
    result: dict[str, dict[str, dict[str, Any]]] = json.loads(capsys.readouterr().out)
    assert list(result) == ["isolations"]
    return result["isolations"]


def test_the_figures_are_those_that_a_person_works_out(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(capsys, recording)

    assert list(result) == list(ISOLATIONS)
    assert all(list(figures) == FIGURES for figures in result.values())
    # Before the five turns stand 11, 24, 37, 50 and 63 characters. Judged: 0, 1, 2, 3 and 4
    # messages, of which 0, 0, 1, 2 and 1 are the turn's own.
    shared = {
        "turns": 5,
        "sessions": 1,
        "tokens_mean": round(185 / 5 / 4, 1),
        "tokens_p95": round(63 / 4, 1),
        "tokens_max": round(63 / 4, 1),
        "foreign": 0.6,
        "recall": 1.0,
        # Ben's last finds Ann's run, 5 seconds from 10:04:00.
        "waits": 1,
        "interrupts": 0,
    }
    assert result["shared"] == result["tagged"] == shared
    # Ann has 11 and 24 before hers, Ben 0 and 13, Cat 0. Ann's second finds 1 of 2 own earlier,
    # Ben's 1 of 1, Cat 0 of 1.
    per_user = shared | {
        "sessions": 3,
        "tokens_mean": round(48 / 5 / 4, 1),
        "tokens_p95": 6.0,
        "tokens_max": 6.0,
        "foreign": 0.0,
        "recall": 0.5,
        "waits": 0,
    }
    assert result["per_user"] == result["person"] == per_user
    nothing = {"tokens_mean": 0.0, "tokens_p95": 0.0, "tokens_max": 0.0}
    assert result["thread"] == per_user | nothing | {"sessions": 6, "recall": 0.0}
    # Cat joins Ann: before Ann's and Cat's stand 11, 24 and 37, before Ben's 0 and 13.
    assert result["conversation"] == per_user | {
        "sessions": 2,
        "tokens_mean": round(85 / 5 / 4, 1),
        "tokens_p95": round(37 / 4, 1),
        "tokens_max": round(37 / 4, 1),
        "recall": 1.0,
    }


def test_files_are_chats_of_their_own_and_turns_add_up(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(recording.read_text(encoding="utf-8"), encoding="utf-8")

    once, twice = run(capsys, recording), run(capsys, recording, other)

    for name, figures in once.items():
        doubled = {key: 2 * figures[key] for key in ("turns", "sessions", "waits", "interrupts")}
        assert twice[name] == figures | doubled


def test_the_same_files_give_the_same_bytes(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = []
    for name in ("one.svg", "two.svg"):
        picture = tmp_path / name
        assert main(["evaluate", str(recording), "--picture", str(picture)]) == 0
        outputs.append((capsys.readouterr().out, picture.read_bytes()))

    assert outputs[0] == outputs[1]


def test_the_table_has_a_row_for_each_isolation(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(recording)]) == 0

    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "isolation"
    assert [row.split()[0] for row in rows] == list(ISOLATIONS)
    assert {len(row) for row in rows} == {len(head)}
    assert rows[1].split() == ["shared", "5", "1", "9", "16", "16", "60.0%", "1.00", "1", "0"]


def test_the_picture_shows_every_isolation(recording: Path, tmp_path: Path) -> None:
    picture = tmp_path / "trade.svg"

    assert main(["evaluate", str(recording), "--picture", str(picture)]) == 0

    root = ET.fromstring(picture.read_text(encoding="utf-8"))  # noqa: S314  our own
    texts = {node.text for node in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"shared, tagged", "per_user, person", "thread", "conversation"} <= texts
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 4


def test_the_idle_time_of_conversations_can_be_set(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, recording, "--idle-minutes", "1")["conversation"]["sessions"] > 2


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("{", "no JSON"),
        (line(1, text=None), "text: Input should be a valid string"),
        (line(1, at="yesterday"), "at: "),
        (line(1, line=0), "line: 0 was there before"),
        ('{"source": {"platform": "irc", "chat_type": "dm", "user_id": "5"}, "message_id": "7"}',
         "at: is needed"),
    ],
)  # fmt: skip
def test_a_bad_line_is_told_with_its_file_and_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: str, why: str
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(f"{line(0)}\n\n{bad}\n", encoding="utf-8")

    assert main(["evaluate", str(path)]) == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"session-router evaluate: {path}:3: {why}")


def test_a_file_that_is_not_there_and_a_picture_that_cannot_be_written_are_told(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl: cannot be read" in capsys.readouterr().err
    assert main(["evaluate", str(recording), "--picture", str(tmp_path / "no" / "p.svg")]) == 2
    assert "p.svg" in capsys.readouterr().err


@pytest.mark.parametrize("minutes", ["0", "-1", "x"])
def test_an_idle_time_below_a_minute_is_refused(minutes: str) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["f", "--idle-minutes", minutes])


def message(seconds: float, user: str, text: str = "", talk: int | None = None) -> Message:
    source = Chat().source(Said(line=0, at=START, user=user, text=""))
    entry = Entry(at=START, user=user, message_id="m", source=source, text=text, conversation=talk)
    return Message(entry, round(seconds * 1_000))


def test_a_message_interrupts_its_own_run_and_waits_for_any_other() -> None:
    session = BusySession()

    assert session.hear(message(0, "ann")) == "run"
    assert session.hear(message(4, "ann")) == "interrupt"
    assert session.hear(message(8, "ben")) == "wait"
    # Ann's ended at 9; the next is Ben's, until 14.
    assert session.hear(message(13, "ann")) == "wait"
    assert session.hear(message(13.5, "ben")) == "interrupt"
    # That took Ann's along, and is now of both: until 18.5.
    assert session.hear(message(18, "ben")) == "wait"
    assert session.hear(message(60, "cat")) == "run"


def test_a_run_takes_the_time_of_its_characters() -> None:
    session = BusySession()
    session.hear(message(0, "ann", "x" * 100))

    assert session.hear(message(19.9, "ben")) == "wait"
    assert session.hear(message(24.89, "cat", "x" * 10_000)) == "wait"
    assert session.hear(message(24.9 + 119, "dan")) == "wait"
    assert session.hear(message(24.9 + 126, "eve")) == "run"


def test_without_a_judged_message_nothing_was_seen_and_nothing_missed() -> None:
    tally = Tally()
    tally.add([message(0, "ann")], [SessionKey("s")])

    assert tally.figures() == (0, 1, 0.0, 0.0, 0.0, 0.0, 1.0, 0, 0)


def test_the_keys_are_those_of_the_layout() -> None:
    talk = [message(0, "ann", "hi")]
    keys = {name: next(session_keys(name, talk, IDLE)) for name in ISOLATIONS}

    assert keys == {
        "per_user": "agent:main:irc:group:scope:ubuntu:#ubuntu:ann",
        "shared": "agent:main:irc:group:scope:ubuntu:#ubuntu",
        "tagged": "agent:main:irc:group:scope:ubuntu:#ubuntu",
        "thread": "agent:main:irc:thread:scope:ubuntu:#ubuntu:opener:m",
        "conversation": "agent:main:irc:group:scope:ubuntu:#ubuntu:conversation:m",
        "person": "agent:main:person:irc:ubuntu/ann",
    }


def test_no_recordings_give_no_turns() -> None:
    assert {figures.turns for figures in evaluate([], IDLE).values()} == {0}
