"""The mark a shop keeps when its address changes, so that a move is told from a new shop, and from a copy.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from app.db import security

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shops", sa.Column("store_id", sa.Text(), nullable=True))
    op.create_index("ix_shops_store", "shops", ["platform", "store_id"], unique=False)
    op.execute(f"GRANT SELECT (store_id) ON shops TO {security.SCHEDULER_ROLE}")
    for statement in security.scheduler_function(
        "find_shop_by_store",
        "wanted_platform text, wanted_store text",
        "bigint",
        "SELECT shop_id FROM shops WHERE platform = wanted_platform AND store_id = wanted_store"
        " ORDER BY (state = 'connected') DESC, shop_id LIMIT 1",
    ):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION find_shop_by_store(text, text)")
    op.drop_index("ix_shops_store", table_name="shops")
    op.drop_column("shops", "store_id")
