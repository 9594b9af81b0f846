"""Since when a shop has not let us in, and how often its owner was told: so that it is told once, and not kept for ever.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

from app.db import security

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shops", sa.Column("access_lost_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "shops", sa.Column("n_access_notices", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    # Row security is forced on the tables' owner as well, who would see no shop's rows.
    op.execute("ALTER TABLE shops NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE shops SET access_lost_at = now() WHERE state = 'needs_reconnect'")
    op.execute("ALTER TABLE shops FORCE ROW LEVEL SECURITY")
    for statement in security.scheduler_function(
        "shops_without_access",
        "",
        "SETOF bigint",
        "SELECT shop_id FROM shops WHERE state = 'needs_reconnect' ORDER BY 1",
    ):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION shops_without_access()")
    op.drop_column("shops", "n_access_notices")
    op.drop_column("shops", "access_lost_at")
