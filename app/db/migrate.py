"""Brings the schema up to date as its owner; safe to run from several machines at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from psycopg2.errors import InsufficientPrivilege
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import ProgrammingError

from app.db.session import normalise_url

MIGRATIONS = Path(__file__).with_name("migrations")

# Any constant will do; it keeps two deploys from migrating at the same moment.
_LOCK = 7_402_611

# Milliseconds: a migration that has to wait longer for a table would stop the shop's webhooks behind it.
_LOCK_TIMEOUT_MS = 4000


class NotTheOwnerError(Exception):
    """The login may not change the schema."""


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate to `revision`, waiting for another migration that is under way.

    Raises:
        NotTheOwnerError: the login of this address may not change the schema.
    """
    engine = create_engine(
        normalise_url(url), connect_args={"options": f"-c lock_timeout={_LOCK_TIMEOUT_MS} -c timezone=UTC"}
    )
    try:
        with engine.connect() as guard, engine.connect() as connection:
            guard.execute(
                text("SELECT set_config('lock_timeout', '0', true), pg_advisory_xact_lock(:key)"),
                {"key": _LOCK},
            )
            command.upgrade(config_for(connection), revision)
            connection.commit()
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        raise NotTheOwnerError(f"{engine.url.username} may not change the schema") from None
    finally:
        engine.dispose()


_WAIT_FOR_TURN = text("SELECT set_config('lock_timeout', '0', true), pg_advisory_xact_lock(:key)")


def config_for(connection: Connection) -> Config:
    """An Alembic configuration bound to one open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
