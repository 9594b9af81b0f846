"""Opens an order file and hands its lines on, numbered as an editor numbers them."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

from app.services.orderfile.formats import WANTED, OrderFileError, UnknownHeaderError, recognise
from app.services.orderfile.taking import Taker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.services.orderfile.columns import OrderFile

# Characters of one field: longer ones mean an unclosed quote that swallows the rest of the file.
MAX_FIELD_CHARACTERS = 1_000_000
# Characters of one order line, with the line breaks in its fields: the rest is not read into memory.
MAX_LINE_CHARACTERS = 4_000_000
# Text has no zero bytes; pictures, spreadsheets and UTF-16 have some soon.
N_PROBED_BYTES = 4096
GZIP_MAGIC = b"\x1f\x8b"


def read_orders(path: str | Path) -> OrderFile:
    """Read an order history.

    Good rows come in, bad ones are listed by line and reason. Dates without a zone are taken as UTC.

    Raises:
        OrderFileError: not there, not readable, cut off in the middle, or a header that is none of ours.
    """
    name = Path(path).name
    try:
        with _opened(Path(path)) as raw:
            is_text = b"\0" not in raw.peek(N_PROBED_BYTES)[:N_PROBED_BYTES]
            with io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="") as stream:
                return _read(stream)
    except UnknownHeaderError as error:
        if is_text:
            raise
        raise OrderFileError(f"{name} is no order history (it is not a text file): {WANTED}") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise OrderFileError(f"{name} can't be read: {reason}.") from error


def _opened(path: Path) -> io.BufferedReader | gzip.GzipFile:
    with path.open("rb") as probe:
        is_gzip = probe.read(2) == GZIP_MAGIC
    return gzip.open(path) if is_gzip else path.open("rb")


def _read(stream: IO[str]) -> OrderFile:
    first = stream.readline(MAX_FIELD_CHARACTERS)
    if not first:
        raise UnknownHeaderError(f"The file is empty: {WANTED}")
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    header = [name.strip().casefold() for name in next(csv.reader([first], delimiter=delimiter), [])]
    kind, columns = recognise(header)
    lines = _Lines(stream)
    taker = Taker(kind, columns)
    for line, cells in _numbered(lines, csv.reader(lines, delimiter=delimiter), taker):
        taker.take(line, cells)
    return taker.finish()


class _Lines:
    """The lines after the header; one that is longer than any order's is skipped without being held."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream
        self.n_lines = self.n_characters = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.stream.readline(MAX_LINE_CHARACTERS)
        if not line:
            raise StopIteration
        self.n_lines += 1
        self.n_characters += len(line)
        if self.n_characters >= MAX_LINE_CHARACTERS:
            while line and not line.endswith(("\n", "\r")):
                line = self.stream.readline(MAX_LINE_CHARACTERS)
            raise csv.Error(f"longer than {MAX_LINE_CHARACTERS:,} characters")
        return line


def _numbered(lines: _Lines, reader: Iterator[list[str]], taker: Taker) -> Iterator[tuple[int, list[str]]]:
    """Number the lines as an editor does, going on after a line that is no CSV."""
    while True:
        line, lines.n_characters = lines.n_lines + 2, 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            taker.reject(line, f"not readable as CSV: {error}")
            continue
        if cells:
            yield line, cells
