"""Intervals of shares and of their differences, beside published examples."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.incremental import Counted, Interval, difference, is_enough, share_interval


@pytest.mark.parametrize(
    ("n_hits", "n_all", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_shares_have_the_intervals_that_newcombe_printed(
    n_hits: int, n_all: int, low: float, high: float
) -> None:
    found = share_interval(n_hits, n_all)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("mailed", "holdout", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17:873, table II, method 10.
    [((56, 70), (48, 80), 0.0524, 0.3339)],
)
def test_differences_have_the_intervals_that_newcombe_printed(
    mailed: tuple[int, int], holdout: tuple[int, int], low: float, high: float
) -> None:
    found = difference(Counted(mailed[1], mailed[0]), Counted(holdout[1], holdout[0]))
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_nothing_is_said_of_fewer_than_thirty_in_an_arm() -> None:
    assert difference(Counted(1000, 100), Counted(29, 0)) is None
    assert difference(Counted(29, 3), Counted(1000, 10)) is None
    assert is_enough(Counted(30, 0), Counted(30, 0))
    assert share_interval(0, 0) == Interval(0.0, 1.0)


@given(st.integers(0, 500), st.integers(30, 500), st.integers(0, 500), st.integers(30, 500))
@example(0, 30, 104, 104)
def test_an_interval_holds_what_was_seen_and_stays_possible(a: int, n: int, b: int, m: int) -> None:
    mailed, holdout = Counted(n, min(a, n)), Counted(m, min(b, m))
    found = difference(mailed, holdout)
    assert found is not None
    assert -1 <= found.low <= mailed.rate - holdout.rate <= found.high <= 1
    turned = difference(holdout, mailed)
    assert turned is not None
    assert turned.low == pytest.approx(-found.high)
