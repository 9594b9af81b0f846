"""What consenting visitors saw, clicked and bought, on the shelves and in the shop; short-lived."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.db.models.base import Base, OwnId, TenantId


class VisitEvent(Base):
    """`visit` is a random id of one browsing session, never of a person."""

    __tablename__ = "visits"
    __table_args__ = (Index("ix_visits_happened", "shop_id", "happened_at"),)

    shop_id: Mapped[TenantId]
    visit_event_id: Mapped[OwnId]
    visit: Mapped[str]
    # On a shelf: impression | click | add. Anywhere in the shop: view | cart | checkout | purchase.
    kind: Mapped[str]
    # The shelf's list and the place in it; None for what happened elsewhere.
    list_id: Mapped[str | None]
    platform_product_id: Mapped[str]
    position: Mapped[int | None] = mapped_column(Integer)
    happened_at: Mapped[datetime]
