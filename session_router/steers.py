"""The steers of a run: offered by the router, taken by the handler, reported as seen."""

import time

from session_router.models import BatchMessage

# As many as one report may name.
SEEN_MAX = 1000


class Steers:
    """Each message is given once, whichever path told of it, and reported until confirmed."""

    def __init__(self) -> None:
        self._offered: dict[str, BatchMessage] = {}
        self._taken: set[str] = set()
        self._unconfirmed: dict[str, None] = {}
        self._signalled_at = 0.0

    def signalled(self, messages: tuple[BatchMessage, ...]) -> None:
        """Take in what a signal says is offered: all of it, as it stands now."""
        self._signalled_at = time.monotonic()
        self._offered = {}
        self._add(messages)

    def answered(self, messages: tuple[BatchMessage, ...], asked_at: float) -> None:
        """Take in what an answer says is offered, to a request sent at `asked_at` (monotonic).

        An answer that a signal may have overtaken only adds.
        """
        if asked_at >= self._signalled_at:
            self._offered = {}
        self._add(messages)

    def _add(self, messages: tuple[BatchMessage, ...]) -> None:
        for message in messages:
            if message.message_id not in self._taken:
                self._offered[message.message_id] = message

    def take(self) -> tuple[BatchMessage, ...]:
        """Give what was not given before; it is unconfirmed from now on."""
        room = SEEN_MAX - len(self._unconfirmed)
        taken = tuple(self._offered.values())[:room]
        for message in taken:
            del self._offered[message.message_id]
            self._taken.add(message.message_id)
            self._unconfirmed[message.message_id] = None
        return taken

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """The ids to report as seen."""
        return tuple(self._unconfirmed)

    def confirmed(self, message_ids: tuple[str, ...]) -> None:
        """Let go of ids that a report with an answer named."""
        for message_id in message_ids:
            self._unconfirmed.pop(message_id, None)
