"""Owns the back-test: train on the past, judge on the newest orders; it must not print or store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.recommender.choosing import DEFAULT_BLEND
from app.recommender.choosing_tastes import DEFAULT_DISCOVERY, DEFAULT_TASTE, SIMPLE_TASTES
from app.recommender.fitting import chosen, fit_with
from app.recommender.gate import MIN_QUERIES, verdict
from app.recommender.judging import (
    ALSO_BOUGHT,
    FOR_YOU,
    OURS,
    PRODUCT_METHODS,
    Bench,
    judge_customers,
    judge_products,
)
from app.recommender.model import Options
from app.recommender.tasks import split_by_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.recommender.blend import Blend
    from app.recommender.interactions import Catalogue, History
    from app.recommender.judging import Gain, Score
    from app.recommender.personal import Taste
    from app.recommender.tasks import Split

# Newest share of orders held back.
TEST_SHARE = 0.15


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
    against_customers : dict of str to (difference, low, high)
        Recall@10 of ours minus that of the best simple method, by task: "for-you" and "discover".
    """

    scores: tuple[Score, ...]
    blend: Blend
    taste: Taste
    discovery: Taste
    n_train_orders: int
    n_test_orders: int
    n_items: int
    split_at: float
    against: dict[str, Gain] = field(default_factory=dict)
    against_before: Gain | None = None
    is_publishable: bool = True
    is_proven: bool = False
    reason: str = ""
    against_customers: dict[str, Gain] = field(default_factory=dict)

    @property
    def is_below_simple(self) -> bool:
        """Whether ours is worse than the best simple method beyond chance."""
        return self.is_proven and any(high < 0 for _, _, high in self.against.values())

    def losing_tasks(self) -> tuple[str, ...]:
        """Return the customers' tasks at which ours is worse than the best simple method beyond chance."""
        return tuple(task for task, (_, _, high) in self.against_customers.items() if high < 0)

    def best_simple(self, task: str) -> str:
        """Return the simple method that did best at a customers' task."""
        simple = [s for s in self.scores if s.task == task and s.method in SIMPLE_TASTES]
        return max(simple, key=lambda score: score.recall10).method

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
    bench = Bench(split, model, seed, stopwatch, seconds)
    scores: list[Score] = []
    against: dict[str, Gain] = {}
    against_customers: dict[str, Gain] = {}
    against_before = None
    if ALSO_BOUGHT in tasks:
        found, against, against_before = judge_products(bench, methods or tuple(PRODUCT_METHODS), before)
        scores += found
    if FOR_YOU in tasks:
        found, against_customers = judge_customers(bench)
        scores += found
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
        against_customers,
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
