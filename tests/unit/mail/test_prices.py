"""Prices and dates in a reader's language: one rule, the currency's own digits (ISO 4217)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.domain.money import Money
from app.mail.prices import format_date, format_money

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("locale", "money", "text"),
    [
        ("en", Money(123450, "USD"), "$1,234.50"),
        ("en", Money(123450, "RSD"), f"RSD{NBSP}1,234.50"),
        ("en-GB", Money(123450, "GBP"), "£1,234.50"),
        ("el", Money(123450, "EUR"), f"1.234,50{NBSP}€"),
        ("sr-Latn", Money(123450, "RSD"), f"1.234,50{NBSP}RSD"),
        ("ru", Money(123450, "RUB"), f"1{NBSP}234,50{NBSP}₽"),
        ("ro", Money(123450, "RON"), f"1.234,50{NBSP}RON"),
        ("tr", Money(123450, "TRY"), "₺1.234,50"),
        ("ja", Money(1235, "JPY"), "\N{FULLWIDTH YEN SIGN}1,235"),
        ("en", Money(1235, "JPY"), "¥1,235"),
        ("en", Money(1234567, "KWD"), f"KWD{NBSP}1,234.567"),
        ("el", Money(1234567, "KWD"), f"1.234,567{NBSP}KWD"),
        ("en", Money(5, "EUR"), "€0.05"),
        ("en", Money(-1290, "EUR"), "-€12.90"),
        ("en", Money(2**63 - 1, "EUR"), "€92,233,720,368,547,758.07"),
        ("xx-nonsense", Money(1290, "EUR"), "€12.90"),
        ("en", Money(1290, "ZZZ"), f"ZZZ{NBSP}12.90"),
    ],
)
def test_money_is_written_with_its_currencys_own_digits(locale: str, money: Money, text: str) -> None:
    assert format_money(money, locale) == text


@pytest.mark.parametrize(
    ("locale", "style", "text"),
    [
        ("en", "long", "March 5, 2026"),
        ("en-GB", "long", "5 March 2026"),
        ("el", "long", "5 Μαρτίου 2026"),
        ("sr-Latn", "long", "5. mart 2026."),
        ("ru", "long", "5 марта 2026\N{NARROW NO-BREAK SPACE}г."),
        ("ro", "long", "5 martie 2026"),
        ("tr", "long", "5 Mart 2026"),
        ("en", "short", "3/5/26"),
        ("en", "full", "Thursday, March 5, 2026"),
    ],
)
def test_dates_are_written_in_the_readers_language(locale: str, style: str, text: str) -> None:
    assert format_date(datetime(2026, 3, 5, 23, 59, tzinfo=UTC), locale, style) == text
