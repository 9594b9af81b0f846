"""Owns the score of a pair of products: evidence smoothed by a prior; it must not decide parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommender.words import scale_rows

if TYPE_CHECKING:
    import numpy.typing as npt

    from app.recommender.interactions import FloatArray, IntArray

# Bytes of one dense block of scores: small enough for the cache-friendly side of a small server.
BLOCK_BYTES = 64 * 2**20
# Products that may be placed by the prior alone. Beyond the 20,000 best-selling ones only co-purchase
# evidence can place a product: its prior would be lost in the softmax anyway, and time stays linear.
MAX_PRIOR_ITEMS = 20_000


@dataclass(frozen=True)
class Blend:
    """Parameters of the pair score, chosen per shop by a back-test.

    Attributes
    ----------
    m : float
        Strength of the prior, in orders.
    tau : float
        Sharpness of similarity in the prior.
    rho : float
        Pull of popularity in the prior; 0 is none, 1 proportional.
    w : float
        Share of word similarity against LightFM similarity, 0 to 1.
    """

    m: float = 50.0
    tau: float = 8.0
    rho: float = 0.5
    w: float = 0.5


# Consumer shops with speaking titles, and grocers, where popularity rules: reference rows of 3.7.
PRESETS = (Blend(), Blend(m=200.0, tau=4.0, rho=1.0, w=0.0))


@dataclass(frozen=True, eq=False)
class PairScorer:
    """Scores every product beside a seed: Dirichlet-smoothed co-purchase [1]_.

    ``score(j | i) = C_ij + m * softmax_j(tau * s_ij + rho * log(1 + n_j))`` with
    ``s_ij = w * cos_words(i, j) + (1 - w) * cos_lightfm(i, j)``.

    Attributes
    ----------
    blend : Blend
    pairs : csr float32, shape [n_items, n_items]
        Orders holding both, after the minimum of evidence.
    n_orders : int64, shape [n_items]
    tfidf : csr float32, shape [n_items, n_words]
        Rows of length 1 or 0.
    vectors : float32, shape [n_items, n_components]
        Rows of length 1 or 0.
    candidates : int64, shape [n_candidates]
        Items that may be listed, ascending.

    References
    ----------
    .. [1] MacKay, Peto: A hierarchical Dirichlet language model, 1995.
    """

    blend: Blend
    pairs: sparse.csr_matrix
    n_orders: IntArray
    tfidf: sparse.csr_matrix
    vectors: FloatArray
    candidates: IntArray

    @cached_property
    def _columns(self) -> tuple[FloatArray, sparse.csr_matrix, FloatArray]:
        popularity = np.log1p(self.n_orders[self.candidates]).astype(np.float32)
        words = sparse.csr_matrix(self.tfidf[self.candidates].T)
        return np.ascontiguousarray(self.vectors[self.candidates].T), words, popularity

    @property
    def block_rows(self) -> int:
        """How many seeds to score at once."""
        return max(1, BLOCK_BYTES // (4 * max(1, len(self.candidates))))

    def similarity(self, seeds: IntArray) -> FloatArray:
        """Return s_ij, float32 [n_seeds, n_candidates], in -1 to 1."""
        vectors, words, _ = self._columns
        result: FloatArray = (self.vectors[seeds] @ vectors) * np.float32(1.0 - self.blend.w)
        if self.blend.w > 0 and words.nnz:
            result += (self.tfidf[seeds] @ words).toarray() * np.float32(self.blend.w)
        return result

    def prior(self, seeds: IntArray) -> FloatArray:
        """Return the prior, float32 [n_seeds, n_candidates]; a row sums to 1, the seed itself has 0."""
        _, _, popularity = self._columns
        logits = np.float32(self.blend.tau) * self.similarity(seeds) + np.float32(self.blend.rho) * popularity
        self.hide(logits, seeds, seeds)
        logits -= np.maximum(logits.max(axis=1, keepdims=True, initial=-1e30), -1e30)
        np.exp(logits, out=logits)
        total = logits.sum(axis=1, keepdims=True)
        return np.asarray(logits / np.where(total > 0, total, 1.0), dtype=np.float32)

    def scores(self, seeds: IntArray) -> FloatArray:
        """Return scores float32 [n_seeds, n_candidates]; the seed itself has -inf."""
        result = self.prior(seeds) * np.float32(self.blend.m)
        result += self.pairs[seeds][:, self.candidates].toarray()
        self.hide(result, seeds, seeds)
        return result

    def hide(self, scores: npt.NDArray[np.float32], seeds: IntArray, hidden: IntArray) -> None:
        """Set one hidden item per row to -inf, in place."""
        if not len(self.candidates):
            return
        columns = np.minimum(np.searchsorted(self.candidates, hidden), len(self.candidates) - 1)
        rows = np.flatnonzero(self.candidates[columns] == hidden)
        scores[rows, columns[rows]] = -np.inf


def unit_rows(vectors: FloatArray) -> FloatArray:
    """Return the vectors with length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def with_minimum_evidence(
    pairs: sparse.csr_matrix, tfidf: sparse.csr_matrix, n_orders_min: int
) -> sparse.csr_matrix:
    """Drop pairs seen in fewer than `n_orders_min` orders, so that no single order places a product."""
    kept = pairs.copy()
    kept.data[kept.data < n_orders_min] = 0.0
    kept.eliminate_zeros()
    return kept


__all__ = ["BLOCK_BYTES", "MAX_PRIOR_ITEMS", "PRESETS", "Blend", "PairScorer", "scale_rows", "unit_rows"]
