"""How many mails a person gets from one shop; it counts what it is given and looks nothing up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.domain.policy import MailPolicy

DAY = timedelta(days=1)
WEEK = timedelta(days=7)


def room_at(sent_at: Sequence[datetime], policy: MailPolicy, now: datetime) -> datetime | None:
    """When the next mail fits under the caps: `now`, a later moment, or None when a cap is 0.

    `sent_at` are the times of this shop's mails to this person; those of the last seven days are enough.
    A day is 24 hours and a week 7 × 24, ending now, so that no midnight lets two mails through at once.
    """
    if policy.max_per_day <= 0 or policy.max_per_week <= 0:
        return None
    newest_first = sorted(sent_at, reverse=True)
    waits = [now]
    for n_allowed, window in ((policy.max_per_day, DAY), (policy.max_per_week, WEEK)):
        if len(newest_first) >= n_allowed:
            waits.append(newest_first[n_allowed - 1] + window)
    return max(waits)


def n_within(sent_at: Sequence[datetime], window: timedelta, now: datetime) -> int:
    """How many of the mails went out within the window that ends now."""
    return sum(1 for at in sent_at if at > now - window)
