"""The tables of `relations`, row by row, through the routing and through its explanation."""

import re
from typing import Any

import pytest

from app.routing.policy import policy_from
from app.routing.route import explain, route
from app.routing.rules import Rulebook
from session_router.models import Source
from tests.routing.relation_words import Row, Table
from tests.routing.relations import TABLES

MESSAGE = re.compile(
    r"(?:(?P<agent>\S+)> )?(?P<platform>\S+) (?P<chat_type>[a-z]+)(?:=(?P<chat_id>[^/@^ ]+))?"
    r"(?:/(?P<thread_id>[^@^ ]+))?(?:@(?P<account>[^^ ]+))?(?:\^(?P<scope>\S+))?"
    r" (?P<user_id>[^#]+)(?:#(?P<message_id>\S+))?"
)
ROWS = [(table, row) for table in TABLES for row in table.rows]


def read(message: str) -> tuple[str, Source, str | None]:
    """Read a message as the tables write it: agent, source and id."""
    match = MESSAGE.fullmatch(message)
    assert match is not None, message
    parts = {name: part.replace("_", " ") for name, part in match.groupdict().items() if part}
    agent, message_id = parts.pop("agent", "main"), parts.pop("message_id", None)
    source: dict[str, Any] = {name: part for name, part in parts.items() if part != "-"}
    return agent, Source(**source), message_id


def name(one: object) -> str:
    return one.policy_in_words if isinstance(one, Table) else ""


@pytest.mark.parametrize(("table", "row"), ROWS, ids=name)
def test_two_messages_share_a_session_or_not(table: Table, row: Row) -> None:
    rulebook = Rulebook(policy_from(table.policy))
    keys = []
    for message in (row.one, row.other):
        agent, source, message_id = read(message)
        keys.append(route(rulebook, agent, "user", source, message_id).key)
        assert explain(rulebook, agent, "user", source, message_id).key == keys[-1]
    relation = "same" if keys[0] == keys[1] else "apart"
    assert relation == row.relation, f"{row.why}: {keys}"


def test_the_tables_are_as_large_as_promised_and_say_nothing_twice() -> None:
    assert len(ROWS) >= 120
    said = [(table.policy_in_words, row.one, row.other) for table, row in ROWS]
    assert len(set(said)) == len(said)
    assert len({table.policy_in_words for table in TABLES}) == len(TABLES)


def test_every_isolation_thread_setting_and_dm_scope_has_rows_of_both_kinds() -> None:
    said: dict[tuple[str, str], set[str]] = {}
    for table, row in ROWS:
        fields = policy_from(table.policy).defaults
        for setting in ("isolation", "thread_isolation", "dm_scope"):
            said.setdefault((setting, getattr(fields, setting)), set()).add(row.relation)
    assert {value for _, value in said} == {
        *("per_user", "shared", "tagged", "thread", "person", "inherit", "per_chat", "main"),
    }
    assert all(kinds == {"same", "apart"} for kinds in said.values())
