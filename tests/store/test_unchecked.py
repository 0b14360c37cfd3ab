"""A model that is made without a check is the one that a check would have made."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from app.store.unchecked import unchecked
from session_router.models import BatchMessage, Context, QueuePlace, Route, Source

SOURCE = Source(platform="discord", chat_type="group", chat_id="123", user_id="456")
MOMENT = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
MESSAGE: dict[str, Any] = {
    "deliveries": 1,
    "received_at": MOMENT,
    "message_id": "1180",
    "seq": 1,
    "text": "how do I reset it?",
    "payload": {"n": 1},
    "source": SOURCE,
}


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (BatchMessage, MESSAGE),
        (Context, {}),
        (QueuePlace, {"position": 1, "depth": 2, "first": True, "ready_at": MOMENT}),
        (Route, {"platform": "discord", "account": "default", "chat_id": "123"}),
    ],
)
def test_it_is_equal_and_is_written_alike(model: type[BaseModel], values: dict[str, Any]) -> None:
    checked, made = model(**values), unchecked(model)(**values)
    assert made == checked
    assert type(made) is model
    assert made.model_dump_json() == checked.model_dump_json()
    assert list(made.__dict__) == list(model.model_fields)
    assert repr(made) == repr(checked)


def test_it_is_frozen_and_its_copies_are_apart() -> None:
    made = unchecked(Route)(platform="discord", account="default", chat_id="123")
    with pytest.raises(ValueError, match="frozen"):
        setattr(made, "chat_id", "124")  # noqa: B010 (mypy knows that it is frozen)
    copy = made.model_copy(update={"chat_id": "124"})
    again = unchecked(Route)(platform="discord", account="default", chat_id="123")
    assert (made.chat_id, copy.chat_id, again.chat_id) == ("123", "124", "123")


def test_defaults_are_those_of_the_model() -> None:
    assert unchecked(Context)() == Context()
