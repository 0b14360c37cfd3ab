"""When a day begins for a session, on the clock of its policy's time zone."""

from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAYS_AROUND = range(-1, 4)


def daily_boundaries(now: datetime, at_hour: int, timezone: str) -> tuple[datetime, ...]:
    """The moments around `now` at which a day begins, ascending, from yesterday's on.

    An hour that a change of the clocks skips begins its day at the moment the clocks jump;
    one that comes twice begins it the first time.
    """
    return _boundaries(now.astimezone(ZoneInfo(timezone)).toordinal(), at_hour, timezone)


@lru_cache(maxsize=1024)
def _boundaries(today: int, at_hour: int, timezone: str) -> tuple[datetime, ...]:
    zone = ZoneInfo(timezone)
    start = datetime.combine(datetime.fromordinal(today), time(at_hour), zone)
    return tuple(start + timedelta(days=days) for days in DAYS_AROUND)
