"""Caps count a rolling day and a rolling week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.caps import DAY, WEEK, n_within, room_at
from app.domain.policy import MailPolicy

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
POLICY = MailPolicy(max_per_day=1, max_per_week=3)


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


def test_nobody_who_got_nothing_waits() -> None:
    assert room_at([], POLICY, NOW) == NOW


def test_a_second_mail_waits_until_a_day_after_the_first() -> None:
    assert room_at([ago(hours=3)], POLICY, NOW) == NOW + timedelta(hours=21)


def test_exactly_a_day_later_there_is_room() -> None:
    assert room_at([ago(hours=24)], POLICY, NOW) == NOW


def test_a_fourth_mail_in_a_week_waits_until_the_first_of_the_three_is_a_week_old() -> None:
    sent = [ago(days=2), ago(days=4), ago(days=6)]
    assert room_at(sent, POLICY, NOW) == NOW + timedelta(days=1)


def test_the_longer_of_two_waits_counts() -> None:
    sent = [ago(hours=1), ago(days=4), ago(days=6)]
    assert room_at(sent, POLICY, NOW) == NOW + timedelta(days=1)
    assert room_at([ago(hours=1), ago(days=4), ago(days=6, hours=23)], POLICY, NOW) == NOW + timedelta(
        hours=23
    )


def test_a_cap_of_zero_leaves_no_room_ever() -> None:
    assert room_at([], MailPolicy(max_per_day=0), NOW) is None
    assert room_at([], MailPolicy(max_per_week=0), NOW) is None


@given(
    st.lists(st.timedeltas(min_value=timedelta(hours=-2), max_value=timedelta(days=9)), max_size=12),
    st.integers(1, 4),
    st.integers(1, 6),
)
def test_a_mail_sent_when_there_is_room_never_breaks_a_cap(
    ages: list[timedelta], per_day: int, per_week: int
) -> None:
    sent = [NOW - age for age in ages]
    policy = MailPolicy(max_per_day=per_day, max_per_week=per_week)
    room = room_at(sent, policy, NOW)
    assert room is not None
    assert room >= NOW
    assert n_within(sent, DAY, room) < per_day
    assert n_within(sent, WEEK, room) < per_week


@given(st.lists(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=9)), min_size=1, max_size=12))
def test_a_wait_is_never_longer_than_needed(ages: list[timedelta]) -> None:
    sent = [NOW - age for age in ages]
    room = room_at(sent, POLICY, NOW)
    assert room is not None
    just_before = room - timedelta(microseconds=1)
    if room > NOW:
        assert n_within(sent, DAY, just_before) >= 1 or n_within(sent, WEEK, just_before) >= 3
