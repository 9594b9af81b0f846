"""Owns choosing the parameters of customers' lists by what a validation asks; it must not see the test."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from app.recommender.blend import BLOCK_BYTES
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
from app.recommender.metrics import N_PLACES, coverage, hits, ndcg, recall
from app.recommender.personal import OPINIONS, Taste
from app.recommender.shelves import blocks
from app.recommender.tasks import CustomerQueries

if TYPE_CHECKING:
    from app.recommender.interactions import IntArray
    from app.recommender.metrics import Values
    from app.recommender.model import Model
    from app.recommender.personal import Opinion

# Customers asked about at most, and bytes their opinions may take.
MAX_CUSTOMERS = 1500
OPINION_BYTES = 256 * 2**20
# Worth of a point of log coverage beside a point of log accuracy, and the same where repeats are listed too:
# what customers own is varied anyway.
COVERAGE_WORTH = 0.35
REPEAT_COVERAGE_WORTH = 0.1
# Standard error of the log difference of two tastes for one customer; falls with the root of their number.
NOISE_OF_ONE = 0.4

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
DEFAULT_DISCOVERY = Taste()
_NOBODY = Taste(factors=0.0, neighbours=0.0, recency=0.0)
# The simple methods as tastes: bestsellers; own orders, then bestsellers; what was bought with what they own.
SIMPLE_TASTES = {
    "popularity": _NOBODY,
    "own history": replace(_NOBODY, own=1.0),
    "co-purchase": replace(_NOBODY, together=1.0),
}
# What a setting has to hold up against: these, and what sells now. Where seasons or grocers rule, that alone is
# ahead of all-time bestsellers, and a list that is merely even with those has thrown its season away.
FLOOR_TASTES = (*SIMPLE_TASTES.values(), replace(_NOBODY, recency=1.0, half_life_days=30.0))
# Where too few customers came back to ask anything: vectors learned from so few say less than counts do. On twelve
# such shops, most of them samples of larger ones, the settings of larger shops had a tenth (everything) and a third
# (what is new) less Recall@10 than the best simple method; these have 3 and 8 % less.
CAUTIOUS_TASTE = replace(_NOBODY, own=1.0, popular=1.0)
CAUTIOUS_DISCOVERY = replace(_NOBODY, neighbours=1.0, popular=3.0)
# Votes for bestsellers and own orders that are added where a taste alone loses to the simple methods.
POPULARS = (1.0, 10.0)
OWNS = (0.0, 0.3, 3.0)
SEASONS = ((0.0, 30.0), (0.2, 30.0), (0.6, 14.0), (1.0, 30.0))


def choose_taste(model: Model, queries: CustomerQueries, seed: int, *, is_new: bool) -> tuple[Taste, bool]:
    """Keep the taste with the best log Recall@10 + `COVERAGE_WORTH` log coverage on some customers.

    Where the one found is not proven to hold up against the simple methods, in Recall@10 and NDCG@10, the best
    of all mixtures with them that are takes its place, or what may lose least; being clearly ahead then counts
    more than variety. Of few customers only that is asked of the default.

    Returns
    -------
    taste : Taste
    is_proven : bool
        Whether it is the one found first, and holds up: more customers would change nothing.
    """
    tastes = DISCOVERIES if is_new else TASTES
    n_asked = min(MAX_CUSTOMERS, OPINION_BYTES // (4 * len(OPINIONS) * model.catalogue.n_items))
    rows = np.arange(len(queries.user))
    if not n_asked:
        return tastes[0], True
    if len(rows) > n_asked:
        rows = np.sort(np.random.default_rng(seed).choice(rows, n_asked, replace=False))
    trial = _Trial(
        model,
        CustomerQueries(queries.user[rows], queries.targets[rows], queries.owned[rows]),
        is_new,
    )
    found = _preferred(trial, tastes) if len(rows) >= MIN_QUERIES_TO_PREFER else tastes[0]
    if trial.shortfall(found) <= TOLERANCE:
        return found, True
    for taste in (*tastes, *_mixtures(found, is_new=is_new), *FLOOR_TASTES):
        trial.quality(taste)
    short = {taste: trial.shortfall(taste, MANY_TRIED_ERRORS) for taste in trial.tried}
    safe = [taste for taste in short if short[taste] <= TOLERANCE]
    return (max(safe, key=trial.worth) if safe else min(short, key=lambda taste: short[taste])), False


def _preferred(trial: _Trial, tastes: tuple[Taste, ...]) -> Taste:
    if trial.is_new:
        return best_of(tastes, trial.quality, MARGIN)
    n_asked = len(trial.queries.user)
    return best_of(tastes, trial.quality, max(MARGIN, NOISE_OF_ONE / np.sqrt(n_asked)))


def _mixtures(taste: Taste, *, is_new: bool) -> list[Taste]:
    opinions = (taste, replace(_NOBODY, together=1.0), _NOBODY)
    return [
        replace(opinion, popular=popular, own=own, recency=recency, half_life_days=half_life)
        for opinion, popular, own, (recency, half_life) in product(
            opinions, POPULARS, (0.0,) if is_new else OWNS, SEASONS
        )
    ]


@dataclass(frozen=True)
class _Answers:
    """What lists reach: Recall@10 and NDCG@10 of each customer, and the share of products they show."""

    values: tuple[Values, Values]
    coverage: float


@dataclass
class _Trial:
    """The questions of a validation, put once to each taste, opinions formed once for all, in blocks of customers."""

    model: Model
    queries: CustomerQueries
    is_new: bool
    tried: dict[Taste, _Answers] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scorer = self.model.taste_scorer(self.queries.user)
        self._n_targets = np.diff(self.queries.targets.indptr)
        self._rows = np.arange(len(self.queries.user))
        self._blocks = blocks(self._rows, max(1, BLOCK_BYTES // (4 * self.model.catalogue.n_items)))
        self.opinions: list[dict[str, Opinion]] = [
            {name: self.scorer.opinion(name, self.queries.user[rows]) for name in OPINIONS}
            for rows in self._blocks
        ]

    def reached(self, taste: Taste) -> _Answers:
        """Return what the lists of a taste reach."""
        if taste not in self.tried:
            self.tried[taste] = self._answered(self._lists_of(taste))
        return self.tried[taste]

    def quality(self, taste: Taste) -> float:
        """Weigh log Recall@10 and log coverage."""
        reached = self.reached(taste)
        worth = COVERAGE_WORTH if self.is_new else REPEAT_COVERAGE_WORTH
        return log_of(float(reached.values[0].mean())) + worth * log_of(reached.coverage)

    def worth(self, taste: Taste) -> float:
        """Weigh quality, and being clearly ahead of the simple methods more."""
        floor = np.max([self._logs(simple) for simple in FLOOR_TASTES], axis=0) + CLEAR_MARGIN
        return self.quality(taste) - LOSS_WORTH * float(np.maximum(floor - self._logs(taste), 0.0).sum())

    def _logs(self, taste: Taste) -> list[float]:
        return [log_of(float(values.mean())) for values in self.reached(taste).values]

    def shortfall(self, taste: Taste, n_errors_min: float = 0.0) -> float:
        """How far the taste may lie below the best simple method; see `floor.shortfall`."""
        simple = [self.reached(of_simple).values for of_simple in FLOOR_TASTES]
        return shortfall(self.reached(taste).values, simple, self._rows, n_errors_min=n_errors_min)

    def _lists_of(self, taste: Taste) -> IntArray:
        parts = []
        for rows, opinions in zip(self._blocks, self.opinions, strict=True):
            scores = self.scorer.voted(opinions, taste, len(rows))
            if self.is_new:
                scores[self.queries.owned[rows].nonzero()] = -np.inf
            parts.append(top_n(scores, N_PLACES)[0])
        return np.concatenate(parts)

    def _answered(self, lists: IntArray) -> _Answers:
        held = hits(lists, self._rows, self.queries.targets)
        values = recall(held, self._n_targets), ndcg(held, self._n_targets)
        return _Answers(values, coverage(lists, self.model.catalogue.n_items))
