"""Money as integer minor units with its currency; no floats, and no formatting for people."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

# Digits after the point, ISO 4217 list one (2024-01-01); every currency not named here has 2.
_EXPONENTS: Final = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}

# PostgreSQL's bigint; a larger amount is a broken message, not a price.
_MAX_MINOR: Final = 2**63 - 1


class BadAmountError(ValueError):
    """An amount of money can't be read."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`amount` minor units of `currency` (ISO 4217, upper case): `Money(1290, "EUR")` is 12.90 euro."""

    amount: int
    currency: str

    @property
    def exponent(self) -> int:
        return exponent_of(self.currency)

    def as_decimal(self) -> Decimal:
        return Decimal(self.amount).scaleb(-self.exponent)


def exponent_of(currency: str) -> int:
    """Return the number of digits after the point that `currency` has (ISO 4217)."""
    return _EXPONENTS.get(currency.upper(), 2)


def parse_money(text: str | int | Decimal, currency: str) -> Money:
    """Read a decimal amount ("12.90") as a platform writes it into minor units of `currency`.

    Raises:
        BadAmountError: not a finite decimal number, a binary float, or beyond 64 bits.
    """
    if isinstance(text, float):
        raise BadAmountError(f"the amount {text!r} is a binary float; pass the text as it was received")
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
        raise BadAmountError(f"the currency {currency[:12]!r} is not a three-letter ISO 4217 code")
    try:
        value = Decimal(text)
    except (InvalidOperation, ValueError, TypeError):
        raise BadAmountError(f"the amount {str(text)[:24]!r} is not a decimal number") from None
    if not value.is_finite() or abs(value) > _MAX_MINOR:
        raise BadAmountError(f"the amount {str(text)[:24]!r} is not a finite amount of money")
    minor = value.scaleb(exponent_of(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    if abs(minor) > _MAX_MINOR:
        raise BadAmountError(f"the amount {str(text)[:24]!r} is too large")
    return Money(int(minor), currency.upper())
