"""Forgets people and shops, answers what is stored of a person, and throws away what has served its time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, text, update
from sqlalchemy.dialects.postgresql import insert

from app.db.models import AuditEntry, Erasure, Shop
from app.domain.events import DataRequested, ErasureRequested, ShopErasureRequested
from app.services.context import Context
from app.services.hashing import normalise_email
from app.services.shops import ShopRecord, hold_shop
from app.services.training.forgetting import give_up_artifacts

log = structlog.get_logger()

# How long each kind is kept (reliability.md §5, Retention).
INBOX_DAYS = 14
DEAD_INBOX_DAYS = 30
VISIT_DAYS = 90
RECIPIENT_DAYS = 30
CART_DAYS = 90

# The platform asks for a shop's erasure 48 h after an uninstall, and may be days late with it. A shop that was
# installed longer ago than this has not come back in between.
ERASURE_DELAY = timedelta(days=7)

# A platform that never asks for it: what a shop that left has stored is kept so long for its coming back.
LEFT_DAYS = 30

# The owner of a shop that does not let us in is told once more so long before everything is erased.
WARN_BEFORE = timedelta(days=14)


def erase_person(
    context: Context, connection: Connection, shop: ShopRecord, request: ErasureRequested
) -> dict[str, Any]:
    """Forget a person everywhere, and leave the proof.

    In this order, in the caller's transaction: drop the artifacts that models would learn on from, so that no
    list is made of their orders any more; find every name the person is known by; blank the address in
    mails and carts, stopping what was planned; take the person off their orders; delete the customer;
    delete the inbox's deliveries that mention them; store a receipt under keyed hashes, which also keep a
    re-import from bringing them back; ask for a training without them. Suppressions stay: they are hashes,
    and keep the person from being mailed again.
    """
    n_artifacts = give_up_artifacts(connection, shop.shop_id)
    names = _names_of(context, connection, shop.shop_id, request)
    values = {"shop_id": shop.shop_id, "hashes": list(names.hashes), "customers": sorted(names.customers)}
    counts = {name: connection.execute(statement, values).rowcount for name, statement in _ERASE.items()}
    counts["artifacts"] = n_artifacts
    counts["inbox"] = _empty_inbox(connection, shop.shop_id, names)
    model_id = connection.execute(
        text("SELECT model_id FROM models WHERE shop_id = :shop_id AND state = 'published'"), values
    ).scalar()
    receipt = {
        "counts": counts,
        "model_to_replace": model_id,
        "orders_named": len(request.platform_order_ids),
    }
    subjects = names.hashes | {context.hasher.customer(shop.shop_id, name) for name in names.customers}
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


def export_person(
    context: Context, connection: Connection, shop: ShopRecord, name: str, *, actor: str = "operator"
) -> dict[str, Any]:
    """Everything stored of one person, who is named by e-mail address or customer id; `actor` asked for it."""
    is_email = "@" in name
    request = ErasureRequested(None if is_email else name, name if is_email else None)
    names = _names_of(context, connection, shop.shop_id, request)
    values = {"shop_id": shop.shop_id, "hashes": list(names.hashes), "customers": sorted(names.customers)}
    _audit(connection, shop.shop_id, context.clock.now(), actor, "exported a person", {})
    return {
        table: [json.loads(row[0]) for row in connection.execute(statement, values)]
        for table, statement in _EXPORT.items()
    }


def request_shop_erasure(
    context: Context, connection: Connection, shop: ShopRecord, request: ShopErasureRequested
) -> bool:
    """Delete everything of a shop that is gone; refused while the shop is installed (again).

    The platform asks this 48 h after an uninstall and does not look whether the merchant came back. Where the
    uninstall itself never reached us, a shop that can't be asked any more is gone too. A merchant who comes back
    right now waits until it is done, and then finds an empty shop.
    """
    shop = hold_shop(connection, shop.shop_id)
    is_out_of_reach = shop.state == "needs_reconnect"
    if shop.state != "uninstalled" and not (
        is_out_of_reach and shop.installed_at <= request.happened_at - ERASURE_DELAY
    ):
        log.info("shop_erasure_refused", shop_id=shop.shop_id, reason="the shop is installed")
        return False
    for table in _SHOP_TABLES:
        connection.execute(text(f"DELETE FROM {table} WHERE shop_id = :shop_id"), {"shop_id": shop.shop_id})
    connection.execute(
        update(Shop)
        .where(Shop.shop_id == shop.shop_id)
        .values(
            state="uninstalled",
            uninstalled_at=shop.uninstalled_at or request.happened_at,
            name="",
            email=None,
            settings={},
            public_url="",
            country=None,
        )
    )
    _audit(connection, shop.shop_id, context.clock.now(), "platform", "erased the shop", {})
    return True


def erase_if_left(context: Context, shop_id: int) -> bool:
    """Delete everything of a shop that left, or does not let us in, since long; run daily."""
    now = context.clock.now()
    with context.db.shop(shop_id) as connection:
        shop = hold_shop(connection, shop_id)
        end = erased_at(context, shop, now)
        is_erased = not shop.public_url  # nothing else takes that away
        if is_erased or end is None or now < end:
            return False
        return request_shop_erasure(context, connection, shop, ShopErasureRequested(now))


def erased_at(context: Context, shop: ShopRecord, now: datetime) -> datetime | None:
    """When everything of the shop will be deleted as it stands; None for one that is connected.

    Where the platform asks for it after an uninstall, it is waited for: until then the app is installed there. An
    owner who can be written to is warned first, however late that is: no worker, or no mail server, may have run.
    """
    if context.platforms[shop.platform].asks_erasure:
        return None
    if shop.state == "uninstalled" and shop.uninstalled_at is not None:
        return shop.uninstalled_at + timedelta(days=LEFT_DAYS)
    if shop.state == "needs_reconnect" and shop.access_lost_at is not None:
        end = shop.access_lost_at + timedelta(days=context.settings.lost_access_days)
        return max(end, _warned_at(shop, now) + WARN_BEFORE) if shop.email else end
    return None


def _warned_at(shop: ShopRecord, now: datetime) -> datetime:
    """When the owner was told for the last time; not before now, where that is still to be done."""
    told_at = shop.access_told_at if shop.n_access_notices >= 2 else None
    return told_at or now


def purge(context: Context, shop_id: int) -> dict[str, int]:
    """Throw away what has been kept long enough, of shops that left as well; run daily."""
    now = context.clock.now()
    with context.db.shop(shop_id) as connection:
        return {
            name: connection.execute(
                text(statement), {"shop_id": shop_id, "before": now - timedelta(days=days)}
            ).rowcount
            for name, (statement, days) in _PURGE.items()
        }


@dataclass(frozen=True, slots=True)
class _Names:
    """What one person is known by: addresses, customer ids, and keyed hashes of all the addresses."""

    emails: frozenset[str]
    customers: frozenset[str]
    hashes: frozenset[bytes]


def _names_of(context: Context, connection: Connection, shop_id: int, request: ErasureRequested) -> _Names:
    """Every name that belongs to the person; the request may name any one of them, or nothing but orders.

    Carts lead to customers, and a customer to the address the shop has for them, but not on to the carts of
    that address: somebody who fills carts for others is not all of them.
    """
    email = normalise_email(request.email) if request.email else None
    customer = request.platform_customer_id
    values = {
        "shop_id": shop_id,
        "emails": [email] if email else [],
        "customers": [customer] if customer else [],
        "orders": list(request.platform_order_ids),
    }
    rows = connection.execute(_NAMES, values).all()
    emails = frozenset({email, *(row.email for row in rows)} - {None})
    known = {bytes(row.email_hash) for row in rows if row.email_hash is not None}
    return _Names(
        emails=emails,
        customers=frozenset({customer, *(row.customer for row in rows)} - {None}),
        hashes=frozenset(known | {context.hasher.email(shop_id, address) for address in emails}),
    )


def _empty_inbox(connection: Connection, shop_id: int, names: _Names) -> int:
    """Blank the raw bytes of processed deliveries that mention one of the names, an address in any case."""
    spelled = {spelling for email in names.emails for spelling in _in_json(email)}
    ids = connection.execute(
        _EMPTY_INBOX_OF_IDS,
        {
            "shop_id": shop_id,
            "needles": [name.encode() for name in names.customers],
            "pattern": f"{_BEFORE_AN_ID}({'|'.join(map(re.escape, sorted(names.customers)))})(?![0-9A-Za-z])",
        },
    )
    addresses = connection.execute(
        _EMPTY_INBOX_OF_ADDRESSES, {"shop_id": shop_id, "needles": [text.encode() for text in spelled]}
    )
    return ids.rowcount + addresses.rowcount


def _in_json(email: str) -> set[str]:
    """An address as platforms write it into JSON: plain, or with `&` or what is beyond ASCII escaped."""
    spellings = {email, json.dumps(email)[1:-1]}
    return spellings | {spelling.replace("&", "\\u0026") for spelling in spellings}


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


_NAMES = text("""
    WITH named AS (
        SELECT platform_customer_id AS customer, email, email_hash FROM customers
        WHERE shop_id = :shop_id AND (email = ANY(:emails) OR platform_customer_id = ANY(:customers))
        UNION SELECT platform_customer_id, email, email_hash FROM carts
        WHERE shop_id = :shop_id AND (email = ANY(:emails) OR platform_customer_id = ANY(:customers))
        UNION SELECT platform_customer_id, NULL, email_hash FROM orders
        WHERE shop_id = :shop_id AND platform_order_id = ANY(:orders))
    SELECT customer, email, email_hash FROM named
    UNION SELECT platform_customer_id, email, email_hash FROM customers
    WHERE shop_id = :shop_id AND (platform_customer_id IN (SELECT customer FROM named)
                                  OR email_hash IN (SELECT email_hash FROM named))""")

# A store's customers may be numbered from 1: an id counts only whole, and not as the value of a key that names no
# id, as in `"quantity": 1`.
_BEFORE_AN_ID = r'(^|(id|customer)"\s*:|[][/,=#(])\s*"?'

# The quick search comes first: the pattern is laid only on what has the id's bytes.
_EMPTY_INBOX_OF_IDS = text("""
    UPDATE deliveries SET raw = ''::bytea
    WHERE shop_id = :shop_id AND state <> 'received' AND raw <> ''::bytea
      AND CASE WHEN EXISTS (SELECT 1 FROM unnest(CAST(:needles AS bytea[])) AS needle
                            WHERE position(needle IN raw) > 0)
               THEN encode(raw, 'escape') ~* :pattern ELSE false END""")

# Written out in ASCII first: the bytes of a delivery need not be text in any encoding.
_EMPTY_INBOX_OF_ADDRESSES = text("""
    UPDATE deliveries SET raw = ''::bytea
    FROM (SELECT array_agg(lower(encode(needle, 'escape'))) AS needles
          FROM unnest(CAST(:needles AS bytea[])) AS needle) AS names
    WHERE shop_id = :shop_id AND state <> 'received' AND raw <> ''::bytea
      AND EXISTS (SELECT 1 FROM (SELECT lower(encode(raw, 'escape')) AS written OFFSET 0) AS body,
                                unnest(names.needles) AS needle
                  WHERE strpos(body.written, needle) > 0)""")

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
    "offer_codes": text(
        "SELECT to_jsonb(c)::text FROM offer_codes c JOIN messages m USING (shop_id, message_id)"
        " WHERE c.shop_id = :shop_id AND m.email_hash = ANY(:hashes)"
    ),
}

# Children before parents. Suppressions and erasures stay: keyed hashes, which name nobody but keep an opt-out and a
# forgetting in force if the shop comes back.
_SHOP_TABLES = (
    "theme_lists",
    "offer_codes",
    "offers",
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
    "customers",
    "visits",
    "jobs",
    "credentials",
    "deliveries",
    "audit",
    "memberships",
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
