"""A release to come: it adds to whatever is stored. `python -m tests.faults.newer_release serve`.

Its scripts write a field more into every packed record and every session's map, and bodies
and sources carry more than this release knows.
"""

import json
import re
import runpy
from typing import Final

from app.routing.route import Routing
from app.store import admissions, arguments, scripts
from app.store.replies import StoredBody
from session_router.models import Message

FIELD: Final = "tomorrow"
ADDITIONS: Final = (
    (r"(local FIELDS = )22", r"\g<1>23"),
    (r"(local m = \{seq = values\[1\], [^}]*)\}", rf"\1, {FIELD} = values[23]}}"),
    (r"(local values = \{m\.seq, [^}]*)\}", rf"\1, m.{FIELD} or 'x'}}"),
    (r"(local HOME = \{[^}]*)\}", rf"\1, '{FIELD}'}}"),
    (r"(cmsgpack\.pack\(\{name, state, [^}]*)\}\)", r"\1, 'x'})"),
    (r"(local ENDED = \{[^}]*)\}", rf"\1, '{FIELD}'}}"),
    (r"(cmsgpack\.pack\(\{name, ended, (?:[^{}]|\{\})*)\}\)", r"\1, 'x'})"),
    (r"(local LINE = \{[^}]*)\}", rf"\1, '{FIELD}'}}"),
    (r"(\{line\.number, [^}]*)\}", r"\1, 'x'}"),
    (r"\bfunction save\(\)", rf"\g<0>\n  if session.id then put('{FIELD}', 'x') end"),
)


def write_more() -> None:
    """Let this process be the newer release."""
    body = scripts.LIBRARY.body
    for place, addition in ADDITIONS:
        body, found = re.subn(place, addition, body)
        assert found == 1, (place, found)
    vars(scripts)["LIBRARY"] = scripts.library_of(body)
    vars(admissions)["body_of"] = _extended_body


def _extended_body(message: Message, routing: Routing | None) -> StoredBody:
    text, read = arguments.body_of(message, routing)
    body = json.loads(text)
    source = body["source"] and {**body["source"], FIELD: [1]}
    return StoredBody(json.dumps({**body, "source": source, FIELD: {"more": True}}), read)


if __name__ == "__main__":
    write_more()
    runpy.run_module("app", run_name="__main__", alter_sys=True)
