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
    users, orders = _shoppers(history)
    usable, row = _rows(history, users, orders)
    shape = (len(users) + len(orders), n_items)
    shoppers = np.concatenate([users, np.full(len(orders), -1, np.int64)])
    return _largest(row, history.item[usable], history.weight[usable], shape), shoppers


def interactions_of(some: History, history: History, n_items: int) -> sparse.coo_matrix:
    """Return some rows of a history, repeated as they are, in the matrix of its `shopper_rows`."""
    users, orders = _shoppers(history)
    usable, row = _rows(some, users, orders)
    coordinates = (row.astype(np.int32), some.item[usable].astype(np.int32))
    return sparse.coo_matrix((some.weight[usable], coordinates), shape=(len(users) + len(orders), n_items))


def _shoppers(history: History) -> tuple[IntArray, IntArray]:
    is_guest_order = (history.user < 0) & (history.order >= 0)
    return np.unique(history.user[history.user >= 0]), np.unique(history.order[is_guest_order])


def _rows(history: History, users: IntArray, orders: IntArray) -> tuple[npt.NDArray[np.bool_], IntArray]:
    """Which rows have a shopper (a guest's cart has none), and which one."""
    is_guest = history.user < 0
    usable = ~is_guest | (history.order >= 0)
    as_guest = len(users) + np.searchsorted(orders, history.order)
    row = np.where(is_guest, as_guest, np.searchsorted(users, history.user))
    return usable, row[usable]


def _largest(
    row: IntArray, item: IntArray, weight: npt.NDArray[np.float32], shape: tuple[int, int]
) -> sparse.csr_matrix:
    ranked = np.lexsort((-weight, item, row))
    row, item, weight = row[ranked], item[ranked], weight[ranked]
    first = np.ones(len(row), bool)
    first[1:] = (row[1:] != row[:-1]) | (item[1:] != item[:-1])
    indptr = np.searchsorted(row[first], np.arange(shape[0] + 1))
    return sparse.csr_matrix((weight[first].astype(np.float32), item[first], indptr), shape=shape)
