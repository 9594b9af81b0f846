"""Owns the matrix LightFM learns from; it must not fit anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    import numpy.typing as npt

    from app.recommender.interactions import History, IntArray


def shopper_rows(history: History, n_items: int) -> tuple[sparse.csr_matrix, IntArray]:
    """The matrix LightFM learns from: one row per customer, then one per guest order.

    Returns
    -------
    matrix : csr float32, shape [n_rows, n_items]
        The largest weight of the pair.
    shoppers : int64, shape [n_rows]
        User index of each row, ascending; -1 for the rows of guests, which follow.
    """
    users = np.unique(history.user[history.user >= 0])
    guest = history.user < 0
    keys = np.where(guest, history.order, -1)
    orders = np.unique(keys[guest & (keys >= 0)])
    usable = ~guest | (keys >= 0)
    row = np.where(guest, len(users) + np.searchsorted(orders, keys), np.searchsorted(users, history.user))
    shape = (len(users) + len(orders), n_items)
    shoppers = np.concatenate([users, np.full(len(orders), -1, np.int64)])
    return _largest(row[usable], history.item[usable], history.weight[usable], shape), shoppers


def _largest(
    row: IntArray, item: IntArray, weight: npt.NDArray[np.float32], shape: tuple[int, int]
) -> sparse.csr_matrix:
    ranked = np.lexsort((-weight, item, row))
    row, item, weight = row[ranked], item[ranked], weight[ranked]
    first = np.ones(len(row), bool)
    first[1:] = (row[1:] != row[:-1]) | (item[1:] != item[:-1])
    indptr = np.searchsorted(row[first], np.arange(shape[0] + 1))
    return sparse.csr_matrix((weight[first].astype(np.float32), item[first], indptr), shape=shape)
