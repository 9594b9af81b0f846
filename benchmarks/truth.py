"""What the demo store holds to be true beside what Regulars stored of it; changes neither."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from app.demo.store import DemoStore

Facts = dict[str, dict[str, Any]]


def differences(store: DemoStore, connection: Connection) -> dict[str, list[str]]:
    """Ids of what the two do not agree on, by kind; the connection is one shop's."""
    told, known = _told(store), _known(store, connection)
    return {
        kind: sorted(
            key
            for key in told[kind].keys() | known[kind].keys()
            if told[kind].get(key) != known[kind].get(key)
        )
        for kind in told
    }


def _told(store: DemoStore) -> Facts:
    world = store.world
    return {
        "products": {
            str(p.id): (
                p.title,
                p.status == "active",
                sorted((str(v.id), v.price, v.n_available) for v in p.variants),
            )
            for p in world.products.values()
        },
        "customers": {
            str(c.id): (c.email and c.email.lower(), c.first_name or None) for c in world.customers.values()
        },
        "may be mailed": {
            str(c.id): True for c in world.customers.values() if c.marketing_state == "subscribed"
        },
        "orders": {
            str(o.id): (
                o.created_at,
                o.cancelled_at,
                str(o.customer_id) if o.customer_id else None,
                sum(line.price * line.quantity for line in o.lines),
                _sold(store, ((str(line.product_id), line.quantity, line.price) for line in o.lines)),
            )
            for o in world.orders.values()
        },
        "carts bought": dict.fromkeys(_bought(store), True),
    }


def _known(store: DemoStore, connection: Connection) -> Facts:
    variants, lines = _grouped(connection, _VARIANTS), _grouped(connection, _LINES)
    open_carts = {row[0] for row in connection.execute(_OPEN_CARTS)}
    return {
        "products": {
            row[0]: (row[1], row[2], sorted(variants[row[3]])) for row in connection.execute(_PRODUCTS)
        },
        "customers": {row[0]: (row[1], row[2]) for row in connection.execute(_CUSTOMERS)},
        "may be mailed": {row[0]: True for row in connection.execute(_MAY_BE_MAILED)},
        "orders": {
            row[0]: (_utc(row[1]), _utc(row[2]), row[3], row[4], _sold(store, lines[row[5]]))
            for row in connection.execute(_ORDERS)
        },
        "carts bought": dict.fromkeys(_bought(store) - open_carts, True),
    }


def _bought(store: DemoStore) -> set[str]:
    return {c.cart_token for c in store.checkouts.values() if c.completed_at is not None}


def _sold(store: DemoStore, lines: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Lines without the ids of products that were deleted since: Shopify leaves those out of what it says."""
    there = store.world.products
    return [(number if number and int(number) in there else None, *more) for number, *more in lines]


def _grouped(connection: Connection, statement: Any) -> defaultdict[int, list[tuple[Any, ...]]]:
    found: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in connection.execute(statement):
        found[row[0]].append(tuple(row[1:]))
    return found


def _utc(moment: datetime | None) -> datetime | None:
    return moment and moment.astimezone(UTC)


_PRODUCTS = text(
    "SELECT platform_product_id, title, is_published, product_id FROM products WHERE removed_at IS NULL"
)
_VARIANTS = text("SELECT product_id, platform_variant_id, price, n_available FROM variants")
_CUSTOMERS = text("SELECT platform_customer_id, email, first_name FROM customers WHERE removed_at IS NULL")
_ORDERS = text("""
    SELECT platform_order_id, placed_at, cancelled_at, platform_customer_id, total, order_id
    FROM orders WHERE removed_at IS NULL""")
_LINES = text("""
    SELECT order_id, platform_product_id, quantity, unit_price FROM order_lines ORDER BY order_id, position""")
_OPEN_CARTS = text("SELECT cart_token FROM carts WHERE state = 'open'")
_MAY_BE_MAILED = text("""
    SELECT c.platform_customer_id FROM customers c, LATERAL (
        SELECT state FROM consents n WHERE n.email_hash = c.email_hash
        ORDER BY changed_at DESC, state = 'subscribed', consent_id DESC LIMIT 1) AS last
    WHERE last.state = 'subscribed' AND c.removed_at IS NULL""")
