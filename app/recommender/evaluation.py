"""Owns the back-test: train on the past, judge on the newest orders; it must not print or store."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from app.recommender import baselines
from app.recommender.choosing import DEFAULT_BLEND, DEFAULT_DISCOVERY, DEFAULT_TASTE, customer_lists
from app.recommender.fitting import chosen, fit_with
from app.recommender.gate import MIN_QUERIES, verdict
from app.recommender.metrics import (
    N_PLACES,
    coverage,
    hit_rate,
    hits,
    mean_interval,
    ndcg,
    recall,
    reciprocal_rank,
)
from app.recommender.model import Options
from app.recommender.tasks import basket_queries, customer_queries, split_by_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.recommender.blend import Blend
    from app.recommender.interactions import Catalogue, History, IntArray
    from app.recommender.metrics import Values
    from app.recommender.model import Model
    from app.recommender.personal import Taste
    from app.recommender.tasks import BasketQueries, CustomerQueries, Split

OURS = "regulars"
SIMPLE = ("popularity", "co-purchase")
ALSO_BOUGHT, FOR_YOU, DISCOVER = "also-bought", "for-you", "discover"
TEST_SHARE = 0.15

PRODUCT_METHODS: dict[str, Callable[[Model, int], IntArray]] = {
    "popularity": baselines.popularity_lists,
    "co-purchase": baselines.copurchase_lists,
    "cosine kNN": baselines.cosine_lists,
    "LightFM alone": baselines.lightfm_lists,
    "EASE": baselines.ease_lists,
    OURS: lambda model, n: model.also_bought(n).items.astype(np.int64),
}


@dataclass(frozen=True)
class Score:
    """How one method did at one task. Shares are 0 to 1; None where the task has no such measure.

    Attributes
    ----------
    method, task : str
    hr4, hr10, ndcg10, mrr10, coverage10, recall10 : float
    cold_hr10 : float or None
        HR@10 of products with fewer than 5 training orders.
    tail_hr10 : float or None
        HR@10 where only products outside the best-selling 1 % count as hits.
    ci : dict of str to (low, high)
        95 % bootstrap intervals over orders (or customers).
    train_seconds, rank_seconds : float
        By the stopwatch handed in; 0 without one.
    n_queries, n_cold : int
    """

    method: str
    task: str
    hr4: float
    hr10: float
    ndcg10: float
    mrr10: float
    coverage10: float
    recall10: float
    cold_hr10: float | None
    tail_hr10: float | None
    ci: dict[str, tuple[float, float]]
    train_seconds: float
    rank_seconds: float
    n_lists: int
    n_queries: int
    n_cold: int = 0


@dataclass(frozen=True)
class Report:
    """What a back-test found.

    Attributes
    ----------
    scores : tuple of Score
        Every method at every task, ours last within a task.
    blend, taste, discovery
        The parameters the model chose on its training past.
    n_train_orders, n_test_orders, n_items : int
    split_at : float
        Unix seconds of the first test order; -inf when no date is known.
    against : dict of str to (difference, low, high)
        Ours minus the best simple method at "also bought", paired by query: "hr10" and "ndcg10".
    against_before : (difference, low, high) or None
        The same of "ndcg10" against the parameters in use until now, as a share of what those reached.
    is_publishable : bool
    reason : str
        Why, or why not, in a sentence.
    is_proven : bool
        False when there are fewer than `MIN_QUERIES` queries to judge by.
    """

    scores: tuple[Score, ...]
    blend: Blend
    taste: Taste
    discovery: Taste
    n_train_orders: int
    n_test_orders: int
    n_items: int
    split_at: float
    against: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    against_before: tuple[float, float, float] | None = None
    is_publishable: bool = True
    is_proven: bool = False
    reason: str = ""

    @property
    def is_below_simple(self) -> bool:
        """Whether ours is worse than the best simple method beyond chance."""
        return self.is_proven and any(high < 0 for _, _, high in self.against.values())

    def score(self, method: str, task: str = ALSO_BOUGHT) -> Score | None:
        """Return the score of a method at a task, None where it was not asked."""
        return next((s for s in self.scores if (s.method, s.task) == (method, task)), None)


def backtest(
    catalogue: Catalogue,
    history: History,
    *,
    test_share: float = TEST_SHARE,
    seed: int = 7,
    options: Options | None = None,
    tasks: tuple[str, ...] = (ALSO_BOUGHT, FOR_YOU),
    methods: tuple[str, ...] | None = None,
    before: Blend | None = None,
    stopwatch: Callable[[], float] = lambda: 0.0,
) -> Report:
    """Train on the past, test on the newest orders, full ranking, against the simple methods.

    Parameters
    ----------
    catalogue, history
        All that is known.
    test_share : float
        Newest share of orders held back.
    seed : int
    options : Options, optional
    tasks : tuple of str
        "also-bought" and/or "for-you" (which judges "discover" too).
    methods : tuple of str, optional
        Of `PRODUCT_METHODS`; None takes all.
    before : Blend, optional
        What the published lists were made with: new parameters have to hold up against it.
    stopwatch : callable
        Seconds since anything; the library has no clock of its own.
    """
    catalogue.validate()
    history.validate(catalogue)
    split = split_by_time(catalogue, history, test_share)
    if not split.n_test_orders or not split.catalogue.n_items:
        return _nothing(split)
    wanted = options or Options()
    started = stopwatch()
    choice = chosen(split.catalogue, split.train, wanted, seed)
    chosen_at = stopwatch()
    model = fit_with(split.catalogue, split.train, wanted, choice, seed=seed)
    fitted_at = stopwatch()
    model.counted.pairs.total()
    counting_seconds = stopwatch() - fitted_at
    seconds = {
        "popularity": 0.0,
        "co-purchase": counting_seconds,
        "cosine kNN": counting_seconds,
        "LightFM alone": fitted_at - chosen_at,
        OURS: fitted_at - started + counting_seconds,
    }
    judge = _Judge(split, model, seed, stopwatch, seconds)
    scores: list[Score] = []
    against: dict[str, tuple[float, float, float]] = {}
    against_before = None
    if ALSO_BOUGHT in tasks:
        found, against, against_before = judge.products(methods or tuple(PRODUCT_METHODS), before)
        scores += found
    if FOR_YOU in tasks:
        scores += judge.customers()
    n_queries = max((s.n_queries for s in scores if s.task == ALSO_BOUGHT), default=0)
    is_publishable, reason = verdict(against, n_queries, against_before)
    if ALSO_BOUGHT not in tasks:
        reason = "Only customers' lists were judged: product lists were not asked about."
    return Report(
        tuple(scores),
        model.blend,
        model.taste,
        model.discovery,
        split.n_train_orders,
        split.n_test_orders,
        split.catalogue.n_items,
        split.split_at,
        against,
        against_before,
        is_publishable,
        n_queries >= MIN_QUERIES,
        reason,
    )


def _nothing(split: Split) -> Report:
    is_publishable, reason = verdict({}, 0)
    return Report(
        (),
        DEFAULT_BLEND,
        DEFAULT_TASTE,
        DEFAULT_DISCOVERY,
        split.n_train_orders,
        split.n_test_orders,
        split.catalogue.n_items,
        split.split_at,
        {},
        None,
        is_publishable,
        False,
        reason,
    )


@dataclass(frozen=True)
class _Judge:
    """Asks every method the same questions."""

    split: Split
    model: Model
    seed: int
    stopwatch: Callable[[], float]
    train_seconds: dict[str, float]

    def products(
        self, methods: tuple[str, ...], before: Blend | None
    ) -> tuple[list[Score], dict[str, tuple[float, float, float]], tuple[float, float, float] | None]:
        """Judge "also bought"; return the scores, and ours against the best simple method and against `before`."""
        queries = basket_queries(self.split, self.seed)
        values: dict[str, dict[str, Values]] = {}
        scores = []
        for method in methods:
            started = self.stopwatch()
            lists = PRODUCT_METHODS[method](self.model, N_PLACES)
            seconds = self.stopwatch() - started
            values[method] = product_values(lists, queries)
            cover = coverage(lists, self.model.catalogue.n_items)
            scores.append(self._product_score(method, queries, values[method], cover, seconds))
        against_before = None
        if before is not None and before != self.model.blend and OURS in values and len(queries.item):
            model = replace(self.model, blend=before, counted_before=self.model.counted)
            lists = PRODUCT_METHODS[OURS](model, N_PLACES)
            reached = product_values(lists, queries)["ndcg10"]
            gain = (values[OURS]["ndcg10"] - reached) / max(float(reached.mean()), 1e-9)
            against_before = (float(gain.mean()), *mean_interval(gain, queries.row, self.seed))
        return scores, self._against(queries, values), against_before

    def _product_score(
        self, method: str, queries: BasketQueries, values: dict[str, Values], cover: float, seconds: float
    ) -> Score:
        rows = {"cold_hr10": queries.is_cold, "tail_hr10": ~np.isnan(values["tail_hr10"])}
        means, intervals = {}, {}
        for name, value in values.items():
            asked = rows.get(name, np.ones(len(value), bool))
            means[name] = float(value[asked].mean()) if asked.any() else None
            intervals[name] = mean_interval(value[asked], queries.row[asked], self.seed)
        return Score(
            method,
            ALSO_BOUGHT,
            means["hr4"] or 0.0,
            means["hr10"] or 0.0,
            means["ndcg10"] or 0.0,
            means["mrr10"] or 0.0,
            cover,
            means["recall10"] or 0.0,
            means["cold_hr10"],
            means["tail_hr10"],
            intervals,
            self.train_seconds.get(method, 0.0),
            seconds,
            self.model.catalogue.n_items,
            len(queries.item),
            int(queries.is_cold.sum()),
        )

    def _against(
        self, queries: BasketQueries, values: dict[str, dict[str, Values]]
    ) -> dict[str, tuple[float, float, float]]:
        asked = [method for method in SIMPLE if method in values]
        if OURS not in values or not asked or not len(queries.item):
            return {}
        found = {}
        for name in ("hr10", "ndcg10"):
            best = max(asked, key=lambda method: float(values[method][name].mean()))
            gain = values[OURS][name] - values[best][name]
            found[name] = (float(gain.mean()), *mean_interval(gain, queries.row, self.seed))
        return found

    def customers(self) -> list[Score]:
        """Judge "for you" and "discover", ours and the simple methods."""
        model = self.model
        scores = []
        for task, only_new, taste in ((FOR_YOU, False, model.taste), (DISCOVER, True, model.discovery)):
            queries = customer_queries(self.split, only_new=only_new)
            for method, of in _customer_methods(taste).items():
                if not len(queries.user):
                    continue
                started = self.stopwatch()
                lists = of(model, queries, only_new)
                seconds = self.stopwatch() - started
                scores.append(self._customer_score(method, task, queries, lists, seconds))
        return scores

    def _customer_score(
        self, method: str, task: str, queries: CustomerQueries, lists: IntArray, seconds: float
    ) -> Score:
        held = hits(lists, np.arange(len(lists)), queries.targets)
        n_targets = np.diff(queries.targets.indptr)
        values = {
            "hr4": hit_rate(held, 4),
            "hr10": hit_rate(held, N_PLACES),
            "ndcg10": ndcg(held, n_targets),
            "mrr10": reciprocal_rank(held),
            "recall10": recall(held, n_targets),
        }
        intervals = {name: mean_interval(value, queries.user, self.seed) for name, value in values.items()}
        means = {name: float(value.mean()) for name, value in values.items()}
        return Score(
            method,
            task,
            means["hr4"],
            means["hr10"],
            means["ndcg10"],
            means["mrr10"],
            coverage(lists, self.model.catalogue.n_items),
            means["recall10"],
            None,
            None,
            intervals,
            self.train_seconds.get(method, 0.0),
            seconds,
            len(queries.user),
            len(queries.user),
        )


def product_values(lists: IntArray, queries: BasketQueries) -> dict[str, Values]:
    """Every measure of "also bought" per query; NaN in "tail_hr10" where no target is in the tail."""
    asked = lists[queries.item]
    held = hits(asked, queries.row, queries.targets, queries.item)
    n_targets = np.diff(queries.targets.indptr)[queries.row] - 1
    in_tail = np.where(queries.is_head[asked], -1, asked)
    tail_held = hits(in_tail, queries.row, queries.targets, queries.item)
    n_tail = (queries.targets @ (~queries.is_head).astype(np.float32))[queries.row]
    n_tail = n_tail - (~queries.is_head[queries.item])
    return {
        "hr4": hit_rate(held, 4),
        "hr10": hit_rate(held, N_PLACES),
        "ndcg10": ndcg(held, n_targets),
        "mrr10": reciprocal_rank(held),
        "recall10": recall(held, n_targets),
        "cold_hr10": hit_rate(held, N_PLACES),
        "tail_hr10": np.where(n_tail > 0, hit_rate(tail_held, N_PLACES), np.nan),
    }


def _customer_methods(taste: Taste) -> dict[str, Callable[[Model, CustomerQueries, bool], IntArray]]:
    def with_taste(wanted: Taste) -> Callable[[Model, CustomerQueries, bool], IntArray]:
        return lambda model, queries, is_new: customer_lists(model, wanted, queries.user, is_new=is_new)

    return {
        "popularity": with_taste(baselines.POPULARITY),
        "own history": with_taste(baselines.OWN_HISTORY),
        "LightFM alone": with_taste(baselines.LIGHTFM),
        OURS: with_taste(taste),
    }
