"""Begun purchases: carts and checkouts as one life-cycle."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.models.base import Base, OwnId, ShopId


class Cart(Base):
    """`lines` holds what the mail shows: product, variant, title, quantity and unit price in minor units."""

    __tablename__ = "carts"
    __table_args__ = (
        UniqueConstraint("shop_id", "cart_token"),
        Index("ix_carts_checkout", "shop_id", "checkout_token"),
        Index("ix_carts_email", "shop_id", "email_hash"),
        Index("ix_carts_idle", "last_activity_at", postgresql_where=text("state = 'open'")),
    )

    shop_id: Mapped[ShopId]
    cart_id: Mapped[OwnId]
    cart_token: Mapped[str]
    checkout_token: Mapped[str | None]
    email: Mapped[str | None]
    email_hash: Mapped[bytes | None]
    platform_customer_id: Mapped[str | None]
    lines: Mapped[list[Any]]
    currency: Mapped[str | None]
    total: Mapped[int | None]
    recovery_url: Mapped[str | None]
    locale: Mapped[str | None]
    # open | ordered | removed
    state: Mapped[str] = mapped_column(server_default=text("'open'"))
    created_at: Mapped[datetime]
    last_activity_at: Mapped[datetime]
    # Carts and checkouts are versioned apart: a late cart update must not undo a newer checkout.
    cart_updated_at: Mapped[datetime | None]
    checkout_updated_at: Mapped[datetime | None]
    ordered_at: Mapped[datetime | None]
