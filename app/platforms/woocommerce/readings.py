"""Turns the objects of WooCommerce's REST API and webhooks into our own words; pure, one function per object.

Both carry the same objects (wc/v3). Shapes as measured on 10.5 (2026-11-21).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from app.domain.attribution import MAX_LIST_ID_CHARACTERS
from app.domain.events import Cart, Consent, ConsentState, Customer, LineItem, Order
from app.domain.money import Money
from app.platforms.fields import Body, parse_time
from app.platforms.woocommerce.address import checkout_link, within

Fields = Mapping[str, Any]

# What the companion plugin leaves on orders, customers and lines. Underscored meta comes along (measured).
CART_TOKEN_META: Final = "_regulars_cart_token"  # noqa: S105 (a field's name)
CONSENT_META: Final = "_regulars_consent"
LIST_META: Final = "_regulars"
# Core's own order attribution: where the visit began, and each part of its campaign (measured).
_ATTRIBUTION_META: Final = "_wc_order_attribution_"
_ENTRY_META: Final = f"{_ATTRIBUTION_META}session_entry"
_CAMPAIGN_META: Final = f"{_ATTRIBUTION_META}utm_"

_TOKEN: Final = re.compile(r"\A[A-Za-z0-9_-]{16,128}\Z", re.ASCII)
_TAG: Final = re.compile(r"<[^<>]{0,500}>")
_VERSION: Final = re.compile(r"\A([0-9]{1,4})\.")
_MAX_QUANTITY: Final = 2**31 - 1
# Core's links that refill a cart, /checkout-link/ (PR 58140, merged 2025-06-12).
_FIRST_WITH_CHECKOUT_LINK: Final = 10
# Core removes drafts that were idle for a day, so an order is placed at most that long after its draft began.
LIFE_OF_A_DRAFT: Final = timedelta(days=1)
# Roles of buyers; customer.created fires for staff accounts as well (measured).
_BUYERS: Final = ("customer", "subscriber")


class Standing(Enum):
    """What an order's status means to us."""

    DRAFT = "a checkout that was opened, never a purchase"
    OPEN = "ordered but not paid: no mail about its cart, no revenue"
    BOUGHT = "a purchase"
    VOID = "cancelled, wholly refunded or in the trash"


_STANDINGS: Final = {
    "checkout-draft": Standing.DRAFT,
    "auto-draft": Standing.DRAFT,
    "draft": Standing.DRAFT,
    "new": Standing.DRAFT,
    "pending": Standing.OPEN,
    "on-hold": Standing.OPEN,
    "failed": Standing.OPEN,
    "processing": Standing.BOUGHT,
    "completed": Standing.BOUGHT,
    "cancelled": Standing.VOID,
    "refunded": Standing.VOID,
    "trash": Standing.VOID,
}


def standing_of(body: Body) -> Standing:
    """Classify an order. A status that a plugin invented counts as bought once the order was paid."""
    status = body.need_text("status").removeprefix("wc-")
    found = _STANDINGS.get(status)
    if found is not None:
        return found
    return Standing.BOUGHT if body.text("date_paid_gmt") else Standing.OPEN


def order_of(body: Body) -> Order:
    """Read an order that was bought or is void; a draft is never given to this function."""
    currency, standing = body.need_currency("currency"), standing_of(body)
    number = body.need_id("id")
    updated_at = need_gmt(body, "date_modified_gmt")
    is_anonymised = is_anonymised_order(body)
    return Order(
        platform_order_id=number,
        name=f"#{body.text('number') or number}",
        placed_at=_placed_at(body, updated_at),
        source_updated_at=updated_at,
        total=body.need_money("total", currency),
        lines=_lines(body, currency),
        platform_customer_id=None if is_anonymised else body.id("customer_id"),
        email=None if is_anonymised else _address(body.child("billing")),
        cart_token=cart_token_of(body),
        checkout_token=draft_token(number),
        cancelled_at=updated_at if standing is Standing.VOID else None,
        landing_path=_landing_path(body),
        is_anonymised=is_anonymised,
        consent=None if is_anonymised else consent_of(body),
    )


def cart_of_draft(body: Body, store_url: str) -> Cart:
    """Read a checkout-draft, or an order that waits for its money: both are the cart they came from.

    The draft's id stays when it is placed, so the order closes the cart by `checkout_token`.
    """
    currency, number = body.need_currency("currency"), body.need_id("id")
    updated_at = need_gmt(body, "date_modified_gmt")
    created_at = gmt(body, "date_created_gmt")
    lines = _lines(body, currency)
    is_draft = standing_of(body) is Standing.DRAFT
    is_anonymised = is_anonymised_order(body)
    return Cart(
        cart_token=cart_token_of(body) or draft_token(number),
        checkout_token=draft_token(number),
        source_updated_at=updated_at,
        created_at=created_at,
        lines=lines,
        is_checkout=True,
        currency=currency,
        total=body.need_money("total", currency),
        email=None if is_anonymised else _address(body.child("billing")),
        platform_customer_id=None if is_anonymised else body.id("customer_id"),
        recovery_url=_refill(body.text("version"), store_url, lines) if is_draft else None,
        completed_at=None if is_draft else _placed_at(body, updated_at),
        is_typed=is_draft,
        consent=None if is_anonymised else consent_of(body),
    )


def cart_of_plugin(body: Body, store_url: str) -> Cart:
    """Read the companion plugin's cart topic: a cart before any checkout, with an address once one is known."""
    currency = body.need_currency("currency")
    token = body.need_text("cart_token")
    if not _TOKEN.match(token):
        raise body.refuse("cart_token", "not a token of 16 to 128 letters, digits, - and _")
    lines = tuple(_plugin_line(line, currency) for line in body.children("items"))
    email = _address(body)
    customer = body.id("customer_id")
    return Cart(
        cart_token=token,
        source_updated_at=body.need_time("updated_at"),
        lines=lines,
        is_checkout=email is not None,
        currency=currency,
        total=body.money("total", currency),
        email=email,
        platform_customer_id=customer,
        recovery_url=within(store_url, body.url("restore_url")),
        locale=body.text("locale"),
        is_typed=email is not None,
        consent=consent_of(body) if email else None,
    )


def customer_of(body: Body) -> Customer | None:
    """Read an account; None for staff. Guests never have one: they are known by their orders' address."""
    if body.text("role") not in _BUYERS:
        return None
    return Customer(
        platform_customer_id=body.need_id("id"),
        source_updated_at=gmt(body, "date_modified_gmt") or need_gmt(body, "date_created_gmt"),
        email=_address(body),
        first_name=plain(body.text("first_name")) or None,
        country=body.child("billing").text("country"),
        created_at=gmt(body, "date_created_gmt"),
        consent=consent_of(body),
    )


def consent_of(body: Body) -> Consent | None:
    """The permission the plugin noted: `subscribed 2026-11-21T10:00:00Z`. WooCommerce itself has none."""
    state, _, at = (meta(body, CONSENT_META) or body.text("consent") or "").partition(" ")
    if state not in (ConsentState.SUBSCRIBED, ConsentState.UNSUBSCRIBED):
        return None
    changed_at = parse_time(at)
    return Consent(state=ConsentState(state), changed_at=changed_at) if changed_at else None


def is_anonymised_order(body: Body) -> bool:
    """Whether WordPress's own erasure went over this order: `deleted@site.invalid` (measured)."""
    address = body.child("billing").text("email") or ""
    return meta(body, "_anonymized") == "yes" or address.lower() == "deleted@site.invalid"


def draft_token(number: str) -> str:
    """The name under which an order's id stands where other platforms have a checkout's token."""
    return f"order-{number}"


def order_id_of(checkout_token: str | None) -> str | None:
    found = (checkout_token or "").removeprefix("order-")
    return found if found.isascii() and found.isdigit() and found != checkout_token else None


def gmt(body: Body, name: str) -> datetime | None:
    """A `…_gmt` moment: written without a zone, and in UTC (measured)."""
    return None if body.text(name) is None else need_gmt(body, name)


def need_gmt(body: Body, name: str) -> datetime:
    text = body.need_text(name)
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise body.refuse(name, f"{text[:40]!a} is not a moment") from None
    if at.year == MAXYEAR:  # a day later there is no calendar
        raise body.refuse(name, f"{text[:40]!a} is the end of time")
    return at


def plain(text: str | None) -> str:
    """A name as plain text: shops keep HTML and entities in names, and shoppers type them (both measured)."""
    return " ".join(html.unescape(_TAG.sub("", text or "")).replace("\x00", "").split())[:500]


def has_checkout_link(version: str | None) -> bool:
    found = _VERSION.match(version or "")
    return found is not None and int(found[1]) >= _FIRST_WITH_CHECKOUT_LINK


def _refill(version: str | None, store_url: str, lines: tuple[LineItem, ...]) -> str | None:
    """Core's link that brings the whole cart back; None where core has none: the plugin's may be known then."""
    pairs = [(line.platform_variant_id, line.quantity) for line in lines if line.platform_variant_id]
    return checkout_link(store_url, pairs) if pairs and has_checkout_link(version) else None


def _placed_at(body: Body, updated_at: datetime) -> datetime:
    """When the shopper pressed the button.

    An order of the block checkout was created as a draft, up to a day before; nothing in it says when it was
    placed but its payment, and failing that its last change.
    """
    created_at = need_gmt(body, "date_created_gmt")
    if body.text("created_via") != "store-api":
        return created_at
    latest = created_at + LIFE_OF_A_DRAFT
    return max(created_at, min(gmt(body, "date_paid_gmt") or updated_at, updated_at, latest))


def _lines(body: Body, currency: str) -> tuple[LineItem, ...]:
    has_tax = body.flag("prices_include_tax")
    return tuple(_line(line, currency, has_tax) for line in body.children("line_items"))


def _line(line: Body, currency: str, has_tax: bool) -> LineItem:
    """`price` is a binary float and without tax; the line's own sums, as the shop writes its prices, are exact."""
    quantity = _quantity(line)
    amount = line.need_money("subtotal", currency).amount
    if has_tax:
        tax = line.money("subtotal_tax", currency)
        amount += tax.amount if tax else 0
    product = line.id("product_id")
    return LineItem(
        platform_product_id=product,
        platform_variant_id=line.id("variation_id") or product,
        title=plain(line.text("parent_name") or line.text("name")),
        quantity=quantity,
        unit_price=_share(amount, quantity, currency),
        list_id=_list_id(line),
    )


def _plugin_line(line: Body, currency: str) -> LineItem:
    quantity, product = _quantity(line), line.id("product_id")
    return LineItem(
        platform_product_id=product,
        platform_variant_id=line.id("variation_id") or product,
        title=plain(line.text("name")),
        quantity=quantity,
        unit_price=_share(line.need_money("line_total", currency).amount, quantity, currency),
        list_id=_list_id(line),
    )


def _quantity(line: Body) -> int:
    """How many; a part of one (sold by weight, with a plugin) counts as one."""
    value = line.fields.get("quantity")
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not 0 <= value <= _MAX_QUANTITY:
        raise line.refuse("quantity", "no count")
    return int(value) if value == int(value) else max(1, int(value))


def _share(amount: int, quantity: int, currency: str) -> Money:
    each = Decimal(amount) / quantity if quantity else Decimal(amount)
    return Money(int(each.quantize(Decimal(1), rounding=ROUND_HALF_UP)), currency.upper())


def _address(body: Body) -> str | None:
    """An address somebody can be written to: `.invalid` never is (RFC 2606)."""
    found = body.email("email")
    return None if found is None or found.lower().endswith(".invalid") else found


def cart_token_of(body: Body) -> str | None:
    found = meta(body, CART_TOKEN_META)
    return found if found and _TOKEN.match(found) else None


def _list_id(line: Body) -> str | None:
    found = line.text("list_id") or meta(line, LIST_META)
    return found if found and len(found) <= MAX_LIST_ID_CHARACTERS and found.isprintable() else None


def _landing_path(body: Body) -> str | None:
    """Where the buyer's visit began, with its campaign and nothing else: core adds a session's token there.

    Core tells the campaign apart as well, and there alone where it came with a later page of the visit.
    """
    try:
        parts = urlsplit(meta(body, _ENTRY_META) or "")
        campaign = {name: value for name, value in parse_qsl(parts.query) if name.startswith("utm_")}
    except ValueError:
        return None
    for name, value in _pairs(body):
        if isinstance(name, str) and name.startswith(_CAMPAIGN_META) and isinstance(value, str):
            campaign[name.removeprefix(_ATTRIBUTION_META)] = value
    if not parts.path.startswith("/"):
        return f"/?{urlencode(campaign)}"[:2_000] if campaign else None
    return f"{parts.path}{'?' + urlencode(campaign) if campaign else ''}"[:2_000]


def meta(body: Body, key: str) -> str | None:
    return next((value for name, value in _pairs(body) if name == key and isinstance(value, str)), None)


def _pairs(body: Body) -> Iterator[tuple[Any, Any]]:
    metas = body.fields.get("meta_data")
    if isinstance(metas, list):
        yield from ((meta.get("key"), meta.get("value")) for meta in metas if isinstance(meta, dict))
