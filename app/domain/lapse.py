"""Who has stayed away longer than they usually do; it looks at order times and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from app.domain.policy import WinBackPolicy

# Two gaps are the fewest that can agree with each other; one gap is an accident.
MIN_ORDER_DAYS_FOR_RHYTHM = 3

# Days. However slow a rhythm, after a year of silence the year's season has come round without the customer.
MAX_WAIT_DAYS = 365

_DAY = timedelta(days=1)


def rhythm(ordered_at: Iterable[datetime]) -> timedelta | None:
    """The usual gap between a customer's orders: their median; None for too few days with an order.

    Orders of one day count once: a forgotten jar of honey, ordered an hour later, is no rhythm.
    """
    days = sorted({at.date() for at in ordered_at})
    if len(days) < MIN_ORDER_DAYS_FOR_RHYTHM:
        return None
    return timedelta(days=median((later - earlier).days for earlier, later in pairwise(days)))


def lapses_at(ordered_at: Iterable[datetime], policy: WinBackPolicy) -> datetime | None:
    """When a customer counts as lapsed unless they order before; None for one who never ordered.

    That is `factor` times their own rhythm after the last order, or a year where that is less; without a
    rhythm of their own, `default_days`. It is never sooner than `min_days`.
    """
    times = list(ordered_at)
    if not times:
        return None
    own = rhythm(times)
    wait = policy.default_days * _DAY if own is None else min(own * policy.factor, MAX_WAIT_DAYS * _DAY)
    return max(times) + max(wait, policy.min_days * _DAY)


def longest_wait(policy: WinBackPolicy) -> timedelta:
    """No customer lapses later than this after their last order."""
    return max(policy.default_days, policy.min_days, MAX_WAIT_DAYS) * _DAY


def has_just_lapsed(ordered_at: Iterable[datetime], policy: WinBackPolicy, now: datetime) -> bool:
    """Whether the customer lapsed within the last `window_days`: later, a mail would be an intrusion."""
    at = lapses_at(ordered_at, policy)
    return at is not None and at <= now < at + policy.window_days * _DAY
