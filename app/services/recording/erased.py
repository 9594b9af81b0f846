"""Knows who asked to be forgotten, so that no import brings them back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from app.db.models import Erasure
from app.domain import events
from app.services.hashing import Hasher


def erased_subjects(connection: Connection, shop_id: int) -> frozenset[bytes]:
    """The keyed hashes of every address and customer id that was erased from this shop."""
    rows = connection.execute(select(Erasure.subject_hash).where(Erasure.shop_id == shop_id))
    return frozenset(bytes(row.subject_hash) for row in rows)


def names_erased(
    connection: Connection, hasher: Hasher, shop_id: int, facts: Sequence[events.CommerceEvent]
) -> bool:
    """Whether any of the facts is about a person who was erased from this shop."""
    subjects = [
        subject
        for fact in facts
        for customer, email in _people(fact)
        for subject in (
            hasher.customer(shop_id, customer) if customer else None,
            hasher.email(shop_id, email) if email else None,
        )
        if subject
    ]
    if not subjects:
        return False
    erased = select(Erasure.subject_hash).where(
        Erasure.shop_id == shop_id, Erasure.subject_hash.in_(subjects)
    )
    return connection.execute(erased.limit(1)).first() is not None


def _people(fact: events.CommerceEvent) -> Iterator[tuple[str | None, str | None]]:
    """The customer id and the address that a fact names, where it names anybody."""
    match fact:
        case events.OrderSeen(order):
            yield order.platform_customer_id, order.email
        case events.CartSeen(cart):
            yield cart.platform_customer_id, cart.email
        case events.CustomerSeen(customer):
            yield customer.platform_customer_id, customer.email
        case events.ConsentChanged() | events.DataRequested():
            yield fact.platform_customer_id, fact.email
        case events.CustomerRemoved():
            yield fact.platform_customer_id, None
