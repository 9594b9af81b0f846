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

    from app.recommender.interactions import FloatArray, History, IntArray

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
        """Return the rows of one of the matrices for some users, empty for those without purchases; to read only."""
        if np.array_equal(users, self.users):
            return matrix
        rows = self.rows(users)
        if not (rows >= 0).any():
            return sparse.csr_matrix((len(users), matrix.shape[1]), dtype=matrix.dtype)
        picked = sparse.csr_matrix(matrix[np.maximum(rows, 0)])
        if (rows >= 0).all():
            return picked
        known = sparse.diags((rows >= 0).astype(matrix.dtype))
        result = sparse.csr_matrix(known @ picked)
        result.eliminate_zeros()
        return result


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


def due_scores(owned: Owned, users: IntArray, newest_at: float) -> FloatArray:
    """How ready each customer is to buy again what they bought before.

    A product bought n >= 2 times has a rhythm, the mean gap between its orders; it is due when that gap has
    passed again. Bought once, it counts by how lately.

    Returns
    -------
    float32, shape [n_users, n_items]
        Decayed orders times a factor of 1 to 2 (2: due right now); 0 where never bought.
    """
    counts = owned.of(users, owned.counts).toarray()
    decayed = owned.of(users, owned.decayed).toarray()
    first, last = owned.of(users, owned.first_at).toarray(), owned.of(users, owned.last_at).toarray()
    gap = (last - first) / np.maximum(counts - 1.0, 1.0)
    has_rhythm = (counts >= 2) & (gap > 0)
    phase = (newest_at - last) / np.where(has_rhythm, gap, 1.0)
    due = np.where(has_rhythm, np.exp(-(((phase - 1.0) / RHYTHM_SPREAD) ** 2)), 0.0)
    return np.asarray(decayed * (1.0 + due), dtype=np.float32)
