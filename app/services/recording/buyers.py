"""Stores customers and their permissions; a person who was erased is not stored again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert

from app.db.bulk import stage
from app.db.models import ConsentEntry
from app.domain.events import Consent, ConsentState, Customer
from app.services.consenting import wait_for_handovers
from app.services.hashing import Hasher, normalise_email
from app.services.recording.erased import erased_subjects
from app.services.recording.purchases import refresh_order_counts


def record_customers(
    connection: Connection, hasher: Hasher, shop_id: int, customers: Sequence[Customer], now: datetime
) -> int:
    """Upsert customers and append the permissions they bring; return how many really changed."""
    erased = erased_subjects(connection, shop_id)
    latest = {
        customer.platform_customer_id: customer
        for customer in sorted(customers, key=lambda customer: customer.source_updated_at)
        if hasher.customer(shop_id, customer.platform_customer_id) not in erased
        and not (customer.email and hasher.email(shop_id, customer.email) in erased)
    }
    stage(
        connection,
        "incoming_customers",
        _COLUMNS,
        (_row(hasher, shop_id, customer) for customer in latest.values()),
    )
    changed = connection.execute(_UPSERT, {"shop_id": shop_id}).all()
    _append_consents(connection, hasher, shop_id, list(latest.values()), now)
    refresh_order_counts(connection, shop_id, [row.platform_customer_id for row in changed if row.is_new])
    return len(changed)


def remove_customer(
    connection: Connection, shop_id: int, platform_customer_id: str, removed_at: datetime
) -> None:
    """The shop deleted this customer: forget name and address, keep the purchase history under its id."""
    connection.execute(
        text("""
            UPDATE customers SET removed_at = :removed_at, source_updated_at = :removed_at, email = NULL,
                   email_hash = NULL, first_name = NULL
            WHERE shop_id = :shop_id AND platform_customer_id = :id"""),
        {"shop_id": shop_id, "id": platform_customer_id, "removed_at": removed_at},
    )


def _append_consents(
    connection: Connection, hasher: Hasher, shop_id: int, customers: Sequence[Customer], now: datetime
) -> None:
    unsaid = [
        hasher.email(shop_id, customer.email)
        for customer in customers
        if customer.email and customer.consent and not _says_something(customer.consent)
    ]
    permitted = _permitted(connection, shop_id, unsaid) if unsaid else frozenset()
    rows = [
        _consent_row(hasher, shop_id, customer.email, customer.consent, customer.source_updated_at, now)
        for customer in customers
        if customer.email
        and customer.consent
        and (_says_something(customer.consent) or hasher.email(shop_id, customer.email) in permitted)
    ]
    withdrawn = [
        hasher.email(shop_id, customer.email)
        for customer in customers
        if customer.email and customer.consent and customer.consent.state is not ConsentState.SUBSCRIBED
    ]
    if withdrawn:
        wait_for_handovers(connection, shop_id, withdrawn)
    if rows:
        connection.execute(insert(ConsentEntry).on_conflict_do_nothing(), rows)


def _permitted(connection: Connection, shop_id: int, hashes: Sequence[bytes]) -> frozenset[bytes]:
    """Those of the hashes whose last word was a yes."""
    rows = connection.execute(_LAST_WORDS, {"shop_id": shop_id, "hashes": list(hashes)})
    return frozenset(bytes(row.email_hash) for row in rows if row.state == ConsentState.SUBSCRIBED)


def _says_something(consent: Consent | None) -> bool:
    """Whether a permission was ever given or withdrawn: 'not subscribed' since birth is the absence of one.

    Of somebody who had given one (see `_permitted`) it is the end of it.
    """
    return consent is not None and (
        consent.state is not ConsentState.NOT_SUBSCRIBED or consent.changed_at is not None
    )


def _consent_row(
    hasher: Hasher,
    shop_id: int,
    email: str,
    consent: Consent | None,
    fallback_at: datetime,
    now: datetime,
) -> dict[str, object]:
    if consent is None:
        raise ValueError("a consent row needs a consent")
    return {
        "shop_id": shop_id,
        "email_hash": hasher.email(shop_id, email),
        "state": consent.state.value,
        "opt_in_level": consent.opt_in_level,
        "changed_at": consent.changed_at or fallback_at,
        "source": consent.source,
        "recorded_at": now,
    }


def _row(hasher: Hasher, shop_id: int, customer: Customer) -> tuple[object, ...]:
    email = normalise_email(customer.email) if customer.email else None
    return (
        customer.platform_customer_id,
        email,
        hasher.email(shop_id, email) if email else None,
        customer.first_name,
        customer.locale,
        customer.country,
        customer.source_updated_at,
    )


_COLUMNS = (
    "platform_customer_id text, email text, email_hash bytea, first_name text, locale text, country text,"
    " source_updated_at timestamptz"
)

_LAST_WORDS = text("""
    SELECT DISTINCT ON (email_hash) email_hash, state FROM consents
    WHERE shop_id = :shop_id AND email_hash = ANY(:hashes)
    ORDER BY email_hash, changed_at DESC, state = 'subscribed', consent_id DESC""")

# A locale or country that this message does not carry is not unlearned.
_UPSERT = text("""
    INSERT INTO customers AS known (shop_id, platform_customer_id, email, email_hash, first_name, locale,
                                    country, source_updated_at)
    SELECT :shop_id, platform_customer_id, email, email_hash, first_name, locale, country, source_updated_at
    FROM incoming_customers
    ON CONFLICT (shop_id, platform_customer_id) DO UPDATE
    SET email = excluded.email, email_hash = excluded.email_hash, first_name = excluded.first_name,
        locale = coalesce(excluded.locale, known.locale), country = coalesce(excluded.country, known.country),
        source_updated_at = excluded.source_updated_at, removed_at = NULL
    WHERE excluded.source_updated_at > known.source_updated_at
    RETURNING platform_customer_id, (xmax = 0) AS is_new""")
