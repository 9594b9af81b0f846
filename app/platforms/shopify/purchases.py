"""Decides whether any of a shop's recent orders is this cart's or this person's; pure.

A missed purchase sends a mail to someone who has bought, so every doubt counts as a purchase.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.platforms.base import CartRef
from app.platforms.fields import parse_time
from app.platforms.shopify.names import cart_key, id_of

# Shopify's clock and ours may differ, and an order's time is that of its checkout's beginning in some channels.
_MARGIN: Final = timedelta(minutes=10)
_SEARCHED: Final = ("byCart", "byCheckout", "byCustomer", "byEmail")


def search_of(cart: CartRef, since: datetime) -> dict[str, Any]:
    """The variables of `recent_orders`: one filter per name the purchase may be known by."""
    after = f"created_at:>={quoted((since - _MARGIN).astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ'))}"
    return {
        "byCart": f"cart_token:{quoted(cart_key(cart.cart_token or '-'))}",
        "byCheckout": f"checkout_token:{quoted(cart.checkout_token or '-')}",
        "byCustomer": f"customer_id:{cart.platform_customer_id or '0'} {after}",
        "byEmail": f"email:{quoted(cart.email or '-')} {after}",
        "hasCart": bool(cart.cart_token),  # a person who stayed away left no cart
        "hasCheckout": cart.checkout_token is not None,
        "hasCustomer": cart.platform_customer_id is not None,
        "hasEmail": cart.email is not None,
    }


def is_purchased(found: Mapping[str, Any], cart: CartRef, since: datetime) -> bool:
    """Whether the answer to `recent_orders` shows a purchase."""
    return any(
        _is_theirs(order, cart, since - _MARGIN) or (name in _SEARCHED and _is_anonymous(order))
        for name in (*_SEARCHED, "newest")
        for order in _orders(found.get(name))
    )


def quoted(text: str) -> str:
    """A text as one term of Shopify's search syntax."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _orders(page: Any) -> list[Mapping[str, Any]]:
    nodes = page.get("nodes") if isinstance(page, dict) else None
    return [node for node in nodes if isinstance(node, dict)] if isinstance(nodes, list) else []


def _is_theirs(order: Mapping[str, Any], cart: CartRef, since: datetime) -> bool:
    if _same_token(order.get("cartToken"), cart.cart_token):
        return True
    if _same_token(order.get("checkoutToken"), cart.checkout_token):
        return True
    if not _is_since(order, since):
        return False
    customer, email = order.get("customer"), order.get("email")
    customer_id = id_of(customer.get("id"), "Customer") if isinstance(customer, dict) else None
    if customer_id is not None and customer_id == cart.platform_customer_id:
        return True
    if not isinstance(email, str) or not cart.email:
        return False
    return email.strip().casefold() == cart.email.strip().casefold()


def _is_anonymous(order: Mapping[str, Any]) -> bool:
    """The shop found it by a name of ours and shows none of its own: this app is not approved to see them.

    Searches are compared with what they find, because a filter Shopify does not know matches every order.
    """
    return not any(order.get(name) for name in ("cartToken", "checkoutToken", "customer", "email"))


def _same_token(theirs: Any, ours: str | None) -> bool:
    return isinstance(theirs, str) and bool(ours) and cart_key(theirs) == cart_key(ours or "")


def _is_since(order: Mapping[str, Any], since: datetime) -> bool:
    texts = [order.get(name) for name in ("createdAt", "processedAt")]
    moments = [parse_time(text) for text in texts if isinstance(text, str)]
    return not moments or any(at is None or at >= since for at in moments)
