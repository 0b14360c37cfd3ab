"""Who shares a session with whom: one row for each relation that an operator may count on.

A table is headed by a policy in words and the settings that say it. Each of its rows has two
messages, `same` or `apart`, and why. A message is written `platform place user`:

- a place is `dm`, `group`, `channel`, `forum` or `thread`, `=` and the chat's id, and then any
  of `/thread`, `@account` and `^scope`; a DM may leave its id out, the user stands in
- a user is an id, `-` for none; `#` and the message's own id may follow (else it has none)
- `agent>` stands before it all, where that is not `main`; a blank in an id is written `_`
"""

from typing import Any, Final, Literal, NamedTuple

Relation = Literal["same", "apart"]
SAME: Final = "same"
APART: Final = "apart"


class Row(NamedTuple):
    """Two messages, and whether they belong to one session."""

    one: str
    other: str
    relation: Relation
    why: str


class Table(NamedTuple):
    """Rows that hold under one policy."""

    policy_in_words: str
    policy: dict[str, Any]
    rows: list[Row]


def in_chats(**settings: Any) -> dict[str, Any]:
    return {"defaults": settings}


PEOPLE: Final = {
    "alice": ["telegram:1", "discord:2", "slack:T1/U1"],
    "bob": ["discord:3"],
}
LINKS: Final = {"family": ["telegram:-100", "discord:55", "slack:T1/C1"], "work": ["discord:66"]}
