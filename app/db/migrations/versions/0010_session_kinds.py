"""How a merchant's session was opened: one that a shop's own admin answers for sees that shop alone.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Sessions from before can't be told apart, so they count as the narrower kind.
    op.add_column("person_sessions", sa.Column("kind", sa.Text(), server_default="desk", nullable=False))
    op.alter_column("person_sessions", "kind", server_default=None)


def downgrade() -> None:
    op.drop_column("person_sessions", "kind")
