"""Finds who a flow should write to and plans one message each; whether it goes out is decided when it is due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, RowMapping, text

from app.domain.flows import FlowKind
from app.domain.lapse import has_just_lapsed, lapses_at, longest_wait
from app.domain.policy import WinBackPolicy
from app.services.context import Context
from app.services.messaging import ledger
from app.services.messaging.ledger import Planned
from app.services.messaging.scene import absence_subject
from app.services.messaging.settings import is_active
from app.services.shops import get_shop

log = structlog.get_logger()

# Carts planned in one transaction; the next run takes the rest.
_MAX_CARTS = 500

# Customers read at a time: with their order times about 2 MB.
_ROWS_AT_A_TIME = 5000


def plan_abandoned_carts(context: Context, shop_id: int, now: datetime) -> int:
    """Plan a message for every cart that has just gone cold; returns how many.

    A cart is planned once in its life. One that was used again after it was planned moves its message on.
    """
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
        if shop.state != "connected" or not is_active(connection, shop_id, FlowKind.ABANDONED_CART):
            return 0
        policy = shop.policy.cart
        wait = timedelta(minutes=policy.wait_minutes)
        values = {
            "shop_id": shop_id,
            "wait": wait,
            "idle_since": now - wait,
            "not_before": now - timedelta(hours=policy.give_up_after_hours),
            "limit": _MAX_CARTS,
        }
        connection.execute(_MOVE_ON, values)
        rows = connection.execute(_COLD_CARTS, values).mappings().all()
        planned = [ledger.plan(connection, shop_id, _of_cart(row, wait), now) for row in rows]
    return _count("abandoned_cart", shop_id, planned)


def plan_win_backs(context: Context, shop_id: int, now: datetime) -> int:
    """Plan a message for customers who have just lapsed, up to the day's allowance; returns how many.

    Those who lapsed first come first, as they leave the window first. Who gave no permission, or was here
    before the flow's window, is left out and does not use the allowance up.
    """
    with context.db.shop(shop_id) as connection:
        shop = get_shop(connection, shop_id)
        if shop.state != "connected" or not is_active(connection, shop_id, FlowKind.WIN_BACK):
            return 0
        policy = shop.policy.win_back
        n_left = policy.max_per_day - _n_planned_last_day(connection, shop_id, now)
        if n_left <= 0:
            return 0
        lapsed = sorted(_just_lapsed(connection, shop_id, policy, now), key=lambda person: person.lapsed_at)
        planned = [
            ledger.plan(connection, shop_id, _of_person(person, now), now) for person in lapsed[:n_left]
        ]
    return _count("win_back", shop_id, planned)


def _count(flow: str, shop_id: int, planned: list[int | None]) -> int:
    n_planned = sum(message_id is not None for message_id in planned)
    if n_planned:
        log.info("messages_planned", shop_id=shop_id, flow=flow, n_messages=n_planned)
    return n_planned


def _of_cart(row: RowMapping, wait: timedelta) -> Planned:
    return Planned(
        flow=FlowKind.ABANDONED_CART,
        subject=f"cart:{row['cart_id']}",
        cart_id=row["cart_id"],
        email=row["email"],
        email_hash=bytes(row["email_hash"]),
        due_at=row["last_activity_at"] + wait,
    )


@dataclass(frozen=True, slots=True)
class _Lapsed:
    """Somebody past their own rhythm."""

    customer_id: int
    email: str
    email_hash: bytes
    last_order_at: datetime
    lapsed_at: datetime


def _of_person(person: _Lapsed, now: datetime) -> Planned:
    return Planned(
        flow=FlowKind.WIN_BACK,
        subject=absence_subject(person.customer_id, person.last_order_at),
        customer_id=person.customer_id,
        email=person.email,
        email_hash=person.email_hash,
        due_at=now,
    )


def _just_lapsed(
    connection: Connection, shop_id: int, policy: WinBackPolicy, now: datetime
) -> Iterator[_Lapsed]:
    """Who may be written to and has just lapsed. A large shop's silent customers pass by; few are kept."""
    values = {
        "shop_id": shop_id,
        "silent_since": now - timedelta(days=policy.min_days),
        "not_before": now - longest_wait(policy) - timedelta(days=policy.window_days),
    }
    rows = connection.execute(_SILENT_CUSTOMERS, values, execution_options={"yield_per": _ROWS_AT_A_TIME})
    for row in rows.mappings():
        lapsed_at = lapses_at(row["ordered_at"], policy)
        if lapsed_at is not None and has_just_lapsed(row["ordered_at"], policy, now):
            yield _Lapsed(
                row["customer_id"],
                row["email"],
                bytes(row["email_hash"]),
                max(row["ordered_at"]),
                lapsed_at,
            )


def _n_planned_last_day(connection: Connection, shop_id: int, now: datetime) -> int:
    values = {"shop_id": shop_id, "day_ago": now - timedelta(days=1)}
    return int(connection.execute(_N_PLANNED, values).scalar_one())


# Only whoever could still be mailed is looked at: a cart known to the flow is never planned again.
_COLD_CARTS = text("""
    SELECT c.cart_id, c.email, c.email_hash, c.last_activity_at FROM carts c
    WHERE c.shop_id = :shop_id AND c.state = 'open' AND c.email IS NOT NULL AND c.email_hash IS NOT NULL
      AND c.lines <> '[]'::jsonb AND c.last_activity_at <= :idle_since AND c.last_activity_at > :not_before
      AND NOT EXISTS (SELECT 1 FROM enrolments e WHERE e.shop_id = c.shop_id AND e.flow = 'abandoned_cart'
                        AND e.subject = 'cart:' || c.cart_id)
    ORDER BY c.last_activity_at LIMIT :limit""")

_MOVE_ON = text("""
    UPDATE messages m SET due_at = c.last_activity_at + :wait
    FROM enrolments e JOIN carts c ON c.shop_id = e.shop_id AND c.cart_id = e.cart_id
    WHERE m.shop_id = :shop_id AND e.shop_id = :shop_id AND e.enrolment_id = m.enrolment_id
      AND m.state = 'planned' AND m.flow = 'abandoned_cart' AND c.state = 'open'
      AND m.due_at < c.last_activity_at + :wait""")

_N_PLANNED = text("""
    SELECT count(*) FROM enrolments
    WHERE shop_id = :shop_id AND flow = 'win_back' AND created_at > :day_ago""")

_SILENT_CUSTOMERS = text("""
    SELECT p.customer_id, p.email, p.email_hash, array_agg(o.placed_at) AS ordered_at
    FROM customers p
    JOIN orders o ON o.shop_id = p.shop_id AND o.platform_customer_id = p.platform_customer_id
      AND o.cancelled_at IS NULL AND o.removed_at IS NULL AND NOT o.is_test
    WHERE p.shop_id = :shop_id AND p.removed_at IS NULL AND p.email IS NOT NULL AND p.email_hash IS NOT NULL
      AND p.last_order_at > :not_before AND p.last_order_at <= :silent_since
      AND 'subscribed' = (SELECT k.state FROM consents k
                          WHERE k.shop_id = p.shop_id AND k.email_hash = p.email_hash
                          ORDER BY k.changed_at DESC, k.state = 'subscribed', k.consent_id DESC LIMIT 1)
      AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.shop_id = p.shop_id
                        AND s.email_hash = p.email_hash AND s.scope IN ('all', 'win_back'))
      AND NOT EXISTS (SELECT 1 FROM enrolments e WHERE e.shop_id = p.shop_id AND e.flow = 'win_back'
                        AND e.customer_id = p.customer_id AND e.created_at > p.last_order_at)
    GROUP BY p.customer_id, p.email, p.email_hash""")
