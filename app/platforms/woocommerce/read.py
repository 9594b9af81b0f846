"""Says what a verified WooCommerce webhook means: topic and bytes in, events out; pure, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from app.domain.events import (
    AccessDoubted,
    AppUninstalled,
    CartSeen,
    CommerceEvent,
    CustomerSeen,
    Kind,
    LookUp,
    OrderSeen,
    ProductSeen,
)
from app.platforms.base import Envelope, UnreadableError
from app.platforms.fields import Body
from app.platforms.strictjson import decode_object
from app.platforms.woocommerce import products, readings
from app.platforms.woocommerce.readings import Standing
from app.platforms.woocommerce.topics import CART_TOPICS, DISCONNECTED_TOPIC

Events = Sequence[CommerceEvent]

# Products whose delivery leaves out what is sold: the shop is asked for the whole.
_IN_PARTS: Final = ("variable", "variable-subscription")
_PART: Final = ("variation", "subscription_variation")


def read(envelope: Envelope, store_url: str) -> Events:
    """Return the facts of one webhook; none for a topic we have no use for (coupons, actions).

    `created`, `updated` and `restored` are one and the same upsert: they come in any order, and what they carry
    was put together when it was sent, not when it happened (measured).

    Raises:
        UnreadableError: with the topic, the place and the reason.
    """
    reader = _READERS.get(envelope.topic)
    if reader is None:
        return ()
    try:
        body = Body(decode_object(envelope.raw))
        if _is_refusal(body):
            return (AccessDoubted(),)
        return reader(body, envelope, store_url)
    except UnreadableError as error:
        raise UnreadableError(f"{envelope.topic}: {error}") from None


def order_facts(body: Body, store_url: str) -> Events:
    """What an order says, wherever it was read: a cart as long as it isn't paid, then a purchase."""
    standing = readings.standing_of(body)
    if standing in (Standing.DRAFT, Standing.OPEN):
        return (CartSeen(readings.cart_of_draft(body, store_url)),)
    return (OrderSeen(readings.order_of(body)),)


def _is_refusal(body: Body) -> bool:
    """Core signs its own errors when the key's user has lost their rights: a code, and no id (measured)."""
    return body.id("id") is None and body.text("code") is not None and not body.has("cart_token")


def _order(body: Body, _envelope: Envelope, store_url: str) -> Events:
    return order_facts(body, store_url)


def _product(body: Body, envelope: Envelope, store_url: str) -> Events:
    """A variation comes as a product of its own, and nothing comes of its parent (measured)."""
    kind = body.need_text("type")
    if kind in _PART:
        return (LookUp(Kind.PRODUCT, body.need_id("parent_id")),)
    if kind in _IN_PARTS:
        return (LookUp(Kind.PRODUCT, body.need_id("id")),)
    if envelope.currency is None:
        raise UnreadableError("the shop's currency is not known, and products don't name one")
    return (ProductSeen(products.product_of(body, store_url, envelope.currency)),)


def _customer(body: Body, _envelope: Envelope, _store_url: str) -> Events:
    customer = readings.customer_of(body)
    return (CustomerSeen(customer),) if customer else ()


def _deleted(kind: Kind) -> Callable[[Body, Envelope, str], Events]:
    """A deletion is a doorbell: the id may be of another type, or have been restored meanwhile (measured)."""

    def read_deleted(body: Body, _envelope: Envelope, _store_url: str) -> Events:
        for name in body.fields:
            if name != "id":  # the topic is not signed: a captured order could be sent again as a deletion
                raise body.refuse(ascii(name[:40])[1:-1], "does not belong in this topic's body")
        return (LookUp(kind, body.need_id("id")),)

    return read_deleted


def _cart(body: Body, _envelope: Envelope, store_url: str) -> Events:
    return (CartSeen(readings.cart_of_plugin(body, store_url)),)


def _disconnected(body: Body, _envelope: Envelope, _store_url: str) -> Events:
    """The plugin was removed. The moment is in the signed body: a late one must not end a newer connection."""
    return (AppUninstalled(body.need_time("disconnected_at"), is_time_signed=True),)


_READERS: Final[dict[str, Callable[[Body, Envelope, str], Events]]] = {
    "order.created": _order,
    "order.updated": _order,
    "order.restored": _order,
    "order.deleted": _deleted(Kind.ORDER),
    "product.created": _product,
    "product.updated": _product,
    "product.restored": _product,
    "product.deleted": _deleted(Kind.PRODUCT),
    "customer.created": _customer,
    "customer.updated": _customer,
    "customer.deleted": _deleted(Kind.CUSTOMER),
    **dict.fromkeys(CART_TOPICS, _cart),
    DISCONNECTED_TOPIC: _disconnected,
}
