"""Owns the score of a product for a customer; it must not decide parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommender.fallback import DAY_SECONDS

if TYPE_CHECKING:
    from app.recommender.interactions import History, IntArray, TimeArray

# Half-life of a customer's own purchase: the reference's best of 30, 90 and 365 days on both shops.
OWN_HALF_LIFE_DAYS = 365.0


@dataclass(frozen=True)
class Taste:
    """Parameters of the personal score, chosen per shop by a back-test.

    Attributes
    ----------
    taste : float
        Weight of the LightFM score.
    recency : float
        Weight of log((recent orders + 0.5) / (orders + 5)): what sells now.
    popularity : float
        Weight of log(1 + orders).
    neighbours : float
        Weight of co-purchase with what the customer owns.
    own : float
        Weight of the customer's own history ("everything" lists only).
    """

    taste: float = 1.0
    recency: float = 0.6
    popularity: float = 0.3
    neighbours: float = 1.0
    own: float = 2.0


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
    last_at, first_at : csr float64, same pattern
        Unix seconds of the newest and oldest of those orders; 0 where unknown.
    """

    users: IntArray
    counts: sparse.csr_matrix
    decayed: sparse.csr_matrix
    last_at: sparse.csr_matrix
    first_at: sparse.csr_matrix

    def rows(self, users: IntArray) -> IntArray:
        """Return the matrix row of each user, -1 for one without purchases."""
        if not len(self.users):
            return np.full(len(users), -1, np.int64)
        found = np.minimum(np.searchsorted(self.users, users), len(self.users) - 1)
        return np.where(self.users[found] == users, found, -1)


def owned(history: History, n_items: int) -> Owned:
    """Sum up what each known customer bought."""
    bought = history.take((history.order >= 0) & (history.user >= 0))
    users, row = np.unique(bought.user, return_inverse=True)
    at = np.nan_to_num(bought.occurred_at, nan=0.0)
    keys = np.lexsort((at, bought.order, bought.item, row))
    row, item, order, at = row[keys], bought.item[keys], bought.order[keys], at[keys]
    fresh = np.ones(len(row), bool)
    fresh[1:] = (row[1:] != row[:-1]) | (item[1:] != item[:-1]) | (order[1:] != order[:-1])
    row, item, at = row[fresh], item[fresh], at[fresh]
    age_days = (history.newest_at - at) / DAY_SECONDS
    decay = np.where(at > 0, np.exp2(-age_days / OWN_HALF_LIFE_DAYS), 0.25)
    first = np.ones(len(row), bool)
    first[1:] = (row[1:] != row[:-1]) | (item[1:] != item[:-1])
    starts = np.flatnonzero(first)
    shape = (len(users), n_items)
    return Owned(
        users,
        _grouped(np.ones(len(row)), starts, row, item, shape=shape, how=np.add),
        _grouped(decay, starts, row, item, shape=shape, how=np.add),
        _grouped(at, starts, row, item, shape=shape, how=np.maximum, dtype=np.float64),
        _grouped(at, starts, row, item, shape=shape, how=np.minimum, dtype=np.float64),
    )


def _grouped(
    values: TimeArray,
    starts: IntArray,
    row: IntArray,
    item: IntArray,
    *,
    shape: tuple[int, int],
    how: np.ufunc,
    dtype: type = np.float32,
) -> sparse.csr_matrix:
    data = how.reduceat(values, starts) if len(starts) else np.empty(0)
    indptr = np.searchsorted(row[starts], np.arange(shape[0] + 1))
    return sparse.csr_matrix((data.astype(dtype), item[starts], indptr), shape=shape)
