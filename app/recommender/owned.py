"""Owns what each customer bought, how often and when; it must not rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from app.recommender.fallback import DAY_SECONDS
from app.recommender.user_rows import places

if TYPE_CHECKING:
    import numpy.typing as npt

    from app.recommender.interactions import History, IntArray

# Half-life of a customer's own purchase: the best of 30, 90 and 365 days on both shops (reference, 4).
OWN_HALF_LIFE_DAYS = 365.0
# Worth of a purchase whose date is unknown: two half-lives old.
UNDATED_WORTH = 0.25


@dataclass(frozen=True, eq=False)
class Owned:
    """What each known customer bought.

    Attributes
    ----------
    users : int64, shape [n_users]
        User indices, ascending: the row order of the matrices.
    counts : csr float32, shape [n_users, n_items]
        Different orders in which the customer bought the product.
    decayed : csr float32, same pattern
        The same with each order halved every `OWN_HALF_LIFE_DAYS`.
    first_at, last_at : csr float64, same pattern
        Unix seconds of the oldest and newest of those orders; 0 where unknown.
    """

    users: IntArray
    counts: sparse.csr_matrix
    decayed: sparse.csr_matrix
    first_at: sparse.csr_matrix
    last_at: sparse.csr_matrix

    def rows(self, users: IntArray) -> IntArray:
        """Return the matrix row of each user, -1 for one without purchases."""
        return places(self.users, users)

    def of(self, users: IntArray, matrix: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return the rows of one of the matrices for some users, empty for those without purchases."""
        held, at = self.held(users)
        return sparse.csr_matrix((matrix.data[at], held.indices, held.indptr), shape=held.shape)

    def held(self, users: IntArray) -> tuple[sparse.csr_matrix, IntArray]:
        """What some users bought, and where in the matrices' values each of it stands.

        Returns
        -------
        held : csr float32, shape [n_users, n_items]
            Ones; empty rows for users without purchases.
        at : int64, shape [nnz of held]
        """
        rows, shape = self.rows(users), (len(users), self.counts.shape[1])
        if not len(self.users):
            return sparse.csr_matrix(shape, dtype=np.float32), np.empty(0, np.int64)
        starts = self.counts.indptr[np.maximum(rows, 0)].astype(np.int64)
        lengths = np.where(rows >= 0, self.counts.indptr[np.maximum(rows, 0) + 1] - starts, 0)
        at = runs(starts, lengths)
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        return sparse.csr_matrix(
            (np.ones(len(at), np.float32), self.counts.indices[at], indptr), shape=shape
        ), at


def runs(starts: IntArray, lengths: IntArray) -> IntArray:
    """Count up from each start for its length, one run after the other, int64 [sum of lengths]."""
    before = np.cumsum(lengths) - lengths
    counted_up: IntArray = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
    return counted_up


def read_owned(history: History, n_items: int, newest_at: float) -> Owned:
    """Sum up what each known customer bought, seen from `newest_at` (unix seconds)."""
    bought = history.take((history.order >= 0) & (history.user >= 0))
    users, row = np.unique(bought.user, return_inverse=True)
    at = np.nan_to_num(bought.occurred_at, nan=0.0)
    keys = np.lexsort((at, bought.order, bought.item, row))
    row, item, order, at = row[keys], bought.item[keys], bought.order[keys], at[keys]
    is_order = _changes(row, item, order)
    row, item, at = row[is_order], item[is_order], at[is_order]
    age_days = (newest_at - at) / DAY_SECONDS
    worth = np.where(at > 0, np.exp2(-age_days / OWN_HALF_LIFE_DAYS), UNDATED_WORTH)
    starts = np.flatnonzero(_changes(row, item))
    indptr = np.searchsorted(row[starts], np.arange(len(users) + 1))

    def matrix(values: npt.NDArray[np.float64], how: np.ufunc, dtype: type[Any]) -> sparse.csr_matrix:
        data = how.reduceat(values, starts) if len(starts) else np.empty(0)
        return sparse.csr_matrix((data.astype(dtype), item[starts], indptr), shape=(len(users), n_items))

    return Owned(
        users,
        matrix(np.ones(len(row)), np.add, np.float32),
        matrix(worth, np.add, np.float32),
        matrix(at, np.minimum, np.float64),
        matrix(at, np.maximum, np.float64),
    )


def _changes(*columns: IntArray) -> npt.NDArray[np.bool_]:
    """Return where any of the sorted columns differs from the row before."""
    changed = np.ones(len(columns[0]), bool)
    changed[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return changed


# Spread of a customer's rhythm as a share of its length: within a quarter early or late is "due".
RHYTHM_SPREAD = 0.5


def due_scores(owned: Owned, users: IntArray, newest_at: float) -> sparse.csr_matrix:
    """How ready each customer is to buy again what they bought before.

    A product bought n >= 2 times has a rhythm, the mean gap between its orders; it is due when that gap has
    passed again. Bought once, it counts by how lately.

    Returns
    -------
    csr float32, shape [n_users, n_items]
        Decayed orders times a factor of 1 to 2 (2: due right now); nothing where never bought.
    """
    held, at = owned.held(users)
    n_orders, last = owned.counts.data[at].astype(np.float64), owned.last_at.data[at]
    gap = (last - owned.first_at.data[at]) / np.maximum(n_orders - 1.0, 1.0)
    has_rhythm = (n_orders >= 2) & (gap > 0)
    phase = (newest_at - last) / np.where(has_rhythm, gap, 1.0)
    due = np.where(has_rhythm, np.exp(-(((phase - 1.0) / RHYTHM_SPREAD) ** 2)), 0.0)
    values = (owned.decayed.data[at] * (1.0 + due)).astype(np.float32)
    return sparse.csr_matrix((values, held.indices, held.indptr), shape=held.shape)
