"""Writes money, numbers and times the way the shop's country does, in the shop's currency and time zone."""

from __future__ import annotations

import copy
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError, dates, numbers
from babel.numbers import NumberPattern

from app.domain.money import Money
from app.mail.prices import LETTER_MEETS_DIGIT
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
    country: str | None = None
    # The shop's own language, in which its prices and mails are written; "und" goes by the country alone.
    language: str = "und"

    @cached_property
    def _zone(self) -> ZoneInfo:
        return zone_of(self.timezone)

    def money(self, amount: int | Money, currency: str | None = None) -> str:
        """Write minor units; in the shop's currency unless another is named.

        The sign stands where the shop itself puts it, and every currency has its own number of digits, so that
        a sum looks here as it does in the shop and in its mails.
        """
        money = amount if isinstance(amount, Money) else Money(amount, currency or self.currency)
        return self._priced(money, money.exponent)

    def round_money(self, amount: int) -> str:
        """Write minor units without the digits behind the point where those are zeros: an axis's end."""
        money = Money(amount, self.currency)
        is_whole = money.as_decimal() == money.as_decimal().to_integral_value()
        return self._priced(money, 0 if is_whole else money.exponent)

    def _priced(self, money: Money, n_digits: int) -> str:
        pattern: NumberPattern = copy.copy(self._home.currency_formats["standard"])
        pattern.frac_prec = (n_digits, n_digits)
        text: str = pattern.apply(
            money.as_decimal(), self.locale, currency=money.currency, currency_digits=False
        )
        text = text.replace(
            numbers.get_currency_symbol(money.currency, self.locale), self._sign(money.currency)
        )
        return LETTER_MEETS_DIGIT.sub("\N{NO-BREAK SPACE}", text)

    @cached_property
    def _home(self) -> Locale:
        """The shop's language in its country, for where it puts a currency's sign; English where none is known."""
        try:
            home = Locale.parse(f"{self.language}_{self.country}") if self.country else self.locale
        except (UnknownLocaleError, ValueError):
            return self.locale
        # A pattern for text that runs the other way has marks in it that turn ours around.
        return home if home.text_direction == "ltr" else self.locale

    def _sign(self, currency: str) -> str:
        """At home ¥ is ¥ and $ is $; only abroad they are JP¥ and US$. A sign in other letters is written out."""
        place = self._home if currency == self.currency else self.locale
        sign = unicodedata.normalize("NFKC", numbers.get_currency_symbol(currency, place))
        is_readable = all(
            character.isascii() or unicodedata.category(character) == "Sc" for character in sign
        )
        return sign if is_readable else currency

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
