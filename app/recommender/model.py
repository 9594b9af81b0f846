"""Owns a shop's fitted model and its strategies; it must not fit, store or back-test itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from app.recommender.blend import MAX_PRIOR_ITEMS, Blend, PairScorer, unit_rows, with_minimum_evidence
from app.recommender.copurchase import baskets, pair_counts
from app.recommender.fallback import bestseller_scores, decayed_orders, rising_scores
from app.recommender.interactions import Catalogue, History, rows_of
from app.recommender.lists import NO_ITEM, Lists, Source, top_n
from app.recommender.personal import Owned, Taste, owned

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from app.recommender.factors import Factors
    from app.recommender.interactions import FloatArray, IntArray
    from app.recommender.words import Words


@dataclass(frozen=True)
class Options:
    """What a merchant or an operator may set; everything else is chosen by the back-test.

    Attributes
    ----------
    popularity : float
        -1 specific ... 0 as the back-test chose ... 1 popular.
    n_orders_min : int
        Orders that must hold a pair before co-purchase places it.
    diversity : float
        Strength of the MMR step, 0 (off) to 1.
    max_per_category : int or None
        Cap of the diversity step.
    n_components, n_epochs : int
        Of LightFM; inside the blend they hardly matter (reference 3.8).
    blend, taste, discovery : optional
        Fixed parameters; None lets the self-back-test choose.
    """

    popularity: float = 0.0
    n_orders_min: int = 2
    diversity: float = 0.0
    max_per_category: int | None = None
    n_components: int = 64
    n_epochs: int = 30
    blend: Blend | None = None
    taste: Taste | None = None
    discovery: Taste | None = None


class Evidence(NamedTuple):
    """Why a product stands beside another: "bought together in 14 of 52 baskets", shared words, or both."""

    n_together: int
    n_baskets: int
    shared_words: tuple[str, ...]
    similarity: float


@dataclass(frozen=True, eq=False)
class Model:
    """A shop's recommender: immutable; `fit`, `update` and `forget` return new ones.

    Attributes
    ----------
    catalogue, history : Catalogue, History
        What it learned from.
    options : Options
    seed : int
    blend : Blend
        Of the pair score, after the back-test and the merchant's knob.
    taste, discovery : Taste
        Of "for you" (everything) and "discover" (new to the customer).
    words : Words
    factors : Factors
    factor_users : int64, shape [n_vectors]
        Which user each row of `factors.user_vectors` belongs to, ascending.
    """

    catalogue: Catalogue
    history: History
    options: Options
    seed: int
    blend: Blend
    taste: Taste
    discovery: Taste
    words: Words
    factors: Factors
    factor_users: IntArray

    @cached_property
    def baskets(self) -> sparse.csr_matrix:
        """csr float32 [n_orders, n_items]: what each order holds."""
        return baskets(self.history, self.catalogue.n_items)

    @cached_property
    def n_orders(self) -> IntArray:
        """int64 [n_items]: orders holding each product."""
        return np.bincount(self.baskets.indices, minlength=self.catalogue.n_items).astype(np.int64)

    @cached_property
    def pairs(self) -> sparse.csr_matrix:
        """csr float32 [n_items, n_items]: orders holding both."""
        return pair_counts(self.baskets)

    @cached_property
    def owned(self) -> Owned:
        """What each customer bought."""
        return owned(self.history, self.catalogue.n_items)

    @cached_property
    def tfidf(self) -> sparse.csr_matrix:
        """csr float32 [n_items, n_words], rows of length 1 or 0."""
        return self.words.tfidf

    @cached_property
    def vectors(self) -> FloatArray:
        """float32 [n_items, n_components], rows of length 1 or 0."""
        return unit_rows(self.factors.item_vectors(self.words)[0])

    @cached_property
    def _scorer(self) -> PairScorer:
        return self.scorer(self.candidates())

    def candidates(self) -> IntArray:
        """Items that the prior may list, ascending: the best-selling, newest first among equals."""
        n_items = self.catalogue.n_items
        ranked = np.lexsort((-np.arange(n_items), -self.n_orders))
        return np.sort(ranked[:MAX_PRIOR_ITEMS])

    def scorer(self, candidates: IntArray, blend: Blend | None = None) -> PairScorer:
        """Return the pair scorer over the given candidates."""
        evidence = with_minimum_evidence(self.pairs, self.tfidf, self.options.n_orders_min)
        return PairScorer(blend or self.blend, evidence, self.n_orders, self.tfidf, self.vectors, candidates)

    # -- strategies seeded by products -----------------------------------------------------------------

    def also_bought(self, n: int = 12, items: Sequence[int] | IntArray | None = None) -> Lists:
        """Customers who bought this also bought: the blend's best, filled to n while products are left."""
        seeds = rows_of(items, self.catalogue.n_items)
        scorer = self._scorer
        found = [
            self._best(scorer.scores(block), n, scorer.candidates)
            for block in _blocks(seeds, scorer.block_rows)
        ]
        return self._lists(seeds, *_stack(found, n), because=np.broadcast_to(seeds[:, None], (len(seeds), n)))

    def complements(self, n: int = 12, items: Sequence[int] | IntArray | None = None) -> Lists:
        """Goes with this: bought together in enough orders and unlike it. Shorter when there is no proof."""
        seeds = rows_of(items, self.catalogue.n_items)
        scorer = self._scorer
        found = []
        for block in _blocks(seeds, scorer.block_rows):
            together = scorer.pairs[block][:, scorer.candidates].toarray()
            unlike = 1.0 - np.clip(scorer.similarity(block), 0.0, 1.0)
            scores = np.where(together > 0, (together - 1.0) * unlike, -np.inf).astype(np.float32)
            found.append(self._best(scores, n, scorer.candidates))
        return self._lists(seeds, *_stack(found, n), because=np.broadcast_to(seeds[:, None], (len(seeds), n)))

    def similar(self, n: int = 12, items: Sequence[int] | IntArray | None = None) -> Lists:
        """Like this: by words and by who buys them; knows a product from the minute it exists."""
        seeds = rows_of(items, self.catalogue.n_items)
        scorer = self._scorer
        found = []
        for block in _blocks(seeds, scorer.block_rows):
            scores = scorer.similarity(block)
            scorer.hide(scores, block, block)
            scores[scores <= 0] = -np.inf
            found.append(self._best(scores, n, scorer.candidates))
        return self._lists(seeds, *_stack(found, n), because=np.broadcast_to(seeds[:, None], (len(seeds), n)))

    def for_cart(self, items: Sequence[int] | IntArray, n: int = 12) -> Lists:
        """One list for a whole cart: the sum of its products' posteriors, without the cart itself."""
        cart = np.unique(rows_of(items, self.catalogue.n_items))
        scorer = self._scorer
        if not len(cart):
            return self.bestsellers(n)
        total = self._posterior(cart).sum(axis=0, keepdims=True)
        for item in cart:
            scorer.hide(total, cart[:1], np.array([item]))
        columns, values = self._best(total.astype(np.float32), n, scorer.candidates)
        return self._lists(np.array([-1]), columns, values, because=self._strongest(columns, [cart]))

    # -- strategies seeded by customers ----------------------------------------------------------------

    def for_you(self, users: Sequence[int] | IntArray, n: int = 12) -> Lists:
        """Everything a customer may buy next, their own repeats included."""
        return self._personal(rows_of(users, 0), n, self.taste, with_owned=True)

    def discover(self, users: Sequence[int] | IntArray, n: int = 12) -> Lists:
        """What a customer may like and never bought."""
        return self._personal(rows_of(users, 0), n, self.discovery, with_owned=False)

    def buy_again(self, users: Sequence[int] | IntArray, n: int = 12) -> Lists:
        """What a customer bought, by how often and how lately. Empty for one without purchases."""
        seeds = rows_of(users, 0)
        own = self._own_rows(seeds, self.owned.decayed)
        scores = np.where(own > 0, own, -np.inf).astype(np.float32)
        columns, values = self._best(scores, n, np.arange(self.catalogue.n_items))
        return self._lists(seeds, columns, values, because=columns, source=Source.OWN)

    # -- strategies for the whole shop -----------------------------------------------------------------

    def bestsellers(self, n: int = 12, window_days: float | None = None) -> Lists:
        """Most orders within a window; all-time orders break ties. Only products that sold."""
        scores = bestseller_scores(self.history, self.catalogue.n_items, window_days)
        return self._whole_shop(np.where(scores > 0, scores, -np.inf), n)

    def rising(self, n: int = 12, window_days: float = 14.0) -> Lists:
        """What sells more now than in the weeks before. Shorter when nothing rises."""
        scores = rising_scores(self.history, self.catalogue.n_items, window_days)
        return self._whole_shop(np.where(scores > 0, scores, -np.inf), n)

    def why(self, seed: int, item: int) -> Evidence:
        """Return what speaks for `item` beside `seed`."""
        similarity = float(self._similarity_of(seed, item))
        together = int(self.pairs[seed, item])
        return Evidence(together, int(self.n_orders[seed]), self.words.shared(seed, item), similarity)

    # -- learning on -----------------------------------------------------------------------------------

    def update(self, new_catalogue_rows: Catalogue | None, new_history: History) -> tuple[Model, IntArray]:
        """Learn from new rows; see `app.recommender.updating.update`."""
        from app.recommender.updating import update

        return update(self, new_catalogue_rows, new_history)

    def forget(self, users: int | Sequence[int], orders: Sequence[int] = ()) -> Model:
        """Drop customers at once; see `app.recommender.updating.forget`."""
        from app.recommender.updating import forget

        return forget(self, users, orders)

    # -- inside ----------------------------------------------------------------------------------------

    def _similarity_of(self, seed: int, item: int) -> float:
        words = float((self.tfidf[[seed]] @ self.tfidf[[item]].T).sum())
        return self.blend.w * words + (1 - self.blend.w) * float(self.vectors[seed] @ self.vectors[item])

    def _best(self, scores: FloatArray, n: int, candidates: IntArray) -> tuple[IntArray, FloatArray]:
        columns, values = top_n(scores, n)
        items = np.where(columns >= 0, candidates[columns] if len(candidates) else columns, NO_ITEM)
        return items, values

    def _posterior(self, items: IntArray) -> FloatArray:
        scores = self._scorer.scores(items)
        scores[~np.isfinite(scores)] = 0.0
        total = scores.sum(axis=1, keepdims=True)
        return np.asarray(scores / np.where(total > 0, total, 1.0), dtype=np.float32)

    def _own_rows(self, users: IntArray, matrix: sparse.csr_matrix) -> FloatArray:
        rows = self.owned.rows(users)
        dense = np.zeros((len(users), self.catalogue.n_items), np.float32)
        if (rows >= 0).any():
            dense[rows >= 0] = matrix[rows[rows >= 0]].toarray()
        return dense

    def _personal(self, users: IntArray, n: int, taste: Taste, *, with_owned: bool) -> Lists:
        everything = np.arange(self.catalogue.n_items)
        found, because = [], []
        n_rows = max(1, self._scorer.block_rows // 4)
        for block in _blocks(users, n_rows):
            scores = self.taste_scores(block, taste)
            if not with_owned:
                scores[self._own_rows(block, self.owned.counts) > 0] = -np.inf
            columns, values = self._best(scores, n, everything)
            found.append((columns, values))
            because.append(self._strongest(columns, self._carts(block)))
        return self._lists(users, *_stack(found, n), because=_pad(np.concatenate(because or [_none(n)]), n))

    def taste_scores(self, users: IntArray, taste: Taste) -> FloatArray:
        """Score every product for customers, float32 [n_users, n_items]; -inf where it never sold."""
        n_orders = self.n_orders
        recent = decayed_orders(self.history, self.catalogue.n_items)
        shop = taste.recency * np.log((recent + 0.5) / (n_orders + 5.0)) + taste.popularity * np.log1p(
            n_orders
        )
        own = self._own_rows(users, self.owned.decayed)
        scores = np.repeat(shop[None, :].astype(np.float32), len(users), axis=0)
        scores += np.float32(taste.taste) * self._factor_scores(users)
        if taste.neighbours and len(self.owned.users):
            rows = self.owned.rows(users)
            weights = sparse.csr_matrix(
                self.owned.decayed[np.maximum(rows, 0)].multiply((rows >= 0)[:, None])
            )
            scale = sparse.diags(1.0 / (self.n_orders + self.blend.m))
            around = (weights @ sparse.csr_matrix(scale @ self.pairs)).toarray()
            scores += np.float32(taste.neighbours) * np.log1p(around * 20.0).astype(np.float32)
        if taste.own:
            scores += np.float32(taste.own) * np.log1p(own * 20.0)
        scores[:, n_orders == 0] = -np.inf
        return scores

    def _factor_scores(self, users: IntArray) -> FloatArray:
        vectors, biases = self.factors.item_vectors(self.words)
        result = np.zeros((len(users), self.catalogue.n_items), np.float32)
        if not len(self.factor_users):
            return result
        rows = np.minimum(np.searchsorted(self.factor_users, users), len(self.factor_users) - 1)
        known = self.factor_users[rows] == users
        result[known] = self.factors.user_vectors[rows[known]] @ vectors.T + biases
        return result

    def _carts(self, users: IntArray) -> list[IntArray]:
        rows = self.owned.rows(users)
        counts = self.owned.counts
        none = np.empty(0, np.int64)
        return [counts.indices[counts.indptr[r] : counts.indptr[r + 1]] if r >= 0 else none for r in rows]

    def _strongest(self, columns: IntArray, carts: list[IntArray]) -> IntArray:
        """For each listed item the product of the row's cart it was bought with most; NO_ITEM if none."""
        strongest = np.full(columns.shape, NO_ITEM, np.int64)
        for row, cart in enumerate(carts):
            listed = columns[row] >= 0
            if len(cart) and listed.any():
                together = self.pairs[cart][:, columns[row][listed]].toarray()
                best = np.where(together.max(axis=0) > 0, cart[together.argmax(axis=0)], NO_ITEM)
                strongest[row, listed] = best
        return strongest

    def _whole_shop(self, scores: npt.NDArray[np.float64], n: int) -> Lists:
        columns, values = top_n(scores[None, :].astype(np.float32), n)
        none = np.full(columns.shape, NO_ITEM)
        return self._lists(np.array([-1]), columns, values, because=none, source=Source.POPULAR)

    def _lists(
        self,
        seeds: IntArray,
        columns: IntArray,
        values: FloatArray,
        *,
        because: npt.NDArray[np.int64],
        source: Source | None = None,
    ) -> Lists:
        n_together = np.zeros(columns.shape, np.int32)
        n_shared = np.zeros(columns.shape, np.int16)
        backed = (columns >= 0) & (because >= 0)
        first, second = because[backed], columns[backed]
        if len(first):
            n_together[backed] = np.asarray(self.pairs[first, second]).ravel()
            presence = self.words.presence
            n_shared[backed] = np.asarray(presence[first].multiply(presence[second]).sum(axis=1)).ravel()
        n_baskets = np.where(backed, self.n_orders[np.maximum(because, 0)] if len(self.n_orders) else 0, 0)
        if source is None:
            sources = self._sources(columns, n_together, n_shared)
        else:
            sources = np.where(columns >= 0, int(source), 0)
        return Lists(
            seeds.astype(np.int64),
            columns.astype(np.int32),
            values.astype(np.float32),
            n_together,
            n_baskets.astype(np.int32),
            n_shared,
            np.where(columns >= 0, because, NO_ITEM).astype(np.int32),
            sources.astype(np.int8),
        )

    def _sources(
        self, columns: IntArray, n_together: npt.NDArray[np.int32], n_shared: npt.NDArray[np.int16]
    ) -> npt.NDArray[np.int64]:
        sold = self.n_orders[np.maximum(columns, 0)] > 0 if len(self.n_orders) else columns > 0
        chain = np.where(sold, int(Source.POPULAR), int(Source.NEW))
        chain = np.where(n_shared > 0, int(Source.SIMILAR), chain)
        chain = np.where(n_together >= self.options.n_orders_min, int(Source.TOGETHER), chain)
        return np.where(columns >= 0, chain, int(Source.NONE))


def _blocks(seeds: IntArray, n_rows: int) -> list[IntArray]:
    return [seeds[start : start + n_rows] for start in range(0, len(seeds), n_rows)]


def _none(n: int) -> IntArray:
    return np.empty((0, n), np.int64)


def _pad(columns: IntArray, n: int) -> IntArray:
    missing = n - columns.shape[1]
    return np.pad(columns, ((0, 0), (0, missing)), constant_values=NO_ITEM) if missing > 0 else columns


def _stack(found: list[tuple[IntArray, FloatArray]], n: int) -> tuple[IntArray, FloatArray]:
    if not found:
        return _none(n), np.empty((0, n), np.float32)
    columns = np.concatenate([part[0] for part in found])
    values = np.concatenate([part[1] for part in found])
    missing = n - values.shape[1]
    return _pad(columns, n), np.pad(values, ((0, 0), (0, missing))) if missing > 0 else values
