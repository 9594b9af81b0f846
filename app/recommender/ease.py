"""Owns EASE, the closed-form item model used beside LightFM for customers; it must not rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, sparse

if TYPE_CHECKING:
    from app.recommender.interactions import FloatArray, IntArray

# Products EASE is fitted on, the best-selling ones: time grows with the cube and memory with the square
# (6,000: about 6 s and 150 MB).
MAX_EASE_ITEMS = 6000
# Ends of the ridge: 4 times the mean number of customers per product, within what the reference tried.
MIN_PENALTY, MAX_PENALTY = 100.0, 500.0
# Weights kept per listed product. Keeping 100 was better than keeping all on both shops (discovery
# Recall@10 0.097 against 0.095, 0.128 against 0.125): the small rest is noise.
N_KEPT_WEIGHTS = 100

# Products taken at a time where a whole square more would be in memory.
BLOCK_ITEMS = 256


def fit_ease(rows: sparse.csr_matrix, penalty: float | None = None) -> sparse.csr_matrix:
    """Item weights of EASE [1]_, pruned to the strongest per listed product.

    Parameters
    ----------
    rows : csr float32, shape [n_rows, n_items]
        Ones where a customer (or a basket) holds a product.
    penalty : float, optional
        The ridge; None takes 4 times the mean number of rows per product.

    Returns
    -------
    csr float32, shape [n_items, n_items]
        ``rows @ weights`` scores products for rows. Empty for products beyond `MAX_EASE_ITEMS`.

    References
    ----------
    .. [1] Steck: Embarrassingly Shallow Autoencoders for Sparse Data, 2019.
    """
    n_items = rows.shape[1]
    n_rows = np.bincount(rows.indices, minlength=n_items)
    ranked = np.argsort(-n_rows, kind="stable")[:MAX_EASE_ITEMS]
    items = np.sort(ranked[n_rows[ranked] > 0])
    if len(items) < 2:
        return sparse.csr_matrix((n_items, n_items), dtype=np.float32)
    chosen = sparse.csr_matrix(rows[:, items])
    ridge = penalty or float(np.clip(4.0 * chosen.nnz / len(items), MIN_PENALTY, MAX_PENALTY))
    return _pruned(ease_weights(chosen, ridge), items, n_items)


def ease_weights(rows: sparse.csr_matrix, penalty: float) -> FloatArray:
    """Return all weights of EASE, float32 [n_items, n_items], zero diagonal.

    One square matrix is all that is alive, and every step changes it in place.
    """
    square = _gram(rows)
    square[np.diag_indices_from(square)] += np.float32(penalty)
    # LAPACK counts by columns, and turns around a copy of what does not: of a symmetric one the transpose does.
    lower = linalg.cholesky(square.T, lower=True, overwrite_a=True, check_finite=False)
    inverse, _ = linalg.lapack.spotri(lower, lower=1, overwrite_c=1)
    for start in range(0, len(inverse), BLOCK_ITEMS):
        stop = start + BLOCK_ITEMS
        corner = np.tril(inverse[start:stop, start:stop])
        inverse[start:stop, start:stop] = corner + np.tril(corner, -1).T
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
    inverse /= -np.diag(inverse)[None, :].copy()
    np.fill_diagonal(inverse, 0.0)
    return np.asarray(inverse, dtype=np.float32)


def _gram(rows: sparse.csr_matrix) -> FloatArray:
    """Return ``rows.T @ rows``, float32 [n_items, n_items]; as a sparse matrix it would weigh twice as much."""
    by_item = sparse.csr_matrix(rows.T)
    square = np.empty((rows.shape[1], rows.shape[1]), np.float32)
    for start in range(0, len(square), BLOCK_ITEMS):
        square[start : start + BLOCK_ITEMS] = (by_item[start : start + BLOCK_ITEMS] @ rows).toarray()
    return square


def _pruned(weights: FloatArray, items: IntArray, n_items: int) -> sparse.csr_matrix:
    n_kept = min(N_KEPT_WEIGHTS, len(items) - 1)
    strongest, values = [], []
    for start in range(0, len(items), BLOCK_ITEMS):
        block = weights[:, start : start + BLOCK_ITEMS]
        strongest.append(np.argpartition(-np.abs(block), n_kept - 1, axis=0)[:n_kept])
        values.append(np.take_along_axis(block, strongest[-1], axis=0))
    found, kept_values = np.concatenate(strongest, axis=1), np.concatenate(values, axis=1)
    columns = np.broadcast_to(items, found.shape)
    shape = (n_items, n_items)
    kept = sparse.csr_matrix((kept_values.ravel(), (items[found.ravel()], columns.ravel())), shape=shape)
    kept.eliminate_zeros()
    kept.sort_indices()
    return kept
