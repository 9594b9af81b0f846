"""Forgets people and shops, answers what is stored of a person, and throws away what has served its time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, text, update
from sqlalchemy.dialects.postgresql import insert

from app.db.models import AuditEntry, Erasure, Shop
from app.domain.events import DataRequested, ErasureRequested, ShopErasureRequested
from app.services.context import Context
from app.services.shops import ShopRecord

log = structlog.get_logger()

# How long each kind is kept (reliability.md §5, Retention).
INBOX_DAYS = 14
DEAD_INBOX_DAYS = 30
VISIT_DAYS = 90
RECIPIENT_DAYS = 30
CART_DAYS = 90


def erase_person(
    context: Context, connection: Connection, shop: ShopRecord, request: ErasureRequested
) -> dict[str, Any]:
    """Forget a person everywhere, and leave the proof.

    In this order, in the caller's transaction: find every name the person is known by; blank the address in
    mails and carts, stopping what was planned; take the person off their orders; delete the customer;
    delete the inbox's deliveries that mention them; store a receipt under keyed hashes, which also keep a
    re-import from bringing them back; ask for a training without them. Suppressions stay: they are hashes,
    and keep the person from being mailed again.
    """
    names = _names_of(connection, shop.shop_id, request)
    hashes = {context.hasher.email(shop.shop_id, email) for email in names["emails"]}
    values = {"shop_id": shop.shop_id, "hashes": list(hashes), "customers": sorted(names["customers"])}
    counts = {name: connection.execute(statement, values).rowcount for name, statement in _ERASE.items()}
    needles = {*names["emails"], *names["customers"], *([request.email] if request.email else [])}
    counts["inbox"] = _empty_inbox(connection, shop.shop_id, needles)
    model_id = connection.execute(
        text("SELECT model_id FROM models WHERE shop_id = :shop_id AND state = 'published'"), values
    ).scalar()
    receipt = {
        "counts": counts,
        "model_to_replace": model_id,
        "orders_named": len(request.platform_order_ids),
    }
    subjects = hashes | {context.hasher.customer(shop.shop_id, name) for name in names["customers"]}
    _store_receipts(connection, shop.shop_id, subjects, receipt, context.clock.now())
    connection.execute(
        update(Shop).where(Shop.shop_id == shop.shop_id).values(trained_at=None)
    )  # makes the nightly pass due at once
    _audit(connection, shop.shop_id, context.clock.now(), "platform", "erased a person", receipt)
    log.info("person_erased", shop_id=shop.shop_id, **counts)
    return receipt


def record_data_request(
    context: Context, connection: Connection, shop: ShopRecord, request: DataRequested
) -> None:
    """Remember that a person asked; the merchant answers with `regulars export`."""
    _audit(
        connection,
        shop.shop_id,
        context.clock.now(),
        "platform",
        "a person asked for their data",
        {"request": request.request_id, "customer": request.platform_customer_id},
    )


def export_person(context: Context, connection: Connection, shop: ShopRecord, name: str) -> dict[str, Any]:
    """Everything stored of one person, who is named by e-mail address or customer id."""
    is_email = "@" in name
    request = ErasureRequested(None if is_email else name, name if is_email else None)
    names = _names_of(connection, shop.shop_id, request)
    hashes = [context.hasher.email(shop.shop_id, email) for email in names["emails"]]
    values = {"shop_id": shop.shop_id, "hashes": hashes, "customers": sorted(names["customers"])}
    _audit(connection, shop.shop_id, context.clock.now(), "operator", "exported a person", {})
    return {
        table: [json.loads(row[0]) for row in connection.execute(statement, values)]
        for table, statement in _EXPORT.items()
    }


def request_shop_erasure(
    context: Context, connection: Connection, shop: ShopRecord, request: ShopErasureRequested
) -> bool:
    """Delete everything of a shop that is gone; refused while the shop is installed (again).

    The platform asks this 48 h after an uninstall and does not look whether the merchant came back.
    """
    if shop.state != "uninstalled":
        log.info("shop_erasure_refused", shop_id=shop.shop_id, reason="the shop is installed")
        return False
    for table in _SHOP_TABLES:
        connection.execute(text(f"DELETE FROM {table} WHERE shop_id = :shop_id"), {"shop_id": shop.shop_id})
    connection.execute(
        update(Shop)
        .where(Shop.shop_id == shop.shop_id)
        .values(name="", email=None, settings={}, public_url="", country=None)
    )
    _audit(connection, shop.shop_id, context.clock.now(), "platform", "erased the shop", {})
    return True


def purge(context: Context, shop_id: int) -> dict[str, int]:
    """Throw away what has been kept long enough; run daily."""
    now = context.clock.now()
    with context.db.shop(shop_id) as connection:
        return {
            name: connection.execute(
                text(statement), {"shop_id": shop_id, "before": now - timedelta(days=days)}
            ).rowcount
            for name, (statement, days) in _PURGE.items()
        }


def _names_of(connection: Connection, shop_id: int, request: ErasureRequested) -> dict[str, set[str]]:
    """Every address and customer id that belongs to the person; the request may name any one of them."""
    emails = {request.email.strip().lower()} if request.email else set()
    customers = {request.platform_customer_id} if request.platform_customer_id else set()
    rows = connection.execute(
        text(
            "SELECT email, platform_customer_id FROM customers WHERE shop_id = :shop_id"
            " AND (email = ANY(:emails) OR platform_customer_id = ANY(:customers))"
            " UNION SELECT email, platform_customer_id FROM carts WHERE shop_id = :shop_id"
            " AND (email = ANY(:emails) OR platform_customer_id = ANY(:customers))"
        ),
        {"shop_id": shop_id, "emails": list(emails), "customers": list(customers)},
    ).all()
    return {
        "emails": emails | {row.email for row in rows if row.email},
        "customers": customers | {row.platform_customer_id for row in rows if row.platform_customer_id},
    }


def _empty_inbox(connection: Connection, shop_id: int, needles: Iterable[str]) -> int:
    """Blank the raw bytes of processed deliveries that mention one of the names."""
    return sum(
        connection.execute(
            text(
                "UPDATE deliveries SET raw = ''::bytea WHERE shop_id = :shop_id AND state <> 'received'"
                " AND position(CAST(:needle AS bytea) IN raw) > 0"
            ),
            {"shop_id": shop_id, "needle": needle.encode()},
        ).rowcount
        for needle in needles
    )


def _store_receipts(
    connection: Connection, shop_id: int, subjects: Iterable[bytes], receipt: dict[str, Any], now: datetime
) -> None:
    for subject in subjects:
        connection.execute(
            insert(Erasure)
            .values(shop_id=shop_id, subject_hash=subject, erased_at=now, receipt=receipt)
            .on_conflict_do_update(
                index_elements=["shop_id", "subject_hash"], set_={"erased_at": now, "receipt": receipt}
            )
        )


def _audit(
    connection: Connection, shop_id: int, now: datetime, actor: str, action: str, detail: dict[str, Any]
) -> None:
    connection.execute(
        insert(AuditEntry).values(shop_id=shop_id, happened_at=now, actor=actor, action=action, detail=detail)
    )


_PERSON = "shop_id = :shop_id AND (email_hash = ANY(:hashes) OR platform_customer_id = ANY(:customers))"
_ERASE = {
    "messages": text(
        "UPDATE messages SET recipient = NULL, subject_line = NULL, facts = '{}'::jsonb,"
        " state = CASE WHEN state IN ('planned', 'claimed') THEN 'skipped' ELSE state END,"
        " reason = CASE WHEN state IN ('planned', 'claimed') THEN 'erased' ELSE reason END"
        " WHERE shop_id = :shop_id AND (email_hash = ANY(:hashes) OR enrolment_id IN (SELECT enrolment_id"
        " FROM enrolments JOIN customers USING (shop_id, customer_id) WHERE shop_id = :shop_id"
        " AND platform_customer_id = ANY(:customers)))"
    ),
    "carts": text(
        "UPDATE carts SET email = NULL, email_hash = NULL, platform_customer_id = NULL, recovery_url = NULL,"
        f" state = CASE WHEN state = 'open' THEN 'removed' ELSE state END WHERE {_PERSON}"
    ),
    "orders": text(f"UPDATE orders SET email_hash = NULL, platform_customer_id = NULL WHERE {_PERSON}"),
    "recommendations": text(
        "DELETE FROM recommendations WHERE shop_id = :shop_id AND strategy IN ('for_you', 'discover', 'buy_again')"
        " AND subject_id IN (SELECT customer_id FROM customers WHERE shop_id = :shop_id"
        " AND platform_customer_id = ANY(:customers))"
    ),
    "consents": text("DELETE FROM consents WHERE shop_id = :shop_id AND email_hash = ANY(:hashes)"),
    "customers": text(f"DELETE FROM customers WHERE {_PERSON}"),
}

_EXPORT = {
    "customers": text(f"SELECT to_jsonb(c)::text FROM customers c WHERE {_PERSON}"),
    "consents": text(
        "SELECT to_jsonb(c)::text FROM consents c WHERE shop_id = :shop_id AND email_hash = ANY(:hashes)"
    ),
    "carts": text(f"SELECT to_jsonb(c)::text FROM carts c WHERE {_PERSON}"),
    "orders": text(f"SELECT to_jsonb(o)::text FROM orders o WHERE {_PERSON}"),
    "messages": text(
        "SELECT to_jsonb(m)::text FROM messages m WHERE shop_id = :shop_id AND email_hash = ANY(:hashes)"
    ),
}

# Children before parents.
_SHOP_TABLES = (
    "messages",
    "enrolments",
    "flows",
    "recommendations",
    "models",
    "order_lines",
    "orders",
    "carts",
    "variants",
    "products",
    "consents",
    "suppressions",
    "customers",
    "visits",
    "jobs",
    "credentials",
    "deliveries",
    "erasures",
    "audit",
)

_PURGE = {
    "deliveries": (
        "DELETE FROM deliveries WHERE shop_id = :shop_id AND state = 'done' AND received_at < :before",
        INBOX_DAYS,
    ),
    "dead_deliveries": (
        "DELETE FROM deliveries WHERE shop_id = :shop_id AND state = 'dead' AND received_at < :before",
        DEAD_INBOX_DAYS,
    ),
    "visits": ("DELETE FROM visits WHERE shop_id = :shop_id AND happened_at < :before", VISIT_DAYS),
    "recipients": (
        "UPDATE messages SET recipient = NULL, subject_line = NULL WHERE shop_id = :shop_id"
        " AND recipient IS NOT NULL AND state NOT IN ('planned', 'claimed') AND decided_at < :before",
        RECIPIENT_DAYS,
    ),
    "carts": (
        "DELETE FROM carts WHERE shop_id = :shop_id AND last_activity_at < :before AND NOT EXISTS"
        " (SELECT 1 FROM enrolments e JOIN messages m USING (shop_id, enrolment_id) WHERE e.shop_id = :shop_id"
        " AND e.cart_id = carts.cart_id AND m.state IN ('planned', 'claimed'))",
        CART_DAYS,
    ),
}
