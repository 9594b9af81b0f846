"""Runs migrations as the schema's owner; used through `regulars migrate`, never with an alembic.ini."""

from alembic import context
from sqlalchemy import Connection

from app.db.models import Base


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=False,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
