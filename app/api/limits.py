"""Limits on what one caller may ask of one worker process; off where they are not set."""

from time import monotonic

from app.errors import TooManyRequests


class RequestLimit:
    """At most so many requests a second for each token, a second's worth of them at once.

    A token bucket (as in ATM's generic cell rate algorithm, ITU-T I.371): for each caller the
    time at which its bucket is full again. Kept in this process: with several workers each
    gives its share.
    """

    def __init__(self, per_second: int | None) -> None:
        self._per_second = per_second
        self._full_at: dict[str, float] = {}

    def take(self, token_name: str) -> None:
        """Count one request; raises `TooManyRequests`."""
        if self._per_second is None:
            return
        now = monotonic()
        full_at = max(self._full_at.get(token_name, now), now) + 1 / self._per_second
        if full_at > now + 1:
            raise TooManyRequests
        self._full_at[token_name] = full_at
