"""I10: time comes from the store, never from a router or a gateway."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from app.main import create_app
from app.settings import Settings
from tests.service import Service
from tests.sessions import Clock


async def test_a_router_whose_clock_is_days_off_gives_the_stores_deadlines(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right_time = time.time
    monkeypatch.setattr(time, "time", lambda: right_time() + 3 * 86_400)
    app = create_app(Settings(redis_url=store_url))
    async with app.router.lifespan_context(app):
        run = (await Service(app, Clock()).send())["run"]
    with Redis.from_url(store_url) as redis:
        seconds, _ = redis.time()
    stores_now = datetime.fromtimestamp(seconds, UTC)
    lease_ends = datetime.fromisoformat(run["lease_expires_at"])
    assert timedelta(seconds=15) < lease_ends - stores_now < timedelta(seconds=32)
    assert abs(run["fence"] / 1_000_000 - stores_now.timestamp()) < 15
