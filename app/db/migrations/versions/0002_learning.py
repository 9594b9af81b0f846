"""What learning between two full passes needs: ids behind a model's rows, how far it has come, revisions of lists.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LIST_KEY = ["shop_id", "model_id", "strategy", "subject_id"]


def upgrade() -> None:
    op.add_column("models", sa.Column("subjects", sa.LargeBinary(), nullable=True))
    for name in ("learned_order_id", "learned_product_id", "revision"):
        op.add_column("models", _counter(name))
    op.add_column("recommendations", _counter("revision"))
    # Rebuilds one index while shelves wait; they are served from Redis meanwhile.
    op.drop_constraint("pk_recommendations", "recommendations", type_="primary")
    op.create_primary_key("pk_recommendations", "recommendations", [*LIST_KEY, "revision"])


def downgrade() -> None:
    op.execute("DELETE FROM recommendations WHERE revision > 0")
    op.drop_constraint("pk_recommendations", "recommendations", type_="primary")
    op.create_primary_key("pk_recommendations", "recommendations", LIST_KEY)
    op.drop_column("recommendations", "revision")
    for name in ("subjects", "learned_order_id", "learned_product_id", "revision"):
        op.drop_column("models", name)


def _counter(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
