"""Owns the simple methods every model is judged against; it must not know the back-test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from app.recommender.copurchase import baskets
from app.recommender.ease import fit_ease
from app.recommender.lists import NO_ITEM, top_n
from app.recommender.personal import Taste

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.recommender.interactions import IntArray
    from app.recommender.model import Model

# Ridge of EASE on baskets (reference, 3).
BASKET_PENALTY = 1000.0
# Seeds scored at once.
BLOCK_ROWS = 512


def popularity_lists(model: Model, n: int) -> IntArray:
    """The bestsellers for everyone, the product itself left out: int64 [n_items, n]."""
    n_items = model.catalogue.n_items
    ranked = np.argsort(-model.n_orders, kind="stable")[: n + 1]
    rows = np.full((n_items, n + 1), NO_ITEM, np.int64)
    rows[:, : len(ranked)] = ranked
    is_self = rows == np.arange(n_items)[:, None]
    order = np.argsort(is_self, axis=1, kind="stable")
    return np.where(
        np.take_along_axis(is_self, order, axis=1), NO_ITEM, np.take_along_axis(rows, order, axis=1)
    )[:, :n]


def copurchase_lists(model: Model, n: int) -> IntArray:
    """Most orders together, ties and the rest by popularity: int64 [n_items, n]."""
    return _ranked(model, n, lambda block: np.asarray(model.pairs.rows(block).toarray()))


def cosine_lists(model: Model, n: int) -> IntArray:
    """Co-purchase over the square root of both popularities (item kNN) [1]_: int64 [n_items, n].

    References
    ----------
    .. [1] Sarwar et al.: Item-based collaborative filtering recommendation algorithms, 2001.
    """
    scale = 1.0 / np.sqrt(np.maximum(model.n_orders, 1))
    return _ranked(model, n, lambda block: model.pairs.rows(block).toarray() * scale[block][:, None] * scale)


def lightfm_lists(model: Model, n: int) -> IntArray:
    """Cosine of LightFM vectors alone: int64 [n_items, n]."""
    return _ranked(model, n, lambda block: model.vectors[block] @ model.vectors.T, fill=False)


def ease_lists(model: Model, n: int) -> IntArray:
    """EASE on baskets, pruned: int64 [n_items, n]; see `fit_ease`. The ridge is the reference's best."""
    weights = fit_ease(baskets(model.history, model.catalogue.n_items), BASKET_PENALTY)
    return _ranked(model, n, lambda block: weights[block].toarray())


def _ranked(
    model: Model, n: int, scores_of: Callable[[IntArray], np.ndarray], *, fill: bool = True
) -> IntArray:
    popularity = model.n_orders / (1.0 + 2.0 * model.n_orders.max(initial=0)) * (1e-3 if fill else 0.0)
    found = []
    for start in range(0, model.catalogue.n_items, BLOCK_ROWS):
        block = np.arange(start, min(start + BLOCK_ROWS, model.catalogue.n_items))
        scores = (scores_of(block) + popularity).astype(np.float32)
        scores[np.arange(len(block)), block] = -np.inf
        found.append(top_n(scores, n)[0])
    lists = np.concatenate(found) if found else np.empty((0, n), np.int64)
    return np.pad(lists, ((0, 0), (0, n - lists.shape[1])), constant_values=NO_ITEM)


# LightFM alone as a taste.
LIGHTFM = Taste(factors=1.0, neighbours=0.0, recency=0.0)
