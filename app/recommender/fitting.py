"""Owns learning: a full pass over a history; it must not rank or store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommender.blend import Blend
from app.recommender.factors import fit_factors
from app.recommender.model import Model, Options
from app.recommender.personal import Taste
from app.recommender.words import read_words

if TYPE_CHECKING:
    from app.recommender.interactions import Catalogue, History, IntArray


def fit(catalogue: Catalogue, history: History, *, options: Options | None = None, seed: int = 7) -> Model:
    """Learn a shop from nothing.

    Parameters
    ----------
    catalogue : Catalogue
    history : History
        In any order; validated against the catalogue.
    options : Options, optional
    seed : int
        The same inputs and seed give bit-equal arrays.

    Raises
    ------
    CatalogueError, HistoryError
        When columns do not fit together.
    """
    catalogue.validate()
    history.validate(catalogue)
    chosen = options or Options()
    words = read_words(catalogue)
    matrix, shoppers = shopper_rows(history, catalogue.n_items)
    factors = fit_factors(
        matrix, words, n_components=chosen.n_components, n_epochs=chosen.n_epochs, seed=seed
    )
    known = shoppers >= 0
    return Model(
        catalogue,
        history,
        chosen,
        seed,
        chosen.blend or Blend(),
        chosen.taste or Taste(),
        chosen.discovery or Taste(own=0.0),
        words,
        factors.keep_users(known),
        shoppers[known],
    )


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


def _largest(row: IntArray, item: IntArray, weight: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    ranked = np.lexsort((-weight, item, row))
    row, item, weight = row[ranked], item[ranked], weight[ranked]
    first = np.ones(len(row), bool)
    first[1:] = (row[1:] != row[:-1]) | (item[1:] != item[:-1])
    indptr = np.searchsorted(row[first], np.arange(shape[0] + 1))
    return sparse.csr_matrix((weight[first].astype(np.float32), item[first], indptr), shape=shape)
