"""A history on disk, as far as it went: what a killed process had sent is known afterwards."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from app.torture.history import LOST, Event, History, Json

Call = tuple[str, str, str, float]


class Journal(History):
    """A history that is written to a file, each request before it goes out.

    A line is `["ask", event]` or `["add", event]`; times are seconds of the machine's monotonic
    clock, which all its processes share. The file ends where its process did.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("ab", buffering=0)

    def ask(self, event: Event) -> None:
        self._write("ask", event)

    def add(self, event: Event) -> None:
        self._write("add", event)

    def close(self) -> None:
        self._file.close()

    def _write(self, word: str, event: Event) -> None:
        fields = asdict(event) | {"received": None if event.received == LOST else event.received}
        self._file.write(json.dumps([word, fields]).encode() + b"\n")


def read_journals(paths: Iterable[Path]) -> list[Event]:
    """Read what was recorded; a request without an answer is one that nobody knows the end of."""
    events: list[Event] = []
    for path in paths:
        asked: dict[Call, Event] = {}
        for word, event in _lines(path):
            if word == "ask":
                asked[_call(event)] = event
            else:
                asked.pop(_call(event), None)
                events.append(event)
        events += asked.values()
    return events


def _lines(path: Path) -> Iterable[tuple[str, Event]]:
    for line in path.read_bytes().split(b"\n")[:-1]:  # what has no end was not written whole
        word, fields = json.loads(line)
        yield word, _event(fields)


def _event(fields: Json) -> Event:
    received = LOST if fields["received"] is None else fields["received"]
    return Event(**(fields | {"received": received}))


def _call(event: Event) -> Call:
    return event.consumer, event.verb, event.target, event.sent
