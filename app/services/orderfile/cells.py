"""Reads single cells: moments and quantities; what is wrong with one is said in words."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# Largest quantity believed on one line: more is a broken export (an EAN in the wrong column).
MAX_QUANTITY = 1_000_000.0
# Characters of an order's or a customer's id; addresses have 254 at most (RFC 5321).
MAX_ID_CHARACTERS = 255
# Minor units of all lines of an order: PostgreSQL's bigint.
MAX_TOTAL = 2**63 - 1

_SPACED_ZONE = re.compile(r"\s*(?:UTC|GMT|Z)$|\s+(?=[+-]\d\d:?\d\d$)", re.IGNORECASE)


def read_time(text: str) -> float:
    """Return unix seconds of an ISO 8601 date and time; without a zone it is taken as UTC.

    Raises:
        ValueError: not such a date, or outside the years 1970 to 2200.
    """
    try:
        moment = datetime.fromisoformat(_SPACED_ZONE.sub("", text) if not text.endswith("Z") else text)
    except ValueError:
        raise ValueError(f"the date {text[:40]!r} is not ISO 8601, as in 2026-11-21T09:30:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if not 1970 <= moment.year <= 2200:
        raise ValueError(f"the year of {text[:40]!r} is not between 1970 and 2200")
    return moment.timestamp()


def read_quantity(text: str) -> float:
    if not text:
        return 1.0
    try:
        quantity = float(text)
    except ValueError:
        raise ValueError(f"the quantity {text[:24]!r} is not a number") from None
    if not 0 < quantity <= MAX_QUANTITY:
        raise ValueError(f"the quantity {text[:24]} is not between 0 and {MAX_QUANTITY:,.0f}: no purchase")
    return quantity


def check_id(text: str, what: str) -> None:
    """Refuse what no database could store as an id.

    Raises:
        ValueError: longer than `MAX_ID_CHARACTERS`, or with a zero byte within.
    """
    if len(text) > MAX_ID_CHARACTERS:
        raise ValueError(
            f"the {what} {text[:24]!r}… has {len(text):,} characters, {MAX_ID_CHARACTERS} at most"
        )
    if "\0" in text:
        raise ValueError(f"the {what} {text[:24]!r} has a zero byte within")
