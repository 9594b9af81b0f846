"""Products and variants as the shop sells them now; removed ones stay as tombstones."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from app.db.models.base import Base, OwnId, ShopId, TenantId


class Product(Base):
    """Prices are minor units of `currency`; `price` is the lowest among the variants."""

    __tablename__ = "products"
    __table_args__ = (UniqueConstraint("shop_id", "platform_product_id"),)

    shop_id: Mapped[ShopId]
    product_id: Mapped[OwnId]
    platform_product_id: Mapped[str]
    handle: Mapped[str]
    title: Mapped[str]
    path: Mapped[str]
    vendor: Mapped[str]
    category: Mapped[str]
    tags: Mapped[list[str]]
    image_url: Mapped[str | None]
    currency: Mapped[str]
    price: Mapped[int]
    compare_at_price: Mapped[int | None]
    price_varies: Mapped[bool]
    # Set where there is exactly one variant to buy, so that a shelf can add it to the cart at once.
    sole_variant_id: Mapped[str | None]
    is_published: Mapped[bool]
    is_available: Mapped[bool]
    is_gift_card: Mapped[bool]
    source_updated_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class Variant(Base):
    __tablename__ = "variants"
    __table_args__ = (
        UniqueConstraint("shop_id", "platform_variant_id"),
        ForeignKeyConstraint(
            ["shop_id", "product_id"], ["products.shop_id", "products.product_id"], ondelete="CASCADE"
        ),
        Index("ix_variants_product", "shop_id", "product_id"),
    )

    shop_id: Mapped[TenantId]
    variant_id: Mapped[OwnId]
    product_id: Mapped[int]
    platform_variant_id: Mapped[str]
    title: Mapped[str]
    sku: Mapped[str]
    price: Mapped[int]
    compare_at_price: Mapped[int | None]
    n_available: Mapped[int | None]
    is_available: Mapped[bool]
    position: Mapped[int]
