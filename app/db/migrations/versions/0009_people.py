"""Merchants who sign in here: persons, the shops they may see, links that work once, and sessions.

Revision ID: 0009
Revises: 0008
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from app.db import security

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TENANT_TABLES = ("memberships",)
PEOPLE_TABLES = ("people", "sign_in_links", "person_sessions")


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("person_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("email_hash", sa.LargeBinary(), nullable=False),
        sa.Column("email", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_people")),
        sa.UniqueConstraint("email_hash", name=op.f("uq_people_email_hash")),
    )
    op.create_table(
        "memberships",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("vouched_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_memberships_shop_id")),
        _person("memberships"),
        sa.PrimaryKeyConstraint("shop_id", "person_id", name=op.f("pk_memberships")),
    )
    op.create_table(
        "sign_in_links",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_sign_in_links_shop_id")),
        _person("sign_in_links"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in_links")),
    )
    op.create_index("ix_sign_in_links_person", "sign_in_links", ["person_id", "created_at"], unique=False)
    op.create_table(
        "person_sessions",
        sa.Column("session_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_person_sessions_shop_id")),
        _person("person_sessions"),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_person_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_person_sessions_token_hash")),
    )
    op.create_index("ix_person_sessions_person", "person_sessions", ["person_id"], unique=False)
    for statement in secure():
        op.execute(statement)


def secure() -> Iterator[str]:
    """Rows by shop or by person; what has to be found without knowing whose it is, by functions that tell ids."""
    yield from security.isolate(TENANT_TABLES)
    yield from security.isolate_people(PEOPLE_TABLES)
    yield from security.let_people_and_shops_meet()
    # A new person draws their id before they can see their own row.
    yield f"GRANT USAGE ON SEQUENCE people_person_id_seq TO {security.APP_ROLE}"
    yield from security.let_schedule("people", "person_id, email_hash")
    yield from security.let_schedule("memberships", "person_id")
    yield from security.let_schedule("sign_in_links", "token_hash, person_id, expires_at")
    yield from security.let_schedule("person_sessions", "token_hash, person_id, expires_at")
    yield f"GRANT SELECT (email) ON shops TO {security.SCHEDULER_ROLE}"
    yield from security.scheduler_function(
        "find_person",
        "wanted_hash bytea",
        "bigint",
        "SELECT person_id FROM people WHERE email_hash = wanted_hash",
    )
    yield from security.scheduler_function(
        "find_person_by_link",
        "wanted_hash bytea",
        "bigint",
        "SELECT person_id FROM sign_in_links WHERE token_hash = wanted_hash",
    )
    yield from security.scheduler_function(
        "find_person_by_session",
        "wanted_hash bytea",
        "bigint",
        "SELECT person_id FROM person_sessions WHERE token_hash = wanted_hash",
    )
    yield from security.scheduler_function(
        "shops_owned_by",
        "wanted_email text",
        "SETOF bigint",
        "SELECT shop_id FROM shops WHERE lower(btrim(email)) = wanted_email ORDER BY 1",
    )
    yield from security.scheduler_function(
        "everyone", "", "SETOF bigint", "SELECT person_id FROM people ORDER BY 1"
    )
    yield from security.scheduler_function(
        "people_of_no_shop",
        "",
        "SETOF bigint",
        "SELECT person_id FROM people EXCEPT SELECT person_id FROM memberships",
    )
    yield from security.scheduler_function(
        "people_with_old_sign_ins",
        "until timestamptz",
        "SETOF bigint",
        "SELECT person_id FROM sign_in_links WHERE expires_at <= until"
        " UNION SELECT person_id FROM person_sessions WHERE expires_at <= until",
    )


def _person(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["person_id"], ["people.person_id"], name=op.f(f"fk_{table}_person_id"), ondelete="CASCADE"
    )


def downgrade() -> None:
    for function in (
        "people_with_old_sign_ins(timestamptz)",
        "people_of_no_shop()",
        "everyone()",
        "shops_owned_by(text)",
        "find_person_by_session(bytea)",
        "find_person_by_link(bytea)",
        "find_person(bytea)",
    ):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP POLICY own_members ON people")
    op.drop_table("person_sessions")
    op.drop_table("sign_in_links")
    op.drop_table("memberships")
    op.drop_table("people")
