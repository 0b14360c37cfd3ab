"""When to ask again: full jitter over an exponential backoff, within a total deadline.

The jitter is the "full jitter" of M. Brooker, "Exponential Backoff And Jitter", AWS
Architecture Blog, 2015.
"""

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

BASE_SECONDS: Final = 0.1
CAP_SECONDS: Final = 5.0

# Chance spreads the clients out; nothing secret hangs on it.
_chance = random.SystemRandom()


class Patience:
    """How long one call goes on trying. Times are of the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        self._failures = 0

    def remaining_seconds(self) -> float:
        """Return the seconds until the total deadline, never less than 0."""
        return max(0.0, self.deadline - time.monotonic())

    def next_delay_seconds(self, retry_after_seconds: float | None) -> float | None:
        """Return how long to wait after one more failure, None if that is past the deadline.

        At least `retry_after_seconds`, so that a busy router gets the rest it asked for.
        """
        delay = backoff_seconds(self._failures) + (retry_after_seconds or 0.0)
        self._failures += 1
        return delay if delay < self.remaining_seconds() else None


def backoff_seconds(failures: int, cap_seconds: float = CAP_SECONDS) -> float:
    """Return a random wait up to `BASE_SECONDS` doubled with each failure, at most the cap."""
    return _chance.uniform(0.0, min(cap_seconds, BASE_SECONDS * 2.0 ** min(failures, 32)))


def a_bit_less(seconds: float) -> float:
    """Return 80 to 95 % of a time, so that clients that began together drift apart."""
    return seconds * _chance.uniform(0.80, 0.95)


def a_bit_more(seconds: float) -> float:
    """Return 100 to 150 % of a time, so that clients that lost one router come back apart."""
    return seconds * _chance.uniform(1.0, 1.5)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return what `Retry-After` says, in seconds or as an HTTP date; None if it is not there."""
    value = headers.get("retry-after")
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
