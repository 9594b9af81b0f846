"""Writes money, numbers and times the way the shop's country does, in the shop's currency and time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError, dates, numbers

from app.domain.money import Money
from app.services.reporting import zone_of
from app.web.admin.speech import _

# The language of the texts; a country gives it its formats (en_DE writes 1.234,50 and 24 hours).
LANGUAGE = "en"

# UN M49: day before month and 24 hours, as in most of the world.
EUROPE = "150"


def locale_of(country: str | None) -> Locale:
    """English as it is written in `country`, or in Europe where no English of its own is known."""
    for territory in (country, EUROPE):
        try:
            return Locale.parse(f"{LANGUAGE}_{territory}" if country else LANGUAGE)
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse(LANGUAGE)


@dataclass(frozen=True)
class Formats:
    """Everything a template needs to write a value. `now` is the moment the page is made."""

    locale: Locale
    timezone: str
    currency: str
    now: datetime

    @cached_property
    def _zone(self) -> ZoneInfo:
        return zone_of(self.timezone)

    def money(self, amount: int | Money, currency: str | None = None) -> str:
        """Write minor units; in the shop's currency unless another is named."""
        money = amount if isinstance(amount, Money) else Money(amount, currency or self.currency)
        return numbers.format_currency(money.as_decimal(), money.currency, locale=self.locale)

    def round_money(self, amount: int) -> str:
        """Write minor units without the digits behind the point where those are zeros: an axis's end."""
        money = Money(amount, self.currency)
        is_whole = money.as_decimal() == money.as_decimal().to_integral_value()
        pattern = self.locale.currency_formats["standard"].pattern
        if not is_whole:
            return self.money(amount)
        return numbers.format_currency(
            money.as_decimal(),
            self.currency,
            re.sub(r"0\.0+", "0", pattern),
            self.locale,
            currency_digits=False,
        )

    def number(self, n: int) -> str:
        return numbers.format_decimal(n, locale=self.locale)

    def percent(self, share: float, digits: int = 1) -> str:
        pattern = "#,##0." + "0" * digits + "%" if digits else "#,##0%"
        return numbers.format_percent(share, format=pattern, locale=self.locale)

    def points(self, difference: float) -> str:
        """A difference of shares, signed, in percentage points: +2.4."""
        return numbers.format_decimal(
            difference * 100, format="+#,##0.0;\N{MINUS SIGN}#,##0.0", locale=self.locale
        )

    def change(self, now: float, before: float) -> str | None:
        """How much more or less than before, signed; None when there is nothing to compare with."""
        if not before:
            return None
        return numbers.format_percent(
            (now - before) / before, format="+#,##0%;\N{MINUS SIGN}#,##0%", locale=self.locale
        )

    def day(self, day: date) -> str:
        return dates.format_skeleton("MMMd", day, locale=self.locale)

    def moment(self, at: datetime) -> str:
        """Day and time of day in the shop's zone; the year where it isn't this one."""
        here = at.astimezone(self._zone)
        is_this_year = here.year == self.now.astimezone(self._zone).year
        day = dates.format_skeleton("MMMd" if is_this_year else "yMMMd", here, locale=self.locale)
        return f"{day}, {dates.format_time(here, 'short', locale=self.locale)}"

    def ago(self, at: datetime) -> str:
        """How long ago, or in how long, in words."""
        if abs(at - self.now) < timedelta(minutes=1):
            return _("just now")
        return dates.format_timedelta(at - self.now, add_direction=True, locale=self.locale)

    def machine(self, at: datetime) -> str:
        """The moment as HTML's `datetime` attribute wants it."""
        return at.astimezone(self._zone).isoformat(timespec="seconds")

    def share_of(self, part: int, whole: int) -> str:
        """ "9 of 41", both as numbers of this locale."""
        return _("%(part)s of %(whole)s", part=self.number(part), whole=self.number(whole))
