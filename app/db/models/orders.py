"""Completed purchases. The buyer is a customer id or a keyed hash of the address, never the address itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.models.base import Base, OwnId, ShopId, TenantId


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("shop_id", "platform_order_id"),
        Index("ix_orders_placed", "shop_id", "placed_at"),
        # A cart looks for its order at each of its webhooks.
        Index("ix_orders_cart", "shop_id", "cart_token", postgresql_where=text("cart_token IS NOT NULL")),
        Index(
            "ix_orders_checkout",
            "shop_id",
            "checkout_token",
            postgresql_where=text("checkout_token IS NOT NULL"),
        ),
        Index(
            "ix_orders_attributed",
            "shop_id",
            "placed_at",
            postgresql_where=text("attributed_message_id IS NOT NULL OR attributed_list_id IS NOT NULL"),
        ),
        Index("ix_orders_customer", "shop_id", "platform_customer_id", "placed_at"),
        Index("ix_orders_email", "shop_id", "email_hash", "placed_at"),
    )

    shop_id: Mapped[ShopId]
    order_id: Mapped[OwnId]
    platform_order_id: Mapped[str]
    name: Mapped[str]
    platform_customer_id: Mapped[str | None]
    email_hash: Mapped[bytes | None]
    cart_token: Mapped[str | None]
    checkout_token: Mapped[str | None]
    currency: Mapped[str]
    total: Mapped[int]
    placed_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]
    is_test: Mapped[bool]
    # The message whose click this order is credited to, and the shelf list a line was added from.
    attributed_message_id: Mapped[int | None]
    attributed_list_id: Mapped[str | None]
    source_updated_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class OrderLine(Base):
    """A product × quantity of an order; `platform_product_id` survives the product's removal."""

    __tablename__ = "order_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["shop_id", "order_id"], ["orders.shop_id", "orders.order_id"], ondelete="CASCADE"
        ),
        Index("ix_order_lines_product", "shop_id", "platform_product_id"),
    )

    shop_id: Mapped[TenantId]
    order_id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    platform_product_id: Mapped[str | None]
    quantity: Mapped[int] = mapped_column(Integer)
    unit_price: Mapped[int]
    list_id: Mapped[str | None]
