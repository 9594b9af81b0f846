"""Connections to PostgreSQL as the application's role, one shop per transaction; nothing else opens one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg2 import OperationalError
from sqlalchemy import Connection, Engine, create_engine, event, text

# Owns no table and may not bypass row security; the migrations create it.
APP_ROLE = "regulars_app"

# Seconds; a sender waits 5 s for an answer (Shopify), so an unreachable database must be noticed sooner.
CONNECT_TIMEOUT_SECONDS = 3


class DatabaseAwayError(Exception):
    """PostgreSQL can't be reached."""


class Database:
    """A pool of connections that can see one shop at a time.

    `shop(shop_id)` opens a transaction that sees that shop only; `nobody()` sees no shop at all and is for
    the few functions that look shops up or list due work.
    """

    def __init__(self, url: str, *, pool_size: int = 5, statement_timeout_seconds: int = 60) -> None:
        self.engine: Engine = create_engine(
            normalise_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=CONNECT_TIMEOUT_SECONDS,
            pool_recycle=1800,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "application_name": "regulars",
                "options": f"-c statement_timeout={statement_timeout_seconds * 1000} -c timezone=UTC",
            },
        )
        event.listen(self.engine, "connect", _drop_privileges)

    @contextmanager
    def shop(self, shop_id: int) -> Iterator[Connection]:
        """One transaction in one shop: commits at the end of the block, rolls back on an exception."""
        with self.engine.begin() as connection:
            connection.execute(_SET_SHOP, {"shop_id": str(int(shop_id))})
            yield connection

    @contextmanager
    def nobody(self) -> Iterator[Connection]:
        """One transaction that sees no shop's rows."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def autocommit(self) -> Iterator[Any]:
        """A driver cursor outside any transaction: the statements of one `execute` are one transaction.

        For the one place where a round trip counts, the webhook's insert.
        """
        connection = self.engine.raw_connection()
        try:
            driver: Any = connection.driver_connection
            driver.autocommit = True
            try:
                with driver.cursor() as cursor:
                    yield cursor
            finally:
                if not driver.closed:
                    driver.autocommit = False
        except OperationalError as error:
            # Outside the engine's own execution a lost server is not noticed; the pool has to be told.
            connection.invalidate(error)
            raise DatabaseAwayError from error
        finally:
            connection.close()

    def close(self) -> None:
        self.engine.dispose()


_SET_SHOP = text("SELECT set_config('app.shop_id', :shop_id, true)")


def normalise_url(url: str) -> str:
    """Name the driver: hosting panels hand out `postgres://` and `postgresql://`."""
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg2://" + url.removeprefix(scheme)
    return url


def _drop_privileges(dbapi_connection: object, _record: object) -> None:
    cursor = dbapi_connection.cursor()  # type: ignore[attr-defined]
    try:
        cursor.execute(f"SET ROLE {APP_ROLE}")
    finally:
        cursor.close()
    dbapi_connection.commit()  # type: ignore[attr-defined]
