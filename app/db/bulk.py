"""Moves many rows into PostgreSQL at once, through COPY into a table that lives for one transaction."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text


def stage(connection: Connection, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> int:
    """Fill a temporary table with `rows` and return how many there were.

    COPY itself may not write to a table with row security, so the caller's INSERT … SELECT takes them on.
    `table` and `columns` ("name type, …") are our own constants, never input.
    """
    connection.execute(text(f"DROP TABLE IF EXISTS pg_temp.{table}"))
    connection.execute(text(f"CREATE TEMP TABLE {table} ({columns}) ON COMMIT DROP"))
    buffer = io.StringIO()
    n_rows = 0
    for row in rows:
        buffer.write("\t".join([_cell(value) for value in row]) + "\n")
        n_rows += 1
    buffer.seek(0)
    cursor: Any = connection.connection.cursor()
    try:
        cursor.copy_expert(f"COPY pg_temp.{table} FROM STDIN", buffer)
    finally:
        cursor.close()
    return n_rows


def _cell(value: Any) -> str:
    """One value in COPY's text form (PostgreSQL manual, COPY, Text Format)."""
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, str):
        return _escape(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    if isinstance(value, (list, tuple)):
        return _escape("{" + ",".join(_element(element) for element in value) + "}")
    return str(value)


def _escape(value: str) -> str:
    # PostgreSQL stores no NUL.
    value = value.replace("\\", "\\\\").replace("\0", "")
    return value.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)
