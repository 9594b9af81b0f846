"""Makes a discount in a Shopify shop, adds codes to it in bulk, and takes it away again."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.offers import Offer
from app.platforms.base import PlatformError
from app.platforms.fields import Body
from app.platforms.shopify.answers import understood
from app.platforms.shopify.graphql import GraphQL, operation

log = logging.getLogger(__name__)

# discountRedeemCodeBulkAdd takes no more (schema of 2026-07).
MAX_CODES: Final = 250
# Seconds between two looks at whether Shopify is through with them, doubling; 15 s together.
_LOOKS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 7.0)


@dataclass(slots=True)
class ShopifyCodes:
    """The DiscountCodes protocol for one Shopify shop."""

    graphql: GraphQL
    batch_size: int = MAX_CODES

    @understood
    def open(self, offer: Offer, first_code: str) -> str:
        discount = {
            "title": offer.title,
            "code": first_code,
            "startsAt": offer.starts_at.isoformat(),
            "endsAt": offer.ends_at.isoformat(),
            "usageLimit": 1,
            "appliesOncePerCustomer": True,
            "context": {"all": "ALL"},
            "customerGets": {"value": {"percentage": offer.percent / 100}, "items": {"all": True}},
        }
        # Asked twice, the second finds its code taken, by the first.
        found = Body(self._run("discount_create", {"discount": discount}, is_repeatable=True))
        made = found.child("discountCodeBasicCreate")
        for problem in made.children("userErrors"):
            if problem.text("code") == "TAKEN":
                return self._find(first_code)
            told = problem.text("message") or "no reason given"
            raise PlatformError(f"Shopify made no discount: {told}", permanent=True)
        return made.child("codeDiscountNode").need_text("id")

    @understood
    def add(self, discount: str, codes: Sequence[str]) -> list[str]:
        asked = {"discount": discount, "codes": [{"code": code} for code in codes]}
        # Not sent twice: what a lost answer has added belongs to nobody and ends with the discount.
        found = Body(self._run("codes_add", asked)).child("discountRedeemCodeBulkAdd")
        for problem in found.children("userErrors"):
            told = problem.text("message") or "no reason given"
            raise PlatformError(f"Shopify added no codes: {told}", permanent=True)
        batch = {"id": found.child("bulkCreation").need_text("id")}
        self._wait_for(batch)
        made = Body(self._run("codes_added", batch)).child("discountRedeemCodeBulkCreation").child("codes")
        return [
            node.need_text("code")
            for node in made.children("nodes")
            if node.child("discountRedeemCode").text("id") is not None
        ]

    @understood
    def is_live(self, discount: str, code: str) -> bool:
        found = Body(self._run("discount_by_code", {"code": code})).child("codeDiscountNodeByCode")
        return found.text("id") == discount and found.child("codeDiscount").text("status") != "EXPIRED"

    @understood
    def close(self, discount: str) -> None:
        found = self._run("discount_delete", {"id": discount}, is_repeatable=True)
        for problem in Body(found).child("discountCodeDelete").children("userErrors"):
            # Deleted by the merchant, most likely; either way its codes are over.
            log.info("%s kept a discount: %s", self.graphql.shop_domain, problem.text("message"))

    def _find(self, code: str) -> str:
        found = Body(self._run("discount_by_code", {"code": code})).child("codeDiscountNodeByCode")
        return found.need_text("id")

    def _wait_for(self, batch: Mapping[str, str]) -> None:
        for seconds in _LOOKS:
            state = Body(self._run("codes_state", batch)).child("discountRedeemCodeBulkCreation")
            if state.flag("done"):
                return
            self.graphql.pause(seconds)
        raise PlatformError(f"{self.graphql.shop_domain} is still adding codes", retry_after_seconds=60.0)

    def _run(
        self, name: str, variables: Mapping[str, Any], *, is_repeatable: bool = False
    ) -> Mapping[str, Any]:
        return self.graphql.run(operation(name, is_repeatable=is_repeatable), variables)
