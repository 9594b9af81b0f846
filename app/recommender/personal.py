"""Owns the score of a product for a customer; it must not choose parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from scipy import sparse

    from app.recommender.interactions import FloatArray, IntArray
    from app.recommender.owned import Owned

# Share of plain popularity in every score: fills the list of a customer nobody knows yet.
POPULARITY_SHARE = 1e-3


@dataclass(frozen=True)
class Taste:
    """Parameters of the personal score, chosen per shop by a back-test.

    Attributes
    ----------
    ease, factors, neighbours, own : float
        Weights of the four opinions; each is a probability over products.
    recency : float
        Exponent of the share of a product's orders that are recent: what sells now.
    half_life_days : float
        Of that recency.
    """

    ease: float = 0.0
    factors: float = 1.0
    neighbours: float = 1.0
    own: float = 0.0
    recency: float = 0.6
    half_life_days: float = 14.0


@dataclass(frozen=True, eq=False)
class TasteScorer:
    """Scores every product for a customer by a vote of four opinions and the season.

    ``score(j | u) = (sum_o weight_o * p_o(j | u) + epsilon * p(j)) * r_j ** recency`` with, as opinions,
    EASE [1]_ on what the customer bought, LightFM (softmax of its score), the pair scores of what the
    customer bought, and their own decayed orders; ``r_j`` as in `PairScorer`.

    Attributes
    ----------
    taste : Taste
    owned : Owned
    n_orders : int64, shape [n_items]
    recent_share : float64, shape [n_items]
    ease : csr float32, shape [n_items, n_items]
    posterior : csr float32, shape [n_items, n_items]
        The strongest pair scores of each product, rows summing to at most 1.
    item_vectors : float32, shape [n_items, n_components]
    item_biases : float32, shape [n_items]
    user_vectors : float32, shape [n_vectors, n_components]
    factor_users : int64, shape [n_vectors]
        User index of each vector, ascending.

    References
    ----------
    .. [1] Steck: Embarrassingly Shallow Autoencoders for Sparse Data, 2019.
    """

    taste: Taste
    owned: Owned
    n_orders: IntArray
    recent_share: npt.NDArray[np.float64]
    ease: sparse.csr_matrix
    posterior: sparse.csr_matrix
    item_vectors: FloatArray
    item_biases: FloatArray
    user_vectors: FloatArray
    factor_users: IntArray

    def scores(self, users: IntArray) -> FloatArray:
        """Return scores float32 [n_users, n_items]; -inf for products that never sold."""
        taste, owned = self.taste, self.owned
        popularity = self.n_orders / max(1.0, float(self.n_orders.sum()))
        total = np.tile((POPULARITY_SHARE * popularity).astype(np.float32), (len(users), 1))
        if taste.factors:
            total += np.float32(taste.factors) * self.factor_opinion(users)
        decayed = owned.of(users, owned.decayed)
        if taste.neighbours:
            total += np.float32(taste.neighbours) * shares((decayed @ self.posterior).toarray())
        if taste.ease:
            binary = owned.of(users, owned.counts)
            binary.data[:] = 1.0
            total += np.float32(taste.ease) * shares((binary @ self.ease).toarray())
        if taste.own:
            total += np.float32(taste.own) * shares(decayed.toarray())
        total *= (self.recent_share**taste.recency).astype(np.float32)
        total[:, self.n_orders == 0] = -np.inf
        return total

    def factor_opinion(self, users: IntArray) -> FloatArray:
        """Return the softmax of LightFM's scores, float32 [n_users, n_items]; 0 for unknown customers."""
        result = np.zeros((len(users), len(self.n_orders)), np.float32)
        if not (len(self.factor_users) and len(self.n_orders)):
            return result
        rows = np.minimum(np.searchsorted(self.factor_users, users), len(self.factor_users) - 1)
        known = np.flatnonzero(self.factor_users[rows] == users)
        logits = self.user_vectors[rows[known]] @ self.item_vectors.T + self.item_biases
        logits -= logits.max(axis=1, keepdims=True, initial=np.finfo(np.float32).min)
        np.exp(logits, out=logits)
        result[known] = logits / logits.sum(axis=1, keepdims=True)
        return result


def shares(values: FloatArray) -> FloatArray:
    """Return the values above 0 divided by their row's sum; rows without any are 0."""
    positive = np.maximum(values, 0.0)
    total = positive.sum(axis=1, keepdims=True)
    return np.asarray(positive / np.where(total > 0, total, 1.0), dtype=np.float32)
