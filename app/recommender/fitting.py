"""Owns learning a shop from its whole history; it must not rank or store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommender.choosing import Choice, choose
from app.recommender.ease import fit_ease
from app.recommender.factors import fit_factors
from app.recommender.model import Model, Options
from app.recommender.owned import read_owned
from app.recommender.shoppers import shopper_rows
from app.recommender.words import read_words

if TYPE_CHECKING:
    from app.recommender.interactions import Catalogue, History

# Passes over the history, and the interactions seen in all passes above which they get fewer: beyond
# 10 passes the blend gains nothing (reference, 3.8), and a minute is enough for a night.
N_EPOCHS = 30
MIN_EPOCHS = 10
MAX_INTERACTIONS_SEEN = 10_000_000


def fit(catalogue: Catalogue, history: History, *, options: Options | None = None, seed: int = 7) -> Model:
    """Learn a shop from nothing, its parameters chosen on the newest part of its own past.

    Parameters
    ----------
    catalogue : Catalogue
    history : History
        Rows in any order. Which numbers users and orders carry does not matter, only their order: a
        history without a customer gives the same arrays as one that never had them.
    options : Options, optional
    seed : int
        The same inputs and seed give bit-equal arrays.

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
    return fit_with(catalogue, history, wanted, chosen(catalogue, history, wanted, seed), seed=seed)


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
) -> Model:
    """Learn a shop with given parameters; EASE only where they use it, or where asked."""
    words = read_words(catalogue)
    matrix, shoppers = shopper_rows(history, catalogue.n_items)
    n_epochs = options.n_epochs or fitting_epochs(matrix.nnz)
    factors = fit_factors(matrix, words, n_components=options.n_components, n_epochs=n_epochs, seed=seed)
    known = shoppers >= 0
    needs_ease = bool(choice.taste.ease or choice.discovery.ease) if with_ease is None else with_ease
    return Model(
        catalogue,
        history,
        options,
        seed,
        choice.blend,
        choice.taste,
        choice.discovery,
        words,
        factors.keep_users(known),
        shoppers[known],
        _ease(history, catalogue.n_items) if needs_ease else _empty(catalogue.n_items),
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
