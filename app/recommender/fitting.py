"""Owns learning a shop from its whole history; it must not rank or store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommender.choosing import Choice, choose
from app.recommender.ease import fit_ease
from app.recommender.factors import Rows, continue_fit, feature_rows, fit_factors
from app.recommender.log import Log
from app.recommender.model import Model, Options
from app.recommender.owned import read_owned
from app.recommender.shoppers import shopper_rows
from app.recommender.user_rows import places
from app.recommender.words import read_words

if TYPE_CHECKING:
    from app.recommender.factors import Factors
    from app.recommender.interactions import Catalogue, History, IntArray
    from app.recommender.words import Words

# Passes over the history, and the interactions seen in all passes above which they get fewer: beyond
# 10 passes the blend gains nothing (reference, 3.8), and a minute is enough for a night.
N_EPOCHS = 30
MIN_EPOCHS = 10
MAX_INTERACTIONS_SEEN = 10_000_000
# Passes over the whole history where the vectors of an earlier model are gone on from.
N_WARM_EPOCHS = 5


@dataclass(frozen=True, eq=False)
class Start:
    """An earlier model of the shop to go on from: its vectors and its parameters.

    Attributes
    ----------
    model : Model
    items : int64, shape [n_items]
        Which product of that model each product of the catalogue was, -1 for a new one.
    users : int64, shape [highest user + 1]
        The same of the history's users.
    """

    model: Model
    items: IntArray
    users: IntArray


def fit(
    catalogue: Catalogue,
    history: History,
    *,
    options: Options | None = None,
    seed: int = 7,
    start: Start | None = None,
) -> Model:
    """Learn a shop from its whole history, its parameters chosen on the newest part of its own past.

    Parameters
    ----------
    catalogue : Catalogue
    history : History
        Rows in any order. Which numbers users and orders carry does not matter, only their order: a
        history without a customer gives the same arrays as one that never had them.
    options : Options, optional
    seed : int
        The same inputs and seed give bit-equal arrays.
    start : Start, optional
        Go on from this model instead of from nothing: its parameters stay, its vectors move by
        `N_WARM_EPOCHS` passes, and the lists change little. What a person moved in it stays in it.

    Raises
    ------
    CatalogueError, HistoryError
        When columns do not fit together.
    DivergedError
        When learning left the range of numbers.
    """
    catalogue.validate()
    history.validate(catalogue)
    wanted = options or Options()
    if start is None:
        return fit_with(catalogue, history, wanted, chosen(catalogue, history, wanted, seed), seed=seed)
    known = Choice(start.model.blend, start.model.taste, start.model.discovery)
    return fit_with(catalogue, history, wanted, known, seed=seed, start=start)


def chosen(catalogue: Catalogue, history: History, options: Options, seed: int) -> Choice:
    """Return the shop's parameters: the fixed ones of the options, the others by the self-back-test."""
    fixed = {
        name: value
        for name in ("blend", "taste", "discovery")
        if (value := getattr(options, name)) is not None
    }
    if len(fixed) == 3:
        return Choice(**fixed)

    def fit_inner(inner_catalogue: Catalogue, inner_history: History) -> Model:
        return fit_with(inner_catalogue, inner_history, options, Choice(), seed=seed, with_ease=True)

    return replace(choose(catalogue, history, fit_inner, seed), **fixed)


def fit_with(
    catalogue: Catalogue,
    history: History,
    options: Options,
    choice: Choice,
    *,
    seed: int,
    with_ease: bool | None = None,
    start: Start | None = None,
) -> Model:
    """Learn a shop with given parameters; EASE only where they use it, or where asked."""
    words = read_words(catalogue)
    matrix, shoppers = shopper_rows(history, catalogue.n_items)
    if start is None:
        n_epochs = options.n_epochs or fitting_epochs(matrix.nnz)
        factors = fit_factors(matrix, words, n_components=options.n_components, n_epochs=n_epochs, seed=seed)
    else:
        factors = _continued(start, matrix, shoppers, words, seed)
    items, users = factors.split(shoppers)
    needs_ease = bool(choice.taste.ease or choice.discovery.ease) if with_ease is None else with_ease
    return Model(
        catalogue,
        Log.of(history),
        options,
        seed,
        choice.blend,
        choice.taste,
        choice.discovery,
        words,
        items,
        users,
        _ease(history, catalogue.n_items) if needs_ease else _empty(catalogue.n_items),
    )


def _continued(
    start: Start, matrix: sparse.csr_matrix, shoppers: IntArray, words: Words, seed: int
) -> Factors:
    before = start.model
    known_as = np.full(len(shoppers), -1)
    is_user = shoppers >= 0
    known_as[is_user] = start.users[shoppers[is_user]]
    users = before.user_rows.whole
    rows = Rows(feature_rows(before.factors, before.words, words, start.items), places(users.users, known_as))
    return continue_fit(
        before.factors, users, rows, matrix, matrix.tocoo(), words=words, n_epochs=N_WARM_EPOCHS, seed=seed
    )


def fitting_epochs(n_interactions: int) -> int:
    """Return how often to pass over so many interactions."""
    return int(np.clip(MAX_INTERACTIONS_SEEN // max(1, n_interactions), MIN_EPOCHS, N_EPOCHS))


def _ease(history: History, n_items: int) -> sparse.csr_matrix:
    rows = read_owned(history, n_items, history.newest_at).counts.copy()
    rows.data[:] = 1.0
    return fit_ease(rows)


def _empty(n_items: int) -> sparse.csr_matrix:
    return sparse.csr_matrix((n_items, n_items), dtype=np.float32)
