"""Turns the objects of Shopify's webhooks into our own words; pure, one function per object.

Shapes as of webhook versions 2026-01 to 2026-10, with the odd ones seen in real deliveries of older ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from app.domain.attribution import MAX_LIST_ID_CHARACTERS
from app.domain.catalog import Product, Variant
from app.domain.events import Cart, Consent, ConsentState, Customer, LineItem, Order
from app.domain.money import Money
from app.platforms.base import UnreadableError
from app.platforms.fields import Body
from app.platforms.shopify.names import cart_key, id_of

# The line-item property our shelf adds; a leading underscore hides it from the shopper (Shopify's cart pages).
LIST_PROPERTY: Final = "_regulars"
# Beyond PostgreSQL's bigint.
_TOO_MUCH: Final = 2**63
# Longer paths are tracking parameters to their end.
_MAX_PATH_LENGTH: Final = 2_000


def order_of(body: Body) -> Order:
    """Read orders/create, updated, paid and cancelled: one shape."""
    currency = body.need_currency("currency")
    customer = body.child("customer")
    return Order(
        platform_order_id=object_id(body, "Order"),
        name=body.text("name") or "",
        placed_at=body.time("processed_at") or body.need_time("created_at"),
        source_updated_at=body.need_time("updated_at"),
        total=body.need_money("total_price", currency),
        lines=tuple(_order_line(line, currency) for line in body.children("line_items")),
        platform_customer_id=_id_or_none(customer, "Customer"),
        email=_email(body, customer),
        cart_token=_token(body, "cart_token"),
        checkout_token=_token(body, "checkout_token"),
        cancelled_at=body.time("cancelled_at"),
        is_test=body.flag("test"),
        landing_path=(body.text("landing_site") or "")[:_MAX_PATH_LENGTH] or None,
    )


def cart_of(body: Body) -> Cart:
    """Read carts/create and carts/update. They name neither person nor currency; the lines' prices do."""
    lines = tuple(_cart_line(line) for line in body.children("line_items"))
    return Cart(
        cart_token=_token(body, "token") or _need_token(body, "id"),
        source_updated_at=body.need_time("updated_at"),
        created_at=body.time("created_at"),
        lines=lines,
        currency=lines[0].unit_price.currency if lines else None,
        total=_sum(lines),
    )


def checkout_of(body: Body, triggered_at: datetime | None) -> Cart:
    """Read checkouts/create and checkouts/update. `id` went in 2026-04; `token` is the key.

    `cart_token` is null for checkouts that began without a cart (invoices, buy-now buttons; seen in a real
    2024-01 delivery): those are their own cart, under the checkout's token.
    """
    currency = body.need_currency("currency")
    customer = body.child("customer")
    token = _need_token(body, "token")
    updated_at = body.time("updated_at") or triggered_at or body.need_time("created_at")
    return Cart(
        cart_token=_token(body, "cart_token") or token,
        checkout_token=token,
        source_updated_at=updated_at,
        created_at=body.time("created_at"),
        lines=tuple(_checkout_line(line, currency) for line in body.children("line_items")),
        is_checkout=True,
        currency=currency,
        total=body.money("total_price", currency),
        email=_email(body, customer),
        platform_customer_id=_id_or_none(customer, "Customer"),
        recovery_url=body.url("abandoned_checkout_url"),
        locale=body.text("customer_locale"),
        completed_at=body.time("completed_at"),
    )


def product_of(body: Body, currency: str) -> Product:
    """Read products/create and products/update.

    They carry full data for the first 100 variants only, and say nothing of gift cards or of whether stock
    is tracked at all; what the API says of a product is therefore the better word.
    """
    handle = body.need_text("handle")
    return Product(
        platform_product_id=object_id(body, "Product"),
        handle=handle,
        title=body.text("title") or handle,
        path=product_path(handle),
        vendor=body.text("vendor") or "",
        category=body.text("product_type") or "",
        tags=tags_of(body.fields.get("tags")),
        image_url=_image(body),
        is_published=body.fields.get("status") == "active" and body.time("published_at") is not None,
        is_gift_card="gift card" in (body.text("product_type") or "").lower().replace("_", " "),
        source_updated_at=body.need_time("updated_at"),
        variants=tuple(_variant(variant, currency) for variant in body.children("variants")),
    )


def customer_of(body: Body) -> Customer:
    """Read customers/create, update, enable and disable. Since 2025-01 they say nothing of consent."""
    return Customer(
        platform_customer_id=object_id(body, "Customer"),
        source_updated_at=body.need_time("updated_at"),
        email=body.email("email"),
        first_name=body.text("first_name"),
        locale=body.text("locale"),
        country=body.child("default_address").text("country_code"),
        created_at=body.time("created_at"),
        consent=consent_of(body.child("email_marketing_consent")),
    )


def consent_of(body: Body) -> Consent | None:
    """Read an `email_marketing_consent`; None when there is none. A state we don't know is no permission."""
    state = body.text("state")
    if state is None:
        return None
    return Consent(
        state=consent_state(state),
        opt_in_level=(body.text("opt_in_level") or "").lower() or None,
        changed_at=body.time("consent_updated_at"),
    )


def consent_state(text: str) -> ConsentState:
    """Webhooks write `subscribed`, GraphQL `SUBSCRIBED`."""
    try:
        return ConsentState(text.lower())
    except ValueError:
        return ConsentState.INVALID


def object_id(body: Body, kind: str) -> str:
    """The exact id: from the global id where there is one (sample bodies' numbers were rounded to doubles)."""
    return id_of(body.fields.get("admin_graphql_api_id"), kind) or body.need_id("id")


def product_path(handle: str) -> str:
    return f"/products/{quote(handle, safe='-_.~')}"


def tags_of(tags: Any) -> tuple[str, ...]:
    """Webhooks write tags as one text with commas, GraphQL as a list; their order means nothing."""
    parts = tags.split(",") if isinstance(tags, str) else tags if isinstance(tags, list) else []
    return tuple(sorted({part.strip() for part in parts if isinstance(part, str) and part.strip()}))


def list_id_of(pairs: Iterator[tuple[Any, Any]]) -> str | None:
    """The recommendation list named among a line's properties."""
    for name, value in pairs:
        if name == LIST_PROPERTY and isinstance(value, str) and 0 < len(value) <= MAX_LIST_ID_CHARACTERS:
            return value
    return None


def _properties(line: Body) -> Iterator[tuple[Any, Any]]:
    """`properties` is null, `{name: value}` or `[{name, value}]` (all three seen in real deliveries)."""
    properties = line.fields.get("properties")
    if isinstance(properties, dict):
        yield from properties.items()
    elif isinstance(properties, list):
        yield from ((pair.get("name"), pair.get("value")) for pair in properties if isinstance(pair, dict))


def _line(line: Body, price: Money) -> LineItem:
    return LineItem(
        platform_product_id=line.id("product_id"),
        platform_variant_id=line.id("variant_id"),
        title=line.text("title") or line.text("presentment_title") or "",
        quantity=line.need_count("quantity"),
        unit_price=price,
        list_id=list_id_of(_properties(line)),
    )


def _order_line(line: Body, currency: str) -> LineItem:
    return _line(line, line.need_money("price", currency))


def _checkout_line(line: Body, currency: str) -> LineItem:
    name = "variant_price" if line.fields.get("price") is None else "price"
    return _line(line, line.need_money(name, currency))


def _cart_line(line: Body) -> LineItem:
    """What the shopper pays for one: the discounted price where there is one."""
    for name in ("discounted_price_set", "price_set", "original_price_set"):
        amount = line.child(name).child("shop_money")
        if currency := amount.text("currency_code"):
            return _line(line, amount.need_money("amount", currency))
    raise line.refuse("price_set", "no price with a currency")


def _sum(lines: tuple[LineItem, ...]) -> Money | None:
    currencies = {line.unit_price.currency for line in lines}
    if len(currencies) != 1:
        return None
    total = sum(line.unit_price.amount * line.quantity for line in lines)
    return Money(total, currencies.pop()) if total < _TOO_MUCH else None


def _variant(variant: Body, currency: str) -> Variant:
    n_available = variant.whole("inventory_quantity")
    # Versions up to 2023-10 say null here when stock is not tracked; later ones don't say.
    is_tracked = variant.fields.get("inventory_management", "shopify") is not None
    is_sellable = (
        variant.fields.get("inventory_policy") == "continue" or n_available is None or n_available > 0
    )
    return Variant(
        platform_variant_id=object_id(variant, "ProductVariant"),
        title=variant_title(variant.text("title")),
        sku=variant.text("sku") or "",
        price=variant.need_money("price", currency),
        compare_at_price=variant.money("compare_at_price", currency),
        n_available=n_available if is_tracked else None,
        is_available=is_sellable or not is_tracked,
        position=variant.whole("position") or 0,
    )


def variant_title(title: str | None) -> str:
    """Shopify calls the only variant of a product "Default Title", which no shopper should read."""
    return "" if title is None or title == "Default Title" else title


def _image(body: Body) -> str | None:
    if url := body.child("image").url("src"):
        return url
    images = body.fields.get("images")
    first = images[0] if isinstance(images, list) and images and isinstance(images[0], dict) else {}
    return Body(first).url("src")


def _email(body: Body, customer: Body) -> str | None:
    """`email` is null on early checkouts and gone where the app is not approved for addresses."""
    return body.email("email") or body.email("contact_email") or customer.email("email")


def _id_or_none(body: Body, kind: str) -> str | None:
    return id_of(body.fields.get("admin_graphql_api_id"), kind) or body.id("id")


def _token(body: Body, name: str) -> str | None:
    text = body.text(name)
    return (cart_key(text) or None) if text else None


def _need_token(body: Body, name: str) -> str:
    token = _token(body, name)
    if token is None:
        raise UnreadableError(f"{body.place(name)}: no token to know it by")
    return token
