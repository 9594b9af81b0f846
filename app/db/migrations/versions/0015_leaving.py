"""A shop that is leaving is found by its key no more: its shelves go dark, and its webhooks are not taken, at once.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

from app.db import security

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _find_by_key(
        "SELECT shop_id FROM shops WHERE public_key = wanted_key AND state NOT IN ('leaving', 'uninstalled')"
    )


def downgrade() -> None:
    # Row security is forced on the tables' owner as well, who would see no shop's rows.
    op.execute("ALTER TABLE shops NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE shops SET state = 'uninstalled' WHERE state = 'leaving'")
    op.execute("ALTER TABLE shops FORCE ROW LEVEL SECURITY")
    _find_by_key("SELECT shop_id FROM shops WHERE public_key = wanted_key AND state <> 'uninstalled'")


def _find_by_key(body: str) -> None:
    op.execute("DROP FUNCTION find_shop_by_key(text)")
    for statement in security.scheduler_function("find_shop_by_key", "wanted_key text", "bigint", body):
        op.execute(statement)
