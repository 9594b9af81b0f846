"""Asks shops that do not tell everything by themselves; every fact goes through the same recording as webhooks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import TypeVar

import structlog
from sqlalchemy import text

from app.domain.catalog import Product
from app.domain.events import Cart, Customer, Gone, Kind
from app.platforms.asked import AskedClient
from app.platforms.base import ExportKind, ShopClient
from app.services import recording
from app.services.applying import APPLY, Scene, take_cart, take_orders
from app.services.connecting import client_for
from app.services.context import Context
from app.services.importing import batches
from app.services.installing import repair_connection
from app.services.recommending import forget_shelves
from app.services.shops import get_shop

log = structlog.get_logger()

# How far a look reaches back: two missed looks of five minutes, and ten minutes for clocks that differ.
LOOK_BACK = timedelta(minutes=25)
BATCH = 100

T = TypeVar("T")


def poll(context: Context, shop_id: int) -> dict[str, int]:
    """Fetch the carts and orders that changed lately; nothing for shops that tell by themselves.

    Orders come last: a draft that was placed meanwhile is closed by its order, whatever was read first.

    Raises:
        PlatformError: the shop did not answer; the next look reaches back over this one.
    """
    client = client_for(context, shop_id)
    if not isinstance(client, AskedClient):
        return {}
    since = context.clock.now() - LOOK_BACK
    return {
        "carts": _in_batches(context, shop_id, client.carts(since), _take_carts),
        "orders": _in_batches(context, shop_id, client.orders(since), take_orders),
    }


def check_webhooks(context: Context, shop_id: int) -> bool:
    """List and repair the webhooks of a shop that switches them off in silence; False where there is no need."""
    if not isinstance(client_for(context, shop_id), AskedClient):
        return False
    repair_connection(context, shop_id)
    return True


def sweep(context: Context, shop_id: int) -> dict[str, int]:
    """Compare everything: variations changed without their product, customers changed, and silent deletions.

    What the lists lack is looked up one by one before it is removed: pages shift while they are read.

    Raises:
        PlatformError: the shop did not answer; the next night begins anew.
    """
    client = client_for(context, shop_id)
    if not isinstance(client, AskedClient):
        return {}
    counts = {
        "products": _in_batches(context, shop_id, client.products(), _take_products),
        "customers": _in_batches(context, shop_id, client.customers(), _take_customers),
        "removed": sum(_remove_missing(context, shop_id, client, *kind) for kind in _KINDS),
    }
    log.info("swept", shop_id=shop_id, **counts)
    return counts


def _in_batches(
    context: Context, shop_id: int, found: Iterable[T], take: Callable[[Scene, list[T]], int]
) -> int:
    n_changed = 0
    for batch in batches(found, BATCH):
        with context.db.shop(shop_id) as connection:
            scene = Scene(context, connection, get_shop(connection, shop_id))
            n_changed += take(scene, batch)
        for effect in scene.after_commit:
            effect()
    return n_changed


def _take_carts(scene: Scene, carts: list[Cart]) -> int:
    for cart in carts:
        take_cart(scene, cart)
    return len(carts)


def _take_products(scene: Scene, products: list[Product]) -> int:
    changed = recording.record_products(
        scene.connection, scene.shop.shop_id, products, scene.shop.currency, is_complete=True
    )
    if changed:
        scene.forget_shelves()
    return len(changed)


def _take_customers(scene: Scene, customers: list[Customer]) -> int:
    return recording.record_customers(
        scene.connection, scene.context.hasher, scene.shop.shop_id, customers, scene.now
    )


def _remove_missing(
    context: Context, shop_id: int, client: ShopClient, kind: Kind, listed: ExportKind
) -> int:
    """Look up what we know and the shop no longer lists; carry out what it says of each."""
    if not isinstance(client, AskedClient):
        return 0
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
        known = sorted(int(row[0]) for row in connection.execute(_KNOWN[kind]))
    n_removed = 0
    for number in sorted(_unlisted(client, kind, listed, known)):
        found = client.look_up(kind, str(number)) or Gone(kind, str(number))
        with context.db.shop(shop_id) as connection:
            APPLY[type(found)](Scene(context, connection, shop), found)
        n_removed += isinstance(found, Gone)
    if n_removed and kind is Kind.PRODUCT:
        forget_shelves(context, shop)
    return n_removed


def _unlisted(client: ShopClient, kind: Kind, listed: ExportKind, known: list[int]) -> Iterator[int]:
    for start in range(0, len(known), BATCH):
        yield from client.missing(listed, known[start : start + BATCH])


_KINDS: tuple[tuple[Kind, ExportKind], ...] = (
    (Kind.PRODUCT, "products"),
    (Kind.CUSTOMER, "customers"),
    (Kind.ORDER, "orders"),
)

# Newest first where there are very many; a file's orders (`backfilling`) are named by their id, and the shop need
# not have them. Row security keeps these to the shop of the transaction.
_KNOWN = {
    Kind.PRODUCT: text(
        "SELECT platform_product_id FROM products WHERE removed_at IS NULL AND platform_product_id ~ '^[0-9]{1,18}$'"
    ),
    Kind.CUSTOMER: text(
        "SELECT platform_customer_id FROM customers WHERE removed_at IS NULL"
        " AND platform_customer_id ~ '^[0-9]{1,18}$'"
    ),
    Kind.ORDER: text(
        "SELECT platform_order_id FROM orders WHERE removed_at IS NULL AND cancelled_at IS NULL"
        " AND platform_order_id ~ '^[0-9]{1,18}$'"
        " AND name <> platform_order_id ORDER BY placed_at DESC LIMIT 20000"
    ),
}
