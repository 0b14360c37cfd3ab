"""The recording's time: silences are kept, years between two files are not."""

from datetime import UTC, datetime, timedelta

from app.replay.player import PAUSE_SECONDS_MAX, _RecordedClock

START = datetime(2004, 11, 15, 3, 0, tzinfo=UTC)


def test_a_pause_of_the_recording_is_as_many_times_shorter_as_the_speed() -> None:
    clock = _RecordedClock(speed=60)
    assert clock.wait_seconds(START) == 0
    assert 9 < clock.wait_seconds(START + timedelta(minutes=10)) <= 10


def test_years_between_two_files_are_passed_over_in_either_order() -> None:
    clock = _RecordedClock(speed=60)
    clock.wait_seconds(START)
    assert clock.wait_seconds(START + timedelta(days=12 * 365)) <= PAUSE_SECONDS_MAX / 60
    waited = clock.wait_seconds(START)
    assert waited <= PAUSE_SECONDS_MAX / 60
    assert waited < clock.wait_seconds(START + timedelta(minutes=5)) <= waited + 5
