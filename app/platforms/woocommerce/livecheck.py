"""Asks a WooCommerce shop, just before a mail goes out, whether its reader has ordered meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from app.platforms.base import CartRef, UnreadableError
from app.platforms.fields import Body
from app.platforms.woocommerce import readings
from app.platforms.woocommerce.readings import Standing
from app.platforms.woocommerce.rest import NotFoundError, Rest, changed_since

_FIELDS: Final = "id,status,currency,date_created_gmt,date_paid_gmt,customer_id,billing,meta_data"

# The shop's clock and ours may differ.
_MARGIN: Final = timedelta(minutes=10)
# Older purchases are known from webhooks and from the looks between them; the live check closes the gap.
_WINDOW: Final = timedelta(hours=24)


def has_ordered(rest: Rest, cart: CartRef, since: datetime) -> bool:
    """Whether this cart, or its person since then, has ordered; every doubt counts as a purchase.

    Any order that is more than a draft counts, unpaid and cancelled ones too; one that was surely placed
    before counts only if it is of this very cart: it is sent on its way, and changes, days later. Looks back
    a day at most: what is older has long been told by webhooks and looks.
    """
    number = readings.order_id_of(cart.checkout_token)
    if number is not None and _is_placed(rest, number):
        return True
    since -= _MARGIN
    query = {**changed_since(max(since, datetime.now(UTC) - _WINDOW)), "_fields": _FIELDS}
    return any(_is_theirs(Body(row), cart, since) for row in rest.pages("wc/v3/orders", query))


def _is_placed(rest: Rest, number: str) -> bool:
    try:
        row = rest.one(f"wc/v3/orders/{number}", {"_fields": "id,status,date_paid_gmt"})
    except NotFoundError:
        return False  # the draft was tidied away
    return _is_order(Body(row))


def _is_order(body: Body) -> bool:
    try:
        return readings.standing_of(body) is not Standing.DRAFT
    except UnreadableError:
        return True


def _is_theirs(body: Body, cart: CartRef, since: datetime) -> bool:
    if not _is_order(body):
        return False
    token = readings.cart_token_of(body)
    if token is not None and token == cart.cart_token:
        return True
    if _is_from_before(body, since):
        return False
    customer = body.id("customer_id")
    if customer is not None and customer == cart.platform_customer_id:
        return True
    email = body.child("billing").email("email")
    return email is not None and cart.email is not None and email.casefold() == cart.email.strip().casefold()


def _is_from_before(body: Body, since: datetime) -> bool:
    """Whether an order was surely placed before then: at its latest, as long after it was begun as drafts live."""
    try:
        placed_by = readings.need_gmt(body, "date_created_gmt") + readings.LIFE_OF_A_DRAFT
        return max(placed_by, readings.gmt(body, "date_paid_gmt") or placed_by) < since
    except UnreadableError:
        return False
