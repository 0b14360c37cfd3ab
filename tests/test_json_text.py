"""What the fast way writes is what pydantic would have written, to the byte."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import yaml
from hypothesis import given, strategies as st
from pydantic import JsonValue

from app.json_text import json_of, short_json_of
from app.store.replies import StoredMessage
from session_router import models
from session_router.models import BatchMessage, Message, Source
from tests.processes import PROJECT

DOCUMENT: dict[str, Any] = yaml.safe_load((PROJECT / "openapi.yaml").read_text("utf-8"))
SOURCE = Source(platform="discord", chat_type="group", chat_id="123", user_id="456")


def _examples() -> list[Any]:
    found = []
    for path in DOCUMENT["paths"].values():
        for call in path.values():
            content = call["responses"].get("200", {}).get("content", {})
            told = content.get("application/json", {})
            name = told.get("schema", {}).get("$ref", "").rpartition("/")[2]
            for title, example in told.get("examples", {}).items():
                found.append(pytest.param(name, example["value"], id=f"{name}-{title}"))
    return found


def message(payload: JsonValue, received_at: datetime) -> BatchMessage:
    return BatchMessage(
        message_id="1180",
        seq=1,
        source=SOURCE,
        text="how do I reset it? Ünïcode\u2028\x07 \U0001f600",
        payload=payload,
        sent_at=received_at,
        received_at=received_at,
        deliveries=1,
    )


@pytest.mark.parametrize(("name", "value"), _examples())
def test_every_example_is_written_as_pydantic_writes_it(name: str, value: Any) -> None:
    model = getattr(models, name).model_validate(value)
    assert json_of(model) == model.model_dump_json().encode()


def test_the_examples_are_of_the_answers_that_are_large() -> None:
    names = {str(parameter.values[0]) for parameter in _examples()}
    assert names >= {"Decision", "Heartbeat", "ClaimedRuns"}


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-3, minutes=-30))])
def test_times_are_in_utc_with_milliseconds(zone: timezone) -> None:
    moment = datetime(2026, 11, 22, 6, 30, 0, 987_654, zone)
    model = message({}, moment)
    assert json_of(model) == model.model_dump_json().encode()
    assert b'.987Z"' in json_of(model)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
    )
)
def test_a_payload_is_given_back_as_it_came(payload: JsonValue) -> None:
    received = Message.model_validate(
        {"message_id": "1", "consumer": "gw-1", "source": SOURCE, "payload": payload}
    )
    model = message(received.payload, datetime.now(UTC))
    assert json_of(model) == model.model_dump_json().encode()
    stored = StoredMessage(source=SOURCE, payload=received.payload)
    read = StoredMessage.model_validate_json(short_json_of(stored))
    assert read.payload == payload


@pytest.mark.parametrize("payload", [2**64, -(10**30), [[[[[[[[2**70]]]]]]]]])
def test_integers_of_any_size_are_kept(payload: JsonValue) -> None:
    model = message(payload, datetime.now(UTC))
    assert json_of(model) == model.model_dump_json().encode()


def test_what_nests_as_deep_as_a_body_may_is_kept() -> None:
    deep = b"[" * 195 + b"]" * 195
    body = b'{"message_id":"1","consumer":"c","source":%s,"payload":%s}'
    received = Message.model_validate_json(body % (json_of(SOURCE), deep))
    model = message(received.payload, datetime.now(UTC))
    assert json_of(model) == model.model_dump_json().encode()


def test_a_short_text_leaves_out_what_its_models_have_by_default() -> None:
    stored = StoredMessage(source=SOURCE, payload={}, mentions=("457",))
    assert short_json_of(stored) == stored.model_dump_json(exclude_defaults=True).encode()
    assert (
        short_json_of(StoredMessage(source=None, payload=None)) == b'{"source":null,"payload":null}'
    )
