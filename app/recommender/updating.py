"""Owns learning without starting over: new orders, new products, forgotten people; it must not rank."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommender.factors import continue_fit
from app.recommender.shoppers import shopper_rows
from app.recommender.words import read_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.recommender.interactions import Catalogue, History, IntArray
    from app.recommender.model import Model

# Passes over a delta and how many old interactions are replayed beside each new one: with 5 and 1 the
# reference measured the quality of a retrain at a hundredth of its time (section 5).
N_EPOCHS = 5
N_REPLAYED_PER_NEW = 1
# Neighbours of a changed product whose lists may change with it.
MAX_CHANGED_NEIGHBOURS = 300


def update(
    model: Model, new_catalogue_rows: Catalogue | None, new_history: History
) -> tuple[Model, IntArray]:
    """Learn from what is new, starting from what is known.

    Parameters
    ----------
    model : Model
    new_catalogue_rows : Catalogue or None
        Products to append; the first gets the index `model.catalogue.n_items`.
    new_history : History
        Rows to append. User and order indices may be new.

    Returns
    -------
    model : Model
        Counts are exact; vectors moved by `N_EPOCHS` passes over the new rows and as many replayed ones,
        with negatives checked against the full history.
    changed_items : int64, ascending
        Products whose lists may differ: those of the new rows, the new ones, and the nearest neighbours.
    """
    catalogue = model.catalogue if new_catalogue_rows is None else model.catalogue.grow(new_catalogue_rows)
    new_history.validate(catalogue)
    history = model.history.extend(new_history)
    words = read_words(catalogue, model.words)
    everything, shoppers = shopper_rows(history, catalogue.n_items)
    touched = shopper_rows_of(
        new_history, _replayed(model, new_history), history, catalogue.n_items, shoppers
    )
    factors = continue_fit(
        model.factors,
        model.factor_users,
        shoppers,
        everything,
        touched=touched,
        words=words,
        n_epochs=N_EPOCHS,
        seed=model.seed + history.n_rows,
    )
    known = shoppers >= 0
    grown = replace(
        model,
        catalogue=catalogue,
        history=history,
        words=words,
        factors=factors.keep_users(known),
        factor_users=shoppers[known],
        ease=_grown(model.ease, catalogue.n_items),
    )
    return grown, changed_items(grown, new_history, model.catalogue.n_items)


def _grown(square: sparse.csr_matrix, n_items: int) -> sparse.csr_matrix:
    """Return the same weights for more products; the new ones have none until the next full pass."""
    indptr = np.pad(square.indptr, (0, n_items - square.shape[0]), mode="edge")
    return sparse.csr_matrix((square.data, square.indices, indptr), shape=(n_items, n_items))


def changed_items(model: Model, new_history: History, n_items_before: int) -> IntArray:
    """Return the products whose lists new rows may change, ascending."""
    direct = np.union1d(new_history.item, np.arange(n_items_before, model.catalogue.n_items))
    around = np.asarray(model.pairs[direct].sum(axis=0)).ravel()
    nearest = np.argsort(-around, kind="stable")[:MAX_CHANGED_NEIGHBOURS]
    return np.union1d(direct, nearest[around[nearest] > 0]).astype(np.int64)


def forget(model: Model, users: int | Sequence[int], orders: Sequence[int] = ()) -> Model:
    """Return the model without some customers: their rows, counts and vectors are gone at once.

    What they moved in the vectors of products goes with the next full pass, which equals one that never
    saw them.

    Parameters
    ----------
    users : int or sequence of int
    orders : sequence of int
        Guest orders of theirs.
    """
    gone = np.atleast_1d(np.asarray(users, dtype=np.int64))
    history = model.history
    named = (history.user >= 0) & np.isin(history.user, gone)
    kept = ~(named | ((history.order >= 0) & np.isin(history.order, np.asarray(orders, dtype=np.int64))))
    stays = ~np.isin(model.factor_users, gone)
    return replace(
        model,
        history=history.take(kept),
        factors=model.factors.keep_users(stays),
        factor_users=model.factor_users[stays],
    )


def _replayed(model: Model, new_history: History) -> History:
    n_replayed = min(model.history.n_rows, N_REPLAYED_PER_NEW * new_history.n_rows)
    random = np.random.default_rng([model.seed, model.history.n_rows])
    return model.history.take(np.sort(random.choice(model.history.n_rows, n_replayed, replace=False)))


def shopper_rows_of(
    new_history: History, replayed: History, history: History, n_items: int, shoppers: IntArray
) -> tuple[IntArray, IntArray, np.ndarray]:
    """Return the (row, item, weight) of new and replayed rows in the matrix of `shopper_rows`."""
    users = shoppers[shoppers >= 0]
    orders = np.unique(history.order[(history.user < 0) & (history.order >= 0)])
    both = replayed.extend(new_history)
    guest = both.user < 0
    row = np.where(guest, len(users) + np.searchsorted(orders, both.order), np.searchsorted(users, both.user))
    usable = ~(guest & (both.order < 0))
    return row[usable], both.item[usable], both.weight[usable]
