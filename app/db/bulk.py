"""Moves many rows into PostgreSQL at once, through COPY into a table of the session's own."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

# Text handed to one COPY: more at once is no faster.
BATCH_CHARACTERS = 4 * 2**20


def stage(connection: Connection, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> int:
    """Fill a temporary table with `rows` and return how many there were.

    COPY itself may not write to a table with row security, so the caller's INSERT … SELECT takes them on.
    `table` and `columns` ("name type, …") are our own constants, never input, and always go together. The table
    stays with the session and is emptied at each commit: made for every webhook, it would cost more than the
    rows it brings and leave the catalogue full of dead entries.
    """
    made = f"CREATE TEMP TABLE IF NOT EXISTS {table} ({columns}) ON COMMIT DELETE ROWS"
    connection.execute(text(f"{made}; DELETE FROM pg_temp.{table}"))  # noqa: S608  our own constants
    n_rows = 0
    cursor: Any = connection.connection.cursor()
    try:
        for batch, n_lines in _batches(rows):
            cursor.copy_expert(f"COPY pg_temp.{table} FROM STDIN", batch)
            n_rows += n_lines
    finally:
        cursor.close()
    return n_rows


def _batches(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[io.StringIO, int]]:
    """Rows as files of COPY's text, each of about `BATCH_CHARACTERS`, and how many lines it has.

    Rows may be computed as they are asked for, so that all lists of a large shop are never in memory at once.
    """
    batch, n_lines = io.StringIO(), 0
    for row in rows:
        batch.write("\t".join([_cell(value) for value in row]) + "\n")
        n_lines += 1
        if batch.tell() >= BATCH_CHARACTERS:
            batch.seek(0)
            yield batch, n_lines
            batch, n_lines = io.StringIO(), 0
    if n_lines:
        batch.seek(0)
        yield batch, n_lines


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
