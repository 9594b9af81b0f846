"""The house: shops, inbox, catalogue, customers, carts, orders, models, flows and the ledger.

Revision ID: 0001
Revises:
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.db import security

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TENANT_TABLES = (
    "shops",
    "credentials",
    "audit",
    "deliveries",
    "products",
    "variants",
    "customers",
    "consents",
    "suppressions",
    "erasures",
    "carts",
    "orders",
    "order_lines",
    "visits",
    "models",
    "recommendations",
    "flows",
    "enrolments",
    "messages",
    "jobs",
)


def upgrade() -> None:
    for statement in security.create_roles():
        op.execute(statement)
    create_tables()
    for statement in security.isolate(TENANT_TABLES):
        op.execute(statement)
    # A new shop draws its id before it can see its own row.
    op.execute(f"GRANT USAGE ON SEQUENCE shops_shop_id_seq TO {security.APP_ROLE}")
    for statement in schedule():
        op.execute(statement)


def schedule() -> Iterator[str]:
    """What may be seen across shops: that a shop exists, and that it has something due."""
    yield from security.let_schedule("shops", "shop_id, platform, domain, public_key, state")
    yield from security.let_schedule("deliveries", "shop_id, state, next_attempt_at")
    yield from security.let_schedule("messages", "shop_id, state, due_at, claimed_until")
    yield from security.let_schedule("jobs", "shop_id, job_id, kind, state, leased_until")
    yield from security.scheduler_function(
        "find_shop",
        "wanted_platform text, wanted_domain text",
        "bigint",
        "SELECT shop_id FROM shops WHERE platform = wanted_platform AND domain = wanted_domain",
    )
    yield from security.scheduler_function(
        "find_shop_by_key",
        "wanted_key text",
        "bigint",
        "SELECT shop_id FROM shops WHERE public_key = wanted_key AND state <> 'uninstalled'",
    )
    yield from security.scheduler_function(
        "connected_shops",
        "",
        "SETOF bigint",
        "SELECT shop_id FROM shops WHERE state = 'connected' ORDER BY 1",
    )
    yield from security.scheduler_function(
        "shops_with_due_deliveries",
        "until timestamptz",
        "SETOF bigint",
        "SELECT DISTINCT shop_id FROM deliveries WHERE state = 'received' AND next_attempt_at <= until",
    )
    yield from security.scheduler_function(
        "shops_with_due_messages",
        "until timestamptz",
        "SETOF bigint",
        "SELECT DISTINCT shop_id FROM messages WHERE state = 'planned' AND due_at <= until",
    )
    yield from security.scheduler_function(
        "shops_with_stale_messages",
        "until timestamptz",
        "SETOF bigint",
        "SELECT DISTINCT shop_id FROM messages "
        "WHERE state IN ('claimed', 'handed_over') AND claimed_until <= until",
    )
    yield from security.scheduler_function(
        "open_jobs",
        "until timestamptz",
        "TABLE (shop_id bigint, job_id bigint, kind text)",
        "SELECT jobs.shop_id, jobs.job_id, jobs.kind FROM jobs WHERE state = 'queued' "
        "OR (state = 'running' AND leased_until <= until) ORDER BY 2",
    )


def create_tables() -> None:
    op.create_table(
        "deliveries",
        sa.Column("shop_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("api_version", sa.Text(), nullable=True),
        sa.Column("triggered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'received'"), nullable=False),
        sa.Column("n_attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("shop_id", "delivery_id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "shop_id", "topic", "dedupe_key", name=op.f("uq_deliveries_shop_id_topic_dedupe_key")
        ),
    )
    op.create_index(
        "ix_deliveries_dead",
        "deliveries",
        ["shop_id", "delivery_id"],
        unique=False,
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state = 'received'"),
    )
    op.create_table(
        "shops",
        sa.Column("shop_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public_url", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("holdout_salt", sa.LargeBinary(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("n_orders_since_training", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uninstalled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_shops")),
        sa.UniqueConstraint("platform", "domain", name=op.f("uq_shops_platform_domain")),
        sa.UniqueConstraint("public_key", name=op.f("uq_shops_public_key")),
    )
    op.create_table(
        "visits",
        sa.Column("shop_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("visit_event_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("visit", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("list_id", sa.Text(), nullable=False),
        sa.Column("platform_product_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "visit_event_id", name=op.f("pk_visits")),
    )
    op.create_index("ix_visits_happened", "visits", ["shop_id", "happened_at"], unique=False)
    op.create_table(
        "audit",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("audit_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_audit_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "audit_id", name=op.f("pk_audit")),
    )
    op.create_table(
        "carts",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("cart_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("cart_token", sa.Text(), nullable=False),
        sa.Column("checkout_token", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_hash", sa.LargeBinary(), nullable=True),
        sa.Column("platform_customer_id", sa.Text(), nullable=True),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("recovery_url", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_activity_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cart_updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checkout_updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_carts_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "cart_id", name=op.f("pk_carts")),
        sa.UniqueConstraint("shop_id", "cart_token", name=op.f("uq_carts_shop_id_cart_token")),
    )
    op.create_index("ix_carts_checkout", "carts", ["shop_id", "checkout_token"], unique=False)
    op.create_index("ix_carts_email", "carts", ["shop_id", "email_hash"], unique=False)
    op.create_index(
        "ix_carts_idle",
        "carts",
        ["last_activity_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "consents",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("consent_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("email_hash", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opt_in_level", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_consents_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "consent_id", name=op.f("pk_consents")),
        sa.UniqueConstraint(
            "shop_id",
            "email_hash",
            "changed_at",
            "state",
            name=op.f("uq_consents_shop_id_email_hash_changed_at_state"),
        ),
    )
    op.create_index(
        "ix_consents_latest",
        "consents",
        ["shop_id", "email_hash", sa.literal_column("changed_at DESC")],
        unique=False,
    )
    op.create_table(
        "credentials",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("access_token", sa.LargeBinary(), nullable=False),
        sa.Column("refresh_token", sa.LargeBinary(), nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refresh_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_credentials_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_credentials")),
    )
    op.create_table(
        "customers",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("platform_customer_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_hash", sa.LargeBinary(), nullable=True),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("n_orders", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_order_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_order_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source_updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_customers_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "customer_id", name=op.f("pk_customers")),
        sa.UniqueConstraint(
            "shop_id", "platform_customer_id", name=op.f("uq_customers_shop_id_platform_customer_id")
        ),
    )
    op.create_index("ix_customers_email", "customers", ["shop_id", "email_hash"], unique=False)
    op.create_index("ix_customers_last_order", "customers", ["shop_id", "last_order_at"], unique=False)
    op.create_table(
        "enrolments",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("enrolment_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("cart_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("email_hash", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_enrolments_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "enrolment_id", name=op.f("pk_enrolments")),
        sa.UniqueConstraint("shop_id", "flow", "subject", name=op.f("uq_enrolments_shop_id_flow_subject")),
    )
    op.create_index("ix_enrolments_email", "enrolments", ["shop_id", "email_hash"], unique=False)
    op.create_table(
        "erasures",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_hash", sa.LargeBinary(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receipt", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_erasures_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "subject_hash", name=op.f("pk_erasures")),
    )
    op.create_table(
        "flows",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_flows_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "kind", name=op.f("pk_flows")),
    )
    op.create_table(
        "jobs",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("progress", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("n_attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease", sa.Text(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_jobs_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "job_id", name=op.f("pk_jobs")),
    )
    op.create_index(
        "uq_jobs_unfinished",
        "jobs",
        ["shop_id", "kind"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "models",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("model_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("artifact", sa.LargeBinary(), nullable=True),
        sa.Column("card", postgresql.JSONB(), nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_models_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "model_id", name=op.f("pk_models")),
    )
    op.create_table(
        "orders",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("platform_order_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("platform_customer_id", sa.Text(), nullable=True),
        sa.Column("email_hash", sa.LargeBinary(), nullable=True),
        sa.Column("cart_token", sa.Text(), nullable=True),
        sa.Column("checkout_token", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("attributed_message_id", sa.BigInteger(), nullable=True),
        sa.Column("attributed_list_id", sa.Text(), nullable=True),
        sa.Column("source_updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_orders_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "order_id", name=op.f("pk_orders")),
        sa.UniqueConstraint("shop_id", "platform_order_id", name=op.f("uq_orders_shop_id_platform_order_id")),
    )
    op.create_index(
        "ix_orders_attributed",
        "orders",
        ["shop_id", "placed_at"],
        unique=False,
        postgresql_where=sa.text("attributed_message_id IS NOT NULL OR attributed_list_id IS NOT NULL"),
    )
    op.create_index(
        "ix_orders_customer", "orders", ["shop_id", "platform_customer_id", "placed_at"], unique=False
    )
    op.create_index("ix_orders_email", "orders", ["shop_id", "email_hash", "placed_at"], unique=False)
    op.create_index("ix_orders_placed", "orders", ["shop_id", "placed_at"], unique=False)
    op.create_table(
        "products",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("platform_product_id", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("compare_at_price", sa.BigInteger(), nullable=True),
        sa.Column("price_varies", sa.Boolean(), nullable=False),
        sa.Column("sole_variant_id", sa.Text(), nullable=True),
        sa.Column("is_published", sa.Boolean(), nullable=False),
        sa.Column("is_available", sa.Boolean(), nullable=False),
        sa.Column("is_gift_card", sa.Boolean(), nullable=False),
        sa.Column("source_updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_products_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "product_id", name=op.f("pk_products")),
        sa.UniqueConstraint(
            "shop_id", "platform_product_id", name=op.f("uq_products_shop_id_platform_product_id")
        ),
    )
    op.create_table(
        "suppressions",
        sa.Column("shop_id", sa.BigInteger(), nullable=False),
        sa.Column("email_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.shop_id"], name=op.f("fk_suppressions_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "email_hash", "scope", name=op.f("pk_suppressions")),
    )
    op.create_table(
        "messages",
        sa.Column("shop_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("enrolment_id", sa.BigInteger(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'planned'"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("facts", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("arm", sa.Text(), nullable=True),
        sa.Column("email_hash", sa.LargeBinary(), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("subject_line", sa.Text(), nullable=True),
        sa.Column("rfc_message_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.BigInteger(), nullable=True),
        sa.Column("n_attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clicked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["shop_id", "enrolment_id"],
            ["enrolments.shop_id", "enrolments.enrolment_id"],
            name=op.f("fk_messages_shop_id_enrolment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("shop_id", "message_id", name=op.f("pk_messages")),
        sa.UniqueConstraint(
            "shop_id", "enrolment_id", "step", name=op.f("uq_messages_shop_id_enrolment_id_step")
        ),
        sa.UniqueConstraint("shop_id", "rfc_message_id", name=op.f("uq_messages_shop_id_rfc_message_id")),
    )
    op.create_index(
        "ix_messages_claimed",
        "messages",
        ["claimed_until"],
        unique=False,
        postgresql_where=sa.text("state IN ('claimed', 'handed_over')"),
    )
    op.create_index("ix_messages_decided", "messages", ["shop_id", "decided_at"], unique=False)
    op.create_index(
        "ix_messages_due", "messages", ["due_at"], unique=False, postgresql_where=sa.text("state = 'planned'")
    )
    op.create_index(
        "ix_messages_waiting",
        "messages",
        ["shop_id", "email_hash"],
        unique=False,
        postgresql_where=sa.text("state IN ('planned', 'claimed')"),
    )
    op.create_index("ix_messages_sent_to", "messages", ["shop_id", "email_hash", "sent_at"], unique=False)
    op.create_table(
        "order_lines",
        sa.Column("shop_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("platform_product_id", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("list_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["shop_id", "order_id"],
            ["orders.shop_id", "orders.order_id"],
            name=op.f("fk_order_lines_shop_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("shop_id", "order_id", "position", name=op.f("pk_order_lines")),
    )
    op.create_index("ix_order_lines_product", "order_lines", ["shop_id", "platform_product_id"], unique=False)
    op.create_table(
        "recommendations",
        sa.Column("shop_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("model_id", sa.BigInteger(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("product_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("scores", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["shop_id", "model_id"],
            ["models.shop_id", "models.model_id"],
            name=op.f("fk_recommendations_shop_id_model_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "shop_id", "model_id", "strategy", "subject_id", name=op.f("pk_recommendations")
        ),
    )
    op.create_table(
        "variants",
        sa.Column("shop_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("variant_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.Column("platform_variant_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("compare_at_price", sa.BigInteger(), nullable=True),
        sa.Column("n_available", sa.BigInteger(), nullable=True),
        sa.Column("is_available", sa.Boolean(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["shop_id", "product_id"],
            ["products.shop_id", "products.product_id"],
            name=op.f("fk_variants_shop_id_product_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("shop_id", "variant_id", name=op.f("pk_variants")),
        sa.UniqueConstraint(
            "shop_id", "platform_variant_id", name=op.f("uq_variants_shop_id_platform_variant_id")
        ),
    )
    op.create_index("ix_variants_product", "variants", ["shop_id", "product_id"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("the first migration is not undone; drop the database instead")
