"""The inbox: every verified webhook as it arrived, with what became of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.models.base import Base, OwnId, TenantId


class Delivery(Base):
    """One stored webhook. `raw` is emptied by the retention job, never by processing."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("shop_id", "topic", "dedupe_key"),
        # Few at any time, and looked at on every Home page.
        Index("ix_deliveries_dead", "shop_id", "delivery_id", postgresql_where=text("state = 'dead'")),
        Index("ix_deliveries_due", "next_attempt_at", postgresql_where=text("state = 'received'")),
    )

    shop_id: Mapped[TenantId]
    delivery_id: Mapped[OwnId]
    topic: Mapped[str]
    dedupe_key: Mapped[str]
    event_id: Mapped[str | None]
    api_version: Mapped[str | None]
    triggered_at: Mapped[datetime | None]
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    # received | done | dead
    state: Mapped[str] = mapped_column(server_default=text("'received'"))
    n_attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_attempt_at: Mapped[datetime]
    error: Mapped[str | None]
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
