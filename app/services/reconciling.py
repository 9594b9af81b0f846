"""Compares with the shop what webhooks may have missed; every fact goes through the same recording as theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, TextClause, text

from app.domain.catalog import Product
from app.domain.events import Customer, Order
from app.platforms.base import MOST_ASKED, ExportKind, ShopClient
from app.platforms.extras import ExtrasClient
from app.services import permissions, recording
from app.services.applying import Scene, take_orders
from app.services.connecting import client_for
from app.services.context import Context
from app.services.importing import batches
from app.services.recommending import forget_shelves
from app.services.shops import ShopRecord, get_shop

log = structlog.get_logger()

# Looks back a little further than the last look: clocks differ and platforms index late.
OVERLAP = timedelta(minutes=10)

# The regular look, and the daily one that also finds what came a day late (reliability.md §1).
REGULAR = timedelta(minutes=15)
DEEP = timedelta(hours=48)

BATCH = 250

# Of 60 days shown, by the shop's own date of an order, which may be some days from the one we keep.
SURELY_SEEN = timedelta(days=50)


def reconcile(context: Context, shop_id: int, look_back: timedelta = REGULAR) -> dict[str, int]:
    """Fetch what changed since `look_back` ago and record it; returns how many really differed, by kind.

    Raises:
        PlatformError: the shop did not answer; the next look reaches back over this one.
    """
    since = context.clock.now() - look_back - OVERLAP
    client = client_for(context, shop_id)
    differed = {
        "products": sum(
            _products(context, shop_id, batch) for batch in batches(client.products(since), BATCH)
        ),
        "customers": sum(
            _customers(context, shop_id, batch) for batch in batches(client.customers(since), BATCH)
        ),
        "orders": sum(_orders(context, shop_id, batch) for batch in batches(client.orders(since), BATCH)),
        "removed": sum(_remove_missing(context, shop_id, client, kind) for kind in _REMOVE),
    }
    if any(differed.values()):
        log.info("reconciled", shop_id=shop_id, **differed)
    return differed


def _products(context: Context, shop_id: int, batch: list[Product]) -> int:
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
        changed = recording.record_products(connection, shop_id, batch, shop.currency, is_complete=True)
    if changed:
        forget_shelves(context, shop)
    return len(changed)


def _customers(context: Context, shop_id: int, batch: list[Customer]) -> int:
    with context.db.shop(shop_id) as connection:
        return recording.record_customers(connection, context.hasher, shop_id, batch, context.clock.now())


def _orders(context: Context, shop_id: int, batch: list[Order]) -> int:
    with context.db.shop(shop_id) as connection:
        return take_orders(Scene(context, connection, get_shop(connection, shop_id)), batch)


def _remove_missing(context: Context, shop_id: int, client: ShopClient, kind: ExportKind) -> int:
    """Remove what the shop no longer has: a deletion leaves nothing behind that "changed since" would find.

    Ranges of ids are counted on both sides, and halved where the shop has fewer: as a rule one count says that
    there is nothing to look for.
    """
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
    is_short = kind == "orders" and _is_history_short(context, shop, client)
    since = context.clock.now() - SURELY_SEEN if is_short else None
    with context.db.shop(shop_id) as connection:
        known = sorted(int(row[0]) for row in connection.execute(_KNOWN[kind], {"since": since}))
    gone = _gone(client, kind, known)
    if not gone:
        return 0
    with context.db.shop(shop_id) as connection:
        for number in gone:
            _REMOVE[kind](connection, shop_id, str(number), context.clock.now())
    if kind == "products":
        forget_shelves(context, shop)
    return len(gone)


def _is_history_short(context: Context, shop: ShopRecord, client: ShopClient) -> bool:
    """Whether the shop shows us its latest orders only, by what it says now: the others would look deleted."""
    platform = permissions.extras(context, shop)
    if platform is None or not isinstance(client, ExtrasClient):
        return False
    return bool(platform.lacking(client.granted_scopes(), ["all_orders"]))


def _gone(client: ShopClient, kind: ExportKind, ids: Sequence[int]) -> list[int]:
    n_there = client.count(kind, (ids[0], ids[-1])) if ids else None
    if n_there is None or n_there >= len(ids):
        return []
    if len(ids) <= MOST_ASKED:
        missing = client.missing(kind, ids)
        # More than the count says: they are withheld from us rather than gone.
        return sorted(missing) if len(missing) <= len(ids) - n_there else []
    half = len(ids) // 2
    return _gone(client, kind, ids[:half]) + _gone(client, kind, ids[half:])


_REMOVE: dict[ExportKind, Callable[[Connection, int, str, datetime], object]] = {
    "products": recording.remove_product,
    "customers": recording.remove_customer,
    "orders": recording.remove_order,
}

# A file's orders (`backfilling`) are named by their id, and the shop need not have them.
_KNOWN: dict[ExportKind, TextClause] = {
    "products": text(
        "SELECT platform_product_id FROM products WHERE removed_at IS NULL AND platform_product_id ~ '^[0-9]{1,18}$'"
    ),
    "customers": text(
        "SELECT platform_customer_id FROM customers WHERE removed_at IS NULL"
        " AND platform_customer_id ~ '^[0-9]{1,18}$'"
    ),
    "orders": text("""
        SELECT platform_order_id FROM orders
        WHERE removed_at IS NULL AND platform_order_id ~ '^[0-9]{1,18}$' AND name <> platform_order_id
          AND placed_at > coalesce(CAST(:since AS timestamptz), '-infinity')"""),
}
