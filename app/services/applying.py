"""Carries out what a shop's facts say: what is stored, what closes, what stops, who is credited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, text

from app.domain import events
from app.services import consenting, leaving, messaging, privacy, recording
from app.services.connecting import is_token_alive
from app.services.context import Context
from app.services.jobs import open_jobs
from app.services.recommending import forget_shelves
from app.services.shops import ShopRecord, mark_access_lost

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Scene:
    """Where an event is carried out: one shop, one transaction, and what waits for its commit."""

    context: Context
    connection: Connection
    shop: ShopRecord
    after_commit: list[Callable[[], object]] = field(default_factory=list)

    def forget_shelves(self) -> None:
        """Empty the finished shelves once the change is visible; sooner, the old state would be cached again."""
        self.after_commit.append(lambda: forget_shelves(self.context, self.shop))

    @property
    def now(self) -> datetime:
        return self.context.clock.now()


def _product_seen(scene: Scene, event: events.ProductSeen) -> None:
    changed = recording.record_products(
        scene.connection,
        scene.shop.shop_id,
        [event.product],
        scene.shop.currency,
        is_complete=event.is_complete,
    )
    if changed:
        scene.forget_shelves()


def _product_removed(scene: Scene, event: events.ProductRemoved) -> None:
    if recording.remove_product(
        scene.connection, scene.shop.shop_id, event.platform_product_id, event.removed_at
    ):
        scene.forget_shelves()


def _customer_seen(scene: Scene, event: events.CustomerSeen) -> None:
    recording.record_customers(
        scene.connection, scene.context.hasher, scene.shop.shop_id, [event.customer], scene.now
    )


def _customer_removed(scene: Scene, event: events.CustomerRemoved) -> None:
    recording.remove_customer(
        scene.connection, scene.shop.shop_id, event.platform_customer_id, event.removed_at
    )


def _consent_changed(scene: Scene, event: events.ConsentChanged) -> None:
    consenting.record_change(scene.connection, scene.context.hasher, scene.shop.shop_id, event, scene.now)


def _order_seen(scene: Scene, event: events.OrderSeen) -> None:
    take_orders(scene, [event.order])


def take_orders(scene: Scene, orders: list[events.Order]) -> int:
    """Store orders and let them have their effects: carts close, flows stop, credit is given, learning is due.

    Returns how many were new.
    """
    connection, shop_id = scene.connection, scene.shop.shop_id
    for order in orders:
        if order.is_anonymised:
            _forget_buyer(scene, order.platform_order_id)
    tokens = (token for order in orders for token in (order.cart_token, order.checkout_token))
    recording.hold_carts(connection, shop_id, tokens)
    recorded = recording.record_orders(connection, scene.context.hasher, shop_id, orders)
    told = [entry.order for entry in recorded]
    consenting.record_told(connection, scene.context.hasher, shop_id, told, scene.now)
    buyers = {entry.platform_customer_id for entry in recorded if entry.platform_customer_id}
    recording.refresh_order_counts(connection, shop_id, sorted(buyers))
    for entry in recorded:
        if entry.order.cancelled_at is None:
            messaging.stop_for_order(
                connection,
                shop_id,
                cart_token=entry.order.cart_token,
                checkout_token=entry.order.checkout_token,
                email_hash=entry.email_hash,
                platform_customer_id=entry.platform_customer_id,
                placed_at=entry.order.placed_at,
                now=scene.now,
            )
            messaging.attribute_order(connection, shop_id, entry.order_id, entry.order.landing_path)
    n_new = sum(entry.is_new for entry in recorded)
    if n_new:
        connection.execute(
            text(
                "UPDATE shops SET n_orders_since_training = n_orders_since_training + :n WHERE shop_id = :shop_id"
            ),
            {"n": n_new, "shop_id": shop_id},
        )
    return n_new


def _forget_buyer(scene: Scene, platform_order_id: str) -> None:
    """The shop erased this order's buyer; forget them too, once: every later version of the order says it again.

    A guest may be known by nothing but this order, so its deliveries are emptied by its id.
    """
    values = {"shop_id": scene.shop.shop_id, "id": platform_order_id}
    if scene.connection.execute(_HAS_BUYER, values).scalar() is None:
        return
    request = events.ErasureRequested(None, None, (platform_order_id,))
    privacy.erase_person(scene.context, scene.connection, scene.shop, request)
    needle = f'"id":{platform_order_id},'.encode()
    scene.connection.execute(_EMPTY_DELIVERIES, {**values, "needle": needle})


def _order_removed(scene: Scene, event: events.OrderRemoved) -> None:
    recording.remove_order(scene.connection, scene.shop.shop_id, event.platform_order_id, event.removed_at)


def _cart_seen(scene: Scene, event: events.CartSeen) -> None:
    take_cart(scene, event.cart)


def take_cart(scene: Scene, cart: events.Cart) -> None:
    """Store a cart; an address that was typed and not yet submitted only where the merchant has decided so.

    The address of somebody's own account was not typed for this cart: who is logged in is known anyway.
    """
    may_type = scene.shop.policy.cart.takes_typed_addresses
    if cart.is_typed and cart.email and not (may_type or _is_of_account(scene, cart)):
        cart = replace(cart, email=None)
    recording.record_cart(scene.connection, scene.context.hasher, scene.shop.shop_id, cart)
    consenting.record_told(scene.connection, scene.context.hasher, scene.shop.shop_id, [cart], scene.now)


def _is_of_account(scene: Scene, cart: events.Cart) -> bool:
    values = {
        "shop_id": scene.shop.shop_id,
        "customer": cart.platform_customer_id,
        "hash": scene.context.hasher.email(scene.shop.shop_id, cart.email or ""),
    }
    return scene.connection.execute(_HAS_ACCOUNT, values).scalar() is not None


def _cart_removed(scene: Scene, event: events.CartRemoved) -> None:
    recording.remove_cart(scene.connection, scene.shop.shop_id, event.cart_token)


def _gone(scene: Scene, event: events.Gone) -> None:
    """The shop was asked and has no such thing: a tombstone, where we knew it at all."""
    if scene.connection.execute(_KNOWS[event.kind], {"id": event.platform_id}).scalar() is None:
        return
    _REMOVE[event.kind](scene.connection, scene.shop.shop_id, event.platform_id, scene.now)
    if event.kind is events.Kind.PRODUCT:
        scene.forget_shelves()


def _access_lost(scene: Scene, _event: events.AccessLost) -> None:
    mark_access_lost(scene.connection, scene.shop.shop_id, scene.now)


def _app_uninstalled(scene: Scene, event: events.AppUninstalled) -> None:
    """Carry out an uninstall once it is sure to be a real one: its token ends before it is told.

    A shop that says goodbye under its own signature still takes our keys: what is ours in it is taken out first.
    """
    shop_id = scene.shop.shop_id
    if event.is_time_signed:
        if leaving.begin(scene.connection, shop_id, event.happened_at, scene.now):
            scene.after_commit.append(lambda: leaving.begun(scene.context, shop_id))
        return
    if is_token_alive(scene.context, shop_id):
        log.warning("uninstall_not_believed", shop_id=shop_id)
        return
    if leaving.disconnect(scene.connection, scene.shop.shop_id, event.happened_at, scene.now):
        scene.forget_shelves()


def _export_finished(scene: Scene, _event: events.ExportFinished) -> None:
    """The import looks for itself when its export is ready; this only wakes it sooner."""
    if open_jobs(scene.context):
        scene.context.queue.nudge("upkeep.run_jobs")


def _erasure_requested(scene: Scene, event: events.ErasureRequested) -> None:
    privacy.erase_person(scene.context, scene.connection, scene.shop, event)


def _data_requested(scene: Scene, event: events.DataRequested) -> None:
    privacy.record_data_request(scene.context, scene.connection, scene.shop, event)


def _shop_erasure_requested(scene: Scene, event: events.ShopErasureRequested) -> None:
    if privacy.request_shop_erasure(scene.context, scene.connection, scene.shop, event):
        scene.forget_shelves()


# Each function takes the kind of event it is filed under.
APPLY: dict[type, Callable[[Scene, Any], None]] = {
    events.ProductSeen: _product_seen,
    events.ProductRemoved: _product_removed,
    events.CustomerSeen: _customer_seen,
    events.CustomerRemoved: _customer_removed,
    events.ConsentChanged: _consent_changed,
    events.OrderSeen: _order_seen,
    events.OrderRemoved: _order_removed,
    events.CartSeen: _cart_seen,
    events.CartRemoved: _cart_removed,
    events.Gone: _gone,
    events.AccessLost: _access_lost,
    events.AppUninstalled: _app_uninstalled,
    events.ExportFinished: _export_finished,
    events.ErasureRequested: _erasure_requested,
    events.DataRequested: _data_requested,
    events.ShopErasureRequested: _shop_erasure_requested,
}

_REMOVE: dict[events.Kind, Callable[[Connection, int, str, datetime], object]] = {
    events.Kind.PRODUCT: recording.remove_product,
    events.Kind.ORDER: recording.remove_order,
    events.Kind.CUSTOMER: recording.remove_customer,
}

# Row security keeps these to the shop of the transaction.
_KNOWS = {
    events.Kind.PRODUCT: text(
        "SELECT 1 FROM products WHERE platform_product_id = :id AND removed_at IS NULL"
    ),
    events.Kind.ORDER: text("SELECT 1 FROM orders WHERE platform_order_id = :id AND removed_at IS NULL"),
    events.Kind.CUSTOMER: text(
        "SELECT 1 FROM customers WHERE platform_customer_id = :id AND removed_at IS NULL"
    ),
}

_HAS_BUYER = text("""
    SELECT 1 FROM orders WHERE shop_id = :shop_id AND platform_order_id = :id
      AND (email_hash IS NOT NULL OR platform_customer_id IS NOT NULL)""")

_HAS_ACCOUNT = text("""
    SELECT 1 FROM customers
    WHERE shop_id = :shop_id AND platform_customer_id = :customer AND email_hash = :hash AND removed_at IS NULL""")

_EMPTY_DELIVERIES = text("""
    UPDATE deliveries SET raw = ''::bytea
    WHERE shop_id = :shop_id AND state <> 'received' AND position(CAST(:needle AS bytea) IN raw) > 0""")
