"""Turns the nodes of GraphQL answers and of bulk exports into our own words; pure.

A field is None where this app is not approved for protected customer data; such a node is still read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from app.domain.catalog import Product, Variant
from app.domain.events import Consent, Customer, LineItem, Order
from app.domain.money import Money, parse_money
from app.platforms.base import UnreadableError
from app.platforms.fields import Body, parse_time
from app.platforms.shopify.names import cart_key, id_of
from app.platforms.shopify.readings import (
    consent_state,
    list_id_of,
    product_path,
    tags_of,
    variant_title,
)

Node = Mapping[str, Any]


def product_of(node: Node, variants: Iterable[Node], currency: str) -> Product:
    body = Body(node, _place(node))
    handle = body.need_text("handle")
    image = body.child("featuredMedia").child("preview").child("image")
    is_active = node.get("status") == "ACTIVE"
    return Product(
        platform_product_id=_need_id(body, "Product"),
        handle=handle,
        title=body.text("title") or handle,
        path=product_path(handle),
        vendor=body.text("vendor") or "",
        category=body.text("productType") or "",
        tags=tags_of(node.get("tags")),
        image_url=image.url("url"),
        is_published=is_active and body.time("publishedAt") is not None,
        is_gift_card=body.flag("isGiftCard"),
        source_updated_at=body.need_time("updatedAt"),
        variants=tuple(sorted((_variant(each, currency) for each in variants), key=lambda v: v.position)),
    )


def _variant(node: Node, currency: str) -> Variant:
    body = Body(node, _place(node))
    is_tracked = body.child("inventoryItem").fields.get("tracked") is not False
    return Variant(
        platform_variant_id=_need_id(body, "ProductVariant"),
        title=variant_title(body.text("title")),
        sku=body.text("sku") or "",
        price=body.need_money("price", currency),
        compare_at_price=body.money("compareAtPrice", currency),
        n_available=body.whole("inventoryQuantity") if is_tracked else None,
        is_available=body.flag("availableForSale"),
        position=body.whole("position") or 0,
    )


def customer_of(node: Node) -> Customer:
    body = Body(node, _place(node))
    email = body.child("defaultEmailAddress")
    return Customer(
        platform_customer_id=_need_id(body, "Customer"),
        source_updated_at=body.need_time("updatedAt"),
        email=email.email("emailAddress"),
        first_name=body.text("firstName"),
        locale=body.text("locale"),
        country=body.child("defaultAddress").text("countryCodeV2"),
        created_at=body.time("createdAt"),
        consent=_consent(email),
    )


def _consent(email: Body) -> Consent | None:
    """Consent belongs to the address; without sight of the address nothing is known of it."""
    state = email.text("marketingState")
    if state is None:
        return None
    return Consent(
        state=consent_state(state),
        opt_in_level=(email.text("marketingOptInLevel") or "").lower() or None,
        changed_at=email.time("marketingUpdatedAt"),
    )


def order_of(node: Node, lines: Iterable[Node]) -> Order:
    body = Body(node, _place(node))
    return Order(
        platform_order_id=_need_id(body, "Order"),
        name=body.text("name") or "",
        placed_at=body.time("processedAt") or body.need_time("createdAt"),
        source_updated_at=body.need_time("updatedAt"),
        total=_shop_money(node.get("totalPriceSet"), body, "totalPriceSet"),
        lines=tuple(_line(line, body) for line in lines),
        platform_customer_id=_id(node.get("customer"), "Customer"),
        email=body.email("email"),
        cart_token=_token(node.get("cartToken")),
        checkout_token=_token(node.get("checkoutToken")),
        cancelled_at=body.time("cancelledAt"),
        is_test=body.flag("test"),
        landing_path=_landing_path(body),
    )


def _line(node: Node, order: Body) -> LineItem:
    """Read one line. A shop has a million of them, so this one looks at the node itself."""
    quantity, title, attributes = node.get("quantity"), node.get("title"), node.get("customAttributes")
    if not isinstance(quantity, int) or isinstance(quantity, bool) or not 0 <= quantity < 2**31:
        raise order.refuse("lineItems.quantity", "no count")
    return LineItem(
        platform_product_id=_id(node.get("product"), "Product"),
        platform_variant_id=_id(node.get("variant"), "ProductVariant"),
        title=title if isinstance(title, str) else "",
        quantity=quantity,
        unit_price=_shop_money(node.get("originalUnitPriceSet"), order, "lineItems.originalUnitPriceSet"),
        list_id=_list_id(attributes) if attributes else None,
    )


def _list_id(attributes: Any) -> str | None:
    pairs: Sequence[Any] = attributes if isinstance(attributes, list) else ()
    return list_id_of((pair.get("key"), pair.get("value")) for pair in pairs if isinstance(pair, dict))


def _shop_money(money: Any, body: Body, name: str) -> Money:
    try:
        shop_money = money["shopMoney"]
        return _money(shop_money["amount"], shop_money["currencyCode"])
    except (TypeError, KeyError, ValueError, AttributeError):
        raise body.refuse(name, "no amount of money in the shop's currency") from None


@lru_cache(maxsize=65_536)
def _money(amount: str, currency: str) -> Money:
    """A shop has few prices and many lines; Money is frozen, so equal ones may be the same."""
    return parse_money(amount, currency)


def _id(of: Any, kind: str) -> str | None:
    found = of.get("id") if isinstance(of, dict) else None
    return _number(found, kind) if isinstance(found, str) else None


@lru_cache(maxsize=65_536)
def _number(gid: str, kind: str) -> str | None:
    return id_of(gid, kind)


def _need_id(body: Body, kind: str) -> str:
    found = id_of(body.fields.get("id"), kind)
    if found is None:
        raise body.refuse("id", f"not a global id of a {kind}")
    return found


def _token(text: Any) -> str | None:
    return (cart_key(text) or None) if isinstance(text, str) else None


def _landing_path(body: Body) -> str | None:
    """The path a visit began at; webhooks write the path alone, GraphQL the whole address."""
    address = body.child("customerJourneySummary").child("lastVisit").url("landingPage")
    if address is None:
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"[:2_000]


def _place(node: Node) -> str:
    found = node.get("id")
    return found if isinstance(found, str) and id_of(found) else "node"


def updated_at_of(node: Node) -> str:
    """The moment of a node as the shop wrote it, to go on from."""
    text = node.get("updatedAt")
    if not isinstance(text, str) or parse_time(text) is None:
        raise UnreadableError(f"{_place(node)}.updatedAt: not a moment")
    return text
