"""Makes single-use coupons in a WooCommerce shop, a hundred to a call, and takes them away again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from app.domain.offers import Offer
from app.platforms.base import PlatformError, UnreadableError
from app.platforms.fields import Body
from app.platforms.woocommerce import readings
from app.platforms.woocommerce.rest import Rest, Row, TakenError

# wc/v3 takes no more in one batch.
MAX_CODES: Final = 100
# Under which a coupon of ours says which offer it belongs to; nothing else of ours is ever deleted.
OFFER_META: Final = "_regulars_offer"
# The parameter by which the plugin's restore links are known.
RESTORE: Final = "regulars_restore"


@dataclass(slots=True)
class WooCommerceCodes:
    """The DiscountCodes protocol for one WooCommerce shop. An offer is a name that its coupons share.

    The coupons name nobody: one bound to an address is refused to a guest who follows a link with it, and is
    not applied when the address is typed later (measured).
    """

    rest: Rest
    batch_size: int = MAX_CODES

    def open(self, offer: Offer, first_code: str) -> str:
        ends_at = offer.ends_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        discount = f"{offer.percent}:{ends_at}"
        with suppress(TakenError):  # asked again after a lost answer
            self.rest.post("wc/v3/coupons", _coupon(discount, first_code))
        return discount

    def add(self, discount: str, codes: Sequence[str]) -> list[str]:
        answer = self.rest.post(
            "wc/v3/coupons/batch", {"create": [_coupon(discount, each) for each in codes]}
        )
        made = answer.get("create")
        if not isinstance(made, list):
            raise PlatformError(f"{self.rest.host} said nothing of the coupons it was to make")
        # Core keeps codes in lower case; one that was refused has an error and no code.
        kept = {row.get("code") for row in made if isinstance(row, dict) and "error" not in row}
        return [code for code in codes if code.lower() in kept]

    def is_live(self, discount: str, code: str) -> bool:
        """Of this coupon alone; one in the bin is not listed, a draft works no more, and an end may have been set."""
        asked = {"code": code.lower(), "_fields": "code,status,date_expires_gmt"}
        rows = self.rest.get("wc/v3/coupons", asked).body
        if not isinstance(rows, list):
            raise PlatformError(f"{self.rest.host} did not say whether it has a coupon")
        return any(_works(Body(row), code) for row in rows if isinstance(row, dict))

    def close(self, discount: str) -> None:
        """Expired coupons are deleted for good: thousands of them slow the shop's admin."""
        for number in list(self._of(discount)):
            self.rest.delete(f"wc/v3/coupons/{number}")

    def _of(self, discount: str) -> Iterator[str]:
        query = {"_fields": "id,meta_data", "orderby": "id", "order": "asc"}
        for row in self.rest.pages("wc/v3/coupons", query):
            body = Body(row)
            if readings.meta(body, OFFER_META) == discount and (number := body.id("id")):
                yield number


def with_code(url: str, code: str) -> str:
    """Put a code on a link that applies it: core's checkout link (measured), or the plugin's own restore link."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    name = "regulars_coupon" if any(each == RESTORE for each, _ in pairs) else "coupon"
    kept = [pair for pair in pairs if pair[0] != name]
    return urlunsplit(parts._replace(query=urlencode([*kept, (name, code.lower())], safe=":,")))


def _works(body: Body, code: str) -> bool:
    is_there = body.text("code") == code.lower() and (body.text("status") or "publish") == "publish"
    try:
        ends_at = readings.gmt(body, "date_expires_gmt")
    except UnreadableError:
        return False
    return is_there and (ends_at is None or ends_at > datetime.now(UTC))


def _coupon(discount: str, code: str) -> Row:
    percent, _, ends_at = discount.partition(":")
    body: dict[str, Any] = {
        "code": code,
        "discount_type": "percent",
        "amount": percent,
        "individual_use": True,
        "usage_limit": 1,
        "usage_limit_per_user": 1,
        # Core silently drops `date_expires_gmt`; with its `Z` this one is taken for UTC (both tried on 10.5).
        "date_expires": f"{ends_at}Z",
        "meta_data": [{"key": OFFER_META, "value": discount}],
    }
    return body
