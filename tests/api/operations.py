"""Every call of `openapi.yaml`, so that none is forgotten where something is said of all."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

DOCUMENT: Final = Path(__file__).parents[2] / "openapi.yaml"
# What must stand in a query.
QUERIES: Final = {
    "message": "?platform=discord&chat_id=123&message_id=m1",
    "runs": "?consumer=gw-1",
    "signals": "?consumer=gw-1",
}


@dataclass(frozen=True)
class Operation:
    """One call: its `operation_id`, its method and the form of its path."""

    name: str
    method: str
    form: str

    def path(self, parts: Mapping[str, str]) -> str:
        """The path with these parts, and the query that it needs."""
        return self.form.format_map(parts) + QUERIES.get(self.name, "")


OPERATIONS: Final = tuple(
    Operation(operation["operationId"], method.upper(), form)
    for form, methods in yaml.safe_load(DOCUMENT.read_text("utf-8"))["paths"].items()
    for method, operation in methods.items()
)
