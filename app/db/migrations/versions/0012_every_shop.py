"""Every shop by its id, those that left too: what they left behind is thrown away in its time as well.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

from app.db import security

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in security.scheduler_function(
        "every_shop", "", "SETOF bigint", "SELECT shop_id FROM shops ORDER BY 1"
    ):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION every_shop()")
