"""Knows who asked to be forgotten, so that no import brings them back."""

from __future__ import annotations

from sqlalchemy import Connection, select

from app.db.models import Erasure


def erased_subjects(connection: Connection, shop_id: int) -> frozenset[bytes]:
    """The keyed hashes of every address and customer id that was erased from this shop."""
    rows = connection.execute(select(Erasure.subject_hash).where(Erasure.shop_id == shop_id))
    return frozenset(bytes(row.subject_hash) for row in rows)
