"""Owns co-purchase counts that grow by small steps without copying the large part; it must not rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommender.copurchase import baskets, pair_counts

if TYPE_CHECKING:
    import numpy.typing as npt

    from app.recommender.interactions import History, IntArray


@dataclass(frozen=True, eq=False)
class Pairs:
    """Orders holding both of two products: a large part counted once, and what came since.

    Attributes
    ----------
    base, since : csr float32, shape [n_items, n_items]
        The count is their sum; both symmetric with an empty diagonal.
    strong_base, strong_since : csr float32, same shape
        The same for counts of at least `n_orders_min`, 0 below.
    n_orders_min : int
    """

    base: sparse.csr_matrix
    since: sparse.csr_matrix
    strong_base: sparse.csr_matrix
    strong_since: sparse.csr_matrix
    n_orders_min: int

    @classmethod
    def counted(cls, counts: sparse.csr_matrix, n_orders_min: int) -> Pairs:
        """Begin with counts as `pair_counts` returns them."""
        nothing = sparse.csr_matrix(counts.shape, dtype=np.float32)
        return cls(counts, nothing, _strong(counts, n_orders_min), nothing, n_orders_min)

    def rows(self, seeds: IntArray) -> sparse.csr_matrix:
        """Return the counts beside some products, csr float32 [n_seeds, n_items]."""
        base = sparse.csr_matrix(self.base[seeds])
        return base if not self.since.nnz else sparse.csr_matrix(base + self.since[seeds])

    def between(self, first: IntArray, second: IntArray) -> npt.NDArray[np.float32]:
        """Return the count of each pair, float32 [n_pairs]."""
        if not len(first):
            return np.empty(0, np.float32)
        found = np.asarray(self.base[first, second]).ravel() + np.asarray(self.since[first, second]).ravel()
        return np.asarray(found, dtype=np.float32)

    def lent(self, weights: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return ``weights @ strong counts``, csr float32 [n_rows, n_items]."""
        base = sparse.csr_matrix(weights @ self.strong_base)
        return base if not self.strong_since.nnz else sparse.csr_matrix(base + weights @ self.strong_since)

    def total(self) -> sparse.csr_matrix:
        """Return all counts in one matrix."""
        return self.base if not self.since.nnz else sparse.csr_matrix(self.base + self.since)

    def grown(self, n_items: int) -> Pairs:
        """Return the same counts for more products."""
        if n_items == self.base.shape[0]:
            return self
        return Pairs(
            grown_square(self.base, n_items),
            grown_square(self.since, n_items),
            grown_square(self.strong_base, n_items),
            grown_square(self.strong_since, n_items),
            self.n_orders_min,
        )

    def moved(self, step: sparse.csr_matrix) -> Pairs:
        """Return the counts after adding `step` (which may take away)."""
        since = sparse.csr_matrix(self.since + step)
        since.eliminate_zeros()
        row, column = since.nonzero()
        before = np.asarray(self.base[row, column]).ravel() if len(row) else np.empty(0, np.float32)
        after = before + since.data if len(row) else before
        rise = np.where(after >= self.n_orders_min, after, 0.0)
        rise = rise - np.where(before >= self.n_orders_min, before, 0.0)
        strong = sparse.csr_matrix((rise.astype(np.float32), (row, column)), shape=since.shape)
        return Pairs(self.base, since, self.strong_base, strong, self.n_orders_min)


def count_step(old: History, new: History, n_items: int) -> tuple[sparse.csr_matrix, IntArray]:
    """What some orders add to the counts when rows join them.

    Parameters
    ----------
    old : History
        The rows known so far of the orders that `new` belongs to (often none).
    new : History
        Rows that join.
    n_items : int

    Returns
    -------
    pairs : csr float32, shape [n_items, n_items]
    n_orders : int64, shape [n_items]
    """
    after = baskets(old.extend(new), n_items)
    pairs, n_orders = pair_counts(after), np.bincount(after.indices, minlength=n_items)
    if old.n_rows:
        before = baskets(old, n_items)
        pairs = sparse.csr_matrix(pairs - pair_counts(before))
        n_orders -= np.bincount(before.indices, minlength=n_items)
    return pairs, n_orders.astype(np.int64)


def grown_square(square: sparse.csr_matrix, n_items: int) -> sparse.csr_matrix:
    """Return the same values in a larger square, sharing them."""
    indptr = np.pad(square.indptr, (0, n_items - square.shape[0]), mode="edge")
    return sparse.csr_matrix((square.data, square.indices, indptr), shape=(n_items, n_items))


def _strong(counts: sparse.csr_matrix, n_orders_min: int) -> sparse.csr_matrix:
    strong = counts.copy()
    strong.data[strong.data < n_orders_min] = 0.0
    strong.eliminate_zeros()
    return strong
