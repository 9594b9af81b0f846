"""Discounts and their codes through Shopify's API."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import responses

from app.domain.offers import Offer
from app.platforms.base import NeedsApprovalError, PlatformError
from app.platforms.shopify.codes import MAX_CODES, ShopifyCodes
from app.platforms.shopify.graphql import GraphQL, new_session
from tests.unit.shopify.test_client import URL, Shop

OFFER = Offer(
    percent=15,
    starts_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
    ends_at=datetime(2026, 11, 28, 22, tzinfo=UTC),
)
DISCOUNT = "gid://shopify/DiscountCodeNode/7"
BATCH = "gid://shopify/DiscountRedeemCodeBulkCreation/9"


@pytest.fixture
def shop():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Shop(mock)


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def codes(pauses) -> ShopifyCodes:
    return ShopifyCodes(
        GraphQL(new_session(), URL, "ada.myshopify.com", lambda: "token", pause=pauses.append)
    )


def created(*problems: dict) -> dict:
    node = None if problems else {"id": DISCOUNT}
    return {"discountCodeBasicCreate": {"codeDiscountNode": node, "userErrors": list(problems)}}


def test_a_discount_works_once_for_each_code_and_ends(shop, codes):
    shop.says("DiscountCreate", created())
    assert codes.open(OFFER, "AAAA-BBBB-CCCC") == DISCOUNT
    (sent,) = shop.asked_for("DiscountCreate")
    assert sent["discount"] == {
        "title": "Cart reminder: 15 % off, until 2026-11-28",
        "code": "AAAA-BBBB-CCCC",
        "startsAt": "2026-11-20T10:00:00+00:00",
        "endsAt": "2026-11-28T22:00:00+00:00",
        "usageLimit": 1,
        "appliesOncePerCustomer": True,
        "context": {"all": "ALL"},
        "customerGets": {"value": {"percentage": 0.15}, "items": {"all": True}},
    }


def test_a_discount_whose_answer_was_lost_is_found_by_its_first_code(shop, codes):
    taken = {"code": "TAKEN", "field": ["basicCodeDiscount", "code"], "message": "Code must be unique."}
    shop.says("DiscountCreate", created(taken))
    shop.says("DiscountByCode", {"codeDiscountNodeByCode": {"id": DISCOUNT}})
    assert codes.open(OFFER, "AAAA-BBBB-CCCC") == DISCOUNT
    assert shop.asked_for("DiscountByCode") == [{"code": "AAAA-BBBB-CCCC"}]


@pytest.mark.parametrize(
    ("node", "is_live"),
    [
        (None, False),
        ({"id": DISCOUNT, "codeDiscount": {"status": "EXPIRED"}}, False),
        ({"id": DISCOUNT, "codeDiscount": {"status": "ACTIVE"}}, True),
    ],
)
def test_a_discount_is_live_until_it_is_deleted_or_ended(shop, codes, node, is_live):
    shop.says("DiscountByCode", {"codeDiscountNodeByCode": node})
    assert codes.is_live(DISCOUNT, "AAAA-BBBB-CCCC") is is_live


def test_a_discount_that_is_refused_says_why(shop, codes):
    shop.says(
        "DiscountCreate", created({"code": "BLANK", "field": None, "message": "Context can't be blank"})
    )
    with pytest.raises(PlatformError, match="Context can't be blank") as raised:
        codes.open(OFFER, "AAAA-BBBB-CCCC")
    assert raised.value.permanent


def test_without_the_permission_it_needs_approval(shop, codes):
    denied = [{"message": "Access denied", "extensions": {"code": "ACCESS_DENIED"}}]
    shop.says("DiscountCreate", {"data": {"discountCodeBasicCreate": None}, "errors": denied})
    with pytest.raises(NeedsApprovalError):
        codes.open(OFFER, "AAAA-BBBB-CCCC")


def adding(shop: Shop, *done: bool) -> None:
    shop.says("CodesAdd", {"discountRedeemCodeBulkAdd": {"bulkCreation": {"id": BATCH}, "userErrors": []}})
    shop.says("CodesState", *({"discountRedeemCodeBulkCreation": {"done": each}} for each in done))
    nodes = [
        {"code": "ONE", "discountRedeemCode": {"id": "gid://shopify/DiscountRedeemCode/1"}},
        {"code": "TWO", "discountRedeemCode": None},
    ]
    shop.says("CodesAdded", {"discountRedeemCodeBulkCreation": {"codes": {"nodes": nodes}}})


def test_codes_are_handed_out_once_shopify_is_through_and_only_those_it_took(shop, codes, pauses):
    adding(shop, False, False, True)
    assert codes.add(DISCOUNT, ["ONE", "TWO"]) == ["ONE"]
    assert shop.asked_for("CodesAdd") == [{"discount": DISCOUNT, "codes": [{"code": "ONE"}, {"code": "TWO"}]}]
    assert pauses == [0.25, 0.5]


def test_codes_that_take_too_long_are_asked_for_again_later(shop, codes, pauses):
    adding(shop, False)
    with pytest.raises(PlatformError, match="still adding") as raised:
        codes.add(DISCOUNT, ["ONE"])
    assert raised.value.retry_after_seconds == 60
    assert sum(pauses) < 15


def test_a_discount_that_is_gone_is_no_error(shop, codes):
    gone = {"message": "Code discount does not exist."}
    shop.says("DiscountDelete", {"discountCodeDelete": {"deletedCodeDiscountId": None, "userErrors": [gone]}})
    codes.close(DISCOUNT)


def test_a_call_takes_what_shopify_takes():
    assert MAX_CODES == 250
