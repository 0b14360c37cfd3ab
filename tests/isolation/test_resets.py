"""A new id under the same key: by idle time, by day, by hand; and until when answers say so."""

import pytest

from tests.isolation.router import Json, Router, group

HERE = group("discord", "c")
IDLE = {"reset": {"mode": "idle", "idle_minutes": 10}}


def daily(at_hour: int = 4, timezone: str = "UTC", mode: str = "daily") -> Json:
    return {"reset": {"mode": mode, "at_hour": at_hour, "timezone": timezone}}


async def test_an_idle_session_starts_anew_and_says_so_until_a_run_completes(
    there: Router,
) -> None:
    await there.put_policy(defaults=IDLE | {"busy": {"same_sender": "queue"}})
    old = await there.turn(HERE)
    there.clock.forward(minutes=10)
    new = await there.send(HERE, message_id="7")
    assert new["session"]["id"] != old["session"]["id"]
    announced = {"previous_id": old["session"]["id"], "reset_reason": "idle", "is_new": True}
    waiting = await there.send(HERE)
    repeated = await there.send(HERE, message_id="7")
    failed = await there.complete(new["run"], "failed")
    for answer in (new, waiting, repeated, failed):
        assert announced.items() <= answer["session"].items()
    ended = await there.complete(failed["next"], next=False)
    assert not ended["session"]["is_new"]
    assert ended["session"]["previous_id"] is ended["session"]["reset_reason"] is None
    assert ended["session"]["id"] == new["session"]["id"]


async def test_one_minute_less_is_not_idle(there: Router) -> None:
    await there.put_policy(defaults=IDLE)
    old = await there.turn(HERE)
    there.clock.forward(minutes=9)
    assert (await there.turn(HERE))["session"]["id"] == old["session"]["id"]
    there.clock.forward(minutes=9)
    assert (await there.turn(HERE))["session"]["id"] == old["session"]["id"]


async def test_internal_messages_and_their_runs_do_not_renew_the_idle_clock(
    there: Router,
) -> None:
    await there.put_policy(defaults=IDLE)
    old = await there.turn(HERE)
    there.clock.forward(minutes=6)
    notice = await there.turn(HERE, kind="internal")
    assert notice["session"]["id"] == old["session"]["id"]
    there.clock.forward(minutes=6)
    assert (await there.turn(HERE))["session"]["reset_reason"] == "idle"


@pytest.mark.parametrize("user_id", ["u1", None], ids=["known", "unknown"])
async def test_the_end_of_a_users_run_renews_the_idle_clock(
    there: Router, user_id: str | None
) -> None:
    lasting = {"lease_seconds": 3600, "missing_user": "shared"}
    await there.put_policy(defaults=IDLE | lasting)
    source = {**HERE, "user_id": user_id}
    long = await there.send(source)
    there.clock.forward(minutes=30)
    await there.complete(long["run"])
    there.clock.forward(minutes=9)
    assert (await there.turn(source))["session"]["id"] == long["session"]["id"]


async def test_a_lost_run_renews_the_idle_clock_at_its_deadline(there: Router) -> None:
    await there.put_policy(defaults=IDLE | {"lease_seconds": 1200})
    lost = await there.send(HERE)
    there.clock.forward(minutes=21)
    await there.sweep()
    (run,) = await there.claim()
    assert run["previous"]["ended"] == "lease_expired"
    assert run["session"]["id"] == lost["session"]["id"]


async def test_a_day_begins_at_the_hour_of_its_time_zone(there: Router) -> None:
    await there.put_policy(defaults=daily(4, "Asia/Tokyo"))
    there.clock.at("2026-03-02T03:59:59+09:00")
    old = await there.turn(HERE)
    there.clock.at("2026-03-02T04:00:00+09:00")
    new = await there.turn(HERE)
    assert new["session"]["previous_id"] == old["session"]["id"]
    assert new["session"]["reset_reason"] == "daily"
    there.clock.at("2026-03-03T03:59:59+09:00")
    assert (await there.turn(HERE))["session"]["id"] == new["session"]["id"]


@pytest.mark.parametrize(
    ("at_hour", "before", "after"),
    [
        # The clocks of Berlin jump from 2 to 3 on 2026-03-29, and back on 2026-10-25.
        (2, "2026-03-29T00:59:59+00:00", "2026-03-29T01:00:00+00:00"),
        (4, "2026-03-29T01:59:59+00:00", "2026-03-29T02:00:00+00:00"),
        (2, "2026-10-24T23:59:59+00:00", "2026-10-25T00:00:00+00:00"),
        (4, "2026-10-25T02:59:59+00:00", "2026-10-25T03:00:00+00:00"),
    ],
)
async def test_a_day_begins_once_where_the_clocks_change(
    there: Router, at_hour: int, before: str, after: str
) -> None:
    await there.put_policy(defaults=daily(at_hour, "Europe/Berlin"))
    there.clock.at(before)
    old = await there.turn(HERE)
    there.clock.at(after)
    new = await there.turn(HERE)
    assert new["session"]["previous_id"] == old["session"]["id"]
    there.clock.forward(hours=22)
    assert (await there.turn(HERE))["session"]["id"] == new["session"]["id"]


async def test_a_day_that_begins_during_a_run_begins_after_it(there: Router) -> None:
    lasting = {"lease_seconds": 3600, "busy": {"same_sender": "queue"}}
    await there.put_policy(defaults=daily() | lasting)
    there.clock.at("2026-03-02T03:50:00+00:00")
    running = await there.send(HERE)
    there.clock.at("2026-03-02T04:05:00+00:00")
    waiting = await there.send(HERE)
    assert waiting["session"]["id"] == running["session"]["id"]
    ended = await there.complete(running["run"])
    assert ended["session"]["reset_reason"] == "daily"
    assert ended["next"]["session_id"] != running["session"]["id"]


async def test_every_day_begins_anew_even_if_no_message_came_to_say_when(there: Router) -> None:
    await there.put_policy(defaults=daily())
    there.clock.at("2026-03-02T03:50:00+00:00")
    await there.send(HERE, dispatch="worker")
    there.clock.at("2026-03-02T04:10:00+00:00")
    (run,) = await there.claim()
    await there.complete(run)
    there.clock.at("2026-03-03T12:00:00+00:00")
    later = await there.send(HERE)
    assert later["session"]["previous_id"] == run["session_id"]


async def test_a_policy_without_days_ends_them_with_the_next_message(there: Router) -> None:
    await there.put_policy(defaults=daily())
    there.clock.at("2026-03-02T03:00:00+00:00")
    old = await there.turn(HERE)
    await there.put_policy()
    await there.turn(HERE)
    there.clock.at("2026-03-02T05:00:00+00:00")
    assert (await there.turn(HERE))["session"]["id"] == old["session"]["id"]


async def test_both_timers_reset_whichever_comes_first(there: Router) -> None:
    both = {"reset": {"mode": "both", "idle_minutes": 60, "at_hour": 4}}
    await there.put_policy(defaults=both)
    there.clock.at("2026-03-02T02:00:00+00:00")
    await there.turn(HERE)
    there.clock.at("2026-03-02T03:30:00+00:00")
    assert (await there.turn(HERE))["session"]["reset_reason"] == "idle"
    there.clock.at("2026-03-02T04:00:00+00:00")
    assert (await there.turn(HERE))["session"]["reset_reason"] == "daily"


async def test_a_reset_by_hand_waits_for_the_run_and_ends_its_batch(there: Router) -> None:
    running = await there.send(HERE, message_id="7")
    reset = await there.send(HERE, control="reset")
    assert reset["control"]["pending"]
    later = await there.send(HERE, "for the new id", busy="queue")
    ended = await there.complete(running["run"], "interrupted")
    assert ended["session"]["reset_reason"] == "control"
    assert ended["session"]["previous_id"] == running["session"]["id"]
    assert ended["next"]["session_id"] == ended["session"]["id"]
    assert ended["next"]["text"] == "for the new id"
    assert later["decision"] == "queue"
    assert (await there.state_of(HERE, "7"))["reason"] == "reset"


async def test_an_idle_session_is_reset_by_hand_at_once(there: Router) -> None:
    old = await there.turn(HERE)
    reset = await there.send(HERE, control="reset")
    assert not reset["control"]["pending"]
    assert reset["session"]["previous_id"] == old["session"]["id"]
    new = await there.send(HERE)
    assert new["session"]["id"] == reset["control"]["session_id"]
    assert new["session"]["reset_reason"] == "control"


async def test_an_operator_resets_what_was_seen_and_nothing_later(there: Router) -> None:
    old = (await there.turn(HERE))["session"]
    done = await there.on_session(old["key"], "reset", session_id=old["id"])
    assert done == {"changed": True}
    again = await there.on_session(old["key"], "reset", session_id=old["id"])
    assert again == {"changed": False}
    new = (await there.turn(HERE))["session"]
    assert (new["previous_id"], new["reset_reason"]) == (old["id"], "operator")
