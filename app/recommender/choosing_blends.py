"""Owns choosing the parameters of product lists by what a validation asks; it must not see the test."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from app.recommender.blend import BLOCK_BYTES, Blend
from app.recommender.choosing_steps import (
    CLEAR_MARGIN,
    LOSS_WORTH,
    MARGIN,
    MIN_QUERIES_TO_PREFER,
    best_of,
    log_of,
)
from app.recommender.floor import MANY_TRIED_ERRORS, TOLERANCE, shortfall
from app.recommender.lists import top_n
from app.recommender.metrics import N_PLACES, hit_rate, hits, ndcg
from app.recommender.shelves import blocks, companions_first

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from app.recommender.interactions import IntArray
    from app.recommender.metrics import Values
    from app.recommender.model import Model
    from app.recommender.tasks import BasketQueries

# Queries asked at most, and products that they may be about before only as many are asked: each product is
# ranked once for every setting, each query is but looked up.
MAX_QUERIES, MAX_SEEDS = 20_000, 5000
# Worth of a point of log tail hit rate beside a point of log accuracy: bestsellers for everyone are accurate
# and useless.
TAIL_WORTH = 0.5
# How much better (log) a season has to be than the one before it to take its place, more than a shape: lists
# are shown for longer than the weeks they were judged on.
SEASON_MARGIN = 0.02
# A shape that looks at bestsellers instead of likeness has to be better by about 4 % in each of the three
# measures: where it only ties, a list that differs from product to product serves a shop more.
POPULAR_MARGIN = 0.1

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
POPULAR_BLENDS = tuple(
    Blend(m=m, tau=0.0, rho=1.0, borrow=0.0, recency=0.0) for m in (20.0, 200.0, 2000.0, 20_000.0)
)
# The simple methods as parameters of ours: what a shop shows where ours loses to them.
SIMPLE_BLENDS = (
    Blend(m=0.01, tau=0.0, rho=1.0, borrow=0.0, recency=0.0, lone=1.0, is_arranged=False),
    Blend(m=1e6, tau=0.0, rho=1.0, borrow=0.0, recency=0.0, is_arranged=False),
)
# Between plain counting and the specific ones: evidence as it is, likeness only to fill up.
NEAR_COUNTING = (
    Blend(m=1.0, lone=1.0, borrow=0.0, recency=0.0),
    Blend(m=10.0, tau=4.0, rho=1.0, lone=1.0, borrow=0.0, recency=0.0),
)
LONES = (0.5, 1.0)
BORROWS = (0.0, 0.1, 0.4)
RECENCIES = (0.0, 0.2, 0.35)


def choose_blend(model: Model, queries: BasketQueries) -> tuple[Blend, bool]:
    """Try the shapes of shops, then lone pairs, then how much to borrow, then how much the season counts.

    A setting is judged by log HR@10 + log NDCG@10 + `TAIL_WORTH` log tail HR@10, less `LOSS_WORTH` times what
    it loses in either of the first two against the best of bestsellers and plain counting. Where the one found
    is not proven to hold up against those, the best of all that are takes its place, or what may lose least;
    being clearly ahead then counts more than the tail. Of few queries only that is asked of the default.

    Returns
    -------
    blend : Blend
    is_proven : bool
        Whether it is the one found first, and holds up: more questions would change nothing.
    """
    trial = _Trial(model, queries)
    found = preferred(trial) if len(queries.item) >= MIN_QUERIES_TO_PREFER else SPECIFIC_BLENDS[0]
    if trial.shortfall(found) <= TOLERANCE:
        return found, True
    shapes = (found, *SPECIFIC_BLENDS, *POPULAR_BLENDS, *NEAR_COUNTING)
    trial.try_all((*shapes, *(replace(shape, is_arranged=False) for shape in shapes), *SIMPLE_BLENDS))
    short = {blend: trial.shortfall(blend, MANY_TRIED_ERRORS) for blend in trial.tried}
    safe = [blend for blend in short if short[blend] <= TOLERANCE]
    if not safe:
        return min(short, key=lambda blend: short[blend]), False
    return max(safe, key=lambda blend: trial.worth(blend, margin=CLEAR_MARGIN)), False


def preferred(trial: _Trial) -> Blend:
    """Walk from shape and order of the first places to season, keeping what is clearly worth more."""
    best = best_of(SPECIFIC_BLENDS, trial.worth, CLEAR_MARGIN)
    best = best_of((best, replace(best, is_arranged=False)), trial.worth, CLEAR_MARGIN)
    popular = (replace(blend, is_arranged=best.is_arranged) for blend in POPULAR_BLENDS)
    best = best_of((best, *popular), trial.worth, POPULAR_MARGIN)
    best = best_of((best, *(replace(best, lone=lone) for lone in LONES)), trial.worth, CLEAR_MARGIN)
    best = best_of((best, *(replace(best, borrow=borrow) for borrow in BORROWS)), trial.worth, MARGIN)
    # A season may not buy order with hits: it passes, and the lists stay a while.
    kept_hits = trial.reached(best)[0]
    seasons = (best, *(replace(best, recency=recency) for recency in RECENCIES))
    return best_of(seasons, lambda blend: trial.worth(blend, least_hits=kept_hits), SEASON_MARGIN)


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


@dataclass(frozen=True)
class _Answers:
    """What lists reach: HR@10 and NDCG@10 of each question, and the logs of their means and of tail HR@10."""

    values: tuple[Values, Values]
    logs: npt.NDArray[np.float64]


@dataclass
class _Trial:
    """The questions of a validation, put once to each setting, about each product once."""

    model: Model
    queries: BasketQueries
    tried: dict[Blend, _Answers] = field(default_factory=dict)
    _ranked: dict[Blend, IntArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seeds, self._row_of = np.unique(self.queries.item, return_inverse=True)
        self._n_targets = np.diff(self.queries.targets.indptr)[self.queries.row] - 1
        self.simple = [self._answered(lists) for lists in simple_lists(self.model, self.seeds)]
        self.floor = np.maximum(*(answers.logs for answers in self.simple))

    def try_all(self, blends: Iterable[Blend]) -> None:
        """Put the questions to some settings."""
        for blend in blends:
            self.reached(blend)

    def reached(self, blend: Blend) -> npt.NDArray[np.float64]:
        """Return log HR@10, log NDCG@10 and log tail HR@10."""
        if blend not in self.tried:
            self.tried[blend] = self._answered(self._lists_of(blend))
        return self.tried[blend].logs

    def worth(self, blend: Blend, least_hits: float = -np.inf, margin: float = 0.0) -> float:
        """Weigh the three measures; the first two may not fall below the simple methods' and a margin."""
        reached = self.reached(blend)
        floor = np.maximum(self.floor + margin, (least_hits, -np.inf, -np.inf))
        loss = np.maximum(floor - reached, 0.0)[:2].sum()
        return float(reached @ (1.0, 1.0, TAIL_WORTH) - LOSS_WORTH * loss)

    def shortfall(self, blend: Blend, n_errors_min: float = 0.0) -> float:
        """How far the setting may lie below the best simple method; see `floor.shortfall`."""
        self.reached(blend)
        simple = [answers.values for answers in self.simple]
        return shortfall(self.tried[blend].values, simple, self.queries.row, n_errors_min=n_errors_min)

    def _lists_of(self, blend: Blend) -> IntArray:
        # The order of the first places is made of the same ranking.
        plain = replace(blend, is_arranged=False)
        if plain not in self._ranked:
            scorer = self.model.scorer_with(plain)
            parts = [
                top_n(scorer.scores(block), N_PLACES)[0] for block in blocks(self.seeds, scorer.block_rows)
            ]
            columns = np.concatenate(parts)
            self._ranked[plain] = np.where(columns >= 0, scorer.candidates[columns], -1)
        lists = self._ranked[plain]
        return companions_first(self.model, self.seeds, lists) if blend.is_arranged else lists

    def _answered(self, lists_of_seeds: IntArray) -> _Answers:
        queries, lists = self.queries, lists_of_seeds[self._row_of]
        held = hits(lists, queries.row, queries.targets, queries.item)
        tail = hits(np.where(queries.is_head[lists], -1, lists), queries.row, queries.targets, queries.item)
        values = hit_rate(held, N_PLACES), ndcg(held, self._n_targets)
        means = (*values, hit_rate(tail, N_PLACES))
        return _Answers(values, np.array([log_of(float(found.mean())) for found in means]))
