"""Identified buyers, their permissions, who must not be mailed, and who asked to be forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.models.base import Base, EmailHash, OwnId, ShopId


class Customer(Base):
    """`email` is lower case. An erased customer's row is gone; only a keyed hash in `erasures` remains."""

    __tablename__ = "customers"
    __table_args__ = (
        UniqueConstraint("shop_id", "platform_customer_id"),
        Index("ix_customers_email", "shop_id", "email_hash"),
        Index("ix_customers_last_order", "shop_id", "last_order_at"),
    )

    shop_id: Mapped[ShopId]
    customer_id: Mapped[OwnId]
    platform_customer_id: Mapped[str]
    email: Mapped[str | None]
    email_hash: Mapped[bytes | None]
    first_name: Mapped[str | None]
    locale: Mapped[str | None]
    country: Mapped[str | None]
    n_orders: Mapped[int] = mapped_column(server_default=text("0"))
    first_order_at: Mapped[datetime | None]
    last_order_at: Mapped[datetime | None]
    source_updated_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class ConsentEntry(Base):
    """Append-only: each change of permission with its basis, when and where; the latest holds."""

    __tablename__ = "consents"
    __table_args__ = (
        UniqueConstraint("shop_id", "email_hash", "changed_at", "state"),
        Index("ix_consents_latest", "shop_id", "email_hash", text("changed_at DESC")),
    )

    shop_id: Mapped[ShopId]
    consent_id: Mapped[OwnId]
    email_hash: Mapped[EmailHash]
    state: Mapped[str]
    opt_in_level: Mapped[str | None]
    changed_at: Mapped[datetime]
    source: Mapped[str]
    recorded_at: Mapped[datetime]


class Suppression(Base):
    """Must not be mailed. Keyed by hash, so that it outlives the erasure of the person."""

    __tablename__ = "suppressions"

    shop_id: Mapped[ShopId]
    email_hash: Mapped[bytes] = mapped_column(primary_key=True)
    # all | abandoned_cart | win_back
    scope: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    created_at: Mapped[datetime]


class Erasure(Base):
    """The proof that a person was forgotten, and the guard that keeps a re-import from bringing them back."""

    __tablename__ = "erasures"

    shop_id: Mapped[ShopId]
    subject_hash: Mapped[bytes] = mapped_column(primary_key=True)
    erased_at: Mapped[datetime]
    receipt: Mapped[dict[str, Any]]
