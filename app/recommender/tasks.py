"""Owns the questions a back-test asks, split by time; it must not know any method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommender.copurchase import baskets
from app.recommender.interactions import History, order_times

if TYPE_CHECKING:
    from app.recommender.interactions import BoolArray, Catalogue, IntArray

# Queries asked at most: the interval of a share is then below one point, and the time stays bounded.
MAX_QUERIES = 20_000
# A query product is cold below this many training orders; the tail begins after this share of products.
COLD_ORDERS = 5
HEAD_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class Split:
    """The past to learn from and the newest orders to be judged on, products renumbered to the past's.

    Attributes
    ----------
    catalogue : Catalogue
        Only products that were sold in the past.
    train, test : History
        Test rows whose product was never sold before are left out.
    items : int64, shape [n_train_items]
        Index of each product in the catalogue that was split.
    basket_items : int64, shape [n_test_orders]
        Different products per test order, new ones included, ranked by order index.
    """

    catalogue: Catalogue
    train: History
    test: History
    items: IntArray
    n_train_orders: int
    n_test_orders: int
    split_at: float
    basket_items: dict[int, int]


def split_by_time(catalogue: Catalogue, history: History, test_share: float) -> Split:
    """Take the newest `test_share` of the orders as the test; carts and views older than it stay."""
    orders, times = order_times(history)
    n_test = min(round(len(orders) * test_share), max(len(orders) - 1, 0))
    split_at = float(times[len(orders) - n_test]) if n_test else np.inf
    test_orders = np.sort(orders[len(orders) - n_test :])
    is_test = np.isin(history.order, test_orders)
    is_later = (history.order < 0) & (history.occurred_at >= split_at)
    train, test = history.take(~is_test & ~is_later), history.take(is_test)
    items = np.unique(train.item[train.order >= 0])
    return Split(
        catalogue.take(items),
        _renumbered(train, items),
        _renumbered(test, items),
        items,
        len(orders) - n_test,
        n_test,
        split_at,
        _basket_sizes(test),
    )


def _basket_sizes(test: History) -> dict[int, int]:
    lines = np.unique(np.stack([test.order, test.item]), axis=1)
    orders, sizes = np.unique(lines[0], return_counts=True)
    return dict(zip(orders.tolist(), sizes.tolist(), strict=True))


def _renumbered(history: History, items: IntArray) -> History:
    kept = history.take(np.isin(history.item, items))
    return History(
        kept.order, kept.user, np.searchsorted(items, kept.item), kept.weight, kept.occurred_at, kept.quantity
    )


@dataclass(frozen=True, eq=False)
class BasketQueries:
    """Task A, "also bought": given one product of a test order, name the others.

    Attributes
    ----------
    item : int64, shape [n_queries]
        The product asked about.
    row : int64, shape [n_queries]
        Its order: row of `targets`, and the unit the bootstrap draws.
    targets : csr float32, shape [n_orders, n_items]
        What each order holds; a query's targets are its row without `item`.
    is_cold : bool, shape [n_queries]
    is_head : bool, shape [n_items]
        The best-selling `HEAD_SHARE` of products.
    """

    item: IntArray
    row: IntArray
    targets: sparse.csr_matrix
    is_cold: BoolArray
    is_head: BoolArray


def basket_queries(split: Split, seed: int, n_queries_max: int = MAX_QUERIES) -> BasketQueries:
    """Ask about every product of every test order of two or more products, at most `n_queries_max`."""
    n_items = split.catalogue.n_items
    held = baskets(split.test, n_items)
    orders = np.unique(split.test.order)
    is_pair = np.array([split.basket_items[order] >= 2 for order in orders.tolist()], dtype=bool)
    n_known = np.diff(held.indptr)
    row = np.repeat(np.arange(len(orders)), n_known)
    usable = (is_pair & (n_known >= 2))[row]
    row, item = row[usable], held.indices[usable].astype(np.int64)
    if len(row) > n_queries_max:
        drawn = np.sort(np.random.default_rng(seed).choice(len(row), n_queries_max, replace=False))
        row, item = row[drawn], item[drawn]
    n_orders = np.bincount(baskets(split.train, n_items).indices, minlength=n_items)
    return BasketQueries(item, row, held, n_orders[item] < COLD_ORDERS, head_items(n_orders))


def head_items(n_orders: IntArray) -> BoolArray:
    """Return which products are the best-selling `HEAD_SHARE` (at least one), bool [n_items]."""
    is_head = np.zeros(len(n_orders), bool)
    n_head = max(1, round(len(n_orders) * HEAD_SHARE))
    is_head[np.argsort(-n_orders, kind="stable")[:n_head]] = True
    return is_head


@dataclass(frozen=True, eq=False)
class CustomerQueries:
    """Task B, "for you": given a customer's past, name what they buy next.

    Attributes
    ----------
    user : int64, shape [n_queries]
    targets : csr float32, shape [n_queries, n_items]
        What they bought in the test ("discovery": without what they owned).
    owned : csr float32, shape [n_queries, n_items]
    """

    user: IntArray
    targets: sparse.csr_matrix
    owned: sparse.csr_matrix


def customer_queries(split: Split, *, only_new: bool) -> CustomerQueries:
    """Ask about every customer with a past and a test order; `only_new` leaves out what they owned."""
    n_items = split.catalogue.n_items
    past = split.train.take((split.train.order >= 0) & (split.train.user >= 0))
    users = np.intersect1d(past.user, split.test.user[split.test.user >= 0])
    owned, targets = _bought(past, users, n_items), _bought(split.test, users, n_items)
    if only_new:
        targets = sparse.csr_matrix(targets - targets.multiply(owned))
        targets.eliminate_zeros()
    asked = np.flatnonzero(np.diff(targets.indptr) > 0)
    return CustomerQueries(users[asked], targets[asked], owned[asked])


def _bought(history: History, users: IntArray, n_items: int) -> sparse.csr_matrix:
    theirs = history.take(np.isin(history.user, users))
    row = np.searchsorted(users, theirs.user)
    matrix = sparse.csr_matrix((np.ones(len(row), np.float32), (row, theirs.item)), (len(users), n_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix
