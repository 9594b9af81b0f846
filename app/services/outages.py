"""Tells PostgreSQL being away from everything else that may go wrong."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.db.session import DatabaseAwayError


def is_database_away(error: Exception) -> bool:
    """Without a code of its own, a database's error is the connection's and not the statement's."""
    is_unreached = isinstance(error, DBAPIError) and getattr(error.orig, "pgcode", None) is None
    return is_unreached or isinstance(error, PoolTimeoutError | DatabaseAwayError)
