"""Search & Discovery's lists as the shop keeps them: what may be written, and what a theme is shown."""

from __future__ import annotations

import json

import pytest

from app.demo.amounts import gid

NAMESPACE = "shopify--discovery--product_recommendation"
SET = """
    mutation ($metafields: [MetafieldsSetInput!]!) {
      metafieldsSet(metafields: $metafields) { userErrors { code elementIndex message } }
    }"""
ENABLE = """
    mutation ($namespace: String!, $key: String!) {
      standardMetafieldDefinitionEnable(ownerType: PRODUCT, namespace: $namespace, key: $key) {
        userErrors { code }
      }
    }"""


@pytest.fixture
def write(ask, shop):
    shop.install()
    shop.change_scopes([*shop.office.installation.scopes, "write_products"])

    def written(owner: int, listed: object, key: str = "related_products") -> list[dict]:
        one = {
            "ownerId": gid("Product", owner),
            "namespace": NAMESPACE,
            "key": key,
            "type": "list.product_reference",
            "value": listed if isinstance(listed, str) else json.dumps([gid("Product", n) for n in listed]),
        }
        return ask(SET, metafields=[one])["data"]["metafieldsSet"]["userErrors"]

    return written


def products(shop) -> dict[str, int]:
    return {each.handle: each.id for each in shop.store.world.products.values()}


def recommended(client, **query) -> list[str]:
    answer = client.get("/recommendations/products.json", query_string=query)
    assert answer.status_code == 200, answer.text
    return [each["handle"] for each in answer.json["products"]]


@pytest.mark.parametrize(
    ("listed", "code"),
    [([], None), ("no list", "INVALID_VALUE"), ("{}", "INVALID_VALUE"), ([404], "INVALID_VALUE")],
)
def test_a_list_names_products_the_shop_has(write, shop, listed, code):
    errors = write(products(shop)["pasta"], listed)
    assert [error["code"] for error in errors] == ([code] if code else [])


def test_a_list_holds_128_at_most(write, shop):
    pasta = products(shop)["pasta"]
    assert write(pasta, [pasta] * 128) == []
    assert write(pasta, [pasta] * 129)[0]["code"] == "INVALID_VALUE"


def test_a_definition_is_enabled_once_and_needs_the_scope_of_products(ask, write):
    asked = {"namespace": NAMESPACE, "key": "related_products"}
    told = [ask(ENABLE, **asked)["data"]["standardMetafieldDefinitionEnable"]["userErrors"] for _ in range(2)]
    assert told == [[], [{"code": "TAKEN"}]]


def test_without_the_scope_no_definition_is_enabled(ask, shop):
    shop.office.change_scopes(["read_products"])
    told = ask(ENABLE, namespace=NAMESPACE, key="related_products")
    assert told["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


def test_a_theme_is_shown_a_list_once_its_definition_is_enabled(ask, write, shop, client):
    known = products(shop)
    write(known["pasta"], [known["pan"], known["basil"]], "complementary_products")
    asked = {"product_id": known["pasta"], "intent": "complementary"}
    assert recommended(client, **asked) == []
    ask(ENABLE, namespace=NAMESPACE, key="complementary_products")
    assert recommended(client, **asked) == ["pan", "basil"]
    assert recommended(client, **asked, limit=1) == ["pan"]


def test_related_products_are_shopifys_guess_where_nobody_listed_any(shop, client):
    known = products(shop)
    assert recommended(client, product_id=known["pasta"]) == ["tomatoes", "basil"]


def test_what_is_sold_out_or_hidden_is_left_out(ask, write, shop, client):
    known = products(shop)
    ask(ENABLE, namespace=NAMESPACE, key="related_products")
    write(known["pasta"], [known["pan"], known["basil"], known["tomatoes"]])
    shop.store.set_stock(shop.store.world.products[known["pan"]].variants[0].id, 0)
    shop.store.update_product(known["basil"], status="draft")
    assert recommended(client, product_id=known["pasta"]) == ["tomatoes"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 422),
        ({"product_id": "x"}, 422),
        ({"product_id": "1", "limit": "11"}, 422),
        ({"product_id": "1", "intent": "other"}, 422),
        ({"product_id": "404"}, 404),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(client, query, status):
    assert client.get("/recommendations/products.json", query_string=query).status_code == status


def test_a_products_lists_go_with_it(write, shop):
    known = products(shop)
    write(known["pasta"], [known["pan"]])
    shop.store.delete_product(known["pasta"])
    assert shop.store.metafields == {}
