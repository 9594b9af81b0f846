"""Owns EASE, the closed-form item model used beside LightFM for customers; it must not rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, sparse

if TYPE_CHECKING:
    from app.recommender.interactions import FloatArray, IntArray

# Products EASE is fitted on, the best-selling ones: time grows with the cube and memory with the square
# (6,000: about 6 s and 450 MB).
MAX_EASE_ITEMS = 6000
# Ends of the ridge: 4 times the mean number of customers per product, within what the reference tried.
MIN_PENALTY, MAX_PENALTY = 100.0, 500.0
# Weights kept per listed product. Keeping 100 was better than keeping all on both shops (discovery
# Recall@10 0.097 against 0.095, 0.128 against 0.125): the small rest is noise.
N_KEPT_WEIGHTS = 100


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
    """Return all weights of EASE, float32 [n_items, n_items], zero diagonal."""
    gram = (rows.T @ rows).toarray().astype(np.float32)
    gram[np.diag_indices_from(gram)] += np.float32(penalty)
    lower = linalg.cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
    inverse, _ = linalg.lapack.spotri(lower, lower=1, overwrite_c=1)
    inverse = np.tril(inverse)
    inverse += np.tril(inverse, -1).T
    inverse /= -np.diag(inverse)[None, :].copy()
    np.fill_diagonal(inverse, 0.0)
    return np.asarray(inverse, dtype=np.float32)


def _pruned(weights: FloatArray, items: IntArray, n_items: int) -> sparse.csr_matrix:
    n_kept = min(N_KEPT_WEIGHTS, len(items) - 1)
    strongest = np.argpartition(-np.abs(weights), n_kept - 1, axis=0)[:n_kept]
    values = np.take_along_axis(weights, strongest, axis=0)
    columns = np.broadcast_to(items, strongest.shape)
    shape = (n_items, n_items)
    kept = sparse.csr_matrix((values.ravel(), (items[strongest.ravel()], columns.ravel())), shape=shape)
    kept.eliminate_zeros()
    kept.sort_indices()
    return kept
