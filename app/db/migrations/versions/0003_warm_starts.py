"""When a model, or the one it went on from, began anew; a model from before this migration is not gone on from.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("models", sa.Column("from_scratch_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("models", "from_scratch_at")
