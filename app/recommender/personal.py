"""Owns the score of a product for a customer; it must not choose parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import sparse

from app.recommender.blend import add_sparse, rows_of
from app.recommender.user_rows import places

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.recommender.counted import Counted
    from app.recommender.interactions import FloatArray, IntArray
    from app.recommender.owned import Owned

    Opinion: TypeAlias = FloatArray | sparse.csr_matrix

# Share of plain popularity in every score: fills the list of a customer nobody knows yet.
POPULARITY_SHARE = 1e-3
# Logits above the highest candidate's are cut here, so that no product's share leaves the range of numbers.
MAX_LOGIT = 20.0
# Share of places with a value from which a dense matrix is smaller and faster than a sparse one.
DENSE_SHARE = 0.25
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
    candidates : int64, shape [n_candidates]
        Products that may be listed for a customer who never bought them, ascending.

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
    candidates: IntArray

    def scores(self, users: IntArray, taste: Taste) -> FloatArray:
        """Return scores float32 [n_users, n_items]; -inf for products that never sold."""
        return self.voted(self.opinions(users, [taste]), taste, len(users))

    def opinions(
        self, users: IntArray, tastes: Sequence[Taste], columns: IntArray | None = None
    ) -> dict[str, Opinion]:
        """Return each opinion that one of some tastes asks for."""
        asked = [name for name in OPINIONS if any(getattr(taste, name) for taste in tastes)]
        return {name: self.opinion(name, users, columns) for name in asked}

    def voted(
        self, opinions: Mapping[str, Opinion], taste: Taste, n_users: int, columns: IntArray | None = None
    ) -> FloatArray:
        """Return the scores that some opinions give by a taste.

        Parameters
        ----------
        opinions : dict of str to opinion, as `opinions` returns them
        taste : Taste
        n_users : int
        columns : int64, shape [n_columns], optional
            The products scored: `candidates`, then any others; None scores all.

        Returns
        -------
        float32, shape [n_users, n_columns]
        """
        total = np.tile(_of(self._popularity, columns), (n_users, 1))
        for name, opinion in opinions.items():
            if weight := getattr(taste, name):
                if sparse.issparse(opinion):
                    add_sparse(total, opinion, weight)
                else:
                    total += opinion if weight == 1.0 else np.float32(weight) * opinion
        total *= _of(self._season(taste.half_life_days, taste.recency), columns)
        return total

    @cached_property
    def _popularity(self) -> FloatArray:
        n_orders = self.counted.n_orders
        popularity = POPULARITY_SHARE * n_orders / max(1.0, float(n_orders.sum()))
        return np.where(n_orders > 0, popularity, -np.inf).astype(np.float32)

    @cached_property
    def _seasons(self) -> dict[tuple[float, float], FloatArray]:
        return {}

    def _season(self, half_life_days: float, recency: float) -> FloatArray:
        known, asked = self._seasons, (half_life_days, recency)
        if asked not in known:
            known[asked] = (self.counted.recent_share(half_life_days) ** recency).astype(np.float32)
        return known[asked]

    def opinion(self, name: str, users: IntArray, columns: IntArray | None = None) -> Opinion:
        """Return one opinion, float32 [n_users, n_columns] or [1, n_columns], rows summing to at most 1.

        Sparse where it says nothing about most products.
        """
        if name == "factors":
            return self.factor_opinion(users, columns)
        if name == "popular":
            n_orders = self.counted.n_orders.astype(np.float32)
            return _of(n_orders / max(np.float32(1.0), n_orders.sum()), columns)[None, :]
        if name in ("ease", "together"):
            binary, _ = self.owned.held(users)
            found = binary @ self.ease if name == "ease" else _spread(binary, self.counted.pairs.rows)
        else:
            decayed = self.owned.of(users, self.owned.decayed)
            found = decayed if name == "own" else _spread(decayed, self.posterior_of)
        opinion = shares(found)
        return opinion if columns is None else opinion[:, columns]

    def factor_opinion(self, users: IntArray, columns: IntArray | None = None) -> FloatArray:
        """Return the softmax of LightFM's scores, float32 [n_users, n_columns]; 0 for unknown customers.

        Of `columns`, the candidates sum to 1, so that what else is asked for changes nothing for them.
        """
        vectors, biases = _of(self.item_vectors, columns), _of(self.item_biases, columns)
        if not (len(self.factor_users) and len(biases)):
            return np.zeros((len(users), len(biases)), np.float32)
        rows = places(self.factor_users, users)
        known = np.flatnonzero(rows >= 0)
        logits: FloatArray = self.user_vectors[rows[known]] @ vectors.T
        logits += biases
        n_summed = len(biases) if columns is None else len(self.candidates)
        logits -= logits[:, :n_summed].max(axis=1, keepdims=True, initial=np.finfo(np.float32).min)
        if columns is not None:
            np.minimum(logits, MAX_LOGIT, out=logits)
        np.exp(logits, out=logits)
        logits /= logits[:, :n_summed].sum(axis=1, keepdims=True)
        if len(known) == len(users):
            return logits
        result = np.zeros((len(users), len(biases)), np.float32)
        result[known] = logits
        return result


def _of(values: FloatArray, columns: IntArray | None) -> FloatArray:
    return values if columns is None else values[columns]


def _spread(rows: sparse.csr_matrix, beside: Callable[[IntArray], sparse.csr_matrix]) -> sparse.csr_matrix:
    """Return ``rows @ all``, of which `beside` gives the rows that are asked for."""
    asked = np.unique(rows.indices).astype(np.int64)
    return sparse.csr_matrix(sparse.csr_matrix(rows[:, asked]) @ beside(asked))


def shares(rows: sparse.csr_matrix) -> Opinion:
    """Return the values above 0 divided by their row's sum; rows without any are 0. Dense where most are known."""
    values = np.maximum(rows.data, np.float32(0.0))
    total = np.bincount(rows_of(rows), values, minlength=rows.shape[0]).astype(np.float32)
    values /= np.repeat(np.where(total > 0, total, np.float32(1.0)), np.diff(rows.indptr))
    found = sparse.csr_matrix((values, rows.indices, rows.indptr), shape=rows.shape)
    is_full = found.nnz > DENSE_SHARE * rows.shape[0] * rows.shape[1]
    return np.asarray(found.toarray()) if is_full else found
