"""Trained models and the lists they published.

A published list is never changed. A new model's replace them all; in between, a list that new orders move gets a
row under the model's next revision, which stands before the older one. Revision 0 is what the full pass published.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.orm import Mapped, mapped_column

from app.db.models.base import Base, OwnId, ShopId, TenantId


class Model(Base):
    """`artifact` is npz with its manifest, never a pickle; `card` is what the merchant reads.

    `subjects` (npz) says which of our ids stand behind the artifact's row numbers. Both stay as the full pass left
    them: what was learned since follows from the orders since. The two `learned` columns and `revision` say how
    far the published lists have come; `from_scratch_at` when the model, or the one it went on from, began anew.
    """

    __tablename__ = "models"

    shop_id: Mapped[ShopId]
    model_id: Mapped[OwnId]
    # candidate | published | retired | refused
    state: Mapped[str]
    artifact: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    subjects: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    learned_order_id: Mapped[int] = mapped_column(server_default=text("0"))
    learned_product_id: Mapped[int] = mapped_column(server_default=text("0"))
    revision: Mapped[int] = mapped_column(server_default=text("0"))
    card: Mapped[dict[str, Any]]
    trained_at: Mapped[datetime]
    from_scratch_at: Mapped[datetime | None]
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
    # The highest of a list is the one that holds.
    revision: Mapped[int] = mapped_column(primary_key=True, server_default=text("0"))
    product_ids: Mapped[list[int]]
    scores: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    # Per product: [orders with both, orders with the subject, shared words].
    evidence: Mapped[list[Any]]
