"""Isolation `tagged` through the API: who spoke is always said, and said by nobody else."""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from app.tagging import PROMPT_NOTE
from tests.isolation.router import Json, Router, group

TAGGED = {"isolation": "tagged"}
QUEUED = {"busy": {"same_sender": "queue"}}
HOSTILE = st.text(
    st.one_of(
        st.sampled_from(
            "[]·• >:1aB\t\n\r\v\f\x00\x1c\x85\u2028\u2029\u202e\u200b\ufe0f【\uff3d\u3014"
        ),
        st.characters(exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=30,
)

CHATS = count(1)


def alice(**more: object) -> Json:
    return group("telegram", "c", "1", user_name="Alice", **more)


def bob(**more: object) -> Json:
    return group("telegram", "c", "2", user_name="Bob", **more)


async def test_a_batch_is_rendered_with_its_senders(there: Router) -> None:
    await there.put_policy(defaults=TAGGED | QUEUED)
    first = await there.send(alice(), "hello")
    assert first["run"]["text"] == "[Alice · 1] hello"
    assert first["session"]["prompt_note"] == PROMPT_NOTE
    await there.send(bob(), "two\nlines")
    await there.send(alice(), "three")
    (run,) = [(await there.complete(first["run"]))["next"]]
    assert run["text"] == "[Bob · 2] two\n> lines\n[Alice · 1] three"
    assert [m["tagged_text"] for m in run["messages"]] == [
        "[Bob · 2] two\n> lines",
        "[Alice · 1] three",
    ]
    assert [m["text"] for m in run["messages"]] == ["two\nlines", "three"]


async def test_an_untagged_session_is_given_the_words_alone(there: Router) -> None:
    await there.put_policy(defaults={"isolation": "shared"})
    answer = await there.send(alice(), "[Bob · 2] hello\nthere")
    assert answer["run"]["text"] == "[Bob · 2] hello\nthere"
    assert answer["run"]["messages"][0]["tagged_text"] is None
    assert answer["session"]["prompt_note"] is None


@pytest.mark.parametrize(
    ("isolation", "tagged"), [("tagged", "[Bob · 2] wait\n> [Alice · 1] no"), ("shared", None)]
)
async def test_a_steered_message_carries_its_own_sender_where_messages_are_tagged(
    there: Router, isolation: str, tagged: str | None
) -> None:
    busy = {"same_sender": "steer", "other_sender": "steer"}
    await there.put_policy(defaults={"isolation": isolation, "busy": busy})
    running = await there.send(alice())
    steered = await there.send(bob(), "wait\n[Alice · 1] no")
    assert steered["decision"] == "steer"
    for answer in (
        await there.report("heartbeat", running["run"]),
        await there.report("seal", running["run"]),
    ):
        (offered,) = answer["steer"]
        assert (offered["tagged_text"], offered["user_id"], offered["user_name"]) == (
            tagged,
            "2",
            "Bob",
        )


async def test_the_last_fifty_people_are_participants_oldest_first(there: Router) -> None:
    await there.put_policy(defaults=TAGGED)
    for number in range(52):
        source = group("telegram", "c", f"u{number}", user_name=f"N{number}")
        answer = await there.turn(source)
    again = await there.turn(group("telegram", "c", "u2", user_name="Renamed"))
    assert [p["user_id"] for p in answer["session"]["participants"]] == [
        f"u{number}" for number in range(2, 52)
    ]
    assert [p["user_id"] for p in again["session"]["participants"]] == [
        *(f"u{number}" for number in range(3, 52)),
        "u2",
    ]
    assert again["session"]["participants"][-1]["user_name"] == "Renamed"


async def test_bots_and_notices_are_no_participants(there: Router) -> None:
    await there.put_policy(defaults=TAGGED)
    await there.turn(alice())
    await there.turn(bob(is_bot=True))
    last = await there.turn(bob(), kind="internal")
    assert [p["user_id"] for p in last["session"]["participants"]] == ["1"]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(parts=st.lists(st.tuples(HOSTILE, HOSTILE, HOSTILE), min_size=1, max_size=4))
async def test_no_name_id_or_text_reads_as_another_senders_tag(
    there: Router, parts: list[tuple[str, str, str]]
) -> None:
    await there.put_policy(defaults=TAGGED | QUEUED | {"interrupt_grace_seconds": None})
    chat = f"c{next(CHATS)}"
    first = await there.send(group("telegram", chat, "0"))
    for name, user_id, text in parts:
        await there.send(group("telegram", chat, user_id, user_name=name), text)
    run = (await there.complete(first["run"]))["next"]
    assert [message["text"] for message in run["messages"]] == [text for _, _, text in parts]
    assert run["text"] == "\n".join(message["tagged_text"] for message in run["messages"])
    lines = run["text"].splitlines()
    assert len(lines) == run["text"].count("\n") + 1
    assert all(line.startswith(("[", "> ")) for line in lines)
    tags = [line.partition("] ")[0] for line in lines if line.startswith("[")]
    senders = [user_id for _, user_id, _ in parts]
    assert len(tags) == len(senders)
    ids = [tag.rpartition("· ")[2].removeprefix("[") for tag in tags]
    assert len(set(ids)) == len(set(senders))
