"""Owns the score of a pair of products: evidence smoothed by a prior; it must not choose parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommender.lists import highest

if TYPE_CHECKING:
    import numpy.typing as npt

    from app.recommender.interactions import FloatArray, IntArray
    from app.recommender.pairs import Pairs

# Bytes of one dense block of scores; about six blocks are alive at once. Larger ones leave the processor's cache
# and are given back to the system each time: 32 MB took twice as long.
BLOCK_BYTES = 8 * 2**20
# Products that the prior may place. Beyond the 20,000 best-selling ones a product can't win against the
# softmax of the others, and time stays linear in the size of the catalogue.
MAX_PRIOR_ITEMS = 20_000
# Word similarity from which a pair seen in too few orders still counts: its words are the second witness.
MIN_WORD_SIMILARITY = 0.1
# Orders from which a product's own sales are a witness for it.
WELL_SOLD_ORDERS = 5
# Most similar products to borrow co-purchase from, and how sharply the nearest are preferred: 10, 20 and
# 50 gave the same validation NDCG within 0.0005.
N_LENDERS = 20
LENDER_SHARPNESS = 8.0


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
    borrow : float
        Weight of what similar products were bought with.
    recency : float
        Exponent of (recent orders / all orders) of the listed product; 0 is none.
    lone: float
        Weight of a pair seen in too few orders and without shared words, where the listed product is well
        sold on its own. 0 unless a shop's back-test shows that it loses to plain counting without them,
        as shops without titles may.
    is_arranged : bool
        Whether what clearly belongs to a product goes before bestsellers that stand beside anything. False
        only where a shop's back-test shows that the bestsellers are the better guess in the first places.
    """

    m: float = 50.0
    tau: float = 8.0
    rho: float = 0.5
    w: float = 0.5
    borrow: float = 0.2
    recency: float = 0.1
    lone: float = 0.0
    is_arranged: bool = True

    def leaning(self, popularity: float) -> Blend:
        """Return the blend a merchant asks for: -1 specific, 0 as it is, 1 popular.

        Either way the prior gets stronger; towards popular it looks less at likeness and more at orders.
        """
        tau = self.tau * (1.0 - 0.75 * max(0.0, popularity))
        rho = max(0.0, self.rho + 0.5 * popularity)
        return replace(self, m=self.m * 4.0 ** abs(popularity), tau=tau, rho=rho)


@dataclass(frozen=True, eq=False)
class PairScorer:
    """Scores every product beside a seed: Dirichlet-smoothed co-purchase [1]_ that follows the season.

    ``score(j | i) = (C_ij + borrow * B_ij + m * P_ij) * r_j ** recency`` with the prior
    ``P_i. = softmax_j(tau * s_ij + rho * log(1 + n_j))``, ``s_ij = w * cos_words + (1 - w) * cos_lightfm``,
    the borrowed evidence ``B_i. = sum_k W_ik C_k.`` over the `N_LENDERS` most similar products k, and
    ``r_j`` the share of j's orders that are recent.

    Attributes
    ----------
    blend : Blend
    pairs : Pairs
        Orders holding both.
    n_orders : int64, shape [n_items]
    recent_share : float64, shape [n_items]
        Above 0, about 1 on average.
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
    pairs: Pairs
    n_orders: IntArray
    recent_share: npt.NDArray[np.float64]
    tfidf: sparse.csr_matrix
    vectors: FloatArray
    candidates: IntArray

    @cached_property
    def _candidate_vectors(self) -> FloatArray:
        return np.ascontiguousarray(self.vectors[self.candidates].T)

    @cached_property
    def _candidate_words(self) -> sparse.csr_matrix:
        return sparse.csr_matrix(self.tfidf[self.candidates].T)

    @cached_property
    def _pull(self) -> FloatArray:
        return np.float32(self.blend.rho) * np.log1p(self.n_orders[self.candidates]).astype(np.float32)

    @cached_property
    def _season(self) -> FloatArray:
        return np.asarray(self.recent_share[self.candidates] ** self.blend.recency, dtype=np.float32)

    def _among_candidates(self, rows: sparse.csr_matrix) -> sparse.csr_matrix:
        if len(self.candidates) == rows.shape[1]:
            return rows
        return sparse.csr_matrix(rows[:, self.candidates])

    @property
    def block_rows(self) -> int:
        """How many seeds to score at once."""
        return max(1, BLOCK_BYTES // (4 * max(1, len(self.candidates))))

    def word_similarity(self, seeds: IntArray) -> FloatArray:
        """Return the cosine of words, float32 [n_seeds, n_candidates], 0 to 1."""
        return np.asarray((self.tfidf[seeds] @ self._candidate_words).toarray(), dtype=np.float32)

    def similarity(self, seeds: IntArray, words: FloatArray | None = None) -> FloatArray:
        """Return s_ij, float32 [n_seeds, n_candidates], -1 to 1; the seed itself has -1."""
        known = self.word_similarity(seeds) if words is None else words
        result: FloatArray = self.vectors[seeds] @ self._candidate_vectors
        result *= np.float32(1.0 - self.blend.w)
        result += known * np.float32(self.blend.w)
        self.hide(result, seeds, -1.0)
        return result

    def prior(self, seeds: IntArray, similarity: FloatArray) -> FloatArray:
        """Return P_ij, float32 [n_seeds, n_candidates]; a row sums to 1, the seed itself has 0."""
        logits = np.float32(self.blend.tau) * similarity
        logits += self._pull
        self.hide(logits, seeds, -np.inf)
        logits -= logits.max(axis=1, keepdims=True, initial=np.finfo(np.float32).min)
        np.exp(logits, out=logits)
        total = logits.sum(axis=1, keepdims=True)
        logits /= np.where(total > 0, total, np.float32(1.0))
        return logits

    def together(self, seeds: IntArray, words: FloatArray) -> sparse.csr_matrix:
        """Return C_ij without what one order alone would place, csr float32 [n_seeds, n_candidates]."""
        counts = self._among_candidates(self.pairs.rows(seeds))
        is_weak = counts.data < self.pairs.n_orders_min
        is_weak &= words[rows_of(counts), counts.indices] <= MIN_WORD_SIMILARITY
        is_well_sold = self.n_orders[self.candidates[counts.indices[is_weak]]] >= WELL_SOLD_ORDERS
        worth = np.where(is_well_sold, np.float32(self.blend.lone), np.float32(0.0))
        values = counts.data.copy()
        values[is_weak] *= worth
        return sparse.csr_matrix((values, counts.indices, counts.indptr), shape=counts.shape)

    def borrowed(self, similarity: FloatArray) -> sparse.csr_matrix:
        """Return B_ij, csr float32 [n_seeds, n_candidates]."""
        n_lenders = min(N_LENDERS, similarity.shape[1])
        if not n_lenders:
            return sparse.csr_matrix(similarity.shape, dtype=np.float32)
        lenders = highest(similarity, n_lenders)
        nearness = np.exp(LENDER_SHARPNESS * np.take_along_axis(similarity, lenders, axis=1))
        nearness /= nearness.sum(axis=1, keepdims=True)
        indptr = np.arange(0, lenders.size + 1, n_lenders)
        shape = (len(similarity), len(self.n_orders))
        weights = sparse.csr_matrix((nearness.ravel(), self.candidates[lenders.ravel()], indptr), shape=shape)
        return self._among_candidates(self.pairs.lent(weights))

    def scores(self, seeds: IntArray) -> FloatArray:
        """Return scores float32 [n_seeds, n_candidates]; the seed itself has -inf."""
        words = self.word_similarity(seeds)
        similarity = self.similarity(seeds, words)
        result = self.prior(seeds, similarity)
        result *= np.float32(self.blend.m)
        add_sparse(result, self.together(seeds, words))
        if self.blend.borrow > 0:
            add_sparse(result, self.borrowed(similarity), self.blend.borrow)
        result *= self._season
        self.hide(result, seeds, -np.inf)
        return result

    def hide(self, scores: FloatArray, items: IntArray, value: float) -> None:
        """Set the place of one item per row to `value`, in place; items that are no candidates are passed."""
        if not len(self.candidates):
            return
        columns = np.minimum(np.searchsorted(self.candidates, items), len(self.candidates) - 1)
        rows = np.flatnonzero(self.candidates[columns] == items)
        scores[rows, columns[rows]] = value


def rows_of(matrix: sparse.csr_matrix) -> IntArray:
    """Return the row of each stored value, int64 [nnz]."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def add_sparse(dense: FloatArray, matrix: sparse.csr_matrix, weight: float = 1.0) -> None:
    """Add a weighted sparse matrix, each place stored once, to a dense one of the same shape, in place."""
    dense[rows_of(matrix), matrix.indices] += np.float32(weight) * matrix.data


def unit_rows(vectors: FloatArray) -> FloatArray:
    """Return the vectors with length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)
