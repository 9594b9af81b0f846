"""Reads typed fields out of a decoded body and names the place when one is wrong; knows no platform.

A required field of a wrong type refuses the whole body. An optional one counts as absent: an order is worth
more than its locale.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from app.domain.money import BadAmountError, Money, parse_money
from app.platforms.base import UnreadableError

# Platforms' ids are 64-bit at most; some arrive as text.
_ID: Final = re.compile(r"\A[1-9][0-9]{0,19}\Z", re.ASCII)
_CURRENCY: Final = re.compile(r"\A[A-Za-z]{3}\Z", re.ASCII)
# An address longer than this can't be delivered to (RFC 5321, section 4.5.3.1.3: 254, with brackets 256).
_MAX_EMAIL_LENGTH: Final = 254
# PostgreSQL's integer.
_MAX_INT: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Body:
    """One JSON object and where it stands in the delivery."""

    fields: Mapping[str, Any]
    path: str = ""

    def place(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        return name in self.fields

    def refuse(self, name: str, reason: str) -> UnreadableError:
        return UnreadableError(f"{self.place(name)}: {reason}")

    def child(self, name: str) -> Body:
        """The object under `name`; empty when it is null, absent or (as Shopify sends addresses) a list."""
        value = self.fields.get(name)
        return Body(value if isinstance(value, dict) else {}, self.place(name))

    def children(self, name: str) -> Iterator[Body]:
        """The objects of a required list."""
        value = self.fields.get(name)
        if not isinstance(value, list):
            raise self.refuse(name, f"{_kind(value)} where a list was expected")
        for position, child in enumerate(value):
            place = f"{self.place(name)}[{position}]"
            if not isinstance(child, dict):
                raise UnreadableError(f"{place}: {_kind(child)} where an object was expected")
            yield Body(child, place)

    def text(self, name: str) -> str | None:
        value = self.fields.get(name)
        return value if isinstance(value, str) and value else None

    def need_text(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise self.refuse(name, f"{_kind(self.fields.get(name))} where a text was expected")
        return value

    def id(self, name: str) -> str | None:
        """An id as text; never through a float, and None for anything that is not a whole number."""
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            return None
        text = str(value) if isinstance(value, str) or value.bit_length() <= 64 else ""
        return text if _ID.match(text) else None

    def need_id(self, name: str) -> str:
        value = self.id(name)
        if value is None:
            raise self.refuse(name, f"{_kind(self.fields.get(name))} where an id was expected")
        return value

    def whole(self, name: str) -> int | None:
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_INT:
            return None
        return value

    def need_count(self, name: str) -> int:
        value = self.whole(name)
        if value is None or value < 0:
            raise self.refuse(name, f"{_kind(self.fields.get(name))} where a count was expected")
        return value

    def flag(self, name: str) -> bool:
        return self.fields.get(name) is True

    def time(self, name: str) -> datetime | None:
        """An optional moment in UTC; a broken one is refused, as nothing can be ordered by a guess."""
        value = self.fields.get(name)
        return None if value is None or value == "" else self.need_time(name)

    def need_time(self, name: str) -> datetime:
        value = self.fields.get(name)
        at = parse_time(value) if isinstance(value, str) else None
        if at is None:
            raise self.refuse(name, f"{_shown(value)} is not a moment with an offset from UTC")
        return at

    def need_currency(self, name: str) -> str:
        """A currency's code (ISO 4217), upper case. ASCII first: the upper case of `ß` is two letters."""
        value = self.need_text(name)
        if not _CURRENCY.match(value):
            raise self.refuse(name, f"{_shown(value)} is not a currency's code of three letters")
        return value.upper()

    def money(self, name: str, currency: str) -> Money | None:
        """An optional amount; a broken one is refused, as a wrong price is worse than a late one."""
        return None if self.fields.get(name) is None else self.need_money(name, currency)

    def need_money(self, name: str, currency: str) -> Money:
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
            raise self.refuse(name, f"{_kind(value)} where an amount was expected")
        try:
            return parse_money(value, currency)
        except BadAmountError as error:
            raise self.refuse(name, str(error)) from None

    def email(self, name: str) -> str | None:
        """An e-mail address that could be delivered to, or None."""
        value = (self.text(name) or "").strip()
        is_usable = (
            "@" in value and len(value) <= _MAX_EMAIL_LENGTH and value.isprintable() and " " not in value
        )
        return value if is_usable else None

    def url(self, name: str) -> str | None:
        """A web address, or None: nothing else may end in a link or an image."""
        value = self.text(name)
        return value if value and value.startswith(("https://", "http://")) and value.isprintable() else None


def parse_time(text: str) -> datetime | None:
    """Read an ISO 8601 moment with an offset into UTC; None when it is not one."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", bool: "true or false", int: "a number", Decimal: "a number"}
    return "nothing" if value is None else names.get(type(value)) or _shown(value)


def _shown(value: Any) -> str:
    """Show what was sent, short and in printable ASCII; never an address."""
    if not isinstance(value, str):
        return _kind(value)
    return "a text with an @" if "@" in value else ascii(value[:40])
