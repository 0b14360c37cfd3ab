"""The whole replay against a real service, through its command line."""

import argparse
import asyncio
import json
from pathlib import Path

import pytest

from app.replay import add_arguments, main
from app.replay.player import Fate, Player, Target
from app.replay.recording import Chat, Entry, read_recording
from app.replay.report import DecisionLines, faults, shown, summary
from session_router import Source
from tests.replay.mortal_service import MortalService

USERS = ("ann", "bob", "cleo", "dev")


def recording(folder: Path, lines: int, *, name: str = "talk.jsonl") -> Path:
    """Write a talk of four people, a line every five seconds."""
    path = folder / name
    with path.open("w", encoding="utf-8") as file:
        for line in range(lines):
            said = {
                "line": line,
                "at": f"2026-03-02T10:{line * 5 // 60:02}:{line * 5 % 60:02}Z",
                "user": USERS[line % 3 if line % 7 else 3],
                "text": f"line {line}",
                "conversation": None,
            }
            file.write(json.dumps(said) + "\n")
    return path


def replay(url: str, *arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return main(parser.parse_args(["--url", url, *map(str, arguments)]))


@pytest.fixture
def chat_id(tmp_path: Path) -> str:
    """Give a chat that no other test uses."""
    return f"#{tmp_path.name}"


@pytest.mark.parametrize("speed", ["2000", "max"])
def test_every_message_of_a_file_is_answered_and_worked_off(
    service_url: str,
    tmp_path: Path,
    chat_id: str,
    capsys: pytest.CaptureFixture[str],
    speed: str,
) -> None:
    path = recording(tmp_path, 60)

    code = replay(service_url, path, "--chat", chat_id, "--speed", speed)

    out = capsys.readouterr().out
    assert code == 0, out
    lines, figures = out.split("\n\n")
    assert len(lines.splitlines()) == 60
    assert "messages         60 of 60 answered" in figures
    assert "sessions         4" in figures


def test_each_decision_is_one_aligned_line(
    service_url: str, tmp_path: Path, chat_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    replay(service_url, recording(tmp_path, 1), "--chat", chat_id, "--scope", "net")

    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("10:00:00  dev               run        session_idle         agent:")
    assert first.endswith(":dev")


def test_the_same_run_id_makes_every_message_a_repeat(
    service_url: str, tmp_path: Path, chat_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recording(tmp_path, 5)

    replay(service_url, path, "--chat", chat_id, "--run-id", "again")
    capsys.readouterr()
    code = replay(service_url, path, "--chat", chat_id, "--run-id", "again")

    out = capsys.readouterr().out
    assert code == 0
    assert "decisions        duplicate 5" in out
    assert "runs             0" in out


def test_several_files_are_one_replay(
    service_url: str, tmp_path: Path, chat_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = recording(tmp_path, 4), recording(tmp_path, 3, name="more.jsonl")

    assert replay(service_url, *files, "--chat", chat_id) == 0
    assert "messages         7 of 7 answered" in capsys.readouterr().out


def test_nothing_is_sent_of_a_file_with_a_bad_line(
    service_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recording(tmp_path, 3)
    path.write_text(path.read_text() + "{oops\n")

    assert replay(service_url, path) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"{path}:4: no JSON" in printed.err


def test_a_token_file_that_is_missing_is_said_before_anything_is_sent(
    service_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recording(tmp_path, 1)

    assert replay(service_url, path, "--token-file", tmp_path / "none") == 2
    assert "none" in capsys.readouterr().err


def test_a_service_that_is_not_there_is_said_within_seconds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay("http://127.0.0.1:1", recording(tmp_path, 1)) == 2
    assert "no answer from the router" in capsys.readouterr().err


@pytest.mark.parametrize("argument", ["--speed=0", "--speed=inf", "--speed=x", "--run-id=a b"])
def test_a_bad_argument_is_refused(tmp_path: Path, argument: str) -> None:
    with pytest.raises(SystemExit):
        replay("http://127.0.0.1:1", recording(tmp_path, 1), argument)


async def test_a_message_the_service_refuses_fails_the_replay_and_the_others_go_on(
    service_url: str, tmp_path: Path, chat_id: str
) -> None:
    entries = read_recording(recording(tmp_path, 3), Chat(chat_id=chat_id), "refused-")
    nobody = Source(platform="irc", chat_type="group", chat_id=chat_id)
    entries[1] = Entry(
        at=entries[1].at, user="-", message_id="refused-nobody", source=nobody, text="hello"
    )

    played = await Player(Target(url=service_url), 2000.0, lambda _: None).play(entries)

    assert [fate.error is None for fate in played.fates] == [True, False, True]
    (fault,) = faults(played)
    assert fault.startswith("not answered: refused-nobody (422")
    assert fault in summary(played, 2000.0)


@pytest.mark.slow
async def test_a_replay_survives_a_kill_of_the_service_in_its_middle(
    mortal_service: MortalService, tmp_path: Path
) -> None:
    entries = read_recording(recording(tmp_path, 80), Chat(), "r-")
    killed = asyncio.Event()
    answered = 0

    def watch(_fate: Fate) -> None:
        nonlocal answered
        answered += 1
        if answered == 30:
            killed.set()

    async def kill_in_the_middle() -> None:
        await killed.wait()
        await asyncio.to_thread(mortal_service.kill_and_start)

    async with asyncio.TaskGroup() as group:
        group.create_task(kill_in_the_middle())
        playing = group.create_task(
            Player(Target(url=mortal_service.url), 200.0, watch).play(entries)
        )

    played = playing.result()
    assert faults(played) == []
    assert len(played.fates) == 80
    assert played.stats is not None
    counts = played.stats.messages
    assert (counts.accepted, counts.done) == (80, 80)


def test_nothing_from_a_recording_steers_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    import sys

    source = Source(platform="irc", chat_type="group", chat_id="c", user_id="u")
    entry = Entry(at=None, user="a\x1b[2J", message_id="1", source=source, text="")

    DecisionLines(sys.stdout)(Fate(entry=entry, decision=None, error="no\x07", sent_at=0.0))

    assert shown("a\nb") == "a?b"
    assert capsys.readouterr().out == "--:--:--  a?[2J             ERROR      no?\n"
