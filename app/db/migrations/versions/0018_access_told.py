"""When the owner of a shop without access was told: nothing is erased before they have had their time to answer.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shops", sa.Column("access_told_at", sa.DateTime(timezone=True), nullable=True))
    # Row security is forced on the tables' owner as well, who would see no shop's rows.
    op.execute("ALTER TABLE shops NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE shops SET access_told_at = now() WHERE n_access_notices > 0")
    op.execute("ALTER TABLE shops FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_column("shops", "access_told_at")
