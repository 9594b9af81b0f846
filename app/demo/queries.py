"""The query root of the demo schema: which list or record each top-level field is. Reads; changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLError

from app.demo.amounts import gid
from app.demo.fields import Caller, number_of, register
from app.demo.fields_app import (
    THEME_ID,
    installation_object,
    subscription_object,
    theme_object,
    topic_enum,
)
from app.demo.fields_orders import CHECKOUT_SEARCH, ORDER_SEARCH
from app.demo.fields_people import CUSTOMER_SEARCH
from app.demo.fields_products import PRODUCT_SEARCH, VARIANT_SEARCH
from app.demo.listing import Listing, count
from app.demo.mutations_discounts import look_at_batch
from app.demo.roots import abandoned, listing_of, matching, orders, visible
from app.demo.search import Getter

BULK_SEARCH: dict[str, Getter] = {
    "id": lambda b: b.id,
    "status": lambda b: b.status,
    "created_at": lambda b: b.created_at,
    "operation_type": lambda b: "query",
}


def _products(caller: Caller) -> list[Any]:
    with caller.store.lock:
        return list(caller.store.world.products.values())


def _variants(caller: Caller) -> list[Any]:
    return [(p, v) for p in _products(caller) for v in p.variants]


def _customers(caller: Caller) -> list[Any]:
    with caller.store.lock:
        return list(caller.store.world.customers.values())


def _variant_listing(caller: Caller, args: dict[str, Any]) -> Listing:
    found = [v for _, v in matching(caller, _variants(caller), VARIANT_SEARCH, args.get("query"))]
    return Listing(sorted(found, key=lambda v: v.id), lambda v: (0, v.id))


def _one_variant(caller: Caller, of_id: str) -> Any:
    number = number_of(of_id, "ProductVariant")
    return next((v for _, v in _variants(caller) if v.id == number), None)


def _one_order(caller: Caller, of_id: str) -> Any:
    found = caller.store.world.orders.get(number_of(of_id, "Order"))
    return next(iter(visible(caller, [found])), None) if found else None


def _subscriptions(caller: Caller, args: dict[str, Any]) -> Listing:
    """Those made through the API; what the app's toml declares is not listed."""
    topics, uri = args.get("topics"), args.get("uri") or args.get("callbackUrl")
    found = [
        s
        for s in caller.shop.post.subscriptions.values()
        if not s.is_declared and (not topics or topic_enum(s.topic) in topics) and uri in (None, s.uri)
    ]
    return Listing([subscription_object(s) for s in sorted(found, key=lambda s: s.id)])


def _subscription(caller: Caller, of_id: str) -> Any:
    found = caller.shop.post.subscriptions.get(number_of(of_id, "WebhookSubscription"))
    return subscription_object(found) if found and not found.is_declared else None


def _operation(caller: Caller, of_id: str) -> Any:
    found = caller.shop.bulk.operations.get(number_of(of_id, "BulkOperation"))
    return found.shown(caller.store) if found else None


def _operations(caller: Caller, args: dict[str, Any]) -> Listing:
    found = matching(caller, caller.shop.bulk.operations.values(), BULK_SEARCH, args.get("query"))
    return Listing([o.shown(caller.store) for o in sorted(found, key=lambda o: o.id)])


def _current_operation(caller: Caller, args: dict[str, Any]) -> Any:
    newest = max(caller.shop.bulk.operations.values(), key=lambda o: o.id, default=None)
    return newest.shown(caller.store) if newest and args.get("type") != "MUTATION" else None


def _themes(caller: Caller, args: dict[str, Any]) -> Listing:
    theme = theme_object(caller)
    is_wanted = theme["role"] in (args.get("roles") or [theme["role"]])
    is_named = theme["name"] in (args.get("names") or [theme["name"]])
    return Listing([theme] if is_wanted and is_named else [])


def _pixel(caller: Caller) -> Any:
    kept = caller.shop.web_pixel
    if kept is None:
        raise GraphQLError("No web pixel was found for this app.", extensions={"code": "NOT_FOUND"})
    return pixel_object(*kept)


def pixel_object(number: int, settings: Any) -> dict[str, Any]:
    return {"__typename": "WebPixel", "id": gid("WebPixel", number), "settings": settings}


def _code_node(caller: Caller, code: str) -> Any:
    low = code.lower()
    discounts = caller.store.discounts.values()
    return next((d for d in discounts if any(x.lower() == low for x in d.codes)), None)


def _discount(caller: Caller, of_id: str) -> Any:
    return caller.store.discounts.get(number_of(of_id, "DiscountCodeNode"))


def node(caller: Caller, of_id: str) -> Any:
    """Whatever the global id names, of the kinds this store has."""
    kind = of_id.partition("gid://shopify/")[2].partition("/")[0]
    finders: dict[str, Callable[[], Any]] = {
        "Product": lambda: caller.store.world.products.get(number_of(of_id, kind)),
        "ProductVariant": lambda: _one_variant(caller, of_id),
        "Customer": lambda: caller.store.world.customers.get(number_of(of_id, kind)),
        "Order": lambda: _one_order(caller, of_id),
        "WebhookSubscription": lambda: _subscription(caller, of_id),
        "BulkOperation": lambda: _operation(caller, of_id),
        "DiscountCodeNode": lambda: _discount(caller, of_id),
        "OnlineStoreTheme": lambda: theme_object(caller) if number_of(of_id, kind) == THEME_ID else None,
    }
    if kind not in finders:
        raise GraphQLError(f"Invalid global id '{of_id}'")
    return finders[kind]()


def _count(
    caller: Caller, items: list[Any], getters: dict[str, Getter], args: dict[str, Any]
) -> dict[str, Any]:
    return count(len(matching(caller, items, getters, args.get("query"))), args.get("limit"))


register(
    "QueryRoot",
    {
        "shop": lambda c, r, a: c.store,
        "product": lambda c, r, a: c.store.world.products.get(number_of(a["id"], "Product")),
        "products": lambda c, r, a: listing_of(c, _products(c), PRODUCT_SEARCH, a),
        "productsCount": lambda c, r, a: _count(c, _products(c), PRODUCT_SEARCH, a),
        "productVariant": lambda c, r, a: _one_variant(c, a["id"]),
        "productVariants": lambda c, r, a: _variant_listing(c, a),
        "productVariantsCount": lambda c, r, a: _count(c, _variants(c), VARIANT_SEARCH, a),
        "customer": lambda c, r, a: c.store.world.customers.get(number_of(a["id"], "Customer")),
        "customers": lambda c, r, a: listing_of(c, _customers(c), CUSTOMER_SEARCH, a),
        "customersCount": lambda c, r, a: _count(c, _customers(c), CUSTOMER_SEARCH, a),
        "order": lambda c, r, a: _one_order(c, a["id"]),
        "orders": lambda c, r, a: listing_of(c, orders(c), ORDER_SEARCH, a),
        "ordersCount": lambda c, r, a: _count(c, orders(c), ORDER_SEARCH, a),
        "abandonedCheckouts": lambda c, r, a: listing_of(c, abandoned(c), CHECKOUT_SEARCH, a),
        "abandonedCheckoutsCount": lambda c, r, a: _count(c, abandoned(c), CHECKOUT_SEARCH, a),
        "webhookSubscription": lambda c, r, a: _subscription(c, a["id"]),
        "webhookSubscriptions": lambda c, r, a: _subscriptions(c, a),
        "webhookSubscriptionsCount": lambda c, r, a: count(len(_subscriptions(c, {}).items), a.get("limit")),
        "bulkOperation": lambda c, r, a: _operation(c, a["id"]),
        "bulkOperations": lambda c, r, a: _operations(c, a),
        "currentBulkOperation": lambda c, r, a: _current_operation(c, a),
        "currentAppInstallation": lambda c, r, a: installation_object(c),
        "theme": lambda c, r, a: node(c, a["id"]),
        "themes": lambda c, r, a: _themes(c, a),
        "node": lambda c, r, a: node(c, a["id"]),
        "nodes": lambda c, r, a: [node(c, of_id) for of_id in a["ids"]],
        "codeDiscountNode": lambda c, r, a: _discount(c, a["id"]),
        "codeDiscountNodeByCode": lambda c, r, a: _code_node(c, a["code"]),
        "discountRedeemCodeBulkCreation": lambda c, r, a: look_at_batch(
            c, number_of(a["id"], "DiscountRedeemCodeBulkCreation")
        ),
        "webPixel": lambda c, r, a: _pixel(c),
    },
)
