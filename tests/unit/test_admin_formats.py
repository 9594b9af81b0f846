"""The admin writes sums as the shop and its mails do: the sign where it stands at home, and every digit there is."""

from datetime import UTC, datetime

import pytest

from app.domain.money import Money
from app.mail.prices import format_money
from app.web.admin.formats import Formats, locale_of

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def formats(country: str | None, currency: str, language: str = "und") -> Formats:
    return Formats(locale_of(country), "UTC", currency, NOW, country, language)


def written(country: str | None, currency: str, amount: int) -> str:
    return formats(country, currency).money(amount).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("country", "currency", "amount", "expected"),
    [
        ("JP", "JPY", 1_234_567, "¥1,234,567"),
        ("GR", "EUR", 123_450, "1,234.50 €"),
        ("DE", "EUR", 123_450, "1.234,50 €"),
        ("US", "USD", 123_450, "$1,234.50"),
        ("RS", "RSD", 123_450, "1,234.50 RSD"),
        ("KW", "KWD", 12_500, "12.500 KWD"),
        ("GB", "GBP", 99, "£0.99"),
        (None, "EUR", 100, "€1.00"),
        ("ZZ", "EUR", 100, "€1.00"),
    ],
)
def test_a_sum_in_the_shops_own_money(country: str | None, currency: str, amount: int, expected: str) -> None:
    assert written(country, currency, amount) == expected


def test_yen_are_written_as_in_the_shop_and_in_its_mails() -> None:
    assert formats("JP", "JPY").money(1980) == format_money(Money(1980, "JPY"), "en") == "¥1,980"


@pytest.mark.parametrize(
    ("country", "language"), [("CY", "en"), ("CY", "el"), ("DE", "de"), ("TR", "tr"), ("IE", "en")]
)
def test_the_sign_stands_where_the_shops_own_language_puts_it(country: str, language: str) -> None:
    in_mails = format_money(Money(6900, "EUR"), language)
    assert formats(country, "EUR", language).money(6900).startswith("€") == in_mails.startswith("€")


def test_a_sum_in_other_money_says_which() -> None:
    assert "US$" in formats("JP", "JPY").money(Money(1980, "USD"))


def test_an_axis_ends_without_zeros_behind_the_point() -> None:
    assert formats("GR", "EUR").round_money(10_000).replace("\N{NO-BREAK SPACE}", " ") == "100 €"
    assert formats("GR", "EUR").round_money(10_050).replace("\N{NO-BREAK SPACE}", " ") == "100.50 €"
