"""Says what a verified Shopify webhook means: topic and bytes in, events out; pure, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from app.domain.events import (
    AppUninstalled,
    CartRemoved,
    CartSeen,
    CommerceEvent,
    ConsentChanged,
    CustomerRemoved,
    CustomerSeen,
    DataRequested,
    ErasureRequested,
    ExportFinished,
    OrderRemoved,
    OrderSeen,
    ProductRemoved,
    ProductSeen,
    ShopErasureRequested,
)
from app.platforms.base import Envelope, UnreadableError
from app.platforms.fields import Body
from app.platforms.shopify.names import cart_key, id_of, parse_shop_domain
from app.platforms.shopify.readings import (
    cart_of,
    checkout_of,
    consent_of,
    customer_of,
    object_id,
    order_of,
    product_of,
)
from app.platforms.strictjson import decode_object

Events = Sequence[CommerceEvent]


def read(envelope: Envelope) -> Events:
    """Return the facts of one webhook; none for a topic we have no use for.

    Topics without a reader on purpose: refunds/create and orders/edited (orders/updated follows with the
    whole order), inventory and collections (products/update follows), shop/update (its body is the same as
    app/uninstalled's, so a captured one could be replayed as an uninstall; we never subscribe to it).

    Raises:
        UnreadableError: with the topic, the place and the reason.
    """
    reader = _READERS.get(envelope.topic)
    if reader is None:
        return ()
    try:
        return reader(Body(decode_object(envelope.raw)), envelope)
    except UnreadableError as error:
        raise UnreadableError(f"{envelope.topic}: {error}") from None


def _order(body: Body, envelope: Envelope) -> Events:
    return (OrderSeen(order_of(body)),)


def _cart(body: Body, envelope: Envelope) -> Events:
    return (CartSeen(cart_of(body)),)


def _checkout(body: Body, envelope: Envelope) -> Events:
    return (CartSeen(checkout_of(body, envelope.triggered_at)),)


def _product(body: Body, envelope: Envelope) -> Events:
    if envelope.currency is None:
        raise UnreadableError("the shop's currency is not known, and product webhooks don't name one")
    return (ProductSeen(product_of(body, envelope.currency)),)


def _customer(body: Body, envelope: Envelope) -> Events:
    return (CustomerSeen(customer_of(body)),)


def _consent(body: Body, envelope: Envelope) -> Events:
    consent = consent_of(body.child("email_marketing_consent"))
    if consent is None:
        raise body.refuse("email_marketing_consent", "no state of consent")
    customer_id, email = body.id("customer_id"), body.email("email_address")
    if customer_id is None and email is None:
        raise body.refuse("customer_id", "neither a customer nor an address")
    return (ConsentChanged(customer_id, email, consent),)


def _order_removed(body: Body, envelope: Envelope) -> Events:
    _only(body, "id", "admin_graphql_api_id")
    return (OrderRemoved(object_id(body, "Order"), _when(envelope)),)


def _product_removed(body: Body, envelope: Envelope) -> Events:
    _only(body, "id", "admin_graphql_api_id")
    return (ProductRemoved(object_id(body, "Product"), _when(envelope)),)


def _customer_removed(body: Body, envelope: Envelope) -> Events:
    _only(body, "id", "admin_graphql_api_id", "tax_exemptions")
    return (CustomerRemoved(object_id(body, "Customer"), _when(envelope)),)


def _customers_merged(body: Body, envelope: Envelope) -> Events:
    """The deleted customer's orders follow as orders/updated under the one that was kept."""
    removed = id_of(body.fields.get("admin_graphql_api_customer_deleted_id"), "Customer")
    if removed is None:
        raise body.refuse("admin_graphql_api_customer_deleted_id", "not a customer's id")
    if body.fields.get("status") != "completed":
        return ()
    return (CustomerRemoved(removed, _when(envelope)),)


def _checkout_removed(body: Body, envelope: Envelope) -> Events:
    """A deleted checkout's body is its totals; a live one's has lines, an address and a link."""
    for name in ("line_items", "email", "abandoned_checkout_url", "customer"):
        if body.has(name):
            raise body.refuse(name, "a checkout that still exists")
    if not (body.has("cart_token") or body.has("token")):
        raise body.refuse("cart_token", "not a checkout's body")
    token = body.text("cart_token") or body.text("token")
    if token is None:
        return ()  # nothing we stored can be known by the numeric id alone
    return (CartRemoved(cart_key(token), _when(envelope)),)


def _uninstalled(body: Body, envelope: Envelope) -> Events:
    """The body is the shop itself, and says which one."""
    if not (body.has("myshopify_domain") and body.has("plan_name")):
        raise body.refuse("myshopify_domain", "not a shop's body")
    _same_shop(body, "myshopify_domain", envelope)
    return (AppUninstalled(_when(envelope)),)


def _export_finished(body: Body, envelope: Envelope) -> Events:
    handle = body.need_text("admin_graphql_api_id")
    if id_of(handle, "BulkOperation") is None:
        raise body.refuse("admin_graphql_api_id", "not a bulk operation's id")
    return (ExportFinished(handle),)


def _erasure(body: Body, envelope: Envelope) -> Events:
    _only(body, "shop_id", "shop_domain", "customer", "orders_to_redact")
    customer_id, email, orders = _person(body, "orders_to_redact", envelope)
    return (ErasureRequested(customer_id, email, orders),)


def _access_request(body: Body, envelope: Envelope) -> Events:
    customer_id, email, orders = _person(body, "orders_requested", envelope)
    return (DataRequested(body.child("data_request").need_id("id"), customer_id, email, orders),)


def _shop_erasure(body: Body, envelope: Envelope) -> Events:
    _only(body, "shop_id", "shop_domain")
    body.need_id("shop_id")
    _same_shop(body, "shop_domain", envelope, is_required=True)
    return (ShopErasureRequested(_when(envelope)),)


def _person(body: Body, orders: str, envelope: Envelope) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Who a compliance request is about. Some carry nothing but an address."""
    body.need_id("shop_id")
    _same_shop(body, "shop_domain", envelope, is_required=True)
    customer = body.child("customer")
    customer_id, email = customer.id("id"), customer.email("email")
    listed = body.fields.get(orders)
    if not isinstance(listed, list):
        raise body.refuse(orders, "no list of orders")
    order_ids = tuple(Body({"id": order}, body.place(orders)).need_id("id") for order in listed)
    if customer_id is None and email is None and not order_ids:
        raise body.refuse("customer", "nobody is named")
    return customer_id, email, order_ids


def _only(body: Body, *names: str) -> None:
    """Refuse a destructive body that says more than its topic's does.

    The topic header is not signed: a captured orders/create body could be sent again as orders/delete.
    """
    for name in body.fields:
        if name not in names:
            raise body.refuse(ascii(name[:40])[1:-1], "does not belong in this topic's body")


def _same_shop(body: Body, name: str, envelope: Envelope, *, is_required: bool = False) -> None:
    """Refuse a body that names another shop than the header, which is not signed either."""
    value = body.text(name)
    if value is None and not is_required:
        return
    if value is None or parse_shop_domain(value) != envelope.shop_domain:
        raise body.refuse(name, f"{(value or 'nothing')[:60]!a} is not {envelope.shop_domain}")


def _when(envelope: Envelope) -> datetime:
    """When it happened. Without it a late uninstall could end a newer install, so it is never guessed."""
    if envelope.triggered_at is None:
        raise UnreadableError("X-Shopify-Triggered-At: missing or not a moment")
    return envelope.triggered_at


_READERS: Final[dict[str, Callable[[Body, Envelope], Events]]] = {
    "orders/create": _order,
    "orders/updated": _order,
    "orders/paid": _order,
    "orders/cancelled": _order,
    "orders/delete": _order_removed,
    "carts/create": _cart,
    "carts/update": _cart,
    "checkouts/create": _checkout,
    "checkouts/update": _checkout,
    "checkouts/delete": _checkout_removed,
    "products/create": _product,
    "products/update": _product,
    "products/delete": _product_removed,
    "customers/create": _customer,
    "customers/update": _customer,
    "customers/enable": _customer,
    "customers/disable": _customer,
    "customers/delete": _customer_removed,
    "customers/merge": _customers_merged,
    "customers_email_marketing_consent/update": _consent,
    "app/uninstalled": _uninstalled,
    "bulk_operations/finish": _export_finished,
    "customers/redact": _erasure,
    "customers/data_request": _access_request,
    "shop/redact": _shop_erasure,
}
