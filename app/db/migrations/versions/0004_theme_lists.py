"""Lists the theme shows by itself: what was there before us, and what we wrote.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.db import security

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TENANT_TABLES = ("theme_lists",)


def upgrade() -> None:
    op.create_table(
        "theme_lists",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("platform_product_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("written", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("pending", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_theme_lists_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "platform_product_id", "kind", name=op.f("pk_theme_lists")),
    )
    for statement in security.isolate(TENANT_TABLES):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("theme_lists")
