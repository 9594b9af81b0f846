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

_TOUCHED = ("jobs", "credentials", "shops")


def upgrade() -> None:
    _find_by_key(
        "SELECT shop_id FROM shops WHERE public_key = wanted_key AND state NOT IN ('leaving', 'uninstalled')"
    )


def downgrade() -> None:
    # Row security is forced on the tables' owner as well, who would see no shop's rows.
    for table in _TOUCHED:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    # The workers of before know no such job, and would stop at it; and they keep no keys of a shop that left.
    op.execute("DELETE FROM jobs WHERE kind = 'leaving'")
    op.execute(
        "DELETE FROM credentials USING shops s WHERE s.shop_id = credentials.shop_id AND s.state = 'leaving'"
    )
    op.execute("UPDATE shops SET state = 'uninstalled' WHERE state = 'leaving'")
    for table in _TOUCHED:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    _find_by_key("SELECT shop_id FROM shops WHERE public_key = wanted_key AND state <> 'uninstalled'")


def _find_by_key(body: str) -> None:
    op.execute("DROP FUNCTION find_shop_by_key(text)")
    for statement in security.scheduler_function("find_shop_by_key", "wanted_key text", "bigint", body):
        op.execute(statement)
