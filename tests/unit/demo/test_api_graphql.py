"""The Admin API: who may ask, what is answered, what is refused, and what it costs."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from app.demo import protected
from app.demo.graphql import served_version
from app.demo.live import Discount

SHOP_QUERY = "{ shop { name } }"


def post(client, token, query=SHOP_QUERY, version="2026-07"):
    return client.post(
        f"/admin/api/{version}/graphql.json", json={"query": query}, headers={"X-Shopify-Access-Token": token}
    )


def data(told):
    assert "errors" not in told, told["errors"]
    return told["data"]


def first(told):
    return told["errors"][0]


# -- who may ask -----------------------------------------------------------------------------------------


def test_without_a_valid_token_the_answer_is_401_in_shopifys_words(client, shop, hand):
    shop.install()
    token = shop.office.exchange(expiring=True, online=False)["access_token"]
    assert post(client, token).status_code == 200
    for wrong in ("", "shpat_guess"):
        answer = post(client, wrong)
        assert answer.status_code == 401
        assert answer.get_json() == {
            "errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"
        }
    hand.move(3600)
    assert post(client, token).status_code == 401


def test_an_uninstalled_app_gets_401(client, shop):
    shop.install()
    token = shop.office.exchange(expiring=True, online=False)["access_token"]
    shop.uninstall()
    assert post(client, token).status_code == 401


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("2026-07", "2026-07"),
        ("2026-10", "2026-10"),
        ("2024-10", "2026-01"),
        ("unstable", "unstable"),
        ("2026-13", None),
        ("2031-01", None),
        ("x", None),
    ],
)
def test_an_ended_version_falls_forward_and_nonsense_is_not_found(asked, served):
    assert served_version(asked) == served


def test_the_answer_names_the_version_that_served_it(client, shop):
    shop.install()
    token = shop.office.exchange(expiring=True, online=False)["access_token"]
    assert post(client, token, version="2025-01").headers["X-Shopify-API-Version"] == "2026-01"
    assert post(client, token, version="2026-13").status_code == 404


def test_a_missing_scope_is_access_denied_with_the_scope_named(ask, shop):
    shop.office.change_scopes(["read_products"])
    told = ask("{ orders(first: 1) { nodes { id } } }")
    assert told["data"] is None
    assert (
        first(told)["message"]
        == "Access denied for orders field. Required access: `read_orders` access scope."
    )
    assert first(told)["extensions"]["code"] == "ACCESS_DENIED"
    assert first(told)["path"] == ["orders"]


def test_a_products_page_needs_no_scope_but_its_own(ask, shop):
    shop.office.change_scopes(["write_products"])
    assert data(ask("{ productsCount { count precision } }")) == {
        "productsCount": {"count": 4, "precision": "EXACT"}
    }


def test_read_orders_alone_sees_the_last_sixty_days(ask, shop):
    count = "{ ordersCount { count } orders(first: 50) { nodes { createdAt } } }"
    assert data(ask(count))["ordersCount"]["count"] == 8
    shop.office.change_scopes(["read_orders"])
    told = data(ask(count))
    since = shop.store.now() - timedelta(days=60)
    assert (
        told["ordersCount"]["count"]
        == sum(o.created_at >= since for o in shop.store.world.orders.values())
        == 4
    )
    oldest = next(iter(shop.store.world.orders))
    assert (
        data(ask("query($id: ID!) { order(id: $id) { id } }", id=f"gid://shopify/Order/{oldest}"))["order"]
        is None
    )


def test_without_approval_customers_are_an_error_and_null_under_200(ask, shop):
    shop.post.approved_level = protected.NOT_APPROVED
    told = ask('{ shop { name } customer(id: "gid://shopify/Customer/1") { id } }')
    assert told["data"] == {"shop": {"name": "Corner & Thyme"}, "customer": None}
    assert first(told)["message"].startswith("This app is not approved to access the Customer object.")


def test_without_level_2_the_address_is_null_and_the_rest_is_there(ask, shop):
    shop.post.approved_level = protected.LEVEL_1
    told = ask(
        "{ customers(first: 1) { nodes { id firstName defaultEmailAddress { emailAddress } numberOfOrders } } }"
    )
    node = told["data"]["customers"]["nodes"][0]
    assert (node["firstName"], node["defaultEmailAddress"], node["numberOfOrders"]) == (None, None, "2")
    assert {e["path"][-1] for e in told["errors"]} == {"firstName", "defaultEmailAddress"}


# -- what is answered ------------------------------------------------------------------------------------


def test_the_shop_says_who_it_is(ask):
    told = data(
        ask(
            "{ shop { name myshopifyDomain currencyCode ianaTimezone primaryDomain { url }"
            " shopAddress { countryCodeV2 } } }"
        )
    )
    assert told["shop"] == {
        "name": "Corner & Thyme",
        "myshopifyDomain": "corner-and-thyme.myshopify.com",
        "currencyCode": "EUR",
        "ianaTimezone": "Europe/Dublin",
        "primaryDomain": {"url": "http://127.0.0.1:4000"},
        "shopAddress": {"countryCodeV2": "IE"},
    }


def test_an_order_tells_its_lines_money_and_buyer(ask):
    told = data(
        ask(
            "{ orders(first: 1) { nodes { name createdAt displayFinancialStatus totalPriceSet {"
            " shopMoney { amount currencyCode } }"
            " customer { defaultEmailAddress { emailAddress marketingState marketingOptInLevel } }"
            " lineItems(first: 5) { nodes { title quantity sku originalUnitPriceSet { shopMoney {"
            " amount } } product { handle } } } } } }"
        )
    )
    assert told["orders"]["nodes"][0] == {
        "name": "#1001",
        "createdAt": "2026-08-13T12:00:00Z",
        "displayFinancialStatus": "PAID",
        "totalPriceSet": {"shopMoney": {"amount": "6.48", "currencyCode": "EUR"}},
        "customer": {
            "defaultEmailAddress": {
                "emailAddress": "cleo@example.com",
                "marketingState": "SUBSCRIBED",
                "marketingOptInLevel": "SINGLE_OPT_IN",
            }
        },
        "lineItems": {
            "nodes": [
                {
                    "title": title,
                    "quantity": 1,
                    "sku": sku,
                    "originalUnitPriceSet": {"shopMoney": {"amount": price}},
                    "product": {"handle": title.lower()},
                }
                for title, sku, price in [("Pasta", "SKU-0", "2.99"), ("Tomatoes", "SKU-1", "3.49")]
            ]
        },
    }


def test_a_line_whose_product_is_gone_says_so_with_null(ask, shop):
    shop.store.delete_product(next(iter(shop.store.world.products)))
    told = data(
        ask(
            "{ orders(first: 1) { nodes { lineItems(first: 1) { nodes { title product { id } variant { id } } } } } }"
        )
    )
    line = told["orders"]["nodes"][0]["lineItems"]["nodes"][0]
    assert (line["product"], line["variant"]) == (None, None)


@pytest.mark.parametrize("size", [1, 3, 8, 20])
@pytest.mark.parametrize("reverse", ["false", "true"])
def test_pages_hold_every_order_once_in_order(ask, size, reverse):
    query = (
        "query($n: Int!, $after: String) { orders(first: $n, after: $after, sortKey: CREATED_AT, reverse: "
        + reverse
        + ") { nodes { name } pageInfo { hasNextPage endCursor } } }"
    )
    names, after, has_more = [], None, True
    while has_more:
        page = data(ask(query, n=size, after=after))["orders"]
        names += [n["name"] for n in page["nodes"]]
        has_more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
    expected = [f"#{1001 + n}" for n in range(8)]
    assert names == (expected[::-1] if reverse == "true" else expected)


def test_an_order_placed_between_two_pages_shifts_nothing(ask, shop):
    query = "query($after: String) { products(first: 2, after: $after) { nodes { handle } pageInfo { endCursor } } }"
    page = data(ask(query))["products"]
    shop.store.delete_product(next(iter(shop.store.world.products)))
    rest = data(ask(query, after=page["pageInfo"]["endCursor"]))["products"]
    assert [n["handle"] for n in page["nodes"] + rest["nodes"]] == ["pasta", "tomatoes", "basil", "pan"]


def test_the_last_page_can_be_asked_for_from_behind(ask):
    told = data(ask("{ orders(last: 2) { nodes { name } pageInfo { hasPreviousPage hasNextPage } } }"))[
        "orders"
    ]
    assert [n["name"] for n in told["nodes"]] == ["#1007", "#1008"]
    assert told["pageInfo"] == {"hasPreviousPage": True, "hasNextPage": False}


@pytest.mark.parametrize("size", ["", "(first: 251)", "(first: -1)", '(first: 1, after: "x")'])
def test_an_impossible_page_is_an_error(ask, size):
    assert first(ask("{ orders" + size + " { nodes { id } } }"))["message"]


def test_an_abandoned_checkout_is_listed_until_it_is_bought(ask, shop):
    store = shop.store
    cart = store.add_to_cart(None, next(iter(store.world.products.values())).variants[0].id)
    checkout = store.start_checkout(cart.token)
    query = (
        "{ abandonedCheckouts(first: 5) { nodes { abandonedCheckoutUrl customer { firstName }"
        " lineItems(first: 2) { nodes { quantity } } } } }"
    )
    assert data(ask(query))["abandonedCheckouts"]["nodes"] == []
    store.update_checkout(checkout.token, email="cleo@example.com")
    node = data(ask(query))["abandonedCheckouts"]["nodes"][0]
    assert urlsplit(node["abandonedCheckoutUrl"]).path == f"/72548380009/checkouts/ac/{cart.token}/recover"
    assert (node["customer"], node["lineItems"]["nodes"]) == ({"firstName": "Cleo"}, [{"quantity": 1}])
    store.complete_checkout(checkout.token)
    assert data(ask(query))["abandonedCheckouts"]["nodes"] == []


def test_the_theme_says_which_app_parts_are_on(ask, shop):
    shop.store.theme.embeds.add("capture")
    shop.store.theme.blocks["product"] = ["shelf"]
    told = data(
        ask(
            "{ themes(first: 1, roles: [MAIN]) { nodes { files(first: 50, filenames:"
            ' ["config/settings_data.json", "templates/*.json"])'
            " { nodes { filename body { ... on OnlineStoreThemeFileBodyText { content } } } } } } }"
        )
    )
    files = {f["filename"]: f["body"]["content"] for f in told["themes"]["nodes"][0]["files"]["nodes"]}
    assert sorted(files) == [
        "config/settings_data.json",
        "templates/cart.json",
        "templates/index.json",
        "templates/product.json",
    ]
    assert "shopify://apps/regulars/blocks/capture/" in files["config/settings_data.json"]
    assert "shopify://apps/regulars/blocks/shelf/" in files["templates/product.json"]


def test_any_node_is_found_by_its_global_id(ask, shop):
    ids = [
        f"gid://shopify/Product/{next(iter(shop.store.world.products))}",
        f"gid://shopify/Order/{next(iter(shop.store.world.orders))}",
        "gid://shopify/Order/1",
    ]
    told = data(
        ask(
            "query($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on Product { handle } ... on"
            " Order { name } } }",
            ids=ids,
        )
    )
    assert told["nodes"] == [
        {"__typename": "Product", "handle": "pasta"},
        {"__typename": "Order", "name": "#1001"},
        None,
    ]


def test_a_query_shopify_would_not_take_is_refused_before_it_runs(ask):
    assert "Cannot query field" in first(ask("{ orders(first: 1) { nodes { cart_token } } }"))["message"]
    assert "Syntax Error" in first(ask("{ orders"))["message"]


# -- changing things -------------------------------------------------------------------------------------

SUBSCRIBE = (
    "mutation($topic: WebhookSubscriptionTopic!, $uri: String!) { webhookSubscriptionCreate(topic: $topic,"
    " webhookSubscription: {uri: $uri}) { webhookSubscription { id topic uri apiVersion {"
    " handle } } userErrors { message } } }"
)


@pytest.mark.parametrize(
    ("enum", "topic"),
    [
        ("ORDERS_CREATE", "orders/create"),
        ("APP_UNINSTALLED", "app/uninstalled"),
        ("BULK_OPERATIONS_FINISH", "bulk_operations/finish"),
        ("CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE", "customers_email_marketing_consent/update"),
        ("VARIANTS_OUT_OF_STOCK", "variants/out_of_stock"),
    ],
)
def test_a_subscription_hears_the_topic_its_enum_names(ask, shop, enum, topic):
    made = data(ask(SUBSCRIBE, version="2026-10", topic=enum, uri="https://app.example/hooks"))[
        "webhookSubscriptionCreate"
    ]
    assert made["webhookSubscription"]["apiVersion"] == {"handle": "2026-10"}
    assert [s.topic for s in shop.post.subscriptions.values() if not s.is_declared] == [topic]


def test_subscriptions_are_listed_moved_and_deleted(ask):
    made = data(ask(SUBSCRIBE, topic="ORDERS_CREATE", uri="https://app.example/a"))[
        "webhookSubscriptionCreate"
    ]
    number = made["webhookSubscription"]["id"]
    again = data(ask(SUBSCRIBE, topic="ORDERS_CREATE", uri="https://app.example/a"))[
        "webhookSubscriptionCreate"
    ]
    assert again["userErrors"] == [{"message": "Address for this topic has already been taken"}]
    move = (
        "mutation($id: ID!) { webhookSubscriptionUpdate(id: $id, webhookSubscription: {uri:"
        ' "https://app.example/b"}) { userErrors { message } } }'
    )
    assert data(ask(move, id=number))["webhookSubscriptionUpdate"]["userErrors"] == []
    listed = "{ webhookSubscriptions(first: 5) { nodes { uri } } }"
    assert data(ask(listed))["webhookSubscriptions"]["nodes"] == [{"uri": "https://app.example/b"}]
    delete = (
        "mutation($id: ID!) { webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId"
        " userErrors { message } } }"
    )
    assert data(ask(delete, id=number))["webhookSubscriptionDelete"]["deletedWebhookSubscriptionId"] == number
    assert data(ask(listed))["webhookSubscriptions"]["nodes"] == []
    assert data(ask(delete, id=number))["webhookSubscriptionDelete"]["userErrors"] == [
        {"message": "Webhook subscription does not exist"}
    ]


DISCOUNT = """mutation($d: DiscountCodeBasicInput!) { discountCodeBasicCreate(basicCodeDiscount: $d)
  { codeDiscountNode { id codeDiscount { ... on DiscountCodeBasic { title status codes(first: 3)
    { nodes { code } } } } } userErrors { code field message } } }"""
TEN_OFF = {
    "title": "Ten off",
    "code": "WELCOME",
    "startsAt": "2026-11-21T00:00:00Z",
    "usageLimit": 1,
    "context": {"all": "ALL"},
    "customerGets": {"value": {"percentage": 0.1}, "items": {"all": True}},
}


def test_a_discount_and_its_codes_can_be_used_at_checkout(ask, shop):
    made = data(ask(DISCOUNT, d=TEN_OFF))["discountCodeBasicCreate"]["codeDiscountNode"]
    assert made["codeDiscount"] == {
        "title": "Ten off",
        "status": "ACTIVE",
        "codes": {"nodes": [{"code": "WELCOME"}]},
    }
    add = (
        "mutation($id: ID!, $codes: [DiscountRedeemCodeInput!]!) {"
        " discountRedeemCodeBulkAdd(discountId: $id, codes: $codes) { bulkCreation { id"
        " importedCount failedCount done } userErrors { code } } }"
    )
    told = data(ask(add, id=made["id"], codes=[{"code": "A1"}, {"code": "A2"}, {"code": "a1"}]))
    batch = told["discountRedeemCodeBulkAdd"]["bulkCreation"]
    assert (batch["importedCount"], batch["failedCount"], batch["done"]) == (0, 0, False)
    look = "query($id: ID!) { discountRedeemCodeBulkCreation(id: $id) { importedCount failedCount done } }"
    looks = [data(ask(look, id=batch["id"]))["discountRedeemCodeBulkCreation"] for _ in range(3)]
    assert [each["done"] for each in looks] == [False, True, True]
    assert looks[-1] == {"importedCount": 2, "failedCount": 1, "done": True}
    store = shop.store
    checkout = store.start_checkout(
        store.add_to_cart(None, next(iter(store.world.products.values())).variants[0].id, 10).token
    )
    assert store.apply_code(checkout.token, "a2").discount == 299


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"code": ""}, "BLANK"),
        ({"context": None}, "BLANK"),
        ({"endsAt": "2026-11-20T00:00:00Z"}, "END_DATE_BEFORE_START_DATE"),
        ({"customerGets": {"value": {"percentage": 10.0}, "items": {"all": True}}}, "VALUE_OUTSIDE_RANGE"),
    ],
)
def test_a_discount_that_can_not_be_is_refused_with_shopifys_code(ask, change, code):
    told = data(ask(DISCOUNT, d={**TEN_OFF, **change}))["discountCodeBasicCreate"]
    assert told["codeDiscountNode"] is None
    assert [e["code"] for e in told["userErrors"]] == [code]


def test_more_than_250_codes_at_once_are_refused(ask, shop):
    shop.store.discounts[7] = Discount(7, "x", shop.store.now(), None, 0.1, None, 1, False, None, {})
    add = (
        "mutation($codes: [DiscountRedeemCodeInput!]!) { discountRedeemCodeBulkAdd(discountId:"
        ' "gid://shopify/DiscountCodeNode/7", codes: $codes) { userErrors { code } } }'
    )
    told = data(ask(add, codes=[{"code": f"C{n}"} for n in range(251)]))
    assert told["discountRedeemCodeBulkAdd"]["userErrors"] == [{"code": "EXCEEDED_MAX"}]


SET = (
    "mutation($m: [MetafieldsSetInput!]!) { metafieldsSet(metafields: $m) { metafields { key"
    " value } userErrors { code message } } }"
)


def related(shop, n_products, value=None):
    owner = f"gid://shopify/Product/{next(iter(shop.store.world.products))}"
    value = value or f'["{owner}"]'
    about = {"namespace": "shopify--discovery--product_recommendation", "type": "list.product_reference"}
    return [{"ownerId": owner, "key": f"k{n}", "value": value, **about} for n in range(n_products)]


def test_metafields_are_set_25_at_a_time_all_or_none(ask, shop):
    assert len(data(ask(SET, m=related(shop, 25)))["metafieldsSet"]["metafields"]) == 25
    assert data(ask(SET, m=related(shop, 26)))["metafieldsSet"]["metafields"] is None
    shop.store.metafields.clear()
    broken = [*related(shop, 2), {**related(shop, 1, value="not json")[0], "key": "z"}]
    assert data(ask(SET, m=broken))["metafieldsSet"]["userErrors"][0]["code"] == "INVALID_VALUE"
    assert shop.store.metafields == {}


def test_writing_a_products_metafield_needs_write_products(ask, shop):
    shop.office.change_scopes(["read_products"])
    assert first(ask(SET, m=related(shop, 1)))["extensions"]["code"] == "ACCESS_DENIED"


def test_consent_changed_through_the_api_is_told_by_its_own_topic(ask, shop, events):
    eva = shop.store.customer_by_email("eva@example.com")
    change = (
        "mutation($i: CustomerEmailMarketingConsentUpdateInput!) {"
        " customerEmailMarketingConsentUpdate(input: $i) { customer { defaultEmailAddress {"
        " marketingState } } userErrors { message } } }"
    )
    told = data(
        ask(
            change,
            i={
                "customerId": f"gid://shopify/Customer/{eva.id}",
                "emailMarketingConsent": {"marketingState": "SUBSCRIBED"},
            },
        )
    )
    assert told["customerEmailMarketingConsentUpdate"]["customer"] == {
        "defaultEmailAddress": {"marketingState": "SUBSCRIBED"}
    }
    assert [e.topic for e in events] == ["customers_email_marketing_consent/update", "customers/update"]


def test_scopes_that_are_required_can_not_be_given_back(ask, shop):
    revoke = (
        "mutation($s: [String!]!) { appRevokeAccessScopes(scopes: $s) { revoked { handle }"
        " userErrors { code } } }"
    )
    told = data(ask(revoke, s=["read_orders"]))["appRevokeAccessScopes"]
    assert told["userErrors"] == [{"code": "CANNOT_REVOKE_REQUIRED_SCOPES"}]
    assert data(ask(revoke, s=["read_all_orders"]))["appRevokeAccessScopes"]["revoked"] == [
        {"handle": "read_all_orders"}
    ]
    scopes = data(ask("{ currentAppInstallation { accessScopes { handle } } }"))["currentAppInstallation"][
        "accessScopes"
    ]
    assert {"handle": "read_all_orders"} not in scopes


# -- what it costs ---------------------------------------------------------------------------------------


def cost(told):
    return told["extensions"]["cost"]


def test_a_connection_costs_its_page_size_times_a_node(ask):
    told = ask("{ orders(first: 10) { nodes { id customer { id } } } }")
    assert cost(told)["requestedQueryCost"] == 20
    assert cost(told)["actualQueryCost"] == 14
    assert cost(ask(SHOP_QUERY))["requestedQueryCost"] == 1


def test_what_is_left_out_by_a_directive_costs_nothing(ask):
    query = "query($yes: Boolean!) { shop { name } orders(first: 100) @include(if: $yes) { nodes { id } } }"
    assert cost(ask(query, yes=False))["requestedQueryCost"] == 1


def test_a_query_over_a_thousand_points_is_refused(ask):
    told = ask("{ orders(first: 100) { nodes { lineItems(first: 20) { nodes { id } } } } }")
    assert first(told)["extensions"]["code"] == "MAX_COST_EXCEEDED"


def test_an_empty_bucket_throttles_under_200_and_fills_again(ask, shop, hand):
    heavy = "{ orders(first: 250) { nodes { id customer { id } lineItems(first: 1) { nodes { id } } } } }"
    codes = [ask(heavy).get("errors", [{}])[0].get("extensions", {}).get("code") for _ in range(1)]
    shop.bucket.maximum, shop.bucket._level = 800.0, 800.0
    told = ask(heavy)
    assert cost(told)["requestedQueryCost"] == 750
    shop.bucket._level = 700.0
    throttled = ask(heavy)
    assert first(throttled)["extensions"]["code"] == "THROTTLED"
    assert cost(throttled)["throttleStatus"] == {
        "maximumAvailable": 800.0,
        "currentlyAvailable": 700,
        "restoreRate": 100.0,
    }
    hand.move(1)
    assert "errors" not in ask(heavy)
    assert codes == [None]


def test_throttling_can_be_switched_off(ask, shop):
    shop.bucket.is_on, shop.bucket._level = False, 0.0
    assert "errors" not in ask(SHOP_QUERY)


def test_a_filter_nobody_knows_is_ignored_with_a_warning(ask):
    told = ask('{ ordersCount(query: "colour:blue") { count } }')
    assert told["data"]["ordersCount"]["count"] == 8
    assert told["extensions"]["search"][0]["warnings"][0]["field"] == "colour"
