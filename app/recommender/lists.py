"""Owns the answer of every strategy: ranked lists with their evidence; it must not compute scores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scipy import sparse

    from app.recommender.interactions import IntArray

NO_ITEM = -1
# Columns from which the highest are sought among groups first: it is several times faster than one by one.
WIDE = 2048


class Source(IntEnum):
    """What placed a product in a list."""

    NONE = 0  # padding: the list is shorter than asked
    TOGETHER = 1  # bought together in enough orders
    SIMILAR = 2  # words or taste in common
    OWN = 3  # the customer bought it before
    TASTE = 4  # customers alike bought it
    POPULAR = 5  # fallback: bought by many
    NEW = 6  # fallback: nothing is known yet


class Shown(NamedTuple):
    """One place of a list: the item index, its score and what speaks for it."""

    item: int
    score: float
    n_together: int
    n_shared_words: int
    because: int
    source: Source


@dataclass(frozen=True, eq=False)
class Lists:
    """Ranked lists, one row per seed, padded with `NO_ITEM` where fewer than asked were found.

    A row never holds its seed, an item twice, or a score that is not finite; scores never rise.

    Attributes
    ----------
    seeds : int64, shape [n_lists]
        The item or user index each list is for; -1 where it is for the whole shop or a cart.
    items : int32, shape [n_lists, n]
    scores : float32, shape [n_lists, n]
        Comparable within a row only. 0 in padding.
    n_together : int32, shape [n_lists, n]
        Orders holding both the listed item and `because`: the 14 of "14 of 52 baskets".
    n_baskets : int32, shape [n_lists, n]
        Orders holding `because`: the 52.
    n_shared_words : int16, shape [n_lists, n]
        Words the two have in common.
    because : int32, shape [n_lists, n]
        The seed, or the cart's or customer's product, that speaks most for the item; `NO_ITEM` if none.
    source : int8, shape [n_lists, n]
        `Source` of the place.
    """

    seeds: IntArray
    items: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    n_together: npt.NDArray[np.int32]
    n_baskets: npt.NDArray[np.int32]
    n_shared_words: npt.NDArray[np.int16]
    because: npt.NDArray[np.int32]
    source: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.seeds)

    def row(self, index: int) -> list[Shown]:
        """Return one list without its padding."""
        columns = (self.items, self.scores, self.n_together, self.n_shared_words, self.because, self.source)
        places = zip(*(column[index].tolist() for column in columns), strict=True)
        return [
            Shown(item, score, together, words, because, Source(source))
            for item, score, together, words, because, source in places
            if item != NO_ITEM
        ]

    def __iter__(self) -> Iterator[tuple[int, list[Shown]]]:
        for index, seed in enumerate(self.seeds.tolist()):
            yield seed, self.row(index)


def top_n(scores: npt.NDArray[np.float32], n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The n best columns of each row.

    Parameters
    ----------
    scores : float32, shape [n_rows, n_columns]
        -inf marks a column that may not be chosen.
    n : int

    Returns
    -------
    columns : int64, shape [n_rows, min(n, n_columns)]
        Best first, ties by column number; -1 where only -inf was left.
    values : float32, same shape
        0 where the column is -1.
    """
    n_kept = min(n, scores.shape[1])
    if n_kept <= 0:
        return np.empty((len(scores), 0), np.int64), np.empty((len(scores), 0), np.float32)
    found = highest(scores, n_kept)
    values = np.take_along_axis(scores, found, axis=1)
    order = np.lexsort((found, -values), axis=1)
    columns = np.take_along_axis(found, order, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    usable = np.isfinite(values)
    return np.where(usable, columns, NO_ITEM), np.where(usable, values, 0.0).astype(np.float32)


def highest(scores: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.int64]:
    """The n highest columns of each row, in any order.

    Parameters
    ----------
    scores : float32, shape [n_rows, n_columns]
    n : int, 1 to n_columns

    Returns
    -------
    int64, shape [n_rows, n]
    """
    n_columns = scores.shape[1]
    size = math.isqrt(n_columns // n)
    if n_columns < WIDE or size < 2:
        return np.argpartition(-scores, n - 1, axis=1)[:, :n]
    # Columns are dealt into groups; only the n groups with the highest heads can hold one of the n highest.
    n_groups = n_columns // size
    heads = scores[:, : size * n_groups].reshape(len(scores), size, n_groups).max(axis=1)
    groups = np.argpartition(-heads, n - 1, axis=1)[:, :n]
    columns = (groups[:, None, :] + n_groups * np.arange(size)[:, None]).reshape(len(scores), -1)
    rest = np.broadcast_to(np.arange(size * n_groups, n_columns), (len(scores), n_columns - size * n_groups))
    columns = np.concatenate([columns, rest], axis=1)
    places = np.argpartition(-np.take_along_axis(scores, columns, axis=1), n - 1, axis=1)[:, :n]
    return np.take_along_axis(columns, places, axis=1)


def top_of_rows(rows: sparse.csr_matrix, n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The n highest values above 0 of each sparse row, as `top_n` gives them.

    Parameters
    ----------
    rows : csr, shape [n_rows, n_columns]
    n : int
    """
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    order = np.lexsort((rows.indices, -rows.data, row))
    row, column, value = row[order], rows.indices[order], rows.data[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    kept = (place < n) & (value > 0)
    columns = np.full((rows.shape[0], n), NO_ITEM, np.int64)
    values = np.zeros((rows.shape[0], n), np.float32)
    columns[row[kept], place[kept]] = column[kept]
    values[row[kept], place[kept]] = value[kept]
    return columns, values
