"""A customer has lapsed when silent for longer than their own rhythm explains."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.lapse import has_just_lapsed, lapses_at, longest_wait, rhythm
from app.domain.policy import WinBackPolicy

POLICY = WinBackPolicy(factor=2.0, min_days=30, default_days=120, window_days=14)
START = datetime(2026, 1, 1, 9, tzinfo=UTC)


def on_days(*days: float) -> list[datetime]:
    return [START + timedelta(days=day) for day in days]


def test_the_rhythm_is_the_median_gap() -> None:
    assert rhythm(on_days(0, 20, 40, 200)) == timedelta(days=20)


def test_two_order_days_are_no_rhythm() -> None:
    assert rhythm(on_days(0, 20)) is None


def test_orders_of_one_day_count_once() -> None:
    assert rhythm(on_days(0, 0.1, 20)) is None
    assert rhythm(on_days(0, 0.1, 20, 40)) == timedelta(days=20)


def test_somebody_who_buys_every_three_weeks_has_lapsed_after_six() -> None:
    assert lapses_at(on_days(0, 21, 42), POLICY) == START + timedelta(days=42 + 42)


def test_nobody_lapses_sooner_than_the_shortest_wait() -> None:
    assert lapses_at(on_days(0, 2, 4, 6), POLICY) == START + timedelta(days=6 + 30)


def test_without_a_rhythm_the_default_counts() -> None:
    assert lapses_at(on_days(5), POLICY) == START + timedelta(days=125)


def test_who_buys_once_a_year_has_lapsed_after_a_year_not_after_two() -> None:
    assert lapses_at(on_days(0, 365, 730), POLICY) == START + timedelta(days=730 + 365)


def test_who_never_ordered_never_lapses() -> None:
    assert lapses_at([], POLICY) is None
    assert not has_just_lapsed([], POLICY, START)


def test_only_the_days_just_after_lapsing_count() -> None:
    ordered = on_days(0)
    lapsed = START + timedelta(days=120)
    assert not has_just_lapsed(ordered, POLICY, lapsed - timedelta(seconds=1))
    assert has_just_lapsed(ordered, POLICY, lapsed)
    assert has_just_lapsed(ordered, POLICY, lapsed + timedelta(days=13, hours=23))
    assert not has_just_lapsed(ordered, POLICY, lapsed + timedelta(days=14))


@given(
    st.lists(st.floats(0, 3000), min_size=1, max_size=20),
    st.integers(1, 400),
    st.integers(1, 700),
    st.floats(0.5, 6),
)
def test_the_wait_keeps_within_its_bounds(
    days: list[float], min_days: int, default_days: int, factor: float
) -> None:
    policy = WinBackPolicy(factor=factor, min_days=min_days, default_days=default_days)
    ordered = on_days(*days)
    at = lapses_at(ordered, policy)
    assert at is not None
    assert timedelta(days=min_days) <= at - max(ordered) <= longest_wait(policy)
    assert lapses_at(list(reversed(ordered)), policy) == at
