"""Stops mails whose reason is gone: bought, unsubscribed, shop left. It never starts one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, text

from app.domain.consent import Scope
from app.domain.reasons import Reason
from app.services import consenting


def stop_for_order(
    connection: Connection,
    shop_id: int,
    *,
    cart_token: str | None,
    checkout_token: str | None,
    email_hash: bytes | None,
    platform_customer_id: str | None,
    placed_at: datetime,
    now: datetime,
) -> int:
    """An order was placed: close its cart and stop what is planned about it; returns how many mails that was.

    In the caller's transaction, in this order: the cart becomes ordered; then the waiting mails of this cart,
    and of this person about anything that began before the order, are locked, skipped and their enrolments
    ended. A hand-over under way holds that lock, so it is over before this goes on. An old order, told late,
    stops nothing that began after it.
    """
    values = {
        "shop_id": shop_id,
        "cart_token": cart_token,
        "checkout_token": checkout_token,
        "email_hash": email_hash,
        "customer": platform_customer_id,
        "placed_at": placed_at,
    }
    connection.execute(_CLOSE_CART, values)
    return _skip(
        connection,
        shop_id,
        connection.execute(_LOCK_ABOUT_ORDER, values).scalars().all(),
        Reason.ORDERED,
        now,
    )


def stop_everything(connection: Connection, shop_id: int, now: datetime) -> int:
    """The shop has left: skip all that waits; returns how many mails that was."""
    waiting = connection.execute(_LOCK_ALL, {"shop_id": shop_id}).scalars().all()
    return _skip(connection, shop_id, waiting, Reason.SHOP_DISCONNECTED, now)


def unsubscribe(
    connection: Connection, shop_id: int, message_id: int, now: datetime, scope: Scope = Scope.ALL
) -> None:
    """The person this message went to wants no more. A message whose person was erased changes nothing."""
    email_hash = recipient_of(connection, shop_id, message_id)
    if email_hash is not None:
        consenting.suppress(connection, shop_id, email_hash, scope, consenting.UNSUBSCRIBED, now)


def resubscribe(connection: Connection, shop_id: int, message_id: int) -> None:
    """The person takes back their own no; a dead address stays suppressed."""
    email_hash = recipient_of(connection, shop_id, message_id)
    if email_hash is not None:
        consenting.lift(connection, shop_id, email_hash, list(Scope))


def set_preferences(
    connection: Connection, shop_id: int, message_id: int, wanted: Collection[Scope], now: datetime
) -> None:
    """Let this person have the flows in `wanted` and no others. A dead address stays suppressed."""
    email_hash = recipient_of(connection, shop_id, message_id)
    if email_hash is None:
        return
    flows = (Scope.ABANDONED_CART, Scope.WIN_BACK)
    consenting.lift(connection, shop_id, email_hash, list(Scope))
    unwanted = [flow for flow in flows if flow not in wanted]
    for scope in [Scope.ALL] if len(unwanted) == len(flows) else unwanted:
        consenting.suppress(connection, shop_id, email_hash, scope, consenting.UNSUBSCRIBED, now)


def preferences(connection: Connection, shop_id: int, message_id: int) -> frozenset[Scope]:
    """The flows this person lets us send. For somebody who was erased: none."""
    email_hash = recipient_of(connection, shop_id, message_id)
    if email_hash is None:
        return frozenset()
    unwanted = consenting.suppressed_scopes(connection, shop_id, email_hash)
    flows = (Scope.ABANDONED_CART, Scope.WIN_BACK)
    return frozenset(flow for flow in flows if flow not in unwanted and Scope.ALL not in unwanted)


def recipient_of(connection: Connection, shop_id: int, message_id: int) -> bytes | None:
    """The hash of the address a message went to; None for one that is unknown or erased."""
    found = connection.execute(_RECIPIENT, {"shop_id": shop_id, "message_id": message_id}).scalar()
    return bytes(found) if found is not None else None


def _skip(
    connection: Connection, shop_id: int, message_ids: Collection[int], reason: Reason, now: datetime
) -> int:
    if not message_ids:
        return 0
    values = {"shop_id": shop_id, "ids": list(message_ids), "reason": reason.value, "now": now}
    return connection.execute(_SKIP, values).rowcount


_CLOSE_CART = text("""
    UPDATE carts SET state = 'ordered', ordered_at = :placed_at
    WHERE shop_id = :shop_id AND state <> 'ordered'
      AND (cart_token = :cart_token OR checkout_token = :checkout_token)""")

# A cart began with its first line; an absence with the day after the last order (its subject's last part).
_LOCK_ABOUT_ORDER = text("""
    SELECT m.message_id FROM messages m
    JOIN enrolments e ON e.shop_id = m.shop_id AND e.enrolment_id = m.enrolment_id
    LEFT JOIN carts c ON c.shop_id = e.shop_id AND c.cart_id = e.cart_id
    LEFT JOIN customers p ON p.shop_id = e.shop_id AND p.customer_id = e.customer_id
    WHERE m.shop_id = :shop_id AND m.state IN ('planned', 'claimed')
      AND (c.cart_token = :cart_token OR c.checkout_token = :checkout_token
           OR ((m.email_hash = :email_hash OR c.email_hash = :email_hash
                OR c.platform_customer_id = :customer OR p.platform_customer_id = :customer)
               AND CASE WHEN e.cart_id IS NOT NULL THEN coalesce(c.created_at <= :placed_at, true)
                        ELSE floor(extract(epoch FROM CAST(:placed_at AS timestamptz)) / 86400)
                             > split_part(e.subject, ':', 3)::bigint END))
    ORDER BY m.message_id FOR UPDATE OF m""")

_LOCK_ALL = text("""
    SELECT message_id FROM messages WHERE shop_id = :shop_id AND state IN ('planned', 'claimed')
    ORDER BY message_id FOR UPDATE""")

_SKIP = text("""
    WITH stopped AS (
        UPDATE messages SET state = 'skipped', reason = :reason, decided_at = :now
        WHERE shop_id = :shop_id AND message_id = ANY(:ids) AND state IN ('planned', 'claimed')
        RETURNING enrolment_id)
    UPDATE enrolments SET state = 'ended'
    WHERE shop_id = :shop_id AND enrolment_id IN (SELECT enrolment_id FROM stopped)""")

_RECIPIENT = text("SELECT email_hash FROM messages WHERE shop_id = :shop_id AND message_id = :message_id")
