"""The lists that the theme shows by itself, as this app left them in the shop."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.db.models.base import Base, ShopId


class ThemeList(Base):
    """One list of one product. `before` is what the platform held when we first wrote (None: nothing)."""

    __tablename__ = "theme_lists"

    shop_id: Mapped[ShopId]
    platform_product_id: Mapped[str] = mapped_column(primary_key=True)
    # related | complementary
    kind: Mapped[str] = mapped_column(primary_key=True)
    # ours | theirs | taken: written by us, somebody else's from the start, ours until somebody changed it
    state: Mapped[str]
    before: Mapped[str | None]
    written: Mapped[list[str]]
    # What a call under way is about to write; after a crash the shop may hold either.
    pending: Mapped[list[str] | None]
    changed_at: Mapped[datetime]
