"""Owns choosing a shop's parameters by a back-test inside its own past; it must not see the test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from app.recommender.blend import BLOCK_BYTES, Blend
from app.recommender.lists import top_n
from app.recommender.metrics import N_PLACES, coverage, hit_rate, hits, ndcg, recall
from app.recommender.personal import OPINIONS, Taste
from app.recommender.shelves import blocks, customer_places
from app.recommender.tasks import (
    BasketQueries,
    CustomerQueries,
    basket_queries,
    customer_queries,
    split_by_time,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from app.recommender.interactions import Catalogue, History, IntArray
    from app.recommender.metrics import Values
    from app.recommender.model import Model

T = TypeVar("T")

# Orders the choice is judged on: the newest tenth, more where that would be too few to tell.
VALIDATION_SHARE = 0.10
MAX_VALIDATION_SHARE = 0.30
N_VALIDATION_ORDERS = 150
# Queries below which the defaults stand: their interval is wider than any difference between settings.
MIN_QUERIES = 200
# Queries asked at most: enough to tell settings apart that differ by a point.
MAX_QUERIES = 4000
# Customers asked about at most, and bytes their opinions may take (above 80,000 products the defaults stand).
MAX_CUSTOMERS = 1500
OPINION_BYTES = 256 * 2**20
# Worth of a point of log coverage (customer lists) and of log tail hit rate (product lists) beside a
# point of log accuracy: bestsellers for everyone are accurate and useless.
COVERAGE_WORTH = 0.35
# The same where repeats are listed too: what customers own is varied anyway.
REPEAT_COVERAGE_WORTH = 0.1
TAIL_WORTH = 0.5
# Worth of a point lost against the best simple method: the promise is never to lose.
LOSS_WORTH = 10.0
# A setting has to be this much better (log) than the one before it to take its place: less is noise. A shape
# more, a season most: lists are shown for longer than the weeks they were judged on.
MARGIN = 0.005
CLEAR_MARGIN = 0.01
SEASON_MARGIN = 0.02
# A shape that looks at bestsellers instead of likeness has to be better by about 4 % in each of the three
# measures: where it only ties, a list that differs from product to product serves a shop more.
POPULAR_MARGIN = 0.1
# Standard error of the log difference of two tastes for one customer; falls with the root of their number.
NOISE_OF_ONE = 0.4

# From the reference: shops with speaking titles, and those between them and grocers.
SPECIFIC_BLENDS = (
    Blend(),
    Blend(rho=0.8),
    Blend(w=0.0),
    Blend(m=10.0),
    Blend(m=200.0, tau=4.0, rho=1.0, w=0.5),
    Blend(m=200.0, tau=4.0, rho=1.0, w=0.0),
)
# Grocers, where popularity rules.
POPULAR_BLENDS = (
    Blend(m=200.0, tau=0.0, rho=1.0, borrow=0.0, recency=0.0),
    Blend(m=2000.0, tau=0.0, rho=1.0, borrow=0.0, recency=0.0),
    Blend(m=20_000.0, tau=0.0, rho=1.0, borrow=0.0, recency=0.0),
)
# The simple methods as parameters of ours: what a shop shows where ours loses to them.
SIMPLE_BLENDS = (
    Blend(m=0.01, tau=0.0, rho=1.0, borrow=0.0, recency=0.0, lone=1.0),
    Blend(m=1e6, tau=0.0, rho=1.0, borrow=0.0, recency=0.0),
)
LONES = (0.5, 1.0)
BORROWS = (0.0, 0.1, 0.4)
RECENCIES = (0.0, 0.2, 0.35)
_OPINIONS = (Taste(), Taste(ease=1.0, factors=0.3, neighbours=0.0), Taste(ease=1.0, neighbours=0.3))
DISCOVERIES = tuple(
    replace(opinion, half_life_days=half_life, recency=recency)
    for opinion in _OPINIONS
    for half_life, recency in ((14.0, 0.6), (14.0, 0.8), (30.0, 1.0))
)
# Beside repeats the opinions hardly differ, so the vote of all stands unless one is better beyond noise.
DEFAULT_TASTE = Taste(ease=1.0, neighbours=0.3, own=1.0, half_life_days=30.0, recency=0.2)
TASTES = (
    DEFAULT_TASTE,
    # Large shops, where what customers own says more than the vectors and what sells now changes faster.
    Taste(ease=1.0, factors=0.0, neighbours=0.3, own=1.0, half_life_days=14.0, recency=0.2),
    *(
        replace(opinion, half_life_days=30.0, recency=recency, own=own)
        for opinion in _OPINIONS
        for recency, own in ((0.1, 0.5), (0.1, 1.0), (0.2, 2.0))
    ),
)
DEFAULT_BLEND = Blend()
DEFAULT_DISCOVERY = Taste()


@dataclass(frozen=True)
class Choice:
    """The parameters of a shop, and how many queries decided them (0: the defaults stand)."""

    blend: Blend = DEFAULT_BLEND
    taste: Taste = DEFAULT_TASTE
    discovery: Taste = DEFAULT_DISCOVERY
    n_product_queries: int = 0
    n_customer_queries: int = 0


def choose(
    catalogue: Catalogue, history: History, fit_inner: Callable[[Catalogue, History], Model], seed: int
) -> Choice:
    """Split the past by time, learn its older part, and keep what predicts its newer part best.

    Parameters
    ----------
    catalogue, history
        All that may be known.
    fit_inner : callable
        Fits a model, EASE included, with default parameters.
    seed : int
    """
    n_orders = max(1, history.n_orders)
    share = float(np.clip(N_VALIDATION_ORDERS / n_orders, VALIDATION_SHARE, MAX_VALIDATION_SHARE))
    split = split_by_time(catalogue, history, share)
    queries = basket_queries(split, seed, MAX_QUERIES)
    found = customer_queries(split, only_new=True)
    everything = customer_queries(split, only_new=False)
    if max(len(queries.item), len(found.user)) < MIN_QUERIES:
        return Choice()
    model = fit_inner(split.catalogue, split.train)
    choice = Choice()
    if len(queries.item) >= MIN_QUERIES:
        choice = replace(choice, blend=choose_blend(model, queries), n_product_queries=len(queries.item))
        model = replace(model, blend=choice.blend)
    if len(found.user) >= MIN_QUERIES:
        choice = replace(
            choice,
            taste=choose_taste(model, TASTES, everything, seed, is_new=False),
            discovery=choose_taste(model, DISCOVERIES, found, seed, is_new=True),
            n_customer_queries=len(found.user),
        )
    return choice


def choose_blend(model: Model, queries: BasketQueries) -> Blend:
    """Try the shapes of shops, then lone pairs, then how much to borrow, then how much the season counts.

    A setting is judged by log HR@10 + log NDCG@10 + `TAIL_WORTH` log tail HR@10, less `LOSS_WORTH` times what
    it loses in either of the first two against the best of bestsellers and plain counting. One that loses in
    either all the same gives way to the best that does not, or to what loses least.
    """
    questions = _Questions(queries)
    simple = simple_lists(model, questions.seeds)
    floor = np.maximum(*(questions.answered(lists) for lists in simple))

    def lists_of(blend: Blend) -> IntArray:
        scorer = model.scorer_with(blend)
        parts = [
            top_n(scorer.scores(block), N_PLACES)[0] for block in blocks(questions.seeds, scorer.block_rows)
        ]
        columns = np.concatenate(parts)
        return np.where(columns >= 0, scorer.candidates[columns], -1)

    def reached(blend: Blend) -> npt.NDArray[np.float64]:
        return questions.answered(lists_of(blend))

    def quality(blend: Blend) -> float:
        return _worth(reached(blend), floor)

    best = _best(SPECIFIC_BLENDS, quality, CLEAR_MARGIN)
    best = _best((best, *POPULAR_BLENDS), quality, POPULAR_MARGIN)
    best = _best((best, *(replace(best, lone=lone) for lone in LONES)), quality, CLEAR_MARGIN)
    best = _best((best, *(replace(best, borrow=borrow) for borrow in BORROWS)), quality)
    # A season may not buy order with hits: it passes, and the lists stay a while.
    kept_hits = np.array([reached(best)[0], -np.inf, -np.inf])
    seasons = (best, *(replace(best, recency=recency) for recency in RECENCIES))
    best = _best(seasons, lambda blend: _worth(reached(blend), np.maximum(floor, kept_hits)), SEASON_MARGIN)
    if not questions.shortfall(lists_of(best), simple):
        return best
    others = sorted((*SPECIFIC_BLENDS, *POPULAR_BLENDS, *SIMPLE_BLENDS), key=quality, reverse=True)
    return min((best, *others), key=lambda blend: questions.shortfall(lists_of(blend), simple))


def _worth(reached: npt.NDArray[np.float64], floor: npt.NDArray[np.float64]) -> float:
    """Weigh log HR@10, NDCG@10 and tail HR@10; the first two may not fall below the floor."""
    loss = np.maximum(floor - reached, 0.0)[:2].sum()
    return float(reached @ (1.0, 1.0, TAIL_WORTH) - LOSS_WORTH * loss)


def simple_lists(model: Model, seeds: IntArray) -> tuple[IntArray, IntArray]:
    """Bestsellers, and most orders together with ties by popularity: two int64 [n_seeds, 10]."""
    popularity = model.n_orders / (1.0 + 2.0 * model.n_orders.max(initial=0))
    found: tuple[list[IntArray], list[IntArray]] = ([], [])
    for block in blocks(seeds, max(1, BLOCK_BYTES // (8 * model.catalogue.n_items))):
        popular = np.tile(popularity.astype(np.float32), (len(block), 1))
        for lists, scores in zip(found, (popular, popular + model.pairs.rows(block).toarray()), strict=True):
            scores[np.arange(len(block)), block] = -np.inf
            lists.append(top_n(scores, N_PLACES)[0])
    return np.concatenate(found[0]), np.concatenate(found[1])


class _Questions:
    """The questions of a validation, asked about each product once."""

    def __init__(self, queries: BasketQueries) -> None:
        self.queries = queries
        self.seeds, self._row_of = np.unique(queries.item, return_inverse=True)
        self._n_targets = np.diff(queries.targets.indptr)[queries.row] - 1

    def answered(self, lists_of_seeds: IntArray) -> npt.NDArray[np.float64]:
        """Return log HR@10, log NDCG@10 and log tail HR@10 of the lists of `seeds`."""
        queries, lists = self.queries, lists_of_seeds[self._row_of]
        hit_rates, ndcgs = self._values(lists_of_seeds)
        tail = hits(np.where(queries.is_head[lists], -1, lists), queries.row, queries.targets, queries.item)
        means = (hit_rates, ndcgs, hit_rate(tail, N_PLACES))
        return np.array([_log(float(values.mean())) for values in means])

    def shortfall(self, lists_of_seeds: IntArray, simple: tuple[IntArray, ...]) -> float:
        """How far below the best simple lists these are, in standard errors: the worse of HR@10 and NDCG@10; or 0."""
        ours, others = self._values(lists_of_seeds), [self._values(lists) for lists in simple]
        worst = 0.0
        for measure in range(len(ours)):
            best = max((other[measure] for other in others), key=lambda values: float(values.mean()))
            gain = ours[measure] - best
            if gain.mean() < 0:
                # Questions of one order stand and fall together.
                of_order = np.bincount(self.queries.row, gain - gain.mean())
                error = np.sqrt((of_order**2).sum()) / len(gain)
                worst = max(worst, float(-gain.mean() / max(error, 1e-12)))
        return worst

    def _values(self, lists_of_seeds: IntArray) -> tuple[Values, Values]:
        """HR@10 and NDCG@10 of each question."""
        queries = self.queries
        held = hits(lists_of_seeds[self._row_of], queries.row, queries.targets, queries.item)
        return hit_rate(held, N_PLACES), ndcg(held, self._n_targets)


def _best(settings: tuple[T, ...], quality: Callable[[T], float], margin: float = MARGIN) -> T:
    """Return the best setting if it is `margin` better than the first one, else the first one."""
    reached = [quality(setting) for setting in settings]
    best = int(np.argmax(reached))
    return settings[best] if reached[best] > reached[0] + margin else settings[0]


def choose_taste(
    model: Model, tastes: tuple[Taste, ...], queries: CustomerQueries, seed: int, *, is_new: bool
) -> Taste:
    """Keep the taste with the best log Recall@10 + `COVERAGE_WORTH` log coverage on some customers."""
    n_items = model.catalogue.n_items
    n_asked = min(MAX_CUSTOMERS, OPINION_BYTES // (4 * len(OPINIONS) * n_items))
    rows = np.arange(len(queries.user))
    if n_asked < MIN_QUERIES:
        return tastes[0]
    if len(rows) > n_asked:
        rows = np.sort(np.random.default_rng(seed).choice(rows, n_asked, replace=False))
    users, targets, owned = queries.user[rows], queries.targets[rows], queries.owned[rows]
    scorer = model.taste_scorer(users)
    opinions = {name: scorer.opinion(name, users) for name in OPINIONS}
    n_targets = np.diff(targets.indptr)

    def quality(taste: Taste) -> float:
        scores = scorer.voted(opinions, taste, len(users))
        if is_new:
            scores[owned.nonzero()] = -np.inf
        lists = top_n(scores, N_PLACES)[0]
        reached = float(recall(hits(lists, np.arange(len(lists)), targets), n_targets).mean())
        worth = COVERAGE_WORTH if is_new else REPEAT_COVERAGE_WORTH
        return _log(reached) + worth * _log(coverage(lists, n_items))

    if is_new:
        return _best(tastes, quality)
    return _best(tastes, quality, max(MARGIN, NOISE_OF_ONE / np.sqrt(len(users))))


def customer_lists(model: Model, taste: Taste, users: IntArray, *, is_new: bool) -> IntArray:
    """Return the first ten products for customers, int64 [n_users, 10]."""
    return customer_places(model, users, N_PLACES, taste, with_owned=not is_new)[0][0]


def _log(value: float) -> float:
    return float(np.log(max(value, 1e-6)))
