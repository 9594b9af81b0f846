"""The discount a cart reminder may carry: how long it lasts and what its code looks like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

# Without the characters that are taken for another one when a code is typed from paper: 0 O, 1 I L, U V.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTWXYZ"
_LENGTH, _GROUP = 12, 4

# How many codes there are: 29^12, or 58 bits. Who tries a million a second finds one of a thousand live codes
# in ten years; Shopify lets nobody try ten a second.
N_CODES = len(ALPHABET) ** _LENGTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One discount of the shop, shared by the codes of one day: each works once, all end together."""

    percent: int
    starts_at: datetime
    ends_at: datetime

    @property
    def title(self) -> str:
        """What the merchant reads in the shop's list of discounts."""
        return f"Cart reminder: {self.percent} % off, until {self.ends_at:%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class GivenCode:
    """The code of one message."""

    code: str
    percent: int
    ends_at: datetime


def end_of(now: datetime, zone: tzinfo, valid_days: int) -> datetime:
    """When a code given now ends: at the shop's midnight after `valid_days` full days.

    So all codes of one day share one end, and nobody gets less than was promised.
    """
    day = now.astimezone(zone).date() + timedelta(days=valid_days + 1)
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def last_day_of(ends_at: datetime, zone: tzinfo) -> datetime:
    """A moment on the last day a code works, by the shop's calendar."""
    return (ends_at - timedelta(seconds=1)).astimezone(zone)


def spell(number: int) -> str:
    """Write one of N_CODES numbers as a code, as in K7QM-2XHD-94TR."""
    if not 0 <= number < N_CODES:
        raise ValueError(f"{number} is not below {N_CODES}")
    characters = []
    for _ in range(_LENGTH):
        number, place = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[place])
    groups = ["".join(characters[start : start + _GROUP]) for start in range(0, _LENGTH, _GROUP)]
    return "-".join(groups)
