"""Stores orders with their lines, and what each customer's orders add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from app.db.bulk import stage
from app.domain.events import Order
from app.services.hashing import Hasher
from app.services.recording.erased import erased_subjects


@dataclass(frozen=True, slots=True)
class RecordedOrder:
    """An order that was new or had changed. The address itself is never stored, so it stays out of here too."""

    order_id: int
    is_new: bool
    order: Order
    platform_customer_id: str | None
    email_hash: bytes | None


def record_orders(
    connection: Connection, hasher: Hasher, shop_id: int, orders: Sequence[Order]
) -> list[RecordedOrder]:
    """Upsert orders with their lines; return those that really changed.

    An order older than the stored version changes nothing; of two versions of one second that differ, the one
    told last holds. An erased person's order is kept without them.
    """
    erased = erased_subjects(connection, shop_id)
    latest = {
        order.platform_order_id: order for order in sorted(orders, key=lambda order: order.source_updated_at)
    }
    buyers = {key: _buyer(hasher, shop_id, order, erased) for key, order in latest.items()}
    stage(connection, "incoming_orders", _ORDER_COLUMNS, (_row(o, *buyers[k]) for k, o in latest.items()))
    changed = connection.execute(_UPSERT_ORDERS, {"shop_id": shop_id}).all()
    if not changed:
        return []
    again = [row.order_id for row in changed if not row.is_new]
    if again:
        connection.execute(_DROP_LINES, {"shop_id": shop_id, "ids": again})
    stage(
        connection,
        "incoming_lines",
        _LINE_COLUMNS,
        (line for row in changed for line in _line_rows(row.order_id, latest[row.platform_order_id])),
    )
    connection.execute(_INSERT_LINES, {"shop_id": shop_id})
    return [
        RecordedOrder(row.order_id, row.is_new, latest[row.platform_order_id], *buyers[row.platform_order_id])
        for row in changed
    ]


def remove_order(connection: Connection, shop_id: int, platform_order_id: str, removed_at: datetime) -> None:
    """Leave a tombstone: a deleted order counts for nothing, and a late copy of it stays without effect."""
    values = {"shop_id": shop_id, "id": platform_order_id, "removed_at": removed_at}
    buyer = connection.execute(_REMOVE_ORDER, values).scalar()
    refresh_order_counts(connection, shop_id, [buyer] if buyer else [])


def refresh_order_counts(
    connection: Connection, shop_id: int, platform_customer_ids: Sequence[str] | None = None
) -> None:
    """Bring the order counts and dates of these customers (None: of all) in line with the stored orders."""
    if platform_customer_ids is not None and not platform_customer_ids:
        return
    statement = _REFRESH_ALL if platform_customer_ids is None else _REFRESH_SOME
    connection.execute(statement, {"shop_id": shop_id, "ids": list(platform_customer_ids or ())})


def _buyer(
    hasher: Hasher, shop_id: int, order: Order, erased: frozenset[bytes]
) -> tuple[str | None, bytes | None]:
    email_hash = hasher.email(shop_id, order.email) if order.email else None
    customer = order.platform_customer_id
    if email_hash in erased or (customer and hasher.customer(shop_id, customer) in erased):
        return None, None
    return customer, email_hash


def _row(order: Order, platform_customer_id: str | None, email_hash: bytes | None) -> tuple[object, ...]:
    return (
        order.platform_order_id,
        order.name,
        platform_customer_id,
        email_hash,
        order.cart_token,
        order.checkout_token,
        order.total.currency,
        order.total.amount,
        order.placed_at,
        order.cancelled_at,
        order.is_test,
        next((line.list_id for line in order.lines if line.list_id), None),
        order.source_updated_at,
    )


def _line_rows(order_id: int, order: Order) -> list[tuple[object, ...]]:
    return [
        (order_id, position, line.platform_product_id, line.quantity, line.unit_price.amount, line.list_id)
        for position, line in enumerate(order.lines)
    ]


_ORDER_COLUMNS = (
    "platform_order_id text, name text, platform_customer_id text, email_hash bytea, cart_token text,"
    " checkout_token text, currency text, total bigint, placed_at timestamptz, cancelled_at timestamptz,"
    " is_test boolean, attributed_list_id text, source_updated_at timestamptz"
)
_NAMES = ", ".join(column.split()[0] for column in _ORDER_COLUMNS.split(","))

_LINE_COLUMNS = (
    "order_id bigint, position int, platform_product_id text, quantity int, unit_price bigint, list_id text"
)

# The tokens come with the webhook but not with every export: what was known once is kept.
_UPSERT_ORDERS = text(f"""
    INSERT INTO orders AS known (shop_id, {_NAMES})
    SELECT :shop_id, {_NAMES} FROM incoming_orders
    ON CONFLICT (shop_id, platform_order_id) DO UPDATE
    SET name = excluded.name, platform_customer_id = excluded.platform_customer_id,
        email_hash = excluded.email_hash, cart_token = coalesce(excluded.cart_token, known.cart_token),
        checkout_token = coalesce(excluded.checkout_token, known.checkout_token),
        currency = excluded.currency, total = excluded.total, placed_at = excluded.placed_at,
        cancelled_at = excluded.cancelled_at, is_test = excluded.is_test,
        attributed_list_id = coalesce(known.attributed_list_id, excluded.attributed_list_id),
        source_updated_at = excluded.source_updated_at
    WHERE (excluded.source_updated_at > known.source_updated_at
           OR (excluded.source_updated_at = known.source_updated_at
               AND (excluded.cancelled_at, excluded.total) IS DISTINCT FROM (known.cancelled_at, known.total)))
      AND known.removed_at IS NULL
    RETURNING order_id, platform_order_id, (xmax = 0) AS is_new""")

_DROP_LINES = text("DELETE FROM order_lines WHERE shop_id = :shop_id AND order_id = ANY(:ids)")

_INSERT_LINES = text("""
    INSERT INTO order_lines (shop_id, order_id, position, platform_product_id, quantity, unit_price, list_id)
    SELECT :shop_id, order_id, position, platform_product_id, quantity, unit_price, list_id
    FROM incoming_lines""")

_REMOVE_ORDER = text("""
    INSERT INTO orders (shop_id, platform_order_id, name, currency, total, placed_at, is_test,
                        source_updated_at, removed_at)
    VALUES (:shop_id, :id, '', 'XXX', 0, :removed_at, false, :removed_at, :removed_at)
    ON CONFLICT (shop_id, platform_order_id) DO UPDATE SET removed_at = excluded.removed_at
    RETURNING platform_customer_id""")

# Joined from the customers' side: whose only order was cancelled has none, and is to be told so.
_REFRESH = """
    UPDATE customers SET n_orders = sums.n, first_order_at = sums.first_at, last_order_at = sums.last_at
    FROM (SELECT c.customer_id, count(o.order_id) AS n, min(o.placed_at) AS first_at,
                 max(o.placed_at) AS last_at
          FROM customers c
          LEFT JOIN orders o ON o.shop_id = c.shop_id AND o.platform_customer_id = c.platform_customer_id
               AND o.cancelled_at IS NULL AND o.removed_at IS NULL AND NOT o.is_test
          WHERE c.shop_id = :shop_id {only} GROUP BY c.customer_id) AS sums
    WHERE customers.shop_id = :shop_id AND customers.customer_id = sums.customer_id
      AND (customers.n_orders, customers.first_order_at, customers.last_order_at)
          IS DISTINCT FROM (sums.n, sums.first_at, sums.last_at)"""
_REFRESH_ALL = text(_REFRESH.format(only=""))
_REFRESH_SOME = text(_REFRESH.format(only="AND c.platform_customer_id = ANY(:ids)"))
