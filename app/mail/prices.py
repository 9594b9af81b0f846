"""Money and dates as a reader writes them in their language; it never rounds and never converts a currency."""

from __future__ import annotations

import copy
import re
from datetime import datetime
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date as babel_format_date
from babel.numbers import NumberPattern

from app.domain.money import Money

# "KWD 12.500", as CLDR's currencySpacing and browsers have it; Babel leaves it out ("KWD12.500").
LETTER_MEETS_DIGIT: Final = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


def format_money(money: Money, locale: str) -> str:
    """Write `money` the way `locale` does, always with the currency's own number of digits (ISO 4217).

    CLDR drops the digits of some currencies in cash ("1.234 RSD"); browsers' Intl does not ("1.234,50 RSD").
    Mail and storefront must agree, and a price must never look rounded, so the ISO rule holds in both.
    """
    pattern = _currency_pattern(locale, money.exponent)
    text: str = pattern.apply(
        money.as_decimal(), babel_locale(locale), currency=money.currency, currency_digits=False
    )
    return LETTER_MEETS_DIGIT.sub("\N{NO-BREAK SPACE}", text)


def format_date(moment: datetime, locale: str, style: str = "long") -> str:
    """Write the day of `moment`, in its own time zone, as `short`, `medium`, `long` or `full`."""
    return babel_format_date(moment.date(), format=style, locale=babel_locale(locale))


@lru_cache(maxsize=64)
def babel_locale(tag: str) -> Locale:
    """Return Babel's locale for a tag like `en`, `pt-BR` or `sr-Latn`; English for one it doesn't know."""
    try:
        return Locale.parse(tag.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@lru_cache(maxsize=256)
def _currency_pattern(locale: str, exponent: int) -> NumberPattern:
    pattern: NumberPattern = copy.copy(babel_locale(locale).currency_formats["standard"])
    pattern.frac_prec = (exponent, exponent)
    return pattern
