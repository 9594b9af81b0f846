"""When a mail may arrive by a person's own clock on the wall; it knows nothing of mails or shops."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

# Days looked ahead for the end of a quiet time. It comes once a day, except where a change of the clocks
# swallows it (an hour in spring; a whole day on Samoa in 2011), so it is found within three.
_DAYS_AHEAD = 4


def zone_named(name: str | None) -> tzinfo:
    """The time zone of that IANA name; UTC for none, and for one that this machine doesn't know."""
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):  # unknown; not a name at all; the name of a folder
        return UTC


def is_quiet(at: datetime, zone: tzinfo, quiet_from: time, quiet_until: time) -> bool:
    """Whether `at` falls into the quiet time, which may run over midnight. Equal ends mean: never quiet."""
    wall = at.astimezone(zone).time()
    if quiet_from <= quiet_until:
        return quiet_from <= wall < quiet_until
    return wall >= quiet_from or wall < quiet_until


def first_waking_moment(at: datetime, zone: tzinfo, quiet_from: time, quiet_until: time) -> datetime:
    """`at` itself when it isn't quiet, else the first end of the quiet time after it, in UTC.

    The hour that autumn repeats is judged twice, by what the clock on the wall shows each time; an end of the
    quiet time that spring leaves out is taken an hour later.
    """
    if not is_quiet(at, zone, quiet_from, quiet_until):
        return at
    ends = sorted(end for end in _ends(at, zone, quiet_until) if end > at)
    return next(end for end in ends if not is_quiet(end, zone, quiet_from, quiet_until))


def _ends(at: datetime, zone: tzinfo, quiet_until: time) -> Iterator[datetime]:
    today = at.astimezone(zone).date()
    for n_days in range(_DAYS_AHEAD + 1):
        wall = datetime.combine(today + timedelta(days=n_days), quiet_until)
        for fold in (0, 1):
            yield wall.replace(fold=fold, tzinfo=zone).astimezone(UTC)
