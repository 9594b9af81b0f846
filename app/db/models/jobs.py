"""Long work with a lease and a place to go on from: imports and trainings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.models.base import Base, OwnId, ShopId


class Job(Base):
    """At most one unfinished job of a kind per shop. Leases are real time; everything else is the shop's."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(
            "uq_jobs_unfinished",
            "shop_id",
            "kind",
            unique=True,
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
    )

    shop_id: Mapped[ShopId]
    job_id: Mapped[OwnId]
    # import | training | theme_lists | leaving
    kind: Mapped[str]
    # queued | running | done | failed
    state: Mapped[str]
    progress: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    error: Mapped[str | None]
    n_attempts: Mapped[int] = mapped_column(server_default=text("0"))
    lease: Mapped[str | None]
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
