"""Limits on what one caller may ask of one worker process; off where they are not set."""

from time import monotonic

from app.errors import TooManyRequests


class RequestLimit:
    """At most so many requests a second for each token, a second's worth of them at once.

    A token bucket, kept in this process: with several workers each has its own.
    """

    def __init__(self, per_second: int | None) -> None:
        self._per_second = per_second
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, token_name: str) -> None:
        """Count one request; raises `TooManyRequests`."""
        most = self._per_second
        if most is None:
            return
        now = monotonic()
        left, since = self._buckets.get(token_name, (float(most), now))
        left = min(float(most), left + (now - since) * most)
        if left < 1:
            raise TooManyRequests
        self._buckets[token_name] = (left - 1, now)
