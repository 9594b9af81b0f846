"""Owns learning without starting over: new orders, new products, forgotten people; it must not rank."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from app.recommender.blend import MIN_WORD_SIMILARITY
from app.recommender.counted import rows_with, step
from app.recommender.factors import Rows, continue_fit, feature_rows, with_users
from app.recommender.pairs import grown_square
from app.recommender.shoppers import interactions_of, shopper_rows
from app.recommender.words import read_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.recommender.factors import Factors
    from app.recommender.interactions import Catalogue, History, IntArray
    from app.recommender.model import Model
    from app.recommender.words import Words

# Passes over a delta and how many old interactions are replayed beside each new one: with 5 and 1 the
# reference measured the quality of a retrain at a hundredth of its time (section 5).
N_EPOCHS = 5
N_REPLAYED_PER_NEW = 1
# Neighbours of changed products whose lists may change with them: bought together with one, or like a new one.
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
    has_new_items = catalogue.n_items > model.catalogue.n_items
    words = read_words(catalogue, model.words) if has_new_items else model.words
    factors, users = _moved_factors(model, new_history, words)
    grown = replace(
        model,
        catalogue=catalogue,
        history=model.history.extend(new_history),
        words=words,
        factors=factors,
        factor_users=users,
        ease=grown_square(model.ease, catalogue.n_items),
        counted_before=step(model.counted, model.history, new_history, catalogue.n_items),
    )
    return grown, changed_items(grown, new_history, model.catalogue.n_items)


def _moved_factors(model: Model, new_history: History, words: Words) -> tuple[Factors, IntArray]:
    """Pass over new and replayed interactions, with only the shoppers they belong to in memory."""
    learned = _replayed(model, new_history.n_rows).extend(new_history)
    of_users = rows_with(model.history.user, learned.user)
    of_guests = rows_with(model.history.order, learned.order[learned.user < 0])
    theirs = model.history.take(np.union1d(of_users, of_guests[model.history.user[of_guests] < 0]))
    n_items = words.presence.shape[0]
    positives, shoppers = shopper_rows(theirs.extend(new_history), n_items)
    touched = interactions_of(learned, theirs.extend(new_history), n_items)
    items = np.arange(n_items)
    items[model.catalogue.n_items :] = -1
    moved = continue_fit(
        model.factors,
        Rows(feature_rows(model.factors, model.words, words, items), model.vector_rows(shoppers)),
        positives,
        touched,
        words=words,
        n_epochs=N_EPOCHS,
        seed=(model.seed + model.history.n_rows) % 2**32,
    )
    is_user = shoppers >= 0
    return with_users(model.factors, model.factor_users, moved.keep_users(is_user), shoppers[is_user])


def changed_items(model: Model, new_history: History, n_items_before: int) -> IntArray:
    """Return the products whose lists new rows may change, ascending."""
    new = np.arange(n_items_before, model.catalogue.n_items)
    direct = np.union1d(new_history.item, new)
    around = np.asarray(model.counted.pairs.rows(direct).sum(axis=0)).ravel()
    nearest = np.argsort(-around, kind="stable")[:MAX_CHANGED_NEIGHBOURS]
    changed = np.union1d(direct, nearest[around[nearest] > 0])
    return np.union1d(changed, _alike(model, new)).astype(np.int64)


def _alike(model: Model, items: IntArray) -> IntArray:
    """The products whose words are most like those of some, as many in all as neighbours."""
    if not len(items):
        return np.empty(0, np.int64)
    nearness = np.asarray((model.tfidf @ model.tfidf[items].T).max(axis=1).toarray()).ravel()
    nearest = np.argsort(-nearness, kind="stable")[:MAX_CHANGED_NEIGHBOURS]
    return nearest[nearness[nearest] > MIN_WORD_SIMILARITY]


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
        counted_before=None,
        factors=model.factors.keep_users(stays),
        factor_users=model.factor_users[stays],
    )


def _replayed(model: Model, n_new: int) -> History:
    """Draw old interactions of known customers: a guest's vector is not kept, so there is none to keep."""
    history = model.history
    n_drawn = min(history.n_rows, N_REPLAYED_PER_NEW * n_new)
    random = np.random.default_rng([model.seed, history.n_rows])
    drawn = np.sort(random.choice(history.n_rows, n_drawn, replace=False, shuffle=False))
    return history.take(drawn[history.user[drawn] >= 0])
