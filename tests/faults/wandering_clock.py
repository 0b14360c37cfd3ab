"""The service with a clock that steps by hours and days: `python -m tests.faults.wandering_clock`.

Python's clocks are replaced before anything of the service is imported; the monotonic clock and
the store's go on as they are.
"""

import datetime as dt
import runpy
import time
from random import Random
from typing import Self

STEP_SECONDS = 1.5
STEPS = (0.0, 3_600.0, -3_600.0, 86_400.0, -30 * 86_400.0, 0.7)
_right_time = time.time
_since = time.monotonic()


def wandering() -> float:
    """Seconds since the epoch, as wrong as this clock is at the moment."""
    step = int((time.monotonic() - _since) / STEP_SECONDS)
    return _right_time() + Random(step).choice(STEPS)  # noqa: S311


class WanderingDatetime(dt.datetime):
    """Datetimes whose `now` follows this clock."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Self:
        return cls.fromtimestamp(wandering(), tz)


if __name__ == "__main__":
    time.time = wandering
    time.time_ns = lambda: int(wandering() * 1e9)
    dt.datetime = WanderingDatetime  # type: ignore[misc]
    runpy.run_module("app", run_name="__main__", alter_sys=True)
