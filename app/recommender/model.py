"""Owns a shop's fitted model and what follows from it; it must not fit, store or back-test itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from app.recommender import shelves, updating
from app.recommender.blend import MAX_PRIOR_ITEMS, Blend, PairScorer, unit_rows
from app.recommender.counted import Counted, count
from app.recommender.lists import top_n
from app.recommender.owned import Owned, read_owned
from app.recommender.personal import Taste, TasteScorer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.recommender.factors import Factors
    from app.recommender.interactions import Catalogue, FloatArray, History, IntArray
    from app.recommender.lists import Lists
    from app.recommender.log import Log
    from app.recommender.pairs import Pairs
    from app.recommender.shelves import ForCustomers
    from app.recommender.updating import Changed
    from app.recommender.user_rows import UserRows
    from app.recommender.words import Words

# Half-life of "recent" in the pair score; 30, 60 and 120 days gave the same gain, 30 the best coverage.
PAIR_HALF_LIFE_DAYS = 30.0
# Customers up to which their history is read for them alone.
FEW_CUSTOMERS = 1000
# Pair scores kept per product when they speak to a customer.
N_POSTERIOR = 100


@dataclass(frozen=True)
class Options:
    """What a merchant or an operator may set; everything else is chosen by the back-test.

    Attributes
    ----------
    popularity : float
        -1 specific ... 0 as the back-test chose ... 1 popular.
    n_orders_min : int
        Orders that must hold a pair before co-purchase alone places it.
    diversity : float
        Strength of the MMR step, 0 (off) to 1.
    max_per_category : int or None
        Cap of that step; None is no cap.
    n_components : int
        Of LightFM; 32 to 128 are alike inside the blend (reference, 3.8).
    n_epochs : int or None
        Of LightFM; None takes 30, and fewer the more there is to see.
    blend, taste, discovery : optional
        Fixed parameters; None lets the self-back-test choose.
    """

    popularity: float = 0.0
    n_orders_min: int = 2
    diversity: float = 0.0
    max_per_category: int | None = None
    n_components: int = 64
    n_epochs: int | None = None
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
    catalogue : Catalogue
    log : Log
        What it learned from.
    options : Options
    seed : int
    blend : Blend
        Of the pair score, as chosen; the merchant's knob is applied on top.
    taste, discovery : Taste
        Of "for you" (everything) and "discover" (new to the customer).
    words : Words
    factors : Factors
        LightFM's item rows.
    user_rows : UserRows
        LightFM's rows of known customers.
    ease : csr float32, shape [n_items, n_items]
        Empty when no customer list uses it.
    counted_before : Counted, optional
        Exact counts of the history carried over from an update; None counts when first asked.
    """

    catalogue: Catalogue
    log: Log
    options: Options
    seed: int
    blend: Blend
    taste: Taste
    discovery: Taste
    words: Words
    factors: Factors
    user_rows: UserRows
    ease: sparse.csr_matrix
    counted_before: Counted | None = None

    # -- what follows from it --------------------------------------------------------------------------

    @property
    def history(self) -> History:
        """Everything it learned from, in one part."""
        return self.log.whole

    @cached_property
    def counted(self) -> Counted:
        """Exact counts of the history."""
        if self.counted_before is not None:
            return self.counted_before
        return count(self.history, self.catalogue.n_items, self.options.n_orders_min)

    @property
    def n_orders(self) -> IntArray:
        """int64 [n_items]: orders holding each product."""
        return self.counted.n_orders

    @property
    def pairs(self) -> Pairs:
        """Orders holding both of two products."""
        return self.counted.pairs

    @property
    def factor_users(self) -> IntArray:
        """int64, ascending: customers who have a vector."""
        return self.user_rows.whole.users

    @cached_property
    def owned(self) -> Owned:
        """What each customer bought."""
        return read_owned(self.history, self.catalogue.n_items, self.counted.newest_at)

    def owned_by(self, users: IntArray) -> Owned:
        """What some customers bought: read from their rows alone while nobody has read everyone's."""
        if "owned" in vars(self) or len(users) > FEW_CUSTOMERS:
            return self.owned
        theirs = self.log.take(self.log.of_users(users))
        return read_owned(theirs, self.catalogue.n_items, self.counted.newest_at)

    @cached_property
    def tfidf(self) -> sparse.csr_matrix:
        """csr float32 [n_items, n_words], rows of length 1 or 0."""
        return self.words.tfidf

    @cached_property
    def vectors(self) -> FloatArray:
        """float32 [n_items, n_components], rows of length 1 or 0.

        A product of fewer orders than the minimum of evidence speaks only by words that other products
        have too: its own embedding is the echo of a single order.
        """
        is_proven = self.n_orders >= self.options.n_orders_min
        vectors, _ = self.item_factors
        return unit_rows(self.factors.proven_item_vectors(self.words, is_proven, vectors))

    @cached_property
    def candidates(self) -> IntArray:
        """int64: items that may be listed, ascending: the best-selling; newest first among equals."""
        n_items = self.catalogue.n_items
        ranked = np.lexsort((-np.arange(n_items), -self.n_orders))
        return np.sort(ranked[:MAX_PRIOR_ITEMS])

    @cached_property
    def scorer(self) -> PairScorer:
        """The pair scorer with the merchant's knob applied."""
        return self.scorer_with(self.blend.leaning(self.options.popularity))

    def scorer_with(self, blend: Blend) -> PairScorer:
        """Return a pair scorer with other parameters."""
        return PairScorer(
            blend,
            self.pairs,
            self.n_orders,
            self.counted.recent_share(PAIR_HALF_LIFE_DAYS),
            self.tfidf,
            self.vectors,
            self.candidates,
        )

    @cached_property
    def posterior(self) -> sparse.csr_matrix:
        """csr float32 [n_items, n_items]: the strongest pair scores of each product, as shares of all."""
        return self._posterior_rows(np.arange(self.catalogue.n_items))

    def posterior_of(self, items: IntArray) -> sparse.csr_matrix:
        """Return rows of `posterior`, computing only these while nobody has asked for all."""
        if "posterior" in vars(self) or len(items) > self.catalogue.n_items // 2:
            return sparse.csr_matrix(self.posterior[items])
        return self._posterior_rows(items)

    def _posterior_rows(self, items: IntArray) -> sparse.csr_matrix:
        scorer, n_items = self.scorer, self.catalogue.n_items
        parts = [sparse.csr_matrix((0, n_items), dtype=np.float32)]
        for block in shelves.blocks(items, scorer.block_rows):
            scores = scorer.scores(block)
            columns, values = top_n(scores, N_POSTERIOR)
            total = np.where(np.isfinite(scores), scores, 0.0).sum(axis=1, keepdims=True)
            values /= np.where(total > 0, total, 1.0)
            row, place = np.nonzero(columns >= 0)
            found = scorer.candidates[columns[row, place]]
            parts.append(sparse.csr_matrix((values[row, place], (row, found)), shape=(len(block), n_items)))
        return sparse.csr_matrix(sparse.vstack(parts, format="csr"))

    def taste_scorer(self, users: IntArray) -> TasteScorer:
        """Return a scorer of products for some customers, prepared for all where they are many."""
        vectors, biases = self.item_factors
        is_few = len(users) <= FEW_CUSTOMERS
        known = self.user_rows.of(users)
        return TasteScorer(
            self.owned_by(users),
            self.counted,
            self.ease,
            self.posterior_of if is_few else lambda items: sparse.csr_matrix(self.posterior[items]),
            vectors,
            biases,
            known.arrays["user_embeddings"],
            known.users,
            self.candidates,
        )

    @cached_property
    def item_factors(self) -> tuple[FloatArray, FloatArray]:
        """LightFM's item vectors float32 [n_items, n_components] and biases float32 [n_items]."""
        return self.factors.item_vectors(self.words)

    # -- strategies seeded by products -----------------------------------------------------------------

    def also_bought(self, n: int = 12, items: Sequence[int] | IntArray | None = None) -> Lists:
        """Customers who bought this also bought: the blend's best, filled to n while products are left."""
        return shelves.also_bought(self, n, items)

    def complements(self, n: int = 12, items: Sequence[int] | IntArray | None = None) -> Lists:
        """Goes with this: bought together in enough orders and unlike it. Shorter when there is no proof."""
        return shelves.complements(self, n, items)

    def similar(self, n: int = 12, items: Sequence[int] | IntArray | None = None) -> Lists:
        """Like this, by words and by who buys it; knows a product from the minute it exists."""
        return shelves.similar(self, n, items)

    def for_cart(self, items: Sequence[int] | IntArray, n: int = 12) -> Lists:
        """One list for a cart (or for what a visitor looked at): the sum of its products, without them."""
        return shelves.for_cart(self, items, n)

    # -- strategies seeded by customers ----------------------------------------------------------------

    def for_customers(self, users: Sequence[int] | IntArray, n: int = 12) -> ForCustomers:
        """All three lists of some customers, in less time than one after the other."""
        return shelves.for_customers(self, users, n)

    def for_you(self, users: Sequence[int] | IntArray, n: int = 12) -> Lists:
        """Everything a customer may buy next, their own repeats included."""
        return self.by_taste(users, n, self.taste, with_owned=True)

    def discover(self, users: Sequence[int] | IntArray, n: int = 12) -> Lists:
        """What a customer may like and never bought."""
        return self.by_taste(users, n, self.discovery, with_owned=False)

    def by_taste(self, users: Sequence[int] | IntArray, n: int, taste: Taste, *, with_owned: bool) -> Lists:
        """What a customer may like by another taste, with or without what they own."""
        seeds = np.asarray(users, dtype=np.int64).reshape(-1)
        (lists,) = shelves.by_taste(self, self.taste_scorer(seeds), seeds, n, [(taste, with_owned)])
        return lists

    def buy_again(self, users: Sequence[int] | IntArray, n: int = 12) -> Lists:
        """What a customer bought and is due again by their own rhythm; empty without purchases."""
        seeds = np.asarray(users, dtype=np.int64).reshape(-1)
        return shelves.buy_again(self, self.owned_by(seeds), seeds, n)

    # -- strategies for the whole shop -----------------------------------------------------------------

    def bestsellers(self, n: int = 12, window_days: float | None = None) -> Lists:
        """What sells best; all-time orders break ties. Only products that sold.

        By the orders of the last `window_days`; None takes all, each halved with every 30 days of its age.
        """
        return shelves.bestsellers(self, n, window_days)

    def rising(self, n: int = 12, window_days: float = 14.0) -> Lists:
        """What sells more now than in the weeks before. Shorter when nothing rises."""
        return shelves.rising(self, n, window_days)

    # -- evidence and learning on ----------------------------------------------------------------------

    def why(self, seed: int, item: int) -> Evidence:
        """Return what speaks for `item` beside `seed`."""
        words = float((self.tfidf[[seed]] @ self.tfidf[[item]].T).sum())
        similarity = self.blend.w * words + (1 - self.blend.w) * float(
            self.vectors[seed] @ self.vectors[item]
        )
        together, n_baskets = (
            int(self.pairs.between(np.array([seed]), np.array([item]))[0]),
            int(self.n_orders[seed]),
        )
        return Evidence(together, n_baskets, self.words.shared(seed, item), similarity)

    def update(self, new_catalogue_rows: Catalogue | None, new_history: History) -> tuple[Model, Changed]:
        """Learn from new rows; see `app.recommender.updating.update`."""
        return updating.update(self, new_catalogue_rows, new_history)

    def forget(self, users: int | Sequence[int], orders: Sequence[int] = ()) -> Model:
        """Drop customers at once; see `app.recommender.updating.forget`."""
        return updating.forget(self, users, orders)
