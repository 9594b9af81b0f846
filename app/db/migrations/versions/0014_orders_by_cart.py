"""Finds a cart's order by the tokens of cart and checkout; without them each cart's webhook read all orders of the shop.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("cart", "checkout"):
        op.create_index(
            f"ix_orders_{name}",
            "orders",
            ["shop_id", f"{name}_token"],
            postgresql_where=sa.text(f"{name}_token IS NOT NULL"),
        )


def downgrade() -> None:
    for name in ("checkout", "cart"):
        op.drop_index(f"ix_orders_{name}", "orders")
