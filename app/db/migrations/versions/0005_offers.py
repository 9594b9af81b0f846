"""Discounts made for cart reminders, and their codes.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from app.db import security

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TENANT_TABLES = ("offers", "offer_codes")


def upgrade() -> None:
    op.create_table(
        "offers",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("offer_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_code", sa.Text(), nullable=False),
        sa.Column("platform_discount_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_offers_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "offer_id", name=op.f("pk_offers")),
        sa.UniqueConstraint("shop_id", "percent", "ends_at", name=op.f("uq_offers_shop_id_percent_ends_at")),
    )
    op.create_table(
        "offer_codes",
        sa.Column("shop_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("offer_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["shop_id", "offer_id"],
            ["offers.shop_id", "offers.offer_id"],
            name=op.f("fk_offer_codes_shop_id_offer_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("shop_id", "code", name=op.f("pk_offer_codes")),
        sa.UniqueConstraint("shop_id", "message_id", name=op.f("uq_offer_codes_shop_id_message_id")),
    )
    op.create_index(
        "ix_offer_codes_free",
        "offer_codes",
        ["shop_id", "offer_id"],
        unique=False,
        postgresql_where=sa.text("message_id IS NULL"),
    )
    for statement in security.isolate(TENANT_TABLES):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("offer_codes")
    op.drop_table("offers")
