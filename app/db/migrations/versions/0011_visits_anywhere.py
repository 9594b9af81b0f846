"""Visits also hold what happened outside the shelves, which is on no list.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("visits", "list_id", nullable=True)
    op.alter_column("visits", "position", nullable=True)


def downgrade() -> None:
    # Row security is forced on the tables' owner as well, who would see no shop's rows.
    op.execute("ALTER TABLE visits NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM visits WHERE list_id IS NULL")
    op.execute("ALTER TABLE visits FORCE ROW LEVEL SECURITY")
    op.alter_column("visits", "list_id", nullable=False)
    op.alter_column("visits", "position", nullable=False)
