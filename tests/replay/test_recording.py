"""Recordings: what is read from a file, and what is said about a bad one."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.replay.recording import FAULTS_MAX, Chat, Entry, RecordingError, read_recording
from session_router import ReplyTo

SAID = {"line": 1, "at": "2004-11-15T12:18:00Z", "user": "ann", "text": "hi", "conversation": None}
MESSAGE = {
    "message_id": "7",
    "consumer": "gw-1",
    "source": {"platform": "telegram", "chat_type": "dm", "user_id": "5", "user_name": "Eve"},
    "text": "hello",
}


def said(**changes: Any) -> str:
    return json.dumps(SAID | changes)


def message(**changes: Any) -> str:
    return json.dumps(MESSAGE | changes)


def read(folder: Path, *lines: str, chat: Chat | None = None) -> list[Entry]:
    path = folder / "recording.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return read_recording(path, chat or Chat(), "r-")


def faults_of(folder: Path, *lines: str) -> list[str]:
    with pytest.raises(RecordingError) as caught:
        read(folder, *lines)
    return str(caught.value).removeprefix(str(folder)).splitlines()


def test_something_said_becomes_a_message_of_its_nick_in_the_channel(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, said(user="|trey|"))

    assert entry.at == datetime(2004, 11, 15, 12, 18, tzinfo=UTC)
    assert (entry.user, entry.message_id, entry.text) == ("|trey|", "r-1", "hi")
    assert entry.source.model_dump(exclude_defaults=True) == {
        "platform": "irc",
        "scope": "ubuntu",
        "chat_type": "group",
        "chat_id": "#ubuntu",
        "user_id": "|trey|",
        "user_name": "|trey|",
    }


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("bob: try this", ("bob",)),
        ("bob, try this", ("bob",)),
        ("bob:try this", ("bob",)),
        ("bob try this", ()),
        ("carl: who is that", ()),
        ("I saw bob: he left", ()),
        ("http://bob", ()),
        (": bob", ()),
        ("", ()),
    ],
)
def test_a_known_nick_at_the_start_is_a_mention(
    tmp_path: Path, text: str, mentions: tuple[str, ...]
) -> None:
    entries = read(tmp_path, said(line=0, user="bob"), said(line=1, text=text))

    assert entries[1].mentions == mentions


def test_a_nick_is_known_from_its_first_line_on(tmp_path: Path) -> None:
    entries = read(tmp_path, said(line=0, text="bob: hi"), said(line=1, user="bob"))

    assert entries[0].mentions == ()


def test_a_body_of_the_api_is_taken_as_it_is_but_for_its_ids(tmp_path: Path) -> None:
    plain, reply = read(
        tmp_path,
        message(payload={"a": 1}, reply_to={"message_id": "6", "user_id": "9"}),
        message(message_id="8", reply_to="7"),
    )

    assert (plain.at, plain.user, plain.message_id, plain.text) == (None, "Eve", "r-7", "hello")
    assert plain.payload == {"a": 1}
    assert plain.source.chat_id == "5"
    assert plain.reply_to == ReplyTo(message_id="r-6", user_id="9")
    assert reply.reply_to == "r-7"


def test_a_conversation_may_have_a_thread_of_its_own(tmp_path: Path) -> None:
    chat = Chat(platform="discord", scope=None, chat_id="support", threads=True)

    threaded, plain = read(tmp_path, said(conversation=3), said(line=2), chat=chat)

    assert (threaded.source.chat_type, threaded.source.thread_id) == ("thread", "topic-3")
    assert (plain.source.chat_type, plain.source.thread_id) == ("group", None)


def test_how_long_the_agent_works_may_be_said(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, said(work_seconds=12))

    assert entry.payload == {"work_seconds": 12.0}


def test_blank_lines_and_line_separators_in_a_text_are_no_lines(tmp_path: Path) -> None:
    text = json.dumps(SAID | {"text": "one\u2028two\x85three"}, ensure_ascii=False)

    (entry,) = read(tmp_path, "", text, "  ", "")

    assert entry.text == "one\u2028two\x85three"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "no JSON: Expecting property name"),
        ("[1]", "must be a JSON object"),
        ('"text"', "must be a JSON object"),
        (said(user=None), "user: Input should be a valid string"),
        (said(user=""), "user: String should have at least 1 character"),
        (said(at="yesterday"), "at: Input should be a valid datetime"),
        (said(at="2004-11-15T12:18:00"), "at: Input should have timezone info"),
        (said(mood="fine"), "mood: Extra inputs are not permitted"),
        (said(work_seconds=-1), "work_seconds: Input should be greater"),
        (said(line=0), "line: 0 was there before"),
        ("{}", "line: Field required"),
        (message(source={"platform": "X"}), "source.platform: String should match"),
        (message(urgent=True), "urgent: Extra inputs are not permitted"),
        (message(message_id="x" * 511), "message_id: too long behind 'r-'"),
    ],
)
def test_a_bad_line_is_named_with_its_place(tmp_path: Path, line: str, fault: str) -> None:
    (found,) = faults_of(tmp_path, said(line=0), line)

    assert found.startswith(f"/recording.jsonl:2: {fault}") or fault in found


def test_all_bad_lines_are_told_up_to_a_bound(tmp_path: Path) -> None:
    found = faults_of(tmp_path, *["{"] * (FAULTS_MAX + 3))

    assert len(found) == FAULTS_MAX + 1
    assert found[-1].endswith("3 more")


def test_a_file_that_is_empty_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")

    assert faults_of(tmp_path, "")[0].endswith("has no messages")
    for path in (binary, tmp_path / "nowhere"):
        with pytest.raises(RecordingError, match="cannot be read"):
            read_recording(path, Chat(), "r-")
