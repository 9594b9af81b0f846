"""Search & Discovery's lists through Shopify's API: 25 a call, never over a version that was not read."""

from __future__ import annotations

import json

import pytest
import responses

from app.domain.themelists import Found, ListKind
from app.platforms.base import PlatformError
from app.platforms.extras import ThemeListChange, ThemeListRef
from app.platforms.shopify.graphql import GraphQL, new_session
from app.platforms.shopify.themelists import MAX_CHANGES, ShopifyThemeLists
from tests.unit.shopify.test_client import URL, Shop

RELATED, COMPLEMENTARY = ListKind.RELATED, ListKind.COMPLEMENTARY


def gids(*numbers: int) -> str:
    return json.dumps([f"gid://shopify/Product/{number}" for number in numbers])


@pytest.fixture
def shop():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Shop(mock)


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def lists(pauses) -> ShopifyThemeLists:
    graphql = GraphQL(new_session(), URL, "ada.myshopify.com", lambda: "token", pause=pauses.append)
    return ShopifyThemeLists(graphql)


def change(number: int, *to: str, mark: str | None = None) -> ThemeListChange:
    return ThemeListChange(ThemeListRef(str(number), RELATED), to, mark)


def test_lists_are_read_in_whatever_state_they_are(shop, lists):
    node = {"id": "gid://shopify/Product/1", "related": {"value": gids(2, 3), "compareDigest": "d1"}}
    odd = {
        "id": "gid://shopify/Product/4",
        "related": {"value": '["gid://shopify/Collection/1"]', "compareDigest": "d2"},
        "complementary": {"value": "no list", "compareDigest": "d3"},
    }
    empty = {"id": "gid://shopify/Product/5", "related": {"value": "[]", "compareDigest": "d4"}}
    shop.says("ThemeLists", {"nodes": [node | {"complementary": None}, odd, empty, None]})
    found = lists.read(["1", "4", "5", "6"])
    assert shop.asked_for("ThemeLists")[0]["ids"][3] == "gid://shopify/Product/6"
    assert found[ThemeListRef("1", RELATED)].found == Found(("2", "3"))
    assert found[ThemeListRef("1", RELATED)].mark == "d1"
    assert found[ThemeListRef("1", COMPLEMENTARY)].found == Found(None)
    assert found[ThemeListRef("4", RELATED)].found.is_foreign
    assert found[ThemeListRef("4", COMPLEMENTARY)].found.is_foreign
    assert found[ThemeListRef("5", RELATED)].found.is_empty
    assert not any(ref.platform_product_id == "6" for ref in found)


def test_a_list_is_written_only_over_the_version_that_was_read(shop, lists):
    shop.says("ThemeListsWrite", {"metafieldsSet": {"userErrors": []}})
    assert lists.write([change(1, "2", "3"), change(4, "5", mark="d1")]) == {}
    (sent,) = shop.asked_for("ThemeListsWrite")
    assert sent["metafields"][0] == {
        "ownerId": "gid://shopify/Product/1",
        "namespace": "shopify--discovery--product_recommendation",
        "key": "related_products",
        "type": "list.product_reference",
        "value": gids(2, 3).replace(" ", ""),
        "compareDigest": None,
    }
    assert sent["metafields"][1]["compareDigest"] == "d1"


def test_those_shopify_refuses_are_left_out_and_the_others_written(shop, lists):
    stale = {"code": "STALE_OBJECT", "elementIndex": 1, "message": "updated since it was loaded"}
    shop.says(
        "ThemeListsWrite",
        {"metafieldsSet": {"userErrors": [stale]}},
        {"metafieldsSet": {"userErrors": []}},
    )
    refused = lists.write([change(1, "9"), change(2, "9"), change(3, "9")])
    assert refused == {ThemeListRef("2", RELATED): "updated since it was loaded"}
    first, second = shop.asked_for("ThemeListsWrite")
    assert [len(each["metafields"]) for each in (first, second)] == [3, 2]


def test_a_refusal_of_the_whole_is_an_error(shop, lists):
    told = {"code": "LESS_THAN_OR_EQUAL_TO", "elementIndex": None, "message": "too many"}
    shop.says("ThemeListsWrite", {"metafieldsSet": {"userErrors": [told]}})
    with pytest.raises(PlatformError, match="too many"):
        lists.write([change(1, "2")])


def test_lists_are_taken_away_by_name(shop, lists):
    shop.says("ThemeListsRemove", {"metafieldsDelete": {"userErrors": []}})
    lists.write([ThemeListChange(ThemeListRef("1", COMPLEMENTARY), None, "d")])
    (sent,) = shop.asked_for("ThemeListsRemove")
    assert sent["metafields"] == [
        {
            "ownerId": "gid://shopify/Product/1",
            "namespace": "shopify--discovery--product_recommendation",
            "key": "complementary_products",
        }
    ]


def test_definitions_that_are_there_already_are_fine_and_any_other_no_is_told(shop, lists):
    fine, taken = {"userErrors": []}, {"userErrors": [{"code": "TAKEN", "message": "in use"}]}
    missing = {"userErrors": [{"code": "TEMPLATE_NOT_FOUND", "message": "no such template"}]}
    shop.says("ThemeListsPrepare", {"related": fine, "complementary": taken})
    lists.prepare()
    shop.says("ThemeListsPrepare", {"related": fine, "complementary": missing})
    with pytest.raises(PlatformError, match="no such template") as raised:
        lists.prepare()
    assert raised.value.permanent


def test_half_of_what_the_shop_gives_back_is_left_to_others(shop, lists, pauses):
    throttle = {"maximumAvailable": 2000.0, "currentlyAvailable": 1950.0, "restoreRate": 100.0}
    answer = {
        "data": {"nodes": []},
        "extensions": {"cost": {"requestedQueryCost": 75, "throttleStatus": throttle}},
    }
    shop.says("ThemeLists", answer)
    lists.read(["1"])
    assert pauses == [pytest.approx(2 * 75 / 100)]


def test_a_call_takes_what_shopify_takes():
    assert MAX_CHANGES == 25
