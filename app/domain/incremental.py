"""What a holdout can and can't prove: rates and their intervals; it must not know where the counts come from."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

# Two-sided 95 %: the 97.5th percentile of the normal distribution.
_Z: Final = 1.959963984540054

# People in each arm. Below this an interval is wider than 20 points at any rate from 10 to 90 %,
# and would be read as a finding all the same (market.md §4.6: small shops need months, and should be told so).
MIN_PEOPLE_PER_ARM: Final = 30


@dataclass(frozen=True, slots=True)
class Interval:
    """A share, or a difference of two, from `low` to `high`; 0.05 is five points."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Counted:
    """The people of one arm, and how many of them ordered in the time that was watched."""

    n_people: int
    n_ordered: int

    @property
    def rate(self) -> float:
        return self.n_ordered / self.n_people if self.n_people else 0.0


def share_interval(n_hits: int, n_all: int) -> Interval:
    """Wilson's score interval of a share; the whole range from 0 to 1 when nothing was counted.

    Wilson (1927), J. Am. Stat. Assoc. 22:209. It stays inside 0 to 1, also for a handful of clicks.
    """
    if n_all <= 0:
        return Interval(0.0, 1.0)
    share = min(n_hits, n_all) / n_all
    centre = share + _Z**2 / (2 * n_all)
    spread = _Z * sqrt(share * (1 - share) / n_all + _Z**2 / (4 * n_all**2))
    scale = 1 + _Z**2 / n_all
    return Interval(max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))


def is_enough(mailed: Counted, holdout: Counted) -> bool:
    """Whether both arms are large enough to say anything at all."""
    return min(mailed.n_people, holdout.n_people) >= MIN_PEOPLE_PER_ARM


def difference(mailed: Counted, holdout: Counted) -> Interval | None:
    """How much more often the mailed ordered than the holdout; None while there is not enough to say.

    Newcombe (1998), Statistics in Medicine 17:873, method 10: holds for small and unequal arms.
    """
    if not is_enough(mailed, holdout):
        return None
    a, b = (
        share_interval(mailed.n_ordered, mailed.n_people),
        share_interval(holdout.n_ordered, holdout.n_people),
    )
    gap = mailed.rate - holdout.rate
    # Where all of one arm ordered and none of the other, rounding would go a hair beyond what can be.
    return Interval(
        max(-1.0, gap - sqrt((mailed.rate - a.low) ** 2 + (b.high - holdout.rate) ** 2)),
        min(1.0, gap + sqrt((a.high - mailed.rate) ** 2 + (holdout.rate - b.low) ** 2)),
    )
