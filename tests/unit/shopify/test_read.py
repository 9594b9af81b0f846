"""What Shopify's webhooks mean, in our own words."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.events import (
    AppUninstalled,
    Cart,
    CartRemoved,
    CartSeen,
    Consent,
    ConsentChanged,
    ConsentState,
    CustomerRemoved,
    CustomerSeen,
    DataRequested,
    ErasureRequested,
    ExportFinished,
    LineItem,
    Order,
    OrderRemoved,
    OrderSeen,
    ProductRemoved,
    ProductSeen,
    ShopErasureRequested,
)
from app.domain.money import BadAmountError, Money, parse_money
from app.platforms.base import Envelope, UnreadableError
from app.platforms.shopify.read import _READERS, read
from tests.unit.shopify.shared import SAMPLES, sample_files, topics_of
from tests.unit.shopify.test_strictjson import ANY_JSON, POISON

SHOP = "ada.myshopify.com"
AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TOPICS = sorted(_READERS)


def _envelope(topic: str, body: object, **changed: object) -> Envelope:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {
        "platform": "shopify",
        "shop_domain": SHOP,
        "topic": topic,
        "dedupe_key": "k",
        "raw": raw,
        "triggered_at": AT,
        "currency": "USD",
    }
    return Envelope(**{**fields, **changed})


def _read(topic: str, body: object, **changed: object):
    return list(read(_envelope(topic, body, **changed)))


def _outcome(topic: str, raw: bytes) -> list | str:
    """The events, or the reason of the refusal; any other exception is a crash."""
    try:
        return _read(topic, raw)
    except UnreadableError as refusal:
        return str(refusal)


def _refusal(topic: str, body: object, **changed: object) -> str:
    with pytest.raises(UnreadableError) as refusal:
        _read(topic, body, **changed)
    return str(refusal.value)


def _sample(folder: Path, name: str) -> dict:
    text = (folder / f"{name}.json").read_text(encoding="utf-8")
    return json.loads(text.replace("{shop}.myshopify.com", SHOP))


documented = pytest.mark.parametrize(
    "folder", [SAMPLES / "docs-samples-2026-07"] if SAMPLES.exists() else [], ids=[""]
)
LINE = {
    "product_id": 788032119674292922,
    "variant_id": 642667041472713922,
    "title": "Blue mug",
    "quantity": 2,
    "price": "12.90",
    "properties": [],
}
ORDER = {
    "id": 820982911946154508,
    "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
    "name": "#1001",
    "currency": "EUR",
    "total_price": "25.80",
    "email": "cleo@example.com",
    "customer": {"id": 115310627314723954, "email": "cleo@example.com"},
    "cart_token": "Z2NwLXVzLWNlbnRyYWwx?key=abc",
    "checkout_token": "bd5a8aa1ecd019dd3520ff791ee3a24c",
    "processed_at": "2026-11-20T10:00:00+02:00",
    "created_at": "2026-11-20T10:00:01+02:00",
    "updated_at": "2026-11-20T10:05:00+02:00",
    "cancelled_at": None,
    "test": False,
    "landing_site": "/products/blue-mug?utm_source=regulars",
    "line_items": [LINE],
}
SET = {
    "shop_money": {"amount": "11.00", "currency_code": "EUR"},
    "presentment_money": {"amount": "9.00", "currency_code": "GBP"},
}
CART_LINE = {
    "product_id": 1,
    "variant_id": 2,
    "title": "Blue mug",
    "quantity": 3,
    "properties": None,
    "discounted_price_set": SET,
    "price_set": {"shop_money": {"amount": "12.00", "currency_code": "EUR"}},
}
CART = {
    "id": "c1",
    "token": "c1",
    "line_items": [CART_LINE],
    "note": None,
    "updated_at": "2026-11-20T08:00:00.000Z",
    "created_at": "2026-11-20T07:00:00.000Z",
}
CHECKOUT = {
    "token": "k1",
    "cart_token": "c1",
    "email": "cleo@example.com",
    "currency": "EUR",
    "created_at": "2026-11-20T10:00:00+02:00",
    "updated_at": "2026-11-20T10:01:00+02:00",
    "completed_at": None,
    "customer_locale": "el-GR",
    "abandoned_checkout_url": "https://ada.example/1/checkouts/ac/c1/recover?key=k",
    "total_price": "25.80",
    "customer": {"id": 7, "email": "cleo@example.com"},
    "line_items": [LINE],
}
PRODUCT = {
    "id": 1,
    "handle": "blue-mug",
    "title": "Blue mug",
    "vendor": "Ada",
    "product_type": "Mugs",
    "status": "active",
    "published_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-11-20T10:00:00Z",
    "tags": "mug, blue",
    "image": {"src": "https://cdn.example/mug.png"},
    "variants": [
        {
            "id": 2,
            "title": "Default Title",
            "price": "12.90",
            "compare_at_price": "15.00",
            "sku": None,
            "inventory_policy": "deny",
            "inventory_quantity": 3,
            "position": 1,
        }
    ],
}
CUSTOMER = {
    "id": 7,
    "email": "cleo@example.com",
    "first_name": "Cleo",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-11-20T10:00:00Z",
    "default_address": {"country_code": "GR"},
}


@pytest.mark.parametrize("topic", ["orders/create", "orders/updated", "orders/paid", "orders/cancelled"])
def test_an_order_is_read_whole(topic):
    (seen,) = _read(topic, ORDER)
    line = LineItem(
        platform_product_id="788032119674292922",
        platform_variant_id="642667041472713922",
        title="Blue mug",
        quantity=2,
        unit_price=Money(1290, "EUR"),
    )
    assert seen == OrderSeen(
        Order(
            platform_order_id="820982911946154508",
            name="#1001",
            placed_at=datetime(2026, 11, 20, 8, 0, tzinfo=UTC),
            source_updated_at=datetime(2026, 11, 20, 8, 5, tzinfo=UTC),
            total=Money(2580, "EUR"),
            lines=(line,),
            platform_customer_id="115310627314723954",
            email="cleo@example.com",
            cart_token="Z2NwLXVzLWNlbnRyYWwx",
            checkout_token="bd5a8aa1ecd019dd3520ff791ee3a24c",
            landing_path="/products/blue-mug?utm_source=regulars",
        )
    )


@pytest.mark.parametrize(
    "properties",
    [
        {"_regulars": "list-7", "Engraving": "C"},
        [{"name": "Engraving", "value": "C"}, {"name": "_regulars", "value": "list-7"}],
    ],
)
def test_a_line_added_from_our_shelf_names_its_list(properties):
    (seen,) = _read("orders/create", {**ORDER, "line_items": [{**LINE, "properties": properties}]})
    assert seen.order.lines[0].list_id == "list-7"
    (seen,) = _read("carts/update", {**CART, "line_items": [{**CART_LINE, "properties": properties}]})
    assert seen.cart.lines[0].list_id == "list-7"


@pytest.mark.parametrize(
    "properties",
    [
        None,
        [],
        {},
        "x",
        [None],
        [{"name": "_regulars"}],
        {"_regulars": 7},
        {"_regulars": "x" * 121},
        {"_regulars": ""},
    ],
)
def test_odd_properties_name_no_list(properties):
    (seen,) = _read("orders/create", {**ORDER, "line_items": [{**LINE, "properties": properties}]})
    assert seen.order.lines[0].list_id is None


@pytest.mark.parametrize(
    ("changed", "email", "customer_id"),
    [
        (
            {"email": None, "contact_email": "contact@example.com"},
            "contact@example.com",
            "115310627314723954",
        ),
        ({"email": None}, "cleo@example.com", "115310627314723954"),
        ({"email": None, "customer": {"id": 5}}, None, "5"),
        ({"email": "", "customer": None}, None, None),
        ({"email": "not an address", "customer": []}, None, None),
        ({"email": 7, "customer": {}}, None, None),
    ],
)
def test_an_order_without_protected_data_is_still_an_order(changed, email, customer_id):
    (seen,) = _read("orders/create", {**ORDER, **changed})
    assert (seen.order.email, seen.order.platform_customer_id) == (email, customer_id)


def test_an_order_may_lack_the_keys_of_its_buyer_altogether():
    body = {
        name: value
        for name, value in ORDER.items()
        if name not in ("email", "customer", "cart_token", "checkout_token", "landing_site")
    }
    (seen,) = _read("orders/create", body)
    assert (seen.order.email, seen.order.cart_token, seen.order.landing_path) == (None, None, None)


def test_yen_have_no_minor_units_and_dinars_three():
    (seen,) = _read(
        "orders/create",
        {**ORDER, "currency": "JPY", "total_price": "1290", "line_items": [{**LINE, "price": "645"}]},
    )
    assert (seen.order.total, seen.order.lines[0].unit_price) == (Money(1290, "JPY"), Money(645, "JPY"))
    (seen,) = _read("orders/create", {**ORDER, "currency": "KWD", "total_price": "1.234", "line_items": []})
    assert seen.order.total == Money(1234, "KWD")


def test_a_cancelled_order_and_a_test_order_say_so():
    (seen,) = _read("orders/cancelled", {**ORDER, "cancelled_at": "2026-11-20T12:00:00Z", "test": True})
    assert seen.order.cancelled_at == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert seen.order.is_test


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"id": None, "admin_graphql_api_id": None}, "orders/create: id: nothing where an id was expected"),
        ({"updated_at": "yesterday"}, "orders/create: updated_at: 'yesterday' is not a moment"),
        ({"updated_at": "2026-11-20T10:00:00"}, "is not a moment with an offset"),
        ({"updated_at": "0001-01-01T00:00:00+14:00"}, "is not a moment"),
        (
            {"total_price": "example string"},
            "total_price: the amount 'example string' is not a decimal number",
        ),
        ({"total_price": True}, "total_price: true or false where an amount was expected"),
        ({"currency": None}, "currency: nothing where a text was expected"),
        ({"currency": "EURO"}, "currency: 'EURO' is not a currency's code"),
        ({"line_items": None}, "line_items: nothing where a list was expected"),
        ({"line_items": [7]}, "line_items[0]: a number where an object was expected"),
        ({"line_items": [{**LINE, "quantity": -1}]}, "line_items[0].quantity"),
        ({"line_items": [{**LINE, "quantity": "two"}]}, "line_items[0].quantity: 'two' where a count"),
        (
            {"line_items": [LINE, {**LINE, "price": None}]},
            "line_items[1].price: nothing where an amount was expected",
        ),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_place_and_reason(changed, reason):
    assert reason in _refusal("orders/create", {**ORDER, **changed})


def test_no_refusal_repeats_an_address():
    assert "cleo" not in _refusal("orders/create", {**ORDER, "updated_at": "cleo@example.com"})


def test_a_cart_has_lines_and_the_currency_of_its_prices():
    (seen,) = _read("carts/update", CART)
    line = LineItem(
        platform_product_id="1",
        platform_variant_id="2",
        title="Blue mug",
        quantity=3,
        unit_price=Money(1100, "EUR"),
    )
    assert seen == CartSeen(
        Cart(
            cart_token="c1",
            source_updated_at=datetime(2026, 11, 20, 8, 0, tzinfo=UTC),
            created_at=datetime(2026, 11, 20, 7, 0, tzinfo=UTC),
            lines=(line,),
            currency="EUR",
            total=Money(3300, "EUR"),
        )
    )


def test_an_emptied_cart_is_a_cart_without_lines():
    (seen,) = _read("carts/update", {**CART, "line_items": []})
    assert (seen.cart.lines, seen.cart.currency, seen.cart.total) == ((), None, None)


def test_a_cart_whose_sum_no_database_could_hold_has_no_total():
    line = {
        **CART_LINE,
        "quantity": 2**31 - 1,
        "discounted_price_set": None,
        "price_set": {"shop_money": {"amount": "90000000000000000.00", "currency_code": "EUR"}},
    }
    (seen,) = _read("carts/update", {**CART, "line_items": [line]})
    assert seen.cart.total is None


def test_a_checkout_brings_the_address_and_the_link():
    (seen,) = _read("checkouts/update", CHECKOUT)
    assert seen.cart.is_checkout
    assert (seen.cart.cart_token, seen.cart.checkout_token) == ("c1", "k1")
    assert (seen.cart.email, seen.cart.platform_customer_id, seen.cart.locale) == (
        "cleo@example.com",
        "7",
        "el-GR",
    )
    assert seen.cart.recovery_url == "https://ada.example/1/checkouts/ac/c1/recover?key=k"
    assert (seen.cart.total, seen.cart.currency) == (Money(2580, "EUR"), "EUR")
    assert seen.cart.completed_at is None


@pytest.mark.parametrize(
    "changed",
    [
        {"shipping_address": []},
        {"shipping_address": {}},
        {"shipping_address": None},
        {"billing_address": [], "customer_locale": None, "gateway": None},
        {"line_items": [{**LINE, "properties": {}}]},
        {"line_items": [{**LINE, "properties": None, "price": None, "variant_price": "12.90"}]},
    ],
)
def test_the_odd_shapes_of_real_checkouts_are_read(changed):
    (seen,) = _read("checkouts/create", {**CHECKOUT, **changed})
    assert seen.cart.lines[0].unit_price == Money(1290, "EUR")


def test_a_checkout_of_an_anonymous_visitor_has_no_customer_key():
    body = {name: value for name, value in CHECKOUT.items() if name not in ("customer", "email")}
    (seen,) = _read("checkouts/create", body)
    assert (seen.cart.email, seen.cart.platform_customer_id) == (None, None)


def test_a_checkout_without_a_cart_is_its_own_cart():
    (seen,) = _read("checkouts/create", {**CHECKOUT, "cart_token": None})
    assert (seen.cart.cart_token, seen.cart.checkout_token) == ("k1", "k1")


@pytest.mark.parametrize("currency", ["ßßß", "EURO", "E1R", "K\u212aK"])
def test_a_currency_that_is_no_code_is_refused(currency):
    bare = {**CHECKOUT, "currency": currency, "total_price": None, "line_items": []}
    assert "is not a currency's code" in _refusal("checkouts/create", bare)
    with pytest.raises(BadAmountError, match="not a three-letter"):
        parse_money("1.00", currency)


def test_a_checkout_without_a_token_is_refused():
    assert "token: no token" in _refusal("checkouts/create", {**CHECKOUT, "token": None})


def test_a_link_that_is_no_web_address_is_no_link():
    (seen,) = _read("checkouts/create", {**CHECKOUT, "abandoned_checkout_url": "javascript:alert(1)"})
    assert seen.cart.recovery_url is None


def test_a_product_is_read_in_the_shops_currency():
    (seen,) = _read("products/update", PRODUCT)
    product = seen.product
    assert (product.platform_product_id, product.path, product.tags) == (
        "1",
        "/products/blue-mug",
        ("blue", "mug"),
    )
    assert (product.image_url, product.is_published, product.is_gift_card) == (
        "https://cdn.example/mug.png",
        True,
        False,
    )
    (variant,) = product.variants
    assert (variant.title, variant.sku, variant.n_available, variant.is_available) == ("", "", 3, True)
    assert (variant.price, variant.compare_at_price) == (Money(1290, "USD"), Money(1500, "USD"))
    (seen,) = _read("products/update", PRODUCT, currency="JPY")
    assert seen.product.variants[0].price == Money(13, "JPY")


def test_a_product_is_refused_while_the_shops_currency_is_unknown():
    assert "the shop's currency is not known" in _refusal("products/update", PRODUCT, currency=None)


@pytest.mark.parametrize(
    ("changed", "is_available", "n_available"),
    [
        ({"inventory_quantity": 0}, False, 0),
        ({"inventory_quantity": -2}, False, -2),
        ({"inventory_quantity": 0, "inventory_policy": "continue"}, True, 0),
        ({"inventory_quantity": 0, "inventory_management": None}, True, None),
        ({"inventory_quantity": 0, "inventory_management": "shopify"}, False, 0),
        ({"inventory_quantity": None}, True, None),
    ],
)
def test_a_variant_is_available_while_the_shop_would_sell_it(changed, is_available, n_available):
    variant = {**PRODUCT["variants"][0], **changed}
    (seen,) = _read("products/update", {**PRODUCT, "variants": [variant]})
    assert (seen.product.variants[0].is_available, seen.product.variants[0].n_available) == (
        is_available,
        n_available,
    )


@pytest.mark.parametrize("changed", [{"status": "draft"}, {"status": "archived"}, {"published_at": None}])
def test_a_product_the_storefront_does_not_show_is_unpublished(changed):
    (seen,) = _read("products/update", {**PRODUCT, **changed})
    assert not seen.product.is_published


def test_a_handle_in_another_script_is_a_path():
    (seen,) = _read("products/update", {**PRODUCT, "handle": "чашка"})
    assert seen.product.path == "/products/%D1%87%D0%B0%D1%88%D0%BA%D0%B0"


def test_a_customer_is_a_name_a_country_and_no_consent():
    (seen,) = _read("customers/update", CUSTOMER)
    assert seen.customer.platform_customer_id == "7"
    assert (seen.customer.first_name, seen.customer.country, seen.customer.consent) == ("Cleo", "GR", None)


def test_a_customer_of_an_older_version_brings_consent_along():
    consent = {
        "state": "subscribed",
        "opt_in_level": "confirmed_opt_in",
        "consent_updated_at": "2026-11-01T00:00:00Z",
    }
    (seen,) = _read("customers/update", {**CUSTOMER, "email_marketing_consent": consent})
    assert seen.customer.consent == Consent(
        state=ConsentState.SUBSCRIBED,
        opt_in_level="confirmed_opt_in",
        changed_at=datetime(2026, 11, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize("state", list(ConsentState))
def test_every_state_of_consent_is_known(state):
    body = {
        "customer_id": 7,
        "email_address": "dan@example.com",
        "email_marketing_consent": {"state": state.value, "opt_in_level": None, "consent_updated_at": None},
    }
    assert _read("customers_email_marketing_consent/update", body) == [
        ConsentChanged("7", "dan@example.com", Consent(state=state))
    ]


def test_a_state_of_consent_nobody_knows_is_no_permission():
    body = {"customer_id": 7, "email_address": None, "email_marketing_consent": {"state": "example string"}}
    assert _read("customers_email_marketing_consent/update", body) == [
        ConsentChanged("7", None, Consent(state=ConsentState.INVALID))
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"customer_id": 7},
        {"customer_id": 7, "email_marketing_consent": []},
        {"email_marketing_consent": {"state": "subscribed"}},
    ],
)
def test_consent_of_nobody_or_of_no_kind_is_refused(body):
    assert "customers_email_marketing_consent/update: " in _refusal(
        "customers_email_marketing_consent/update", body
    )


def test_removals_say_what_and_when():
    assert _read("orders/delete", {"id": 5}) == [OrderRemoved("5", AT)]
    assert _read("products/delete", {"id": 5}) == [ProductRemoved("5", AT)]
    body = {
        "id": 706405506930370000,
        "tax_exemptions": [],
        "admin_graphql_api_id": "gid://shopify/Customer/706405506930370084",
    }
    assert _read("customers/delete", body) == [CustomerRemoved("706405506930370084", AT)]
    assert _read("checkouts/delete", {"id": 5, "cart_token": "c1?key=x", "total_price": "1.00"}) == [
        CartRemoved("c1", AT)
    ]
    assert _read("checkouts/delete", {"id": 5, "cart_token": None}) == []


def test_a_merge_removes_the_customer_that_was_not_kept():
    body = {
        "admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1",
        "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2",
        "status": "completed",
    }
    assert _read("customers/merge", body) == [CustomerRemoved("2", AT)]
    assert _read("customers/merge", {**body, "status": "failed"}) == []


DESTRUCTIVE = {
    "orders/delete": {"id": 5},
    "products/delete": {"id": 5},
    "customers/delete": {"id": 5},
    "customers/merge": {
        "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2",
        "status": "completed",
    },
    "checkouts/delete": {"cart_token": "c1"},
    "app/uninstalled": {"id": 1, "myshopify_domain": SHOP, "plan_name": "basic"},
    "shop/redact": {"shop_id": 1, "shop_domain": SHOP},
}


@pytest.mark.parametrize("topic", DESTRUCTIVE)
def test_nothing_is_destroyed_at_an_unknown_moment(topic):
    assert len(_read(topic, DESTRUCTIVE[topic])) == 1
    assert "X-Shopify-Triggered-At" in _refusal(topic, DESTRUCTIVE[topic], triggered_at=None)


@pytest.mark.parametrize(
    "body",
    [ORDER, CART, CHECKOUT, PRODUCT, CUSTOMER],
    ids=["order", "cart", "checkout", "product", "customer"],
)
@pytest.mark.parametrize("topic", [*DESTRUCTIVE, "customers/redact"])
def test_a_captured_body_sent_again_under_a_destructive_topic_destroys_nothing(topic, body):
    assert topic in _refusal(topic, body)


def test_an_uninstall_names_this_shop_or_none():
    shop = {"id": 1, "myshopify_domain": SHOP, "plan_name": "basic", "name": "Ada's"}
    assert _read("app/uninstalled", shop) == [AppUninstalled(AT)]
    assert _read("app/uninstalled", {**shop, "myshopify_domain": None}) == [AppUninstalled(AT)]
    assert "'ben.myshopify.com' is not ada.myshopify.com" in _refusal(
        "app/uninstalled", {**shop, "myshopify_domain": "ben.myshopify.com"}
    )
    assert "not a shop's body" in _refusal("app/uninstalled", {"id": 1})


def test_a_finished_export_is_known_by_its_handle():
    body = {
        "admin_graphql_api_id": "gid://shopify/BulkOperation/147595010",
        "status": "completed",
        "type": "query",
    }
    assert _read("bulk_operations/finish", body) == [ExportFinished("gid://shopify/BulkOperation/147595010")]
    assert "not a bulk operation" in _refusal(
        "bulk_operations/finish", {**body, "admin_graphql_api_id": "https://www.example.com/"}
    )


REDACT = {
    "shop_id": 954889,
    "shop_domain": SHOP,
    "customer": {"id": 191167, "email": "john@example.com", "phone": "555"},
    "orders_to_redact": [299938, 280263],
}


def test_the_three_compliance_requests_are_understood():
    assert _read("customers/redact", REDACT) == [
        ErasureRequested("191167", "john@example.com", ("299938", "280263"))
    ]
    asked = {name: value for name, value in REDACT.items() if name != "orders_to_redact"}
    body = {**asked, "orders_requested": [], "data_request": {"id": 9999}}
    assert _read("customers/data_request", body) == [DataRequested("9999", "191167", "john@example.com")]
    assert _read("shop/redact", {"shop_id": 954889, "shop_domain": SHOP}) == [ShopErasureRequested(AT)]


def test_a_person_may_be_known_by_the_address_alone():
    body = {**REDACT, "customer": {"id": None, "email": "john@example.com"}, "orders_to_redact": []}
    assert _read("customers/redact", body) == [ErasureRequested(None, "john@example.com", ())]


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("customers/redact", {**REDACT, "shop_domain": "ben.myshopify.com"}),
        ("customers/redact", {**REDACT, "shop_domain": None}),
        ("customers/redact", {**REDACT, "customer": {}, "orders_to_redact": []}),
        ("customers/redact", {**REDACT, "orders_to_redact": ["x"]}),
        ("customers/redact", {**REDACT, "data_request": {"id": 1}}),
        ("customers/redact", {name: value for name, value in REDACT.items() if name != "orders_to_redact"}),
        ("customers/data_request", {**REDACT, "orders_requested": []}),
        ("shop/redact", REDACT),
        ("shop/redact", {"shop_id": 1, "shop_domain": "ben.myshopify.com"}),
        ("shop/redact", {"shop_id": 1}),
    ],
)
def test_a_compliance_request_of_another_shape_or_shop_erases_nothing(topic, body):
    assert topic in _refusal(topic, body)


@pytest.mark.parametrize(
    "topic",
    [
        "refunds/create",
        "orders/edited",
        "inventory_levels/update",
        "shop/update",
        "themes/publish",
        "some/topic",
    ],
)
def test_topics_without_use_say_nothing_even_when_broken(topic):
    assert _read(topic, b"\xff") == []


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("raw", [raw for raw, _ in POISON.values()], ids=POISON.keys())
def test_poison_is_refused_under_every_topic(topic, raw):
    assert topic in _refusal(topic, raw)


# -- the shared samples --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sample_files(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_sample_is_read_or_refused_with_a_reason(path: Path):
    for topic in topics_of(path):
        outcome = _outcome(topic, path.read_bytes())
        assert isinstance(outcome, list) or outcome.startswith(f"{topic}: ")


@documented
def test_the_documented_samples_of_our_topics_are_all_understood(folder):
    expected = {
        "orders__create": OrderSeen,
        "orders__updated": OrderSeen,
        "orders__paid": OrderSeen,
        "orders__cancelled": OrderSeen,
        "orders__delete": OrderRemoved,
        "carts__create": CartSeen,
        "carts__update": CartSeen,
        "checkouts__create": CartSeen,
        "checkouts__update": CartSeen,
        "checkouts__delete": CartRemoved,
        "products__create": ProductSeen,
        "products__update": ProductSeen,
        "products__delete": ProductRemoved,
        "customers__create": CustomerSeen,
        "customers__update": CustomerSeen,
        "customers__delete": CustomerRemoved,
        "customers_email_marketing_consent__update": ConsentChanged,
        "app__uninstalled": AppUninstalled,
        "bulk_operations__finish": ExportFinished,
        "customers__redact": ErasureRequested,
        "customers__data_request": DataRequested,
        "shop__redact": ShopErasureRequested,
    }
    for name, kind in expected.items():
        (event,) = _read(name.replace("__", "/"), _sample(folder, name))
        assert isinstance(event, kind), name


@documented
def test_the_documented_order_is_read_to_the_cent(folder):
    (seen,) = _read("orders/create", _sample(folder, "orders__create"))
    order = seen.order
    assert order.platform_order_id == "820982911946154508"
    assert (order.name, order.email, order.platform_customer_id) == (
        "#9999",
        "jon@example.com",
        "115310627314723954",
    )
    assert (order.total, order.is_test) == (Money(40495, "USD"), True)
    assert [line.unit_price.amount for line in order.lines][:4] == [8999, 1999, 2499, 15999]
    assert [line.platform_product_id for line in order.lines][:3] == ["788032119674292900", None, None]


SAMPLES_BY_TOPIC = [
    (topic, path) for path in sample_files() for topic in topics_of(path) if topic in _READERS
]
WORTH = st.sampled_from(
    [
        None,
        "",
        "x",
        -1,
        0,
        2**70,
        True,
        [],
        {},
        [[]],
        [{}],
        {"id": None},
        "2026-01-01",
        "gid://shopify/Order/1",
        "1e99",
        "é" * 400,
    ]
)


def _places(value: object, path: tuple = ()) -> list[tuple]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path] * bool(path) + [place for key, child in children for place in _places(child, (*path, key))]


@pytest.mark.parametrize("samples", [SAMPLES_BY_TOPIC] if SAMPLES_BY_TOPIC else [], ids=[""])
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data())
def test_real_bodies_with_anything_changed_are_read_or_refused(samples, data):
    topic, path = data.draw(st.sampled_from(samples))
    body = deepcopy(json.loads(path.read_bytes()))
    for place in data.draw(st.lists(st.sampled_from(_places(body)), min_size=1, max_size=4)):
        holder = body
        try:
            for key in place[:-1]:
                holder = holder[key]
            if data.draw(st.booleans()):
                holder[place[-1]] = data.draw(WORTH)
            else:
                del holder[place[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away
    outcome = _outcome(topic, json.dumps(body).encode())
    assert isinstance(outcome, list) or outcome.startswith(f"{topic}: ")
    repr(outcome).encode()


@settings(max_examples=300, deadline=None)
@given(
    topic=st.sampled_from(TOPICS),
    raw=st.binary(max_size=300) | ANY_JSON.map(lambda tree: json.dumps(tree).encode()),
)
def test_any_bytes_under_any_topic_are_read_or_refused(topic, raw):
    outcome = _outcome(topic, raw)
    assert isinstance(outcome, list) or outcome.startswith(f"{topic}: ")
