"""Quiet hours by the person's own clock, in every zone and through both changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.quiet import first_waking_moment, is_quiet, zone_named

ATHENS = ZoneInfo("Europe/Athens")
NINE_PM, EIGHT_AM = time(21), time(8)

# Hypothesis wants the bounds without a zone.
MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001
    max_value=datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
WALL_TIMES = st.times()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("wall", "expected"),
    [("20:59:59", False), ("21:00:00", True), ("23:59:59", True), ("00:00:00", True), ("07:59:59", True),
     ("08:00:00", False), ("12:00:00", False)],
)  # fmt: skip
def test_a_window_over_midnight_is_quiet_on_both_sides_of_it(wall: str, expected: bool) -> None:
    moment = at(f"2026-11-20T{wall}").replace(tzinfo=ATHENS)
    assert is_quiet(moment, ATHENS, NINE_PM, EIGHT_AM) is expected


def test_a_window_within_one_day_is_quiet_in_the_middle() -> None:
    noon, two = time(12), time(14)
    assert is_quiet(at("2026-11-20T13:00:00+02:00"), ATHENS, noon, two)
    assert not is_quiet(at("2026-11-20T14:00:00+02:00"), ATHENS, noon, two)


def test_equal_ends_mean_never_quiet() -> None:
    assert not is_quiet(at("2026-11-20T03:00:00+02:00"), ATHENS, time(3), time(3))


def test_the_person_is_woken_at_eight_the_next_morning_or_the_same() -> None:
    evening, night = at("2026-11-20T22:10:00+02:00"), at("2026-11-21T03:00:00+02:00")
    eight = at("2026-11-21T08:00:00+02:00")
    assert first_waking_moment(evening, ATHENS, NINE_PM, EIGHT_AM) == eight
    assert first_waking_moment(night, ATHENS, NINE_PM, EIGHT_AM) == eight


def test_a_moment_that_is_not_quiet_is_left_as_it_is() -> None:
    noon = at("2026-11-20T12:00:00+02:00")
    assert first_waking_moment(noon, ATHENS, NINE_PM, EIGHT_AM) == noon


def test_the_night_of_the_spring_change_is_an_hour_shorter() -> None:
    # Athens leaves out 03:00 to 04:00 on 29 March 2026.
    evening = at("2026-03-28T21:00:00+02:00")
    assert first_waking_moment(evening, ATHENS, NINE_PM, EIGHT_AM) - evening == timedelta(hours=10)


def test_the_night_of_the_autumn_change_is_an_hour_longer() -> None:
    # Athens has 03:00 to 04:00 twice on 25 October 2026.
    evening = at("2026-10-24T21:00:00+03:00")
    assert first_waking_moment(evening, ATHENS, NINE_PM, EIGHT_AM) - evening == timedelta(hours=12)


def test_an_end_that_spring_leaves_out_comes_an_hour_later() -> None:
    night = at("2026-03-29T02:30:00+02:00")
    assert first_waking_moment(night, ATHENS, NINE_PM, time(3, 30)) == at("2026-03-29T04:30:00+03:00")


@pytest.mark.parametrize(("offset", "expected"), [("+03:00", "+03:00"), ("+02:00", "+02:00")])
def test_an_hour_that_autumn_repeats_is_judged_each_time_it_comes(offset: str, expected: str) -> None:
    # 03:10 is quiet in both folds when the quiet time ends at 03:30, and each fold has an end of its own.
    quiet = at(f"2026-10-25T03:10:00{offset}")
    assert is_quiet(quiet, ATHENS, NINE_PM, time(3, 30))
    assert first_waking_moment(quiet, ATHENS, NINE_PM, time(3, 30)) == at(f"2026-10-25T03:30:00{expected}")


def test_a_day_that_a_country_skipped_does_not_lose_the_morning() -> None:
    # Samoa went from 29 December 2011 straight to the 31st.
    apia = ZoneInfo("Pacific/Apia")
    evening = datetime(2011, 12, 29, 22, tzinfo=apia)
    assert first_waking_moment(evening, apia, NINE_PM, EIGHT_AM) == datetime(2011, 12, 31, 8, tzinfo=apia)


@given(MOMENTS, ZONES, WALL_TIMES, WALL_TIMES)
def test_the_waking_moment_is_never_quiet_and_never_earlier(
    moment: datetime, zone: ZoneInfo, start: time, end: time
) -> None:
    found = first_waking_moment(moment, zone, start, end)
    assert found >= moment
    assert not is_quiet(found, zone, start, end)


@given(MOMENTS, ZONES)
def test_no_waking_minute_is_missed_between_evening_and_the_moment_found(
    moment: datetime, zone: ZoneInfo
) -> None:
    found = first_waking_moment(moment, zone, NINE_PM, EIGHT_AM)
    minute = moment + timedelta(minutes=1)
    while minute < found:
        assert is_quiet(minute, zone, NINE_PM, EIGHT_AM)
        minute += timedelta(minutes=29)


@pytest.mark.parametrize("name", [None, "", "Mars/Olympus", "../etc/passwd", "Europe", "\0", "x" * 400])
def test_a_zone_nobody_knows_is_utc(name: str | None) -> None:
    assert zone_named(name) is UTC
