"""What a WooCommerce delivery means, in small shapes of the measured ones; the recordings say the same at length."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.events import (
    AccessDoubted,
    AppUninstalled,
    CartSeen,
    Consent,
    ConsentState,
    CustomerSeen,
    Kind,
    LookUp,
    OrderSeen,
    ProductSeen,
)
from app.platforms.base import (
    Envelope,
    ForgedError,
    InstallCallback,
    InstallRefusedError,
    Ping,
    UnreadableError,
)
from app.platforms.woocommerce import WooCommercePlatform
from app.platforms.woocommerce.address import parse_address, url_of
from app.platforms.woocommerce.install import keys_of
from app.platforms.woocommerce.readings import plain

PLATFORM = WooCommercePlatform("https://app.example")
SECRET = b"a-secret-of-the-shop"
ORDER = {
    "id": 98,
    "number": "98",
    "status": "processing",
    "currency": "GBP",
    "version": "10.5.0",
    "prices_include_tax": False,
    "date_created_gmt": "2026-11-21T17:31:22",
    "date_modified_gmt": "2026-11-21T17:31:40",
    "date_paid_gmt": None,
    "customer_id": 0,
    "billing": {"email": "ivy@example.org", "country": "GB"},
    "total": "34.52",
    "created_via": "store-api",
    "line_items": [
        {
            "name": "Jumper - L",
            "parent_name": "Jumper",
            "product_id": 72,
            "variation_id": 76,
            "quantity": 2,
            "subtotal": "24.82",
            "subtotal_tax": "4.96",
            "price": 12.41,
            "meta_data": [{"key": "_regulars", "value": "list-1"}],
        }
    ],
    "meta_data": [],
}
PRODUCT = {
    "id": 22,
    "name": "Storm <b>Lantern</b> &amp; co",
    "slug": "storm-lantern",
    "permalink": "https://shop.example/product/storm-lantern/",
    "type": "simple",
    "status": "publish",
    "catalog_visibility": "visible",
    "price": "31.06",
    "regular_price": "38.83",
    "on_sale": True,
    "purchasable": True,
    "stock_status": "instock",
    "categories": [{"name": "Lamps"}],
    "brands": [],
    "tags": [],
    "images": [{"src": "https://shop.example/full.png", "thumbnail": "https://shop.example/small.png"}],
    "date_modified_gmt": "2026-11-21T17:26:24",
}


def delivery(topic, body, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = base64.b64encode(hmac.new(SECRET, raw, hashlib.sha256).digest()).decode()
    sent = {
        "X-WC-Webhook-Source": "https://shop.example/",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Signature": signature,
        "X-WC-Webhook-Delivery-ID": "785727cbbe271148c901d3ed7b5a4907",
        "User-Agent": "WooCommerce/10.5.0 Hookshot (WordPress/6.9.7)",
    }
    return {**sent, **headers}, raw


def opened(topic, body, **headers):
    known = {"shop.example": [SECRET]}
    return PLATFORM.open_envelope(*delivery(topic, body, **headers), lambda shop: known.get(shop, []))


def read(topic, body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(PLATFORM.read(Envelope("woocommerce", "shop.example", topic, "key", raw, currency="GBP")))


# -- envelopes ---------------------------------------------------------------------------------------------


def test_a_signed_delivery_is_opened():
    envelope = opened("order.updated", ORDER)
    assert (envelope.shop_domain, envelope.topic, envelope.api_version) == (
        "shop.example",
        "order.updated",
        "10.5.0",
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"X-WC-Webhook-Signature": ""},
        {"X-WC-Webhook-Signature": "é"},
        {"X-WC-Webhook-Source": ""},
        {"X-WC-Webhook-Source": "https://staging.shop.example/"},
        {"X-WC-Webhook-Source": "javascript:alert(1)"},
        {"X-WC-Webhook-Topic": "order"},
        {"X-WC-Webhook-Topic": "../order.updated"},
    ],
    ids=str,
)
def test_a_delivery_with_anything_wrong_is_forged(headers):
    with pytest.raises(ForgedError):
        opened("order.updated", ORDER, **headers)


def test_cores_ping_needs_no_signature_and_says_nothing():
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert PLATFORM.open_envelope(form, b"webhook_id=7", lambda _: []) == Ping()
    for raw in (b"webhook_id=", b"webhook_id=7&x=1", b'{"id": 7}'):
        with pytest.raises(ForgedError):
            PLATFORM.open_envelope(form, raw, lambda _: [])


def test_one_delivery_id_for_many_facts_loses_none_of_them():
    keys = {opened("order.created", {**ORDER, "id": number}).dedupe_key for number in range(1, 7)}
    assert len(keys) == 6


def test_a_second_deletion_of_a_restored_thing_is_another_fact():
    first = opened("product.deleted", {"id": 84})
    again = opened("product.deleted", {"id": 84}, **{"X-WC-Webhook-Delivery-ID": "another"})
    assert first.dedupe_key != again.dedupe_key
    assert first.dedupe_key == opened("product.deleted", {"id": 84}).dedupe_key


# -- orders ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("checkout-draft", CartSeen),
        ("auto-draft", CartSeen),
        ("pending", CartSeen),
        ("on-hold", CartSeen),
        ("failed", CartSeen),
        ("wc-custom", CartSeen),
        ("processing", OrderSeen),
        ("completed", OrderSeen),
        ("cancelled", OrderSeen),
        ("refunded", OrderSeen),
        ("trash", OrderSeen),
    ],
)
def test_an_orders_status_decides_what_it_is(status, kind):
    (fact,) = read("order.updated", {**ORDER, "status": status})
    assert isinstance(fact, kind)
    if kind is CartSeen:
        assert (fact.cart.completed_at is None) == status.endswith("draft")
    else:
        assert (fact.order.cancelled_at is None) == (status in ("processing", "completed"))


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59", "0001-01-01T00:00:00+14:00", "yesterday", "99991231", "1"]
)
def test_a_moment_that_no_shop_has_is_refused(text):
    with pytest.raises(UnreadableError, match="date_created_gmt"):
        read("order.updated", {**ORDER, "date_created_gmt": text})


def test_a_status_of_a_plugin_is_bought_once_it_is_paid():
    paid = {**ORDER, "status": "packed", "date_paid_gmt": "2026-11-21T17:31:39"}
    assert isinstance(read("order.updated", paid)[0], OrderSeen)


def test_an_orders_numbers_are_exact_and_its_line_names_product_variation_and_list():
    (fact,) = read("order.created", ORDER)
    (line,) = fact.order.lines
    assert (fact.order.total.amount, fact.order.total.currency) == (3452, "GBP")
    assert (line.platform_product_id, line.platform_variant_id, line.list_id) == ("72", "76", "list-1")
    assert (line.title, line.quantity, line.unit_price.amount) == ("Jumper", 2, 1241)
    (fact,) = read("order.created", {**ORDER, "prices_include_tax": True})
    assert fact.order.lines[0].unit_price.amount == 1489


def test_a_draft_and_its_order_know_each_other():
    (draft,) = read("order.updated", {**ORDER, "status": "checkout-draft"})
    (order,) = read("order.updated", ORDER)
    assert draft.cart.checkout_token == order.order.checkout_token == "order-98"
    assert draft.cart.recovery_url == "https://shop.example/checkout-link/?products=76:2"
    assert draft.cart.created_at < order.order.placed_at


def test_an_order_was_placed_within_a_day_of_its_draft_and_never_before():
    late = {**ORDER, "date_modified_gmt": "2026-12-24T10:00:00"}
    (fact,) = read("order.updated", late)
    assert fact.order.placed_at == datetime(2026, 11, 22, 17, 31, 22, tzinfo=UTC)
    (fact,) = read("order.updated", {**late, "created_via": "checkout"})
    assert fact.order.placed_at == datetime(2026, 11, 21, 17, 31, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("version", "n_lines", "link"),
    [
        ("9.9.5", 1, None),
        ("9.9.5", 2, None),
        ("10.0.0", 1, "https://shop.example/checkout-link/?products=76:2"),
        ("11.0.1", 2, "https://shop.example/checkout-link/?products=76:2,76:2"),
    ],
)
def test_a_cart_comes_back_by_what_the_version_can(version, n_lines, link):
    body = {
        **ORDER,
        "status": "checkout-draft",
        "version": version,
        "line_items": ORDER["line_items"] * n_lines,
    }
    assert read("order.updated", body)[0].cart.recovery_url == link


def test_a_buyer_that_wordpress_erased_is_named_nowhere():
    for body in (
        {**ORDER, "billing": {"email": "deleted@site.invalid"}, "customer_id": 4},
        {**ORDER, "meta_data": [{"key": "_anonymized", "value": "yes"}], "customer_id": 4},
    ):
        (fact,) = read("order.updated", body)
        assert fact.order.is_anonymised
        assert (fact.order.email, fact.order.platform_customer_id) == (None, None)


def test_an_address_that_can_never_be_written_to_is_none():
    (fact,) = read("order.updated", {**ORDER, "billing": {"email": "x@shop.INVALID"}})
    assert fact.order.email is None


def test_the_consent_that_the_plugin_noted_comes_with_the_order():
    def told(value, **changes):
        meta = [{"key": "_regulars_consent", "value": value}]
        (fact,) = read("order.updated", {**ORDER, **changes, "meta_data": meta})
        return (fact.order if isinstance(fact, OrderSeen) else fact.cart).consent

    yes = Consent(state=ConsentState.SUBSCRIBED, changed_at=datetime(2026, 11, 21, 17, 31, tzinfo=UTC))
    assert told("subscribed 2026-11-21T17:31:00Z") == yes
    assert told("subscribed 2026-11-21T17:31:00Z", status="checkout-draft") == yes
    for value in ("subscribed", "yes 2026-11-21T17:31:00Z", "subscribed yesterday", 7):
        assert told(value) is None


def test_a_visits_beginning_keeps_its_campaign_and_no_sessions_token():
    entry = "https://shop.example/checkout/?utm_source=regulars&session=eyJ.secret"
    meta = [{"key": "_wc_order_attribution_session_entry", "value": entry}]
    (fact,) = read("order.updated", {**ORDER, "meta_data": meta})
    assert fact.order.landing_path == "/checkout/?utm_source=regulars"


def test_a_campaign_that_core_tells_apart_comes_with_the_visits_beginning():
    campaign = {"utm_source": "regulars", "utm_content": "mail-7", "device_type": "Desktop", "utm_term": 7}
    meta = [{"key": f"_wc_order_attribution_{name}", "value": value} for name, value in campaign.items()]
    (fact,) = read("order.updated", {**ORDER, "meta_data": meta})
    assert fact.order.landing_path == "/?utm_source=regulars&utm_content=mail-7"
    entry = {"key": "_wc_order_attribution_session_entry", "value": "https://shop.example/?utm_source=ads"}
    (fact,) = read("order.updated", {**ORDER, "meta_data": [*meta, entry]})
    assert fact.order.landing_path == "/?utm_source=regulars&utm_content=mail-7"


# -- products, customers, carts ----------------------------------------------------------------------------


def test_a_product_is_read_as_shoppers_see_it():
    (fact,) = read("product.updated", PRODUCT)
    product = fact.product
    assert (product.title, product.path, product.category) == (
        "Storm Lantern & co",
        "/product/storm-lantern/",
        "Lamps",
    )
    assert product.image_url == "https://shop.example/small.png"
    (variant,) = product.variants
    assert (variant.platform_variant_id, variant.price.amount, variant.compare_at_price.amount) == (
        "22",
        3106,
        3883,
    )
    assert product.is_available


@pytest.mark.parametrize(
    ("changes", "is_published", "is_available"),
    [
        ({"status": "draft"}, False, True),
        ({"status": "private"}, False, True),
        ({"catalog_visibility": "hidden"}, False, True),
        ({"catalog_visibility": "search"}, False, True),
        ({"post_password": "x"}, False, True),
        ({"stock_status": "outofstock"}, True, False),
        ({"stock_status": "onbackorder"}, True, True),
        ({"purchasable": False}, True, False),
        ({"price": ""}, True, False),
        ({"type": "external"}, True, False),
        ({"type": "grouped", "price": ""}, True, False),
    ],
    ids=str,
)
def test_what_is_shown_and_what_can_be_bought(changes, is_published, is_available):
    (fact,) = read("product.updated", {**PRODUCT, **changes})
    assert isinstance(fact, ProductSeen)
    assert (fact.product.is_published, fact.product.is_available) == (is_published, is_available)


def test_what_comes_in_parts_is_asked_for():
    assert read("product.updated", {**PRODUCT, "type": "variation", "parent_id": 72}) == [
        LookUp(Kind.PRODUCT, "72")
    ]
    assert read("product.updated", {**PRODUCT, "type": "variable"}) == [LookUp(Kind.PRODUCT, "22")]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_deletion_is_a_doorbell_and_says_no_more_than_an_id(kind):
    assert read(f"{kind.value}.deleted", {"id": 84}) == [LookUp(kind, "84")]
    with pytest.raises(UnreadableError):
        read(f"{kind.value}.deleted", {"id": 84, "status": "processing"})


def test_staff_are_no_customers():
    account = {
        "id": 4,
        "email": "cleo@example.org",
        "first_name": "Cl<b>eo</b>",
        "date_modified_gmt": "2026-11-21T17:00:00",
    }
    (fact,) = read("customer.created", {**account, "role": "customer"})
    assert isinstance(fact, CustomerSeen)
    assert fact.customer.first_name == "Cleo"
    assert read("customer.created", {**account, "role": "shop_manager"}) == []


CART = {
    "cart_token": "L5cg1iyxBHJ1ldt8",
    "currency": "GBP",
    "total": "44.99",
    "items": [{"product_id": 20, "variation_id": 0, "quantity": 1, "line_total": "44.99", "name": "Grinder"}],
    "updated_at": "2026-11-21T17:38:38+00:00",
}


def test_the_plugins_cart_is_a_cart_and_with_an_address_a_checkout():
    (fact,) = read("regulars_cart.updated", CART)
    assert (fact.cart.is_checkout, fact.cart.email, fact.cart.lines[0].title) == (False, None, "Grinder")
    more = {"email": "ivy@example.org", "consent": "subscribed 2026-11-21T17:38:00Z"}
    (fact,) = read("regulars_cart.updated", {**CART, **more})
    assert (fact.cart.is_checkout, fact.cart.is_typed) == (True, True)
    assert fact.cart.consent.state is ConsentState.SUBSCRIBED


def test_a_carts_way_back_leads_to_the_shop_or_nowhere():
    own = "https://shop.example/?regulars_restore=abc"
    for link in (own, "https://www.shop.example/?regulars_restore=abc"):
        assert read("regulars_cart.updated", {**CART, "restore_url": link})[0].cart.recovery_url == own
    for link in (
        "https://evil.example/",
        "https://shop.example.evil.example/",
        "https://shop.example@evil.example/",
        "http://shop.example/",
        "https://shop.example:8443/",
        "javascript:alert(1)",
    ):
        assert read("regulars_cart.updated", {**CART, "restore_url": link})[0].cart.recovery_url is None


@pytest.mark.parametrize("token", ["", "short", "a" * 129, "with a space in it", "../../../../../etc"])
def test_a_cart_token_anybody_could_guess_or_forge_is_refused(token):
    with pytest.raises(UnreadableError):
        read("regulars_cart.updated", {**CART, "cart_token": token})


def test_the_plugins_farewell_says_when():
    (fact,) = read("regulars_shop.disconnected", {"disconnected_at": "2026-11-21T18:00:00Z"})
    assert isinstance(fact, AppUninstalled)
    assert fact.happened_at == datetime(2026, 11, 21, 18, tzinfo=UTC)


@pytest.mark.parametrize("topic", ["order.updated", "product.updated", "customer.updated", "order.deleted"])
def test_a_refusal_that_core_signed_is_doubt_about_our_access(topic):
    assert read(topic, {"code": "woocommerce_rest_cannot_view", "message": "No.", "data": {}}) == [
        AccessDoubted()
    ]


def test_topics_without_use_say_nothing():
    for topic in ("coupon.deleted", "action.woocommerce_add_to_cart", "webhook.created"):
        assert read(topic, {"id": 1}) == []


BROKEN = [b"", b"[]", b"null", b"{}", b"\xff", b'{"id": 1e999}', b'{"a":' * 500, b'{"id": 1, "id": 2}']


@pytest.mark.parametrize("raw", BROKEN, ids=repr)
@pytest.mark.parametrize(
    "topic", ["order.updated", "product.updated", "customer.updated", "regulars_cart.updated"]
)
def test_what_makes_no_sense_is_refused_with_its_topic(topic, raw):
    if raw == b"{}" and topic == "customer.updated":
        assert read(topic, raw) == []  # no buyer's role
        return
    with pytest.raises(UnreadableError, match=topic):
        read(topic, raw)


STRANGE = st.sampled_from(
    ["NaN", "Infinity", "1,200.00", "9" * 40, "0001-01-01T00:00:00", "9999-12-31T23:59:59"]
)
ANYTHING = st.none() | st.integers() | st.text(max_size=9) | st.lists(st.none()) | STRANGE
BODIES = {"order.updated": ORDER, "product.updated": PRODUCT, "regulars_cart.updated": CART}


@given(st.data())
@pytest.mark.parametrize("topic", BODIES)
def test_any_field_may_be_anything_and_is_read_or_refused(topic, data):
    body = BODIES[topic]
    changes = data.draw(st.dictionaries(st.sampled_from(sorted(body)), ANYTHING, max_size=3))
    with contextlib.suppress(UnreadableError):
        read(topic, {**body, **changes})


@pytest.mark.parametrize("price", ["NaN", "1,200.00", "9" * 40, "on request"])
def test_a_regular_price_that_is_none_refuses_its_product_and_no_other(price):
    with pytest.raises(UnreadableError, match="regular_price"):
        read("product.updated", {**PRODUCT, "regular_price": price})
    (seen,) = read("product.updated", {**PRODUCT, "regular_price": ""})
    assert seen.product.variants[0].compare_at_price is None


def test_names_are_plain_text():
    assert plain("<b>Sons</b> &amp; Daughters\n") == "Sons & Daughters"
    assert plain("&lt;script&gt;") == "<script>"  # as text: escaped again wherever it is shown
    assert plain(None) == ""


# -- addresses and keys ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "domain"),
    [
        ("shop.example", "shop.example"),
        (" https://Shop.Example/ ", "shop.example"),
        ("http://shop.example", "shop.example"),
        ("https://www.shop.example/wp-admin/admin.php?page=wc", "www.shop.example"),
        ("https://shop.example/store/", "shop.example/store"),
        ("https://shop.example:443/", "shop.example"),
        ("https://κατάστημα.example", "xn--mxaaajeeu3b2aij.example"),
        ("shop.example.", "shop.example"),
    ],
)
def test_an_address_is_read_however_it_is_typed(typed, domain):
    found = parse_address(typed)
    assert found == domain or typed.startswith("https://κ")
    assert found.isascii()
    assert url_of(found) == f"https://{found}"


@pytest.mark.parametrize(
    "typed",
    [
        "127.0.0.1",
        "localhost",
        "https://[::1]/",
        "http://0x7f000001/",
        "https://2130706433/",
        "https://a@b.example/",
        "https://shop.example/a/../b",
        "https://shop.example/%2e%2e",
        "https://-shop.example",
        "https://shop..example",
    ],
)
def test_what_could_lead_inside_or_astray_is_no_address(typed):
    with pytest.raises(InstallRefusedError):
        parse_address(typed)


KEYS = {
    "key_id": ["3"],
    "user_id": ["a-token"],
    "consumer_key": ["ck_" + "a" * 40],
    "consumer_secret": ["cs_" + "b" * 40],
    "key_permissions": ["read_write"],
}


def answer(expected="a-token", **changes):
    query = {**KEYS, **{name: [value] for name, value in changes.items()}}
    return InstallCallback(query, expected, "", datetime.now(UTC) + timedelta(0), shop_domain="shop.example")


def test_keys_come_with_the_token_that_was_handed_out():
    assert keys_of(answer()) == "ck_" + "a" * 40 + ":" + "cs_" + "b" * 40
    for expected in (None, "", "another"):
        with pytest.raises(ForgedError):
            keys_of(answer(expected))
    for changes in ({"consumer_key": "x"}, {"consumer_secret": "cs_"}, {"key_permissions": "read"}):
        with pytest.raises(InstallRefusedError):
            keys_of(answer(**changes))
