"""Compares with the shop what webhooks may have missed; every fact goes through the same recording as theirs."""

from __future__ import annotations

from datetime import timedelta

import structlog

from app.domain.catalog import Product
from app.domain.events import Customer, Order
from app.services import recording
from app.services.applying import Scene, take_orders
from app.services.connecting import client_for
from app.services.context import Context
from app.services.importing import batches
from app.services.recommending import forget_shelves
from app.services.shops import get_shop

log = structlog.get_logger()

# Looks back a little further than the last look: clocks differ and platforms index late.
OVERLAP = timedelta(minutes=10)

# The regular look, and the daily one that also finds what came a day late (reliability.md §1).
REGULAR = timedelta(minutes=15)
DEEP = timedelta(hours=48)

BATCH = 250


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
