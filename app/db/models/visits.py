"""What consenting shoppers saw and clicked on the shelves; short-lived."""

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
    # impression | click | add
    kind: Mapped[str]
    list_id: Mapped[str]
    platform_product_id: Mapped[str]
    position: Mapped[int] = mapped_column(Integer)
    happened_at: Mapped[datetime]
