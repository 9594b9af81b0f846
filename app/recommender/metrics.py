"""Owns how lists are judged; it must not know where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from scipy import sparse

    from app.recommender.interactions import BoolArray, IntArray

    Values = npt.NDArray[np.float64]

# Places judged.
N_PLACES = 10
# Draws of the bootstrap: the ends of a 95 % interval then move by less than a tenth of its width.
N_DRAWS = 1000


def hits(
    lists: IntArray, rows: IntArray, targets: sparse.csr_matrix, excluded: IntArray | None = None
) -> BoolArray:
    """Which places of each list hold a target.

    Parameters
    ----------
    lists : int, shape [n_queries, n_places]
        -1 in padding.
    rows : int64, shape [n_queries]
        Row of `targets` that holds each query's answers.
    targets : csr, shape [n_rows, n_items]
    excluded : int64, shape [n_queries], optional
        One item per query that is no target: the query itself.

    Returns
    -------
    bool, shape [n_queries, n_places]
    """
    n_items = targets.shape[1]
    keys = np.repeat(np.arange(targets.shape[0]), np.diff(targets.indptr)) * n_items + targets.indices
    keys.sort()
    asked = rows[:, None] * n_items + lists
    found = np.minimum(np.searchsorted(keys, asked), max(len(keys) - 1, 0))
    held = (keys[found] == asked) if len(keys) else np.zeros(lists.shape, bool)
    held &= lists >= 0
    if excluded is not None:
        held &= lists != excluded[:, None]
    return np.asarray(held)


def hit_rate(held: BoolArray, n_places: int) -> Values:
    """Return 1 per query whose first `n_places` hold a target, else 0."""
    return np.asarray(held[:, :n_places].any(axis=1), dtype=np.float64)


def ndcg(held: BoolArray, n_targets: IntArray) -> Values:
    """Normalised discounted cumulative gain per query [1]_, the ideal holding min(10, n_targets) hits.

    References
    ----------
    .. [1] Järvelin, Kekäläinen: Cumulated gain-based evaluation of IR techniques, 2002.
    """
    discounts = 1.0 / np.log2(np.arange(2, N_PLACES + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])[np.minimum(n_targets, N_PLACES)]
    gained = held[:, :N_PLACES] @ discounts[: held.shape[1]]
    return np.asarray(gained / np.where(ideal > 0, ideal, 1.0), dtype=np.float64)


def reciprocal_rank(held: BoolArray) -> Values:
    """Return 1 / place of the first hit within 10 per query, 0 without one."""
    first = held[:, :N_PLACES]
    return np.where(first.any(axis=1), 1.0 / (first.argmax(axis=1) + 1.0), 0.0)


def recall(held: BoolArray, n_targets: IntArray) -> Values:
    """Return hits within 10 / min(10, n_targets) per query."""
    possible = np.maximum(np.minimum(n_targets, N_PLACES), 1)
    return np.asarray(held[:, :N_PLACES].sum(axis=1) / possible, dtype=np.float64)


def coverage(lists: IntArray, n_items: int) -> float:
    """Share of the catalogue that stands in at least one of the lists' first ten places."""
    shown = np.unique(lists[:, :N_PLACES])
    return float((shown >= 0).sum() / n_items) if n_items else 0.0


def mean_interval(values: Values, groups: IntArray, seed: int) -> tuple[float, float]:
    """95 % bootstrap interval of a mean, drawing whole groups [1]_.

    Parameters
    ----------
    values : float64, shape [n_queries]
    groups : int64, shape [n_queries]
        Order or customer of each query: queries of one order are not independent.
    seed : int

    References
    ----------
    .. [1] Cameron, Gelbach, Miller: Bootstrap-based improvements for inference with clustered errors, 2008.
    """
    if not len(values):
        return 0.0, 0.0
    _, group = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(group, weights=values), np.bincount(group).astype(np.float64)
    random = np.random.default_rng(seed)
    means = np.empty(N_DRAWS)
    for draw in range(N_DRAWS):
        counts = np.bincount(random.integers(0, len(sums), len(sums)), minlength=len(sums))
        means[draw] = (counts @ sums) / (counts @ sizes)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
