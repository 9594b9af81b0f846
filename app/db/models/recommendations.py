"""Trained models and the lists they published. A published list is never changed, only replaced by a new model's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, LargeBinary
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.orm import Mapped, mapped_column

from app.db.models.base import Base, OwnId, ShopId, TenantId


class Model(Base):
    """`artifact` is npz with its manifest, never a pickle; `card` is what the merchant reads."""

    __tablename__ = "models"

    shop_id: Mapped[ShopId]
    model_id: Mapped[OwnId]
    # candidate | published | retired | refused
    state: Mapped[str]
    artifact: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    card: Mapped[dict[str, Any]]
    trained_at: Mapped[datetime]
    published_at: Mapped[datetime | None]


class RecommendationList(Base):
    """One ranked list. `subject_id` is a product's or a customer's id, 0 for lists of the whole shop."""

    __tablename__ = "recommendations"
    __table_args__ = (
        ForeignKeyConstraint(
            ["shop_id", "model_id"], ["models.shop_id", "models.model_id"], ondelete="CASCADE"
        ),
    )

    shop_id: Mapped[TenantId]
    model_id: Mapped[int] = mapped_column(primary_key=True)
    # also_bought | complements | similar | for_you | discover | buy_again | bestsellers | rising
    strategy: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True)
    product_ids: Mapped[list[int]]
    scores: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    # Per product: [orders with both, orders with the subject, shared words].
    evidence: Mapped[list[Any]]
