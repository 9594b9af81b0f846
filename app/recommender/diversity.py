"""Owns re-ranking a list so that it is not ten of the same; it must not add products."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


def diversify(
    scores: npt.NDArray[np.float32],
    similarity: npt.NDArray[np.float32],
    n: int,
    *,
    strength: float,
    categories: Sequence[str] | None = None,
    max_per_category: int | None = None,
) -> list[int]:
    """Maximal marginal relevance [1]_ with a cap per category.

    Parameters
    ----------
    scores : float32, shape [n_pool]
        Relevance, best first; only ratios to the best matter.
    similarity : float32, shape [n_pool, n_pool]
        Between the pool's products, at most 1.
    n : int
        How many to choose.
    strength : float
        0 keeps the order, 1 looks at novelty only.
    categories : sequence of str, shape [n_pool], optional
        An empty category is never capped.
    max_per_category : int, optional
        At most this many of one category, as long as others are left; the rest fills the end.

    Returns
    -------
    list of int, at most n
        Positions in the pool. The best product always stays first.

    References
    ----------
    .. [1] Carbonell, Goldstein: The use of MMR, diversity-based reranking, 1998.
    """
    relevance = scores / scores.max() if len(scores) and scores.max() > 0 else np.zeros(len(scores))
    nearest = np.zeros(len(scores))
    chosen: list[int] = []
    spare = list(range(len(scores)))
    while spare and len(chosen) < n:
        open_now = _uncapped(spare, chosen, categories, max_per_category) or spare
        gains = [(1 - strength) * relevance[p] - (strength * nearest[p] if chosen else 0.0) for p in open_now]
        best = open_now[int(np.argmax(gains))]
        chosen.append(best)
        spare.remove(best)
        nearest = np.maximum(nearest, similarity[best])
    return chosen


def _uncapped(
    spare: list[int], chosen: list[int], categories: Sequence[str] | None, max_per_category: int | None
) -> list[int]:
    if categories is None or max_per_category is None:
        return spare
    taken = [categories[p] for p in chosen]
    return [p for p in spare if not categories[p] or taken.count(categories[p]) < max_per_category]
