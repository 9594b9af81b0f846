"""What one shop says through its API, in our own words."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import responses

from app.domain.catalog import Product, Variant
from app.domain.events import Consent, ConsentState, Customer, LineItem, Order
from app.domain.money import Money
from app.platforms.base import (
    CartRef,
    ExportState,
    NeedsApprovalError,
    PlatformError,
    ShopProfile,
    StorefrontSetup,
    StorefrontStatus,
)
from app.platforms.shopify.client import ShopifyClient
from app.platforms.shopify.graphql import GraphQL, new_session
from app.platforms.shopify.topics import TOPICS, enum_of

URL = "https://ada.myshopify.com/admin/api/2026-07/graphql.json"
FILE = "https://storage.example/bulk.jsonl"
SINCE = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
LAST_PAGE = {"hasNextPage": False, "endCursor": None}
DENIED = [{"message": "Access denied for themes field.", "extensions": {"code": "ACCESS_DENIED"}}]


class Shop:
    """Answers by the operation's name, and remembers what was asked."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.answers: dict[str, list[dict]] = {}
        self.asked: list[tuple[str, dict]] = []
        mock.add_callback(responses.POST, URL, self._answer)

    def says(self, operation: str, *answers: dict) -> None:
        self.answers[operation] = [
            answer if {"data", "errors"} & answer.keys() else {"data": answer} for answer in answers
        ]

    def asked_for(self, operation: str) -> list[dict]:
        return [variables for name, variables in self.asked if name == operation]

    def _answer(self, request) -> tuple[int, dict, str]:
        body = json.loads(request.body)
        name = re.search(r"(?:query|mutation) (\w+)", body["query"])[1]
        self.asked.append((name, body["variables"]))
        answers = self.answers[name]
        return 200, {}, json.dumps(answers.pop(0) if len(answers) > 1 else answers[0])


@pytest.fixture
def shopify():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def shop(shopify) -> Shop:
    return Shop(shopify)


@pytest.fixture
def client() -> ShopifyClient:
    waits: Callable[[float], None] = lambda _: None  # noqa: E731
    graphql = GraphQL(new_session(), URL, "ada.myshopify.com", lambda: "shpat_1", waits)
    return ShopifyClient(graphql, app_url="https://regulars.example", api_key="client-id")


PROFILE = {
    "shop": {
        "name": "Ada's",
        "email": "ada@example.com",
        "myshopifyDomain": "ada.myshopify.com",
        "currencyCode": "EUR",
        "ianaTimezone": "Europe/Athens",
        "primaryDomain": {"url": "https://ada.example/"},
        "shopAddress": {"countryCodeV2": "GR"},
    }
}


def test_the_profile_is_the_shops_own_word(shop, client):
    shop.says("Shop", PROFILE)
    assert client.profile() == ShopProfile(
        name="Ada's",
        domain="ada.myshopify.com",
        public_url="https://ada.example",
        email="ada@example.com",
        currency="EUR",
        timezone="Europe/Athens",
        country="GR",
    )


def test_an_answer_that_makes_no_sense_is_the_platforms_error(shop, client):
    shop.says("Shop", {"shop": {"name": "Ada's"}})
    with pytest.raises(PlatformError, match=r"shop\.currencyCode: nothing"):
        client.profile()


@pytest.mark.parametrize("kind", ["products", "customers", "orders"])
def test_objects_are_counted_without_a_limit(shop, client, kind):
    shop.says(f"Count{kind.title()}", {f"{kind}Count": {"count": 40_321}})
    assert client.count(kind) == 40_321


def test_a_range_of_ids_is_counted(shop, client):
    shop.says("CountOrders", {"ordersCount": {"count": 7}})
    assert client.count("orders", (11, 9_007_199_254_741_000)) == 7
    assert shop.asked_for("CountOrders")[0]["query"] == "id:>=11 AND id:<=9007199254741000"


def test_what_the_shop_does_not_have_any_more_is_named(shop, client):
    shop.says("StillThere", {"nodes": [{"id": "gid://shopify/Product/1"}, None]})
    assert client.missing("products", [1, 2]) == {2}
    assert shop.asked_for("StillThere")[0]["ids"] == ["gid://shopify/Product/1", "gid://shopify/Product/2"]


@pytest.mark.parametrize("answer", [{"nodes": None, "other": 1}, {"nodes": [None]}])
def test_an_answer_about_other_objects_than_asked_names_nothing(shop, client, answer):
    shop.says("StillThere", answer)
    with pytest.raises(PlatformError, match="as many as were asked for"):
        client.missing("products", [1, 2])


def _order_node(number: int, **changed: object) -> dict:
    return {
        "id": f"gid://shopify/Order/{number}",
        "name": f"#{number}",
        "createdAt": "2026-11-20T08:00:01Z",
        "processedAt": "2026-11-20T08:00:00Z",
        "updatedAt": "2026-11-20T08:05:00Z",
        "cancelledAt": None,
        "test": False,
        "email": "cleo@example.com",
        "cartToken": "c1?key=x",
        "checkoutToken": "k1",
        "customer": {"id": "gid://shopify/Customer/7"},
        "totalPriceSet": {"shopMoney": {"amount": "25.80", "currencyCode": "EUR"}},
        "customerJourneySummary": {
            "lastVisit": {"landingPage": "https://ada.example/products/blue-mug?utm_source=regulars"}
        },
        **changed,
    }


def _line_node(**changed: object) -> dict:
    return {
        "quantity": 2,
        "title": "Blue mug",
        "product": {"id": "gid://shopify/Product/1"},
        "variant": {"id": "gid://shopify/ProductVariant/2"},
        "originalUnitPriceSet": {"shopMoney": {"amount": "12.9", "currencyCode": "EUR"}},
        "customAttributes": [{"key": "_regulars", "value": "list-7"}],
        **changed,
    }


LINE = LineItem(
    platform_product_id="1",
    platform_variant_id="2",
    title="Blue mug",
    quantity=2,
    unit_price=Money(1290, "EUR"),
    list_id="list-7",
)
ORDER = Order(
    platform_order_id="1001",
    name="#1001",
    placed_at=datetime(2026, 11, 20, 8, 0, tzinfo=UTC),
    source_updated_at=datetime(2026, 11, 20, 8, 5, tzinfo=UTC),
    total=Money(2580, "EUR"),
    lines=(LINE,),
    platform_customer_id="7",
    email="cleo@example.com",
    cart_token="c1",
    checkout_token="k1",
    landing_path="/products/blue-mug?utm_source=regulars",
)


def _page(nodes: list[dict], cursor: str | None = None) -> dict:
    return {"nodes": nodes, "pageInfo": {"hasNextPage": cursor is not None, "endCursor": cursor}}


def test_changed_orders_are_read_page_by_page_with_all_their_lines(shop, client):
    first = _order_node(1001, lineItems=_page([_line_node()], "more"))
    second = _order_node(1002, lineItems=_page([]))
    shop.says("Orders", {"orders": _page([first], "next")}, {"orders": _page([second])})
    shop.says(
        "OrderLines",
        {"order": {"lineItems": _page([_line_node(product=None, variant=None, customAttributes=[])])}},
    )
    found = list(client.orders(SINCE))
    custom = LineItem(
        platform_product_id=None,
        platform_variant_id=None,
        title="Blue mug",
        quantity=2,
        unit_price=Money(1290, "EUR"),
    )
    assert [order.platform_order_id for order in found] == ["1001", "1002"]
    assert found[0] == Order(
        **{name: getattr(ORDER, name) for name in ORDER.__slots__ if name != "lines"}, lines=(LINE, custom)
    )
    assert shop.asked_for("Orders") == [
        {"first": 10, "after": None, "query": "updated_at:>='2026-11-20T08:00:00Z'"},
        {"first": 10, "after": "next", "query": "updated_at:>='2026-11-20T08:00:00Z'"},
    ]
    assert shop.asked_for("OrderLines") == [{"id": "gid://shopify/Order/1001", "first": 100, "after": "more"}]


def test_without_a_moment_everything_is_asked_for(shop, client):
    shop.says("Customers", {"customers": _page([])})
    assert list(client.customers()) == []
    assert shop.asked_for("Customers") == [{"first": 100, "after": None, "query": None}]


def test_pages_that_cost_too_much_are_halved(shop, client):
    costly = {"errors": [{"message": "cost", "extensions": {"code": "MAX_COST_EXCEEDED"}}]}
    shop.says("Orders", costly, costly, {"orders": _page([])})
    assert list(client.orders()) == []
    assert [asked["first"] for asked in shop.asked_for("Orders")] == [10, 5, 2]


def test_long_lists_begin_again_before_shopify_stops_paging(shop, client, monkeypatch):
    monkeypatch.setattr("app.platforms.shopify.client._MAX_PAGED", 2)
    nodes = [_order_node(n, updatedAt=f"2026-11-20T08:0{n}:00Z", lineItems=_page([])) for n in (1, 2, 3)]
    shop.says(
        "Orders",
        {"orders": _page(nodes[:2], "next")},
        {"orders": _page(nodes[1:])},
        {"orders": _page(nodes[2:])},
    )
    assert [order.platform_order_id for order in client.orders()] == ["1", "2", "2", "3", "3"]
    assert [(asked["after"], asked["query"]) for asked in shop.asked_for("Orders")] == [
        (None, None),
        (None, "updated_at:>='2026-11-20T08:02:00Z'"),
        (None, "updated_at:>='2026-11-20T08:03:00Z'"),
    ]


def test_a_withheld_list_needs_approval(shop, client):
    shop.says("Customers", {"data": {"customers": None, "shop": {}}, "errors": DENIED})
    with pytest.raises(NeedsApprovalError, match="withholds its customers"):
        list(client.customers())


def test_one_broken_object_is_left_out_and_told(shop, client, caplog):
    broken = _order_node(1, totalPriceSet=None, lineItems=_page([]))
    shop.says("Orders", {"orders": _page([broken, _order_node(1001, lineItems=_page([_line_node()]))])})
    with caplog.at_level(logging.WARNING):
        assert list(client.orders()) == [ORDER]
    assert "gid://shopify/Order/1.totalPriceSet: no amount" in caplog.text


CUSTOMER_NODE = {
    "id": "gid://shopify/Customer/7",
    "firstName": "Cleo",
    "locale": "el",
    "createdAt": "2026-01-01T00:00:00Z",
    "updatedAt": "2026-11-20T08:00:00Z",
    "defaultEmailAddress": {
        "emailAddress": "cleo@example.com",
        "marketingState": "SUBSCRIBED",
        "marketingOptInLevel": "SINGLE_OPT_IN",
        "marketingUpdatedAt": "2026-02-01T00:00:00Z",
    },
    "defaultAddress": {"countryCodeV2": "GR"},
}


def test_consent_comes_with_the_address_it_belongs_to(shop, client):
    shop.says("Customers", {"customers": _page([CUSTOMER_NODE])})
    consent = Consent(
        state=ConsentState.SUBSCRIBED,
        opt_in_level="single_opt_in",
        changed_at=datetime(2026, 2, 1, tzinfo=UTC),
    )
    assert list(client.customers()) == [
        Customer(
            platform_customer_id="7",
            source_updated_at=datetime(2026, 11, 20, 8, 0, tzinfo=UTC),
            email="cleo@example.com",
            first_name="Cleo",
            locale="el",
            country="GR",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            consent=consent,
        )
    ]


def test_a_customer_whose_data_is_withheld_is_a_customer_without_name_address_and_consent(shop, client):
    withheld = {**CUSTOMER_NODE, "firstName": None, "defaultEmailAddress": None, "defaultAddress": None}
    shop.says("Customers", {"data": {"customers": _page([withheld])}, "errors": DENIED})
    (customer,) = client.customers()
    assert (customer.email, customer.first_name, customer.country, customer.consent) == (
        None,
        None,
        None,
        None,
    )


PRODUCT_NODE = {
    "id": "gid://shopify/Product/1",
    "handle": "blue-mug",
    "title": "Blue mug",
    "vendor": "Ada",
    "productType": "Mugs",
    "tags": ["blue", "mug"],
    "status": "ACTIVE",
    "publishedAt": "2026-01-01T00:00:00Z",
    "updatedAt": "2026-11-20T08:00:00Z",
    "isGiftCard": False,
    "featuredMedia": {"preview": {"image": {"url": "https://cdn.example/mug.png"}}},
}


def _variant_node(number: int, **changed: object) -> dict:
    return {
        "id": f"gid://shopify/ProductVariant/{number}",
        "title": "Default Title",
        "sku": "MUG",
        "price": "12.90",
        "compareAtPrice": None,
        "position": number,
        "availableForSale": True,
        "inventoryQuantity": 3,
        "inventoryItem": {"tracked": True},
        **changed,
    }


def test_products_carry_the_shops_currency_and_all_their_variants(shop, client):
    shop.says("Shop", PROFILE)
    shop.says(
        "Products", {"products": _page([{**PRODUCT_NODE, "variants": _page([_variant_node(2)], "more")}])}
    )
    untracked = _variant_node(
        1, title="Red", inventoryItem={"tracked": False}, inventoryQuantity=0, compareAtPrice="15.00"
    )
    shop.says("ProductVariants", {"product": {"variants": _page([untracked])}})
    assert list(client.products()) == [
        Product(
            platform_product_id="1",
            handle="blue-mug",
            title="Blue mug",
            path="/products/blue-mug",
            vendor="Ada",
            category="Mugs",
            tags=("blue", "mug"),
            image_url="https://cdn.example/mug.png",
            source_updated_at=datetime(2026, 11, 20, 8, 0, tzinfo=UTC),
            variants=(
                Variant(
                    platform_variant_id="1",
                    title="Red",
                    sku="MUG",
                    price=Money(1290, "EUR"),
                    compare_at_price=Money(1500, "EUR"),
                    position=1,
                ),
                Variant(
                    platform_variant_id="2", sku="MUG", price=Money(1290, "EUR"), n_available=3, position=2
                ),
            ),
        )
    ]


def test_a_product_removed_while_its_variants_are_read_keeps_those_already_read(shop, client):
    shop.says("Shop", PROFILE)
    shop.says(
        "Products", {"products": _page([{**PRODUCT_NODE, "variants": _page([_variant_node(2)], "more")}])}
    )
    shop.says("ProductVariants", {"product": None})
    (product,) = client.products()
    assert [variant.platform_variant_id for variant in product.variants] == ["2"]


# -- exports -------------------------------------------------------------------------------------------------

HANDLE = "gid://shopify/BulkOperation/1"


def _state(status: str, **changed: object) -> dict:
    return {
        "bulkOperation": {
            "status": status,
            "errorCode": None,
            "objectCount": "120",
            "url": None,
            "partialDataUrl": None,
            **changed,
        }
    }


def test_an_export_is_begun_with_the_query_of_its_kind(shop, client):
    shop.says("ExportBegin", {"bulkOperationRunQuery": {"bulkOperation": {"id": HANDLE}, "userErrors": []}})
    assert client.begin_export("orders") == HANDLE
    assert "lineItems" in shop.asked_for("ExportBegin")[0]["query"]


@pytest.mark.parametrize(
    ("code", "permanent", "seconds"),
    [("OPERATION_IN_PROGRESS", False, 60.0), ("LIMIT_REACHED", False, 60.0), ("INVALID", True, None)],
)
def test_an_export_that_does_not_begin_says_when_to_ask_again(shop, client, code, permanent, seconds):
    shop.says(
        "ExportBegin",
        {"bulkOperationRunQuery": {"bulkOperation": None, "userErrors": [{"code": code, "message": "no"}]}},
    )
    with pytest.raises(PlatformError, match="began no export of orders: no") as failure:
        client.begin_export("orders")
    assert (failure.value.permanent, failure.value.retry_after_seconds) == (permanent, seconds)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (_state("CREATED"), ExportState(is_ready=False, n_objects=120)),
        (_state("RUNNING"), ExportState(is_ready=False, n_objects=120)),
        (_state("COMPLETED", url=FILE), ExportState(is_ready=True, n_objects=120)),
        (_state("COMPLETED", objectCount="0"), ExportState(is_ready=True)),
        (
            _state("FAILED", errorCode="TIMEOUT"),
            ExportState(is_ready=False, is_failed=True, n_objects=120, reason="Shopify ended it (TIMEOUT)"),
        ),
        (
            _state("FAILED", errorCode="TIMEOUT", partialDataUrl=FILE),
            ExportState(is_ready=True, is_failed=True, n_objects=120, reason="Shopify ended it (TIMEOUT)"),
        ),
        (
            _state("EXPIRED"),
            ExportState(
                is_ready=False,
                is_failed=True,
                n_objects=120,
                reason="its file was kept for seven days and is gone",
            ),
        ),
        (
            _state("CANCELED"),
            ExportState(is_ready=False, is_failed=True, n_objects=120, reason="it was cancelled"),
        ),
    ],
)
def test_an_export_says_how_far_it_is(shop, client, answer, state):
    shop.says("ExportState", answer)
    assert client.export_state(HANDLE) == state


def test_an_export_nobody_knows_is_gone_for_good(shop, client):
    shop.says("ExportState", {"bulkOperation": None})
    with pytest.raises(PlatformError, match="knows no export") as failure:
        client.export_state(HANDLE)
    assert failure.value.permanent


def _jsonl(*objects: dict) -> str:
    return "".join(json.dumps(each) + "\n" for each in objects)


@pytest.mark.parametrize("field", ["url", "partialDataUrl"])
def test_exported_orders_are_the_same_as_paged_ones(shop, client, shopify, field):
    shop.says("ExportState", _state("COMPLETED" if field == "url" else "FAILED", **{field: FILE}))
    line = {**_line_node(), "id": "gid://shopify/LineItem/1", "__parentId": "gid://shopify/Order/1001"}
    shopify.get(FILE, body=_jsonl(line, _order_node(1002), _order_node(1001)))
    found = list(client.read_export("orders", HANDLE))
    assert found[1] == ORDER
    assert list(client.read_export("orders", HANDLE, n_skip=1)) == [ORDER]


def _told_order(number: int, n_told: int, *quantities: int) -> list[dict]:
    """An order that says how much it holds, and its lines."""
    order = {**_order_node(number), "subtotalLineItemsQuantity": n_told}
    lines = [
        {
            **_line_node(),
            "id": f"gid://shopify/LineItem/{number}{n}",
            "quantity": q,
            "__parentId": order["id"],
        }
        for n, q in enumerate(quantities)
    ]
    return [order, *lines]


@pytest.mark.parametrize(
    ("orders", "n_there", "reach"),
    [
        ([(1001, 3, 1, 2), (1002, 1, 1), (1003, 2, 1)], 2, (1002, 2)),  # the last lacks a line
        ([(1001, 3, 1), (1002, 1, 1)], 1, (0, 0)),  # the first does
        ([(1001, 1, 1, 1), (1004, 1, 1)], 2, (1004, 2)),  # a tip is a line too
        ([(1001, 1, 1), (1004, 1, 1)], 3, (0, 0)),  # one between them never came
        ([], 0, (0, 0)),
    ],
)
def test_a_file_that_broke_off_is_relied_on_up_to_its_first_gap(
    shop, client, shopify, orders, n_there, reach
):
    shop.says("ExportState", _state("FAILED", partialDataUrl=FILE))
    shop.says("CountOrders", {"ordersCount": {"count": n_there}})
    shopify.get(FILE, body=_jsonl(*(line for told in reversed(orders) for line in _told_order(*told))))
    assert client.export_reach("orders", HANDLE) == reach


def test_the_rest_of_an_export_is_asked_for_by_id(shop, client):
    shop.says("ExportBegin", {"bulkOperationRunQuery": {"bulkOperation": {"id": HANDLE}, "userErrors": []}})
    for kind in ("products", "customers", "orders"):
        client.begin_export(kind, after=1002)
    assert all('(sortKey: ID, query: "id:>1002")' in each["query"] for each in shop.asked_for("ExportBegin"))


def test_exported_products_and_customers_are_the_same_as_paged_ones(shop, client, shopify):
    shop.says("Shop", PROFILE)
    shop.says("ExportState", _state("COMPLETED", url=FILE))
    shopify.get(FILE, body=_jsonl(PRODUCT_NODE, {**_variant_node(2), "__parentId": PRODUCT_NODE["id"]}))
    (product,) = client.read_export("products", HANDLE)
    assert (product.path, product.variants[0].price) == ("/products/blue-mug", Money(1290, "EUR"))
    shopify.upsert(responses.GET, FILE, body=_jsonl(CUSTOMER_NODE))
    (customer,) = client.read_export("customers", HANDLE)
    assert customer.consent.state is ConsentState.SUBSCRIBED


def test_an_export_of_nothing_has_no_file(shop, client):
    shop.says("ExportState", _state("COMPLETED", objectCount="0"))
    assert list(client.read_export("orders", HANDLE)) == []


def test_an_export_under_way_can_not_be_read(shop, client):
    shop.says("ExportState", _state("RUNNING"))
    with pytest.raises(PlatformError, match="not ready"):
        list(client.read_export("orders", HANDLE))


def test_a_file_offered_without_encryption_is_not_fetched(shop, client):
    shop.says("ExportState", _state("COMPLETED", url="http://storage.example/bulk.jsonl"))
    with pytest.raises(PlatformError, match="without encryption"):
        list(client.read_export("orders", HANDLE))


# -- has_ordered ---------------------------------------------------------------------------------------------

CART = CartRef(cart_token="c1", checkout_token="k1", email="Cleo@Example.com", platform_customer_id="7")
STRANGER = {
    "createdAt": "2026-11-20T09:00:00Z",
    "processedAt": "2026-11-20T09:00:00Z",
    "email": "ben@example.com",
    "cartToken": "c9",
    "checkoutToken": "k9",
    "customer": {"id": "gid://shopify/Customer/9"},
}
ANONYMOUS = {
    "createdAt": "2026-11-20T09:00:00Z",
    "processedAt": "2026-11-20T09:00:00Z",
    "email": None,
    "cartToken": None,
    "checkoutToken": None,
    "customer": None,
}


def _recent(**pages: list[dict]) -> dict:
    return {
        name: {"nodes": pages.get(name, [])}
        for name in ("byCart", "byCheckout", "byCustomer", "byEmail", "newest")
    }


def test_a_purchase_is_looked_for_by_every_name(shop, client):
    shop.says("RecentOrders", _recent())
    assert not client.has_ordered(CART, SINCE)
    assert shop.asked_for("RecentOrders") == [
        {
            "byCart": 'cart_token:"c1"',
            "byCheckout": 'checkout_token:"k1"',
            "byCustomer": 'customer_id:7 created_at:>="2026-11-20T07:50:00Z"',
            "byEmail": 'email:"Cleo@Example.com" created_at:>="2026-11-20T07:50:00Z"',
            "hasCart": True,
            "hasCheckout": True,
            "hasCustomer": True,
            "hasEmail": True,
        }
    ]


def test_names_we_do_not_have_are_not_asked_for(shop, client):
    shop.says("RecentOrders", _recent())
    assert not client.has_ordered(CartRef(cart_token='c"1?key=x'), SINCE)
    asked = shop.asked_for("RecentOrders")[0]
    assert asked["byCart"] == 'cart_token:"c\\"1"'
    assert (asked["hasCheckout"], asked["hasCustomer"], asked["hasEmail"]) == (False, False, False)


@pytest.mark.parametrize("page", ["byCart", "byCheckout", "byCustomer", "byEmail", "newest"])
@pytest.mark.parametrize(
    "changed",
    [
        {"cartToken": "c1?key=x", "createdAt": "2026-11-01T00:00:00Z", "processedAt": "2026-11-01T00:00:00Z"},
        {"checkoutToken": "k1"},
        {"customer": {"id": "gid://shopify/Customer/7"}},
        {"email": " cleo@example.com"},
        {
            "email": "cleo@example.com",
            "createdAt": "2026-11-20T08:00:00Z",
            "processedAt": "2026-10-01T00:00:00Z",
        },
        {"email": "cleo@example.com", "createdAt": "2026-11-20T07:51:00Z", "processedAt": None},
        {"email": "cleo@example.com", "createdAt": "broken"},
    ],
)
def test_a_purchase_is_seen_wherever_it_shows(shop, client, page, changed):
    shop.says("RecentOrders", _recent(**{page: [STRANGER, {**STRANGER, **changed}]}))
    assert client.has_ordered(CART, SINCE)


@pytest.mark.parametrize("page", ["byCart", "byCheckout", "byCustomer", "byEmail"])
def test_an_order_found_by_name_whose_names_are_withheld_counts(shop, client, page):
    shop.says("RecentOrders", _recent(**{page: [ANONYMOUS]}))
    assert client.has_ordered(CART, SINCE)


@pytest.mark.parametrize(
    "pages",
    [
        {"newest": [STRANGER, ANONYMOUS]},
        # A filter Shopify does not know matches every order.
        {"byCart": [STRANGER], "byEmail": [STRANGER], "byCustomer": [STRANGER]},
        {
            "newest": [
                {
                    **STRANGER,
                    "email": "cleo@example.com",
                    "createdAt": "2026-11-20T07:00:00Z",
                    "processedAt": "2026-11-20T07:00:00Z",
                }
            ]
        },
    ],
)
def test_other_peoples_orders_and_older_ones_are_no_purchase(shop, client, pages):
    shop.says("RecentOrders", _recent(**pages))
    assert not client.has_ordered(CART, SINCE)


# -- webhooks and storefront ---------------------------------------------------------------------------------

CALLBACK = "https://regulars.example/webhooks/shopify"


def _listed(*topics: str, uri: str = CALLBACK) -> dict:
    return {"webhookSubscriptions": _page([{"topic": enum_of(topic), "uri": uri} for topic in topics])}


def _created(*messages: str) -> dict:
    return {
        "webhookSubscriptionCreate": {
            "webhookSubscription": None,
            "userErrors": [{"field": None, "message": message} for message in messages],
        }
    }


def test_subscriptions_that_are_there_are_left_alone(shop, client):
    shop.says("Webhooks", _listed(*TOPICS))
    health = client.ensure_webhooks()
    assert (set(health.subscribed), health.repaired, health.refused) == (set(TOPICS), (), {})


def test_missing_subscriptions_are_made_and_refusals_told(shop, client):
    kept = [topic for topic in TOPICS if topic not in ("products/create", "orders/create", "carts/create")]
    shop.says(
        "Webhooks",
        {"webhookSubscriptions": _page(_listed(*kept)["webhookSubscriptions"]["nodes"], "next")},
        _listed("carts/create", uri="https://old.example/webhooks/shopify"),
    )
    refused = "This app is not approved to subscribe to webhook topics containing protected customer data."
    shop.says(
        "WebhookCreate",
        _created(),
        _created(refused),
        _created("Address for this topic has already been taken"),
    )
    health = client.ensure_webhooks()
    assert health.repaired == ("products/create",)
    assert health.refused == {"orders/create": refused}
    assert set(health.subscribed) == set(TOPICS) - {"orders/create"}
    assert shop.asked_for("WebhookCreate")[0] == {
        "topic": "PRODUCTS_CREATE",
        "subscription": {"uri": CALLBACK, "format": "JSON"},
    }


def test_the_shops_key_and_our_address_are_given_to_our_own_installation(shop, client):
    shop.says("Installation", {"currentAppInstallation": {"id": "gid://shopify/AppInstallation/1"}})
    shop.says("StorefrontSettings", {"metafieldsSet": {"userErrors": []}})
    client.publish_setup(StorefrontSetup(public_key="a-public-key"))
    told = shop.asked_for("StorefrontSettings")[0]["metafields"]
    assert {field["ownerId"] for field in told} == {"gid://shopify/AppInstallation/1"}
    assert {(field["namespace"], field["key"]): field["value"] for field in told} == {
        ("regulars", "shop_key"): "a-public-key",
        ("regulars", "api_url"): CALLBACK.removesuffix("/webhooks/shopify"),
    }


def test_a_key_the_shop_does_not_take_is_told(shop, client):
    shop.says("Installation", {"currentAppInstallation": {"id": "gid://shopify/AppInstallation/1"}})
    shop.says(
        "StorefrontSettings", {"metafieldsSet": {"userErrors": [{"field": None, "message": "too long"}]}}
    )
    with pytest.raises(PlatformError, match="did not take the shop's key: too long"):
        client.publish_setup(StorefrontSetup(public_key="a-public-key"))


PLACEMENT = "https://ada.myshopify.com/admin/themes/current/editor?template=product&addAppBlockId=client-id/shelf&target=newAppsSection"
BLOCK = "shopify://apps/regulars/blocks/shelf/0192"


def _theme(**files: str) -> dict:
    nodes = [{"filename": name, "body": {"content": content}} for name, content in files.items()]
    return {
        "currentAppInstallation": {"app": {"handle": "regulars"}},
        "themes": {"nodes": [{"files": {"nodes": nodes}}]},
    }


EMBED = {"7": {"type": BLOCK, "disabled": False, "settings": {}}}


@pytest.mark.parametrize(
    ("files", "is_embedded"),
    [
        ({"config/settings_data.json": json.dumps({"current": {"blocks": EMBED}})}, True),
        (
            {
                "config/settings_data.json": json.dumps(
                    {"current": "Light", "presets": {"Light": {"blocks": EMBED}}}
                )
            },
            True,
        ),
        (
            {
                "config/settings_data.json": json.dumps(
                    {"current": {}, "presets": {"Light": {"blocks": EMBED}}}
                )
            },
            False,
        ),
        (
            {
                "config/settings_data.json": json.dumps(
                    {"current": {"blocks": {"7": {"type": BLOCK, "disabled": True}}}}
                )
            },
            False,
        ),
        (
            {
                "config/settings_data.json": json.dumps(
                    {"current": {"blocks": {"7": {"type": BLOCK.replace("regulars", "others")}}}}
                )
            },
            False,
        ),
        (
            {
                "config/settings_data.json": json.dumps(
                    {"current": {"blocks": {"7": {"type": BLOCK.replace("shelf", "regulars-embed")}}}}
                )
            },
            False,
        ),
        (
            {
                "templates/product.json": "/* Written by\n Shopify */ "
                + json.dumps({"sections": {"apps": {"type": "apps", "blocks": {"1": {"type": BLOCK}}}}})
            },
            True,
        ),
        (
            {
                "templates/product.json": json.dumps(
                    {
                        "sections": {
                            "apps": {"type": "apps", "disabled": True, "blocks": {"1": {"type": BLOCK}}}
                        }
                    }
                )
            },
            False,
        ),
        ({"templates/product.json": "{broken"}, False),
        ({}, False),
    ],
)
def test_the_theme_says_whether_the_shelf_is_on(shop, client, files, is_embedded):
    shop.says("LiveTheme", _theme(**files))
    assert client.storefront_status() == StorefrontStatus(is_embedded, PLACEMENT)


@pytest.mark.parametrize(
    "answer",
    [
        {"data": None, "errors": DENIED},
        {
            "data": {"currentAppInstallation": {"app": {"handle": "regulars"}}, "themes": None},
            "errors": DENIED,
        },
    ],
)
def test_without_sight_of_the_theme_nothing_is_claimed(shop, client, answer):
    shop.says("LiveTheme", answer)
    assert client.storefront_status() == StorefrontStatus(None, PLACEMENT)
