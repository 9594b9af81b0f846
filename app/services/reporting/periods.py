"""The stretch of time a report covers, in the shop's own days; it reads no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Four whole weeks hold every weekday equally often, so one busy Saturday more doesn't look like growth.
N_DAYS = 28


@dataclass(frozen=True, slots=True)
class Period:
    """The last days up to now, and as much of the days before: both end at the same time of day."""

    starts_at: datetime
    ends_at: datetime
    before_starts_at: datetime
    before_ends_at: datetime
    timezone: str

    @property
    def days(self) -> tuple[date, ...]:
        """Every day of the period, oldest first."""
        zone = zone_of(self.timezone)
        first, last = self.starts_at.astimezone(zone).date(), self.ends_at.astimezone(zone).date()
        return tuple(first + timedelta(days=n) for n in range((last - first).days + 1))


def last_days(now: datetime, timezone: str, n_days: int = N_DAYS) -> Period:
    """The last `n_days` days of the shop's calendar, today included."""
    zone = zone_of(timezone)
    here = now.astimezone(zone)
    first = here.date() - timedelta(days=n_days - 1)
    return Period(
        starts_at=_midnight(first, zone),
        ends_at=now,
        before_starts_at=_midnight(first - timedelta(days=n_days), zone),
        before_ends_at=datetime.combine(here.date() - timedelta(days=n_days), here.time(), zone),
        timezone=zone.key,
    )


def zone_of(name: str) -> ZoneInfo:
    """The shop's time zone; UTC for one this machine doesn't know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)
