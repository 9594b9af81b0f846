"""Connections to PostgreSQL as the application's role, one shop per transaction; nothing else opens one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from psycopg2 import Error as DriverError
from psycopg2 import OperationalError as DriverOperationalError
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

# Owns no table and may not bypass row security; the migrations create it.
APP_ROLE = "regulars_app"

# Seconds; a sender waits 5 s for an answer (Shopify), so an unreachable database must be noticed sooner.
CONNECT_TIMEOUT_SECONDS = 3


class DatabaseAwayError(Exception):
    """PostgreSQL can't be reached."""


class Database:
    """A pool of connections that can see one shop at a time.

    `shop(shop_id)` opens a transaction that sees that shop only, `person(person_id)` one that sees what is that
    merchant's; `nobody()` sees neither and is for the few functions that look them up or list due work.
    """

    def __init__(self, url: str, *, pool_size: int = 8, statement_timeout_seconds: int = 60) -> None:
        connect = {
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": "regulars",
            "options": f"-c statement_timeout={statement_timeout_seconds * 1000} -c timezone=UTC",
        }
        self.engine: Engine = create_engine(
            normalise_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=CONNECT_TIMEOUT_SECONDS,
            pool_recycle=1800,
            connect_args=connect,
        )
        # Makes the connections of `at_once`, which keeps them itself: a pool's care costs as much as its insert.
        self._maker = create_engine(
            normalise_url(url), poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=connect
        )
        self._idle: list[Any] = []
        for engine in (self.engine, self._maker):
            event.listen(engine, "connect", _drop_privileges)

    @contextmanager
    def shop(self, shop_id: int) -> Iterator[Connection]:
        """One transaction in one shop: commits at the end of the block, rolls back on an exception."""
        with self.engine.begin() as connection:
            connection.execute(_SET_SHOP, {"shop_id": str(int(shop_id))})
            yield connection

    @contextmanager
    def person(self, person_id: int) -> Iterator[Connection]:
        """One transaction that sees one merchant's own links, sessions and memberships, and no shop's rows."""
        with self.engine.begin() as connection:
            connection.execute(_SET_PERSON, {"person_id": str(int(person_id))})
            yield connection

    @contextmanager
    def nobody(self) -> Iterator[Connection]:
        """One transaction that sees no shop's rows."""
        with self.engine.begin() as connection:
            yield connection

    def at_once(self, statements: str, parameters: Mapping[str, Any]) -> None:
        """Carry statements out as one transaction in one round trip; they set the shop themselves.

        For the one place where a round trip counts, the webhook's insert. Where a connection was lost while it
        lay idle they are sent again on another, so they must be such that twice is the same as once.

        Raises:
            DatabaseAwayError: PostgreSQL can't be reached, or can't carry anything out now.
        """
        driver, was_idle = self._take()
        try:
            with driver.cursor() as cursor:
                cursor.execute(statements, parameters)
        except DriverError as error:
            is_lost = self._maker.dialect.is_disconnect(error, driver, None)
            if is_lost and was_idle:
                return self.at_once(statements, parameters)
            if not is_lost:
                self._idle.append(driver)
            if is_lost or isinstance(error, DriverOperationalError):
                raise DatabaseAwayError from error
            raise
        self._idle.append(driver)
        return None

    def _take(self) -> tuple[Any, bool]:
        """A driver's connection outside any transaction, and whether it had been lying idle."""
        try:
            return self._idle.pop(), True
        except IndexError:
            pass
        try:
            made = self._maker.raw_connection()
        except DriverError as error:
            raise DatabaseAwayError from error
        driver = made.driver_connection
        made.detach()
        return driver, False

    def close(self) -> None:
        self.engine.dispose()
        while self._idle:
            self._idle.pop().close()


_SET_SHOP = text("SELECT set_config('app.shop_id', :shop_id, true)")
_SET_PERSON = text("SELECT set_config('app.person_id', :person_id, true)")


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
