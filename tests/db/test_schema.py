"""The migrations and the models give the same schema, and every table is fenced."""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner
from sqlalchemy import Engine, create_engine, make_url, text

from app.cli import main
from app.db.migrate import config_for, upgrade
from app.db.models import Base
from app.db.session import APP_ROLE, normalise_url
from app.embedded import EmbeddedRedis
from tests.conftest import TEST_KEYS, url_of

VERSIONS = "app.db.migrations.versions"
TENANT_TABLES = {
    table
    for name in ("0001_house", "0004_theme_lists", "0005_offers", "0009_people")
    for table in importlib.import_module(f"{VERSIONS}.{name}").TENANT_TABLES
}
# A merchant may own several shops: these are fenced by person.
PEOPLE_TABLES = set(importlib.import_module(f"{VERSIONS}.0009_people").PEOPLE_TABLES)


def test_upgrading_from_empty_gives_exactly_what_the_models_say(make_database):
    engine = create_engine(normalise_url(make_database("schema")))
    with engine.connect() as connection:
        command.check(config_for(connection))
        found = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(found, Base.metadata) == []
    engine.dispose()


def test_upgrading_twice_changes_nothing(make_database):
    upgrade(make_database("twice"))


def test_every_table_is_a_tenants_and_starts_its_key_with_the_shop_or_is_a_persons():
    tables = {table.name: table for table in Base.metadata.sorted_tables}
    assert set(tables) == TENANT_TABLES | PEOPLE_TABLES
    for name in TENANT_TABLES:
        assert next(column.name for column in tables[name].primary_key) == "shop_id", name
    for name in PEOPLE_TABLES:
        assert "person_id" in tables[name].c, name


def test_row_security_is_forced_on_every_table_and_the_apps_role_owns_none(owner):
    with owner.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT relname, relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner) AS role"
                " FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
                " AND relname <> 'alembic_version'"
            )
        ).all()
        assert {row.relname for row in rows} == TENANT_TABLES | PEOPLE_TABLES
        assert all(row.relrowsecurity and row.relforcerowsecurity for row in rows)
        assert all(row.role != APP_ROLE for row in rows)
        bypasses = connection.execute(
            text("SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = :r"), {"r": APP_ROLE}
        ).scalar()
        assert bypasses is False


def test_upgrading_takes_addresses_off_orders_that_came_from_files(make_database):
    url = make_database("addresses")
    engine = create_engine(normalise_url(url))
    with engine.connect() as connection:
        command.downgrade(config_for(connection), "0006")
        shop = connection.execute(
            text(
                "INSERT INTO shops (platform, domain, public_key, name, public_url, currency, timezone, locale, state,"
                " holdout_salt, installed_at) VALUES ('shopify', 'a.example', 'key', 'A', 'https://a.example', 'EUR',"
                " 'UTC', 'en', 'connected', 'salt', now()) RETURNING shop_id"
            )
        ).scalar()
        connection.execute(
            text(
                "INSERT INTO orders (shop_id, platform_order_id, name, platform_customer_id, currency, total,"
                " placed_at, is_test, source_updated_at) VALUES"
                " (:shop, '1', '#1', 'cleo@example.com', 'EUR', 1, now(), false, now()),"
                " (:shop, '2', '#2', '7001', 'EUR', 1, now(), false, now())"
            ),
            {"shop": shop},
        )
        connection.commit()
    upgrade(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT platform_customer_id FROM orders ORDER BY platform_order_id"))
        assert [row[0] for row in rows] == [None, "7001"]
        forced = "SELECT relforcerowsecurity FROM pg_class WHERE oid = 'orders'::regclass"
        assert connection.execute(text(forced)).scalar()
    engine.dispose()


@contextmanager
def role_and_database(
    admin: Engine, name: str, *more: str, may: str = "", owns: bool = False
) -> Iterator[Engine]:
    """An empty database beside a role of the same name, as that role; `more` is carried out between the two."""
    name = f"{name}_{os.getpid()}"
    owner = f"OWNER {name}" if owns else ""
    with admin.connect() as connection:
        for statement in (f"CREATE ROLE {name} LOGIN {may}", *more, f"CREATE DATABASE {name} {owner}"):
            connection.execute(text(statement.format(name=name)))
    engine = create_engine(make_url(admin.url).set(username=name, database=name))
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        connection.execute(text(f"DROP ROLE {name}"))


@pytest.fixture
def mere_login(admin_engine: Engine, template: str) -> Iterator[Engine]:
    """An empty database, as a login that may change nothing in it."""
    with role_and_database(admin_engine, "mere_login") as engine:
        yield engine


def test_a_login_that_may_not_migrate_is_told_whose_address_is_needed(
    mere_login: Engine, redis_server: EmbeddedRedis
) -> None:
    url = url_of(mere_login, str(mere_login.url.database))
    env = {"DATABASE_URL": url, "REDIS_URL": redis_server.url}
    answer = CliRunner().invoke(
        main, ["migrate"], env=env | {name.upper(): k for name, k in TEST_KEYS.items()}
    )
    assert answer.exit_code == 1
    assert isinstance(answer.exception, SystemExit)
    assert answer.output.splitlines()[-1] == (
        f"Error: {mere_login.url.username} may not change the schema: "
        "set MIGRATION_DATABASE_URL to the owner's address"
    )


@pytest.fixture
def plain_owner(admin_engine: Engine, template: str) -> Iterator[Engine]:
    """An empty database, as the role that README has an operator make: it owns the schema and is no superuser."""
    # As if it had made them itself; here they are there already.
    roles = "GRANT regulars_app, regulars_scheduler TO {name} WITH ADMIN OPTION"
    with role_and_database(admin_engine, "plain_owner", roles, may="CREATEROLE", owns=True) as engine:
        yield engine


def test_an_owner_who_is_no_superuser_migrates_what_is_stored_of_every_shop(
    admin_engine: Engine, plain_owner: Engine
) -> None:
    as_admin = create_engine(make_url(admin_engine.url).set(database=plain_owner.url.database))

    def states(columns: str) -> list[tuple]:
        with as_admin.connect() as connection:
            found = connection.execute(text(f"SELECT {columns} FROM shops ORDER BY domain"))
            return [tuple(row) for row in found]

    with plain_owner.connect() as connection:
        command.upgrade(config_for(connection), "0014")
        connection.commit()
    with as_admin.begin() as connection:
        for state in ("connected", "needs_reconnect", "uninstalled"):
            connection.execute(_A_SHOP, {"state": state})
    with plain_owner.connect() as connection:
        command.upgrade(config_for(connection), "head")
        connection.commit()
    assert states("state, access_lost_at IS NULL, n_access_notices") == [
        ("connected", True, 0),
        ("needs_reconnect", False, 0),
        ("uninstalled", True, 0),
    ]
    with as_admin.begin() as connection:
        connection.execute(text("UPDATE shops SET state = 'leaving' WHERE state = 'needs_reconnect'"))
        connection.execute(_JOBS)
        connection.execute(_KEYS)
    with plain_owner.connect() as connection:
        command.downgrade(config_for(connection), "0014")
        connection.commit()
    assert states("state") == [("connected",), ("uninstalled",), ("uninstalled",)]
    with as_admin.connect() as connection:
        assert list(connection.execute(text("SELECT kind FROM jobs")).scalars()) == ["import"] * 3
        keys = text("SELECT domain FROM credentials JOIN shops USING (shop_id) ORDER BY 1")
        assert list(connection.execute(keys).scalars()) == ["connected", "uninstalled"]
    as_admin.dispose()


_A_SHOP = text("""
    INSERT INTO shops (platform, domain, public_key, name, public_url, currency, timezone, locale, state, holdout_salt,
                       installed_at)
    VALUES ('woocommerce', :state, :state, 'A', 'https://a.example', 'EUR', 'UTC', 'en', :state, 'salt', now())""")

_JOBS = text("""
    INSERT INTO jobs (shop_id, kind, state, created_at)
    SELECT shop_id, kind, 'queued', now() FROM shops CROSS JOIN (VALUES ('import'), ('leaving')) AS jobs (kind)
    WHERE kind = 'import' OR shops.state = 'leaving'""")

_KEYS = text("""
    INSERT INTO credentials (shop_id, key_id, access_token, scopes, updated_at)
    SELECT shop_id, 'k', '', '', now() FROM shops""")
