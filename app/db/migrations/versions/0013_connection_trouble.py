"""What stands between us and a shop, for its merchant to read; nothing while all is well.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shops", sa.Column("connection_trouble", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("shops", "connection_trouble")
