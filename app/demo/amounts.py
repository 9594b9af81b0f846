"""Money, times and ids as Shopify writes them. Pure; every payload and every API answer goes through here."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

# How many decimals a currency has (ISO 4217), where it isn't two.
EXPONENTS = {
    "JPY": 0,
    "KRW": 0,
    "VND": 0,
    "CLP": 0,
    "ISK": 0,
    "UGX": 0,
    "BHD": 3,
    "JOD": 3,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
}


def exponent(currency: str) -> int:
    return EXPONENTS.get(currency, 2)


def amount(minor: int, currency: str) -> str:
    """1999 EUR is "19.99", 1999 JPY is "1999", as webhooks write money."""
    digits = exponent(currency)
    if digits == 0:
        return str(minor)
    whole, rest = divmod(abs(minor), 10**digits)
    return f"{'-' if minor < 0 else ''}{whole}.{rest:0{digits}d}"


def decimal(minor: int, currency: str) -> str:
    """1990 EUR is "19.9" and 1999 JPY is "1999.0": GraphQL's Decimal drops trailing zeros but keeps one."""
    text = amount(minor, currency)
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest.rstrip('0') or '0'}"


def money_set(minor: int, currency: str) -> dict[str, object]:
    money = {"amount": amount(minor, currency), "currency_code": currency}
    return {"shop_money": money, "presentment_money": dict(money)}


def utc(at: datetime) -> str:
    """As the GraphQL API writes it: 2026-11-21T18:20:00Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_ms(at: datetime) -> str:
    """As cart payloads write it: 2026-11-21T18:20:00.000Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def utc_ns(at: datetime) -> str:
    """As the X-Shopify-Triggered-At header writes it: nine decimals of a second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def local(at: datetime, timezone: str) -> str:
    """As most payloads write it, in the shop's own zone: 2026-11-21T20:20:00+02:00."""
    return at.astimezone(ZoneInfo(timezone)).replace(microsecond=0).isoformat()


def gid(kind: str, number: int | str) -> str:
    return f"gid://shopify/{kind}/{number}"
