"""What goes wrong again and again: when to try next, and how loudly to speak of it."""

import logging
from typing import Final

from session_router.errors import RouterError, Unavailable
from session_router.retries import backoff_seconds

logger: Final = logging.getLogger("session_router")

AWAY_SECONDS_MAX: Final = 2.0
REFUSED_SECONDS_MAX: Final = 30.0


class Failures:
    """The failures of one thing that goes on, since it last went well.

    A router that is away comes back by itself: it is named once, and asked again soon. What it
    refuses (a wrong token, say) a person must mend: each refusal is named, and asked less often.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._count = 0

    def note(self, error: RouterError) -> float:
        """Speak of a failure, and return how many seconds to wait before the next try."""
        passing = isinstance(error, Unavailable)
        level = logging.ERROR if not passing else logging.DEBUG if self._count else logging.WARNING
        logger.log(level, "%s failed: %s", self._what, error)
        cap_seconds = AWAY_SECONDS_MAX if passing else REFUSED_SECONDS_MAX
        asked = (error.retry_after_seconds if isinstance(error, Unavailable) else None) or 0.0
        return asked + self.rest_seconds(cap_seconds)

    def rest_seconds(self, cap_seconds: float = AWAY_SECONDS_MAX) -> float:
        """Count one more, and return how many seconds to wait."""
        delay = backoff_seconds(self._count, cap_seconds)
        self._count += 1
        return delay

    def over(self) -> None:
        """Note that it goes well."""
        self._count = 0
