"""Owns the score of a product for a customer; it must not choose parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from app.recommender.user_rows import places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.recommender.counted import Counted
    from app.recommender.interactions import FloatArray, IntArray
    from app.recommender.owned import Owned

# Share of plain popularity in every score: fills the list of a customer nobody knows yet.
POPULARITY_SHARE = 1e-3
# The weights of `Taste` that are votes.
OPINIONS = ("ease", "factors", "neighbours", "own", "together", "popular")


@dataclass(frozen=True)
class Taste:
    """Parameters of the personal score, chosen per shop by a back-test.

    Attributes
    ----------
    ease, factors, neighbours, own, together, popular : float
        Weights of the opinions; each is a probability over products.
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
    together: float = 0.0
    popular: float = 0.0


@dataclass(frozen=True, eq=False)
class TasteScorer:
    """Scores every product for a customer by a vote of opinions and the season.

    ``score(j | u) = (sum_o weight_o * p_o(j | u) + epsilon * p(j)) * r_j ** recency`` with, as opinions,
    EASE [1]_ on what the customer bought, LightFM (softmax of its score), the pair scores of what the
    customer bought, their own decayed orders, plain counts of what was bought with what they bought, and
    bestsellers; ``r_j`` as in `PairScorer`.

    Attributes
    ----------
    owned : Owned
        Of the customers asked about, at least.
    counted : Counted
    ease : csr float32, shape [n_items, n_items]
    posterior_of : callable
        From product indices to csr float32 [n_asked, n_items]: their strongest pair scores, rows summing to
        at most 1.
    item_vectors : float32, shape [n_items, n_components]
    item_biases : float32, shape [n_items]
    user_vectors : float32, shape [n_vectors, n_components]
    factor_users : int64, shape [n_vectors]
        User index of each vector, ascending; of the customers asked about, at least.

    References
    ----------
    .. [1] Steck: Embarrassingly Shallow Autoencoders for Sparse Data, 2019.
    """

    owned: Owned
    counted: Counted
    ease: sparse.csr_matrix
    posterior_of: Callable[[IntArray], sparse.csr_matrix]
    item_vectors: FloatArray
    item_biases: FloatArray
    user_vectors: FloatArray
    factor_users: IntArray

    def scores(self, users: IntArray, taste: Taste) -> FloatArray:
        """Return scores float32 [n_users, n_items]; -inf for products that never sold."""
        return self.voted(self.opinions(users, [taste]), taste, len(users))

    def opinions(self, users: IntArray, tastes: Sequence[Taste]) -> dict[str, FloatArray]:
        """Return each opinion that one of some tastes asks for, float32 [n_users, n_items]."""
        asked = [name for name in OPINIONS if any(getattr(taste, name) for taste in tastes)]
        return {name: self.opinion(name, users) for name in asked}

    def voted(self, opinions: dict[str, FloatArray], taste: Taste, n_users: int) -> FloatArray:
        """Return the scores that some opinions, each float32 [n_users, n_items], give by a taste."""
        n_orders = self.counted.n_orders
        popularity = POPULARITY_SHARE * n_orders / max(1.0, float(n_orders.sum()))
        total = np.tile(popularity.astype(np.float32), (n_users, 1))
        for name, opinion in opinions.items():
            if weight := getattr(taste, name):
                total += np.float32(weight) * opinion
        total *= (self.counted.recent_share(taste.half_life_days) ** taste.recency).astype(np.float32)
        total[:, n_orders == 0] = -np.inf
        return total

    def opinion(self, name: str, users: IntArray) -> FloatArray:
        """Return one opinion, float32 [n_users, n_items], rows summing to 1 or 0."""
        if name == "factors":
            return self.factor_opinion(users)
        if name == "popular":
            n_orders = self.counted.n_orders.astype(np.float32)
            return np.tile(shares(n_orders[None, :]), (len(users), 1))
        if name in ("ease", "together"):
            counts = self.owned.of(users, self.owned.counts)
            ones = np.ones(len(counts.data), np.float32)
            binary = sparse.csr_matrix((ones, counts.indices, counts.indptr), shape=counts.shape)
            if name == "ease":
                return shares((binary @ self.ease).toarray())
            asked = np.unique(binary.indices).astype(np.int64)
            return shares((sparse.csr_matrix(binary[:, asked]) @ self.counted.pairs.rows(asked)).toarray())
        decayed = self.owned.of(users, self.owned.decayed)
        if name == "own":
            return shares(decayed.toarray())
        asked = np.unique(decayed.indices).astype(np.int64)
        return shares((sparse.csr_matrix(decayed[:, asked]) @ self.posterior_of(asked)).toarray())

    def factor_opinion(self, users: IntArray) -> FloatArray:
        """Return the softmax of LightFM's scores, float32 [n_users, n_items]; 0 for unknown customers."""
        result = np.zeros((len(users), len(self.item_biases)), np.float32)
        if not (len(self.factor_users) and len(self.item_biases)):
            return result
        rows = places(self.factor_users, users)
        known = np.flatnonzero(rows >= 0)
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
