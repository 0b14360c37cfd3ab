"""The store's clock, against the monotonic one of the record.

Somebody else's store may be ahead of the torturer's clock, or behind it. But a batch tells when the
store accepted each message, which was after the message was sent and before anybody was told: every
message bounds how far the two clocks are apart.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from app.torture.history import ACCEPTED, LOST, Event, Grant, milliseconds

MARGIN_MS = 5.0  # a time of the store is whole milliseconds, and clocks drift


class StoreClock:
    """What the store's clock may have shown at a moment of the record, at the least and at most.

    Where the bounds contradict each other the clock was set, or moved to another machine: then it
    may have shown whatever lies between them.
    """

    def __init__(self, submits: Mapping[str, Sequence[Event]], grants: Sequence[Grant]) -> None:
        least, most = -math.inf, math.inf
        for lowest, highest in _bounds(submits, grants):
            least, most = max(least, lowest), min(most, highest)
        self._least_ms, self._most_ms = sorted((least, most))

    def earliest_ms(self, moment: float) -> float:
        return moment * 1000 + self._least_ms - MARGIN_MS

    def latest_ms(self, moment: float) -> float:
        return moment * 1000 + self._most_ms + MARGIN_MS


def _bounds(
    submits: Mapping[str, Sequence[Event]], grants: Sequence[Grant]
) -> Iterator[tuple[float, float]]:
    """The milliseconds that the store's clock is ahead by, at the least and at most."""
    for grant in grants:
        for name, message in zip(grant.names, grant.run["messages"], strict=True):
            if name not in submits:
                continue
            accepted_ms = milliseconds(message["received_at"])
            told = min(grant.received, _told(submits[name]))
            yield accepted_ms - told * 1000, accepted_ms - submits[name][0].sent * 1000


def _told(submits: Sequence[Event]) -> float:
    answers = (event for event in submits if event.decision in (*ACCEPTED, "duplicate"))
    return min((event.received for event in answers), default=LOST)
