"""Owns asking every method the same questions and scoring the answers; it must not split, fit or refuse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from app.recommender import baselines
from app.recommender.choosing_tastes import SIMPLE_TASTES
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
from app.recommender.shelves import customer_places
from app.recommender.tasks import basket_queries, customer_queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.recommender.blend import Blend
    from app.recommender.interactions import IntArray
    from app.recommender.metrics import Values
    from app.recommender.model import Model
    from app.recommender.personal import Taste
    from app.recommender.tasks import BasketQueries, CustomerQueries, Split

    # A difference of means with its 95 % interval: (difference, low, high).
    Gain = tuple[float, float, float]

OURS = "regulars"
SIMPLE = ("popularity", "co-purchase")
ALSO_BOUGHT, FOR_YOU, DISCOVER = "also-bought", "for-you", "discover"

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
class Bench:
    """What is judged: a model of the split's past, and how time is taken.

    Attributes
    ----------
    split : Split
    model : Model
    seed : int
    stopwatch : callable
        Seconds since anything.
    train_seconds : dict of str to float
        By method.
    """

    split: Split
    model: Model
    seed: int
    stopwatch: Callable[[], float]
    train_seconds: dict[str, float]

    def timed(self, lists_of: Callable[[], IntArray]) -> tuple[IntArray, float]:
        """Return lists and the seconds they took."""
        started = self.stopwatch()
        lists = lists_of()
        return lists, self.stopwatch() - started

    def gain(self, ours: Values, others: dict[str, Values], groups: IntArray) -> Gain:
        """Ours minus the best of the others, paired by question."""
        best = max(others.values(), key=lambda values: float(values.mean()))
        difference = ours - best
        return (float(difference.mean()), *mean_interval(difference, groups, self.seed))


def judge_products(
    bench: Bench, methods: tuple[str, ...], before: Blend | None
) -> tuple[list[Score], dict[str, Gain], Gain | None]:
    """Judge "also bought"; return the scores, and ours against the best simple method and against `before`."""
    queries = basket_queries(bench.split, bench.seed)
    values: dict[str, dict[str, Values]] = {}
    scores = []
    for method in methods:
        lists, seconds = bench.timed(lambda of=PRODUCT_METHODS[method]: of(bench.model, N_PLACES))  # type: ignore[misc]
        values[method] = product_values(lists, queries)
        cover = coverage(lists, bench.model.catalogue.n_items)
        scores.append(_product_score(bench, method, queries, values[method], cover, seconds))
    return scores, _against_simple(bench, queries, values), _against_before(bench, queries, values, before)


def _against_simple(
    bench: Bench, queries: BasketQueries, values: dict[str, dict[str, Values]]
) -> dict[str, Gain]:
    asked = [method for method in SIMPLE if method in values]
    if OURS not in values or not asked or not len(queries.item):
        return {}
    return {
        name: bench.gain(values[OURS][name], {m: values[m][name] for m in asked}, queries.row)
        for name in ("hr10", "ndcg10")
    }


def _against_before(
    bench: Bench, queries: BasketQueries, values: dict[str, dict[str, Values]], before: Blend | None
) -> Gain | None:
    model = bench.model
    if before is None or before == model.blend or OURS not in values or not len(queries.item):
        return None
    lists = PRODUCT_METHODS[OURS](replace(model, blend=before, counted_before=model.counted), N_PLACES)
    reached = product_values(lists, queries)["ndcg10"]
    gain = (values[OURS]["ndcg10"] - reached) / max(float(reached.mean()), 1e-9)
    return (float(gain.mean()), *mean_interval(gain, queries.row, bench.seed))


def _product_score(
    bench: Bench, method: str, queries: BasketQueries, values: dict[str, Values], cover: float, seconds: float
) -> Score:
    rows = {"cold_hr10": queries.is_cold, "tail_hr10": ~np.isnan(values["tail_hr10"])}
    means, intervals = {}, {}
    for name, value in values.items():
        asked = rows.get(name, np.ones(len(value), bool))
        means[name] = float(value[asked].mean()) if asked.any() else None
        intervals[name] = mean_interval(value[asked], queries.row[asked], bench.seed)
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
        bench.train_seconds.get(method, 0.0),
        seconds,
        bench.model.catalogue.n_items,
        len(queries.item),
        int(queries.is_cold.sum()),
    )


def judge_customers(bench: Bench) -> tuple[list[Score], dict[str, Gain]]:
    """Judge "for you" and "discover", ours and the simple methods; return ours against the best of those by task."""
    scores, against = [], {}
    for task, is_new, taste in ((FOR_YOU, False, bench.model.taste), (DISCOVER, True, bench.model.discovery)):
        queries = customer_queries(bench.split, only_new=is_new)
        if not len(queries.user):
            continue
        reached: dict[str, Values] = {}
        tastes = {**SIMPLE_TASTES, "LightFM alone": baselines.LIGHTFM, OURS: taste}
        for method, wanted in tastes.items():
            lists, seconds = bench.timed(
                lambda of=wanted: customer_lists(bench.model, of, queries.user, is_new=is_new)  # type: ignore[misc] # noqa: B023  called at once
            )
            score, reached[method] = _customer_score(bench, method, task, queries, lists, seconds)
            scores.append(score)
        against[task] = bench.gain(reached[OURS], {m: reached[m] for m in SIMPLE_TASTES}, queries.user)
    return scores, against


def _customer_score(
    bench: Bench, method: str, task: str, queries: CustomerQueries, lists: IntArray, seconds: float
) -> tuple[Score, Values]:
    held = hits(lists, np.arange(len(lists)), queries.targets)
    n_targets = np.diff(queries.targets.indptr)
    values = {
        "hr4": hit_rate(held, 4),
        "hr10": hit_rate(held, N_PLACES),
        "ndcg10": ndcg(held, n_targets),
        "mrr10": reciprocal_rank(held),
        "recall10": recall(held, n_targets),
    }
    intervals = {name: mean_interval(value, queries.user, bench.seed) for name, value in values.items()}
    means = {name: float(value.mean()) for name, value in values.items()}
    score = Score(
        method,
        task,
        means["hr4"],
        means["hr10"],
        means["ndcg10"],
        means["mrr10"],
        coverage(lists, bench.model.catalogue.n_items),
        means["recall10"],
        None,
        None,
        intervals,
        bench.train_seconds.get(method, 0.0),
        seconds,
        len(queries.user),
        len(queries.user),
    )
    return score, values["recall10"]


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


def customer_lists(model: Model, taste: Taste, users: IntArray, *, is_new: bool) -> IntArray:
    """Return the first ten products for customers, int64 [n_users, 10]."""
    ((items, _),) = customer_places(model.taste_scorer(users), users, N_PLACES, [(taste, not is_new)])
    return items
