"""The storefront's Ajax API has Shopify's documented shapes, and its carts are the store's own."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.demo.live import Event
from app.demo.store import DemoStore
from app.demo.storefront import storefront_blueprint
from app.demo.storefront_view import hundredths, money, money_format
from app.demo.world import Product


@pytest.fixture
def site(store: DemoStore) -> Flask:
    app = Flask("storefront-test", static_folder=None)
    app.register_blueprint(storefront_blueprint(store))
    return app


@pytest.fixture
def visitor(site: Flask) -> FlaskClient:
    return site.test_client()


def goods(store: DemoStore, handle: str) -> Product:
    found = store.product_by_handle(handle)
    assert found is not None
    return found


def variant_of(store: DemoStore, handle: str) -> int:
    return goods(store, handle).variants[0].id


def test_a_visitor_without_a_cart_gets_an_empty_one_and_no_cookie(
    visitor: FlaskClient, store: DemoStore
) -> None:
    answer = visitor.get("/cart.js")
    assert answer.json["item_count"] == 0
    assert answer.json["items"] == []
    assert "Set-Cookie" not in answer.headers
    assert store.carts == {}


def test_adding_answers_with_the_line_and_keeps_the_cart_in_a_cookie(
    visitor: FlaskClient, store: DemoStore
) -> None:
    pan = variant_of(store, "pan")
    line = visitor.post(
        "/cart/add.js", json={"id": str(pan), "quantity": 2, "properties": {"_regulars": "l1"}}
    ).json
    assert (line["variant_id"], line["quantity"], line["price"], line["line_price"]) == (pan, 2, 4999, 9998)
    assert line["properties"] == {"_regulars": "l1"}
    assert line["url"] == f"/products/pan?variant={pan}"
    cart = visitor.get("/cart.js").json
    assert (cart["item_count"], cart["total_price"], cart["currency"]) == (2, 9998, "EUR")
    assert cart["token"].partition("?key=")[0] in store.carts


def test_a_form_and_a_list_of_items_are_understood_too(visitor: FlaskClient, store: DemoStore) -> None:
    basil, pasta = variant_of(store, "basil"), variant_of(store, "pasta")
    visitor.post("/cart/add.js", data={"id": basil, "quantity": "1", "properties[gift]": "yes"})
    told = visitor.post("/cart/add.js", json={"items": [{"id": pasta, "quantity": 3}, {"id": basil}]}).json
    assert [(item["variant_id"], item["quantity"]) for item in told["items"]] == [(pasta, 3), (basil, 1)]
    lines = visitor.get("/cart.js").json["items"]
    assert sorted(
        (line["variant_id"], line["quantity"], bool(line["properties"])) for line in lines
    ) == sorted([(basil, 1, True), (basil, 1, False), (pasta, 3, False)])


def test_more_than_is_in_stock_is_422_and_nothing_of_the_request_is_added(
    visitor: FlaskClient, store: DemoStore, events: list[Event]
) -> None:
    items = [
        {"id": variant_of(store, "basil"), "quantity": 1},
        {"id": variant_of(store, "pan"), "quantity": 11},
    ]
    answer = visitor.post("/cart/add.js", json={"items": items})
    assert answer.status_code == 422
    assert answer.json == {
        "status": 422,
        "message": "Cart Error",
        "description": "You can only add 10 Pan to the cart.",
    }
    assert store.carts == {}
    assert events == []


def test_what_is_sold_out_says_so(visitor: FlaskClient, store: DemoStore) -> None:
    goods(store, "pan").variants[0].n_available = 0
    answer = visitor.post("/cart/add.js", json={"id": variant_of(store, "pan")})
    assert answer.status_code == 422
    assert answer.json["description"] == "The product 'Pan' is already sold out."


@pytest.mark.parametrize("body", [{"id": 1}, {"id": "x"}, {}, {"items": ["x"]}, {"items": []}])
def test_an_unknown_variant_is_404(visitor: FlaskClient, body: dict[str, object]) -> None:
    assert visitor.post("/cart/add.js", json=body).status_code == 404


def test_a_quantity_that_is_no_number_is_400(visitor: FlaskClient, store: DemoStore) -> None:
    answer = visitor.post("/cart/add.js", json={"id": variant_of(store, "pan"), "quantity": "two"})
    assert answer.status_code == 400


def test_lines_change_by_key_by_variant_and_by_place(visitor: FlaskClient, store: DemoStore) -> None:
    pan, basil = variant_of(store, "pan"), variant_of(store, "basil")
    key = visitor.post("/cart/add.js", json={"id": pan, "quantity": 1}).json["key"]
    visitor.post("/cart/add.js", json={"id": basil, "quantity": 1})
    assert visitor.post("/cart/change.js", json={"id": key, "quantity": 4}).json["item_count"] == 5
    assert visitor.post("/cart/change.js", json={"id": pan, "quantity": 2}).json["item_count"] == 3
    cart = visitor.post("/cart/change.js", json={"line": 1, "quantity": 0}).json
    assert [item["variant_id"] for item in cart["items"]] == [pan]
    assert visitor.post("/cart/change.js", json={"line": 9, "quantity": 0}).status_code == 400
    assert visitor.post("/cart/change.js", json={"id": pan, "quantity": 99}).status_code == 422


def test_update_sets_quantities_note_and_attributes_and_clear_empties(
    visitor: FlaskClient, store: DemoStore
) -> None:
    pan, basil = variant_of(store, "pan"), variant_of(store, "basil")
    visitor.post("/cart/add.js", json={"id": pan})
    told = {"updates": {str(pan): 3, str(basil): 2}, "note": "ring twice", "attributes": {"gift": "yes"}}
    cart = visitor.post("/cart/update.js", json=told).json
    assert {item["variant_id"]: item["quantity"] for item in cart["items"]} == {pan: 3, basil: 2}
    assert (cart["note"], cart["attributes"]) == ("ring twice", {"gift": "yes"})
    by_place = visitor.post("/cart/update.js", json={"updates": [0, 1]}).json
    assert by_place["item_count"] == 1
    assert visitor.post("/cart/clear.js").json["items"] == []


def test_a_product_has_the_documented_fields_with_prices_in_hundredths(
    visitor: FlaskClient, store: DemoStore
) -> None:
    product = visitor.get("/products/pan.js").json
    assert (product["price"], product["price_varies"], product["available"]) == (4999, False, True)
    assert product["tags"] == ["staple", "italian"]
    assert product["variants"][0]["options"] == ["Default Title"]
    assert product["featured_image"].startswith("http://127.0.0.1:4000/cdn/shop/files/pan.")
    assert set(product) >= {
        "id",
        "handle",
        "compare_at_price",
        "options",
        "images",
        "media",
        "url",
        "published_at",
    }
    assert visitor.get("/products/nothing.js").status_code == 404


def test_a_draft_is_not_shown_anywhere(visitor: FlaskClient, store: DemoStore) -> None:
    store.update_product(goods(store, "pan").id, status="draft")
    assert visitor.get("/products/pan").status_code == 404
    assert visitor.get("/products/pan.js").status_code == 404
    assert b"/products/pan" not in visitor.get("/collections/all").data


@pytest.mark.parametrize(
    ("minor", "currency", "expected", "in_hundredths"),
    [(129900, "EUR", "€1,299.00", 129900), (1999, "JPY", "¥1,999", 199900), (1234, "KWD", "KWD 1.234", 123)],
)
def test_money_is_written_by_its_exponent_and_counted_in_hundredths(
    minor: int, currency: str, expected: str, in_hundredths: int
) -> None:
    assert money(minor, currency) == expected
    assert hundredths(minor, currency) == in_hundredths


def test_the_money_format_is_one_shopify_knows() -> None:
    assert money_format("EUR") == "€{{amount}}"
    assert money_format("JPY") == "¥{{amount_no_decimals}}"
