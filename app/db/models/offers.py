"""Discounts made for cart reminders, and the codes that belong to them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.models.base import Base, OwnId, ShopId, TenantId


class OfferRow(Base):
    """One discount in the shop. `first_code` is made with it and handed to nobody: it finds the discount again."""

    __tablename__ = "offers"
    __table_args__ = (UniqueConstraint("shop_id", "percent", "ends_at"),)

    shop_id: Mapped[ShopId]
    offer_id: Mapped[OwnId]
    percent: Mapped[int] = mapped_column(Integer)
    ends_at: Mapped[datetime]
    first_code: Mapped[str]
    # None until the shop has answered.
    platform_discount_id: Mapped[str | None]
    created_at: Mapped[datetime]


class OfferCode(Base):
    """A code the shop has taken. A message never has two; one without a message waits to be given."""

    __tablename__ = "offer_codes"
    __table_args__ = (
        UniqueConstraint("shop_id", "message_id"),
        ForeignKeyConstraint(
            ["shop_id", "offer_id"], ["offers.shop_id", "offers.offer_id"], ondelete="CASCADE"
        ),
        Index("ix_offer_codes_free", "shop_id", "offer_id", postgresql_where=text("message_id IS NULL")),
    )

    shop_id: Mapped[TenantId]
    code: Mapped[str] = mapped_column(primary_key=True)
    offer_id: Mapped[int]
    message_id: Mapped[int | None]
    given_at: Mapped[datetime | None]
