"""Owns counting which products are bought together; it must not rank anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from app.recommender.interactions import History, IntArray

# Different products in one order above which its pairs are not counted: such an order says what a
# warehouse holds, not what goes together, and its pairs grow with the square (2,000 give 4 million).
MAX_BASKET_ITEMS = 2000


def baskets(history: History, n_items: int) -> sparse.csr_matrix:
    """Which products each order holds.

    Parameters
    ----------
    history : History
    n_items : int

    Returns
    -------
    csr float32, shape [n_orders, n_items]
        1 where the order holds the product, however often; orders are ranked by their index.
    """
    bought = history.purchases()
    orders, rows = np.unique(bought.order, return_inverse=True)
    return binary(rows, bought.item, (len(orders), n_items))


def binary(rows: IntArray, columns: IntArray, shape: tuple[int, int]) -> sparse.csr_matrix:
    """Return a csr float32 matrix holding 1 at every (row, column) given, duplicates counted once."""
    matrix = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def pair_counts(basket_rows: sparse.csr_matrix) -> sparse.csr_matrix:
    """How many orders hold both of two products.

    Parameters
    ----------
    basket_rows : csr float32, shape [n_orders, n_items]
        As `baskets` returns them.

    Returns
    -------
    csr float32, shape [n_items, n_items]
        Symmetric, sorted, with an empty diagonal. Orders of more than `MAX_BASKET_ITEMS` are left out.
    """
    sizes = np.diff(basket_rows.indptr)
    kept = basket_rows[(sizes >= 2) & (sizes <= MAX_BASKET_ITEMS)]
    pairs = sparse.csr_matrix(kept.T @ kept, dtype=np.float32)
    pairs.setdiag(0)
    pairs.eliminate_zeros()
    pairs.sort_indices()
    return pairs
