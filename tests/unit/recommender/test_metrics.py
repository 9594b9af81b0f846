"""The fast metrics equal slow, obvious ones on random cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from app.recommender import metrics

N_ITEMS = 25


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[list[int]], list[int], list[set[int]], list[int]]:
    """Lists (padded with -1), the order of each query, what each order holds, and the query product."""
    n_orders = draw(st.integers(1, 6))
    held = [draw(st.sets(st.integers(0, N_ITEMS - 1), min_size=2, max_size=14)) for _ in range(n_orders)]
    rows = draw(st.lists(st.integers(0, n_orders - 1), min_size=1, max_size=8))
    queries = [draw(st.sampled_from(sorted(held[row]))) for row in rows]
    lists = []
    for query in queries:
        shown = draw(
            st.lists(st.integers(0, N_ITEMS - 1).filter(lambda i, q=query: i != q), unique=True, max_size=10)
        )
        lists.append(shown + [-1] * (10 - len(shown)))
    return lists, rows, held, queries


def slow(shown: list[int], targets: set[int]) -> dict[str, float]:
    """Every metric of one list as a textbook writes it."""
    shown = [item for item in shown if item >= 0]
    gains = [1.0 if item in targets else 0.0 for item in shown[:10]]
    ideal = sum(1 / math.log2(place + 2) for place in range(min(10, len(targets))))
    first = next((place for place, gain in enumerate(gains) if gain), None)
    return {
        "hr4": float(any(gains[:4])),
        "hr10": float(any(gains)),
        "ndcg10": sum(gain / math.log2(place + 2) for place, gain in enumerate(gains)) / ideal,
        "mrr10": 0.0 if first is None else 1 / (first + 1),
        "recall10": sum(gains) / min(10, len(targets)),
    }


@settings(max_examples=150, deadline=None)
@given(cases())
def test_every_metric_equals_the_textbook(
    case: tuple[list[list[int]], list[int], list[set[int]], list[int]],
) -> None:
    lists, rows, held, queries = case
    matrix = np.zeros((len(held), N_ITEMS), np.float32)
    for row, products in enumerate(held):
        matrix[row, sorted(products)] = 1
    targets = sparse.csr_matrix(matrix)
    found = metrics.hits(np.array(lists), np.array(rows), targets, np.array(queries))
    n_targets = np.array([len(held[row]) - 1 for row in rows])
    fast = {
        "hr4": metrics.hit_rate(found, 4),
        "hr10": metrics.hit_rate(found, 10),
        "ndcg10": metrics.ndcg(found, n_targets),
        "mrr10": metrics.reciprocal_rank(found),
        "recall10": metrics.recall(found, n_targets),
    }
    for number, (shown, row, query) in enumerate(zip(lists, rows, queries, strict=True)):
        expected = slow(shown, held[row] - {query})
        assert {name: values[number] for name, values in fast.items()} == pytest.approx(expected)


def test_coverage_counts_products_on_some_list_and_not_padding() -> None:
    assert metrics.coverage(np.array([[0, 1, -1], [1, 2, -1]]), 6) == 0.5
    assert metrics.coverage(np.empty((0, 10), np.int64), 0) == 0.0


def test_the_interval_draws_whole_orders() -> None:
    values = np.array([1.0, 1.0, 1.0, 0.0])
    # Two orders: every draw is all of one, all of the other, or both.
    low, high = metrics.mean_interval(values, np.array([0, 0, 0, 1]), seed=7)
    assert (low, high) == (0.0, 1.0)
    assert metrics.mean_interval(np.ones(50), np.arange(50), seed=7) == (1.0, 1.0)
    assert metrics.mean_interval(np.empty(0), np.empty(0), seed=7) == (0.0, 0.0)


def test_the_interval_is_as_wide_as_theory_says() -> None:
    random = np.random.default_rng(1)
    values = (random.random(2000) < 0.3).astype(float)
    low, high = metrics.mean_interval(values, np.arange(2000), seed=7)
    standard_error = math.sqrt(values.mean() * (1 - values.mean()) / 2000)
    assert high - low == pytest.approx(2 * 1.96 * standard_error, rel=0.1)
