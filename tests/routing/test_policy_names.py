"""Names and ids of a policy that must fit together, each fault at its own path."""

from typing import Any

import pytest

from app.routing.policy import policy_from
from tests.routing.test_policy import fault_paths


@pytest.mark.parametrize("field", ["identities", "links"])
def test_an_id_stands_under_one_name_only(field: str) -> None:
    named = {"a": ["telegram:1", "telegram:1"], "b": ["telegram:2", "telegram:1"]}
    assert fault_paths({field: named}) == [f"{field}.b.1"]
    apart = {"a": ["telegram:1"], "b": ["telegram:01", "slack:1"]}
    assert policy_from({field: apart}).version == 1


@pytest.mark.parametrize("field", ["identities", "links"])
@pytest.mark.parametrize("entry", ["", "1", ":1", "telegram:", "Telegram:1", "a b:1", None, 1])
def test_an_entry_is_an_id_on_a_platform(field: str, entry: object) -> None:
    assert fault_paths({field: {"a": ["telegram:1", entry]}}) == [f"{field}.a.1"]


def test_a_moderator_by_name_is_one_of_the_identities() -> None:
    data: dict[str, Any] = {"rules": [{"set": {"moderators": ["discord:1", "alice"]}}]}
    assert fault_paths(data) == ["rules.0.set.moderators.1"]
    assert policy_from(data | {"identities": {"alice": ["discord:2"]}}).version == 1
