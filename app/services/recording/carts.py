"""Stores begun purchases: a cart and its checkout meet in one row, in whichever order they arrive."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, text

from app.domain.events import Cart, LineItem
from app.services.hashing import Hasher, normalise_email
from app.services.recording.erased import erased_subjects


def hold_carts(connection: Connection, shop_id: int, tokens: Iterable[str | None]) -> None:
    """Let one transaction at a time decide about these carts.

    A cart and its order may be carried out at the same moment by two workers; without this neither would see
    the other's row, and the cart would stay open. Held in one order everywhere, until the transaction ends.
    """
    wanted = sorted({token for token in tokens if token})
    if wanted:
        connection.execute(_HOLD, {"shop_id": str(shop_id), "tokens": wanted})


def record_cart(connection: Connection, hasher: Hasher, shop_id: int, cart: Cart) -> int | None:
    """Upsert a cart; return its id when it really changed.

    Carts and checkouts carry versions of their own: an older cart never undoes a newer cart, an older
    checkout never a newer checkout, and the lines are those of the younger of the two. Platforms count in
    seconds: of two checkouts of one second that differ, the one told last holds. A cart whose order
    has already arrived is `ordered` from the start. An erased person's cart is kept without them.
    """
    if _is_of_erased(hasher, shop_id, cart, erased_subjects(connection, shop_id)):
        cart = replace(cart, email=None, platform_customer_id=None, recovery_url=None)
    hold_carts(connection, shop_id, (cart.cart_token, cart.checkout_token))
    cart = _join(connection, shop_id, cart)
    email = normalise_email(cart.email) if cart.email else None
    email_hash = hasher.email(shop_id, email) if email else None
    values = _values(cart, email, email_hash) | {"shop_id": shop_id}
    cart_id = connection.execute(_UPSERT_CHECKOUT if cart.is_checkout else _UPSERT_CART, values).scalar()
    if cart_id is not None:
        connection.execute(_CLOSE_IF_ORDERED, {"shop_id": shop_id, "cart_id": cart_id})
    return cart_id


def _join(connection: Connection, shop_id: int, cart: Cart) -> Cart:
    """Let a checkout that was told before its cart, or without it, be the one cart they are.

    Where a platform names no cart, the checkout's token stands in its place. Once the cart's own is known, the row
    takes its name; where the cart has a row already, the other one is put away, so that nobody is reminded twice.
    """
    if cart.checkout_token is None:
        return cart
    values = {"shop_id": shop_id, "checkout": cart.checkout_token, "token": cart.cart_token}
    if cart.cart_token == cart.checkout_token:
        named = connection.execute(_NAMED, values).scalar()
        return replace(cart, cart_token=named) if named else cart
    if connection.execute(_ADOPT, values).rowcount:
        connection.execute(_PUT_AWAY, values)
    else:
        connection.execute(_RENAME, values)
    return cart


def remove_cart(connection: Connection, shop_id: int, cart_token: str) -> None:
    """The platform deleted this checkout. An order may have come of it, so only an open cart is closed."""
    connection.execute(
        text("""
            UPDATE carts SET state = 'removed', email = NULL, lines = '[]'
            WHERE shop_id = :shop_id AND (cart_token = :token OR checkout_token = :token) AND state = 'open'"""),
        {"shop_id": shop_id, "token": cart_token},
    )


def _is_of_erased(hasher: Hasher, shop_id: int, cart: Cart, erased: frozenset[bytes]) -> bool:
    """Whether any name in the cart belongs to somebody who was erased; a new address does not bring them back."""
    names = [hasher.email(shop_id, cart.email)] if cart.email else []
    if cart.platform_customer_id:
        names.append(hasher.customer(shop_id, cart.platform_customer_id))
    return not erased.isdisjoint(names)


def _values(cart: Cart, email: str | None, email_hash: bytes | None) -> dict[str, Any]:
    return {
        "cart_token": cart.cart_token,
        "checkout_token": cart.checkout_token,
        "email": email,
        "email_hash": email_hash,
        "platform_customer_id": cart.platform_customer_id,
        "lines": json.dumps([_line(line) for line in cart.lines]),
        "currency": cart.currency,
        "total": cart.total.amount if cart.total else None,
        "recovery_url": cart.recovery_url,
        "locale": cart.locale,
        "created_at": cart.created_at or cart.source_updated_at,
        "updated_at": cart.source_updated_at,
        "completed_at": cart.completed_at,
    }


def _line(line: LineItem) -> dict[str, Any]:
    return {
        "product": line.platform_product_id,
        "variant": line.platform_variant_id,
        "title": line.title,
        "quantity": line.quantity,
        "unit_price": line.unit_price.amount,
        "currency": line.unit_price.currency,
        "list_id": line.list_id,
    }


# What a plain cart may bring beside its lines (WooCommerce's plugin does) never takes the place of a newer checkout's.
_UPSERT_CART = text("""
    INSERT INTO carts AS known (shop_id, cart_token, platform_customer_id, lines, currency, total, recovery_url,
        locale, created_at, last_activity_at, cart_updated_at)
    VALUES (:shop_id, :cart_token, :platform_customer_id, CAST(:lines AS jsonb), :currency, :total,
        :recovery_url, :locale, :created_at, :updated_at, :updated_at)
    ON CONFLICT (shop_id, cart_token) DO UPDATE
    SET (lines, currency, total, recovery_url) = (
            SELECT CASE WHEN is_older THEN known.lines ELSE excluded.lines END,
                   CASE WHEN is_older THEN coalesce(known.currency, excluded.currency)
                        ELSE coalesce(excluded.currency, known.currency) END,
                   CASE WHEN is_older THEN coalesce(known.total, excluded.total)
                        ELSE coalesce(excluded.total, known.total) END,
                   CASE WHEN is_older THEN coalesce(known.recovery_url, excluded.recovery_url)
                        ELSE coalesce(excluded.recovery_url, known.recovery_url) END
            FROM (SELECT coalesce(known.checkout_updated_at > excluded.cart_updated_at, false) AS is_older) AS age),
        platform_customer_id = coalesce(known.platform_customer_id, excluded.platform_customer_id),
        locale = coalesce(known.locale, excluded.locale),
        created_at = least(known.created_at, excluded.created_at),
        last_activity_at = greatest(known.last_activity_at, excluded.last_activity_at),
        cart_updated_at = excluded.cart_updated_at
    WHERE known.cart_updated_at IS NULL OR excluded.cart_updated_at > known.cart_updated_at
    RETURNING cart_id""")

_UPSERT_CHECKOUT = text("""
    INSERT INTO carts AS known (shop_id, cart_token, checkout_token, email, email_hash, platform_customer_id,
        lines, currency, total, recovery_url, locale, state, created_at, last_activity_at,
        checkout_updated_at, ordered_at)
    VALUES (:shop_id, :cart_token, :checkout_token, :email, :email_hash, :platform_customer_id,
        CAST(:lines AS jsonb), :currency, :total, :recovery_url, :locale,
        CASE WHEN CAST(:completed_at AS timestamptz) IS NULL THEN 'open' ELSE 'ordered' END,
        :created_at, :updated_at, :updated_at, :completed_at)
    ON CONFLICT (shop_id, cart_token) DO UPDATE
    SET checkout_token = coalesce(excluded.checkout_token, known.checkout_token), email = excluded.email,
        email_hash = excluded.email_hash,
        platform_customer_id = excluded.platform_customer_id,
        lines = CASE WHEN known.cart_updated_at > excluded.checkout_updated_at THEN known.lines
                     ELSE excluded.lines END,
        currency = excluded.currency, total = excluded.total,
        recovery_url = coalesce(excluded.recovery_url, known.recovery_url),
        locale = coalesce(excluded.locale, known.locale),
        state = CASE WHEN excluded.ordered_at IS NOT NULL THEN 'ordered' ELSE known.state END,
        ordered_at = coalesce(known.ordered_at, excluded.ordered_at),
        created_at = least(known.created_at, excluded.created_at),
        last_activity_at = greatest(known.last_activity_at, excluded.last_activity_at),
        checkout_updated_at = excluded.checkout_updated_at
    WHERE known.checkout_updated_at IS NULL OR excluded.checkout_updated_at > known.checkout_updated_at
       OR (excluded.checkout_updated_at = known.checkout_updated_at
           AND ((excluded.email_hash, excluded.total) IS DISTINCT FROM (known.email_hash, known.total)
                OR (excluded.ordered_at IS NOT NULL AND known.ordered_at IS NULL)))
    RETURNING cart_id""")

_NAMED = text("""
    SELECT cart_token FROM carts
    WHERE shop_id = :shop_id AND checkout_token = :checkout AND cart_token <> :checkout
    ORDER BY cart_id LIMIT 1""")

# Whichever of the two is the newer, they belong together.
_ADOPT = text("""
    UPDATE carts SET checkout_token = coalesce(checkout_token, :checkout)
    WHERE shop_id = :shop_id AND cart_token = :token""")

_RENAME = text("""
    UPDATE carts SET cart_token = :token
    WHERE shop_id = :shop_id AND cart_token = :checkout AND checkout_token = :checkout""")

_PUT_AWAY = text("""
    UPDATE carts SET state = 'removed', email = NULL, email_hash = NULL, lines = '[]', recovery_url = NULL
    WHERE shop_id = :shop_id AND cart_token = :checkout AND checkout_token = :checkout AND state = 'open'""")

_HOLD = text("""
    SELECT pg_advisory_xact_lock(hashtextextended(:shop_id || '|' || token, 0))
    FROM unnest(CAST(:tokens AS text[])) AS token""")

# An order may overtake the last update of its own checkout.
_CLOSE_IF_ORDERED = text("""
    UPDATE carts SET state = 'ordered', ordered_at = orders.placed_at
    FROM orders
    WHERE carts.shop_id = :shop_id AND carts.cart_id = :cart_id AND carts.state = 'open'
      AND orders.shop_id = :shop_id AND orders.removed_at IS NULL
      AND (orders.cart_token = carts.cart_token OR orders.checkout_token = carts.checkout_token)""")
