"""Counts are exact: counted at once, step by step, and by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.recommender import Catalogue, CatalogueError, History, HistoryError
from app.recommender.copurchase import MAX_BASKET_ITEMS, baskets, pair_counts
from app.recommender.counted import count, step
from app.recommender.fallback import DAY_SECONDS, OrderLines, order_lines
from app.recommender.log import Log, rows_with

N_ITEMS = 8
ROWS = st.lists(st.tuples(st.integers(-1, 9), st.integers(-1, 4), st.integers(0, N_ITEMS - 1)), max_size=40)


def history_of(rows: list[tuple[int, int, int]]) -> History:
    """Rows of (order, user, item); an order happens on the day of its number."""
    order, user, item = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return History.of(
        order, user, item, occurred_at=[1.6e9 + max(number, 0) * DAY_SECONDS for number in order]
    )


def lines_of(lines: OrderLines) -> list[tuple[float, ...]]:
    """Order lines as tuples, sorted."""
    return sorted(zip(*(column.tolist() for column in lines), strict=True))


def slow_pairs(rows: list[tuple[int, int, int]]) -> np.ndarray:
    """Count pairs order by order."""
    counts = np.zeros((N_ITEMS, N_ITEMS))
    for number in {order for order, _, _ in rows if order >= 0}:
        held = {item for order, _, item in rows if order == number}
        for first, second in itertools.permutations(held, 2):
            counts[first, second] += 1
    return counts


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_pairs_equal_a_count_by_hand(rows: list[tuple[int, int, int]]) -> None:
    assert (pair_counts(baskets(history_of(rows), N_ITEMS)).toarray() == slow_pairs(rows)).all()


@settings(max_examples=100, deadline=None)
@given(ROWS, ROWS, ROWS)
def test_counting_in_steps_equals_counting_at_once(
    first: list[tuple[int, int, int]], second: list[tuple[int, int, int]], third: list[tuple[int, int, int]]
) -> None:
    counted, known = count(history_of(first), N_ITEMS, 2), history_of(first)
    for rows in (second, third):
        counted = step(counted, Log.of(known), history_of(rows), N_ITEMS)
        known = known.extend(history_of(rows))
    whole = count(known, N_ITEMS, 2)
    assert (counted.pairs.total().toarray() == whole.pairs.total().toarray()).all()
    strong = (counted.pairs.strong_base + counted.pairs.strong_since).toarray()
    assert (strong == whole.pairs.strong_base.toarray()).all()
    assert (counted.n_orders == whole.n_orders).all()
    assert lines_of(counted.lines) == lines_of(whole.lines)
    if known.newest_at:
        for days, values in whole.recent.items():
            assert counted.recent[days] == pytest.approx(values)


def test_only_the_lines_of_the_last_weeks_stay_at_hand() -> None:
    days = [0, 10, 69, 70, 80]
    history = History.of(
        range(5), [-1] * 5, [0, 1, 2, 3, 4], occurred_at=1.6e9 + DAY_SECONDS * np.array(days)
    )
    early, late = history.take(history.order < 3), history.take(history.order >= 3)
    assert count(early, N_ITEMS, 2).lines.item.tolist() == [0, 1, 2]
    stepped = step(count(early, N_ITEMS, 2), Log.of(early), late, N_ITEMS)
    assert sorted(stepped.lines.item.tolist()) == [1, 2, 3, 4]
    assert len(order_lines(history).order) == 5


def test_an_order_that_holds_the_whole_warehouse_makes_no_pairs() -> None:
    n_items = MAX_BASKET_ITEMS + 1
    history = History.of([0] * n_items + [1, 1], [-1] * (n_items + 2), [*range(n_items), 0, 1])
    assert pair_counts(baskets(history, n_items)).nnz == 2


def test_rows_are_found_by_index_and_minus_one_never_is() -> None:
    assert rows_with(np.array([3, -1, 0, 3]), np.array([3, -1])).tolist() == [0, 3]
    assert rows_with(np.array([], dtype=np.int64), np.array([1])).tolist() == []
    assert rows_with(np.array([1]), np.array([], dtype=np.int64)).tolist() == []


def test_a_catalogue_says_which_column_does_not_fit() -> None:
    with pytest.raises(CatalogueError, match="titles has 1 rows but item_ids has 2"):
        Catalogue.of(["a", "b"], ["only one"])
    with pytest.raises(CatalogueError, match="2 item_ids hold only 1 different"):
        Catalogue.of(["a", "a"])


@pytest.mark.parametrize(
    ("history", "message"),
    [
        (History.of([0], [0], [2]), "run from 2 to 2 but the catalogue has 2"),
        (History.of([0], [-2], [1]), "start at 0; only -1"),
        (History.of([0], [0], [1], weight=[float("nan")]), "weight must be a finite number above 0"),
        (History.of([0], [0], [1], quantity=[-1]), "quantity must be a finite number"),
        (History.of([0], [0], [1], occurred_at=[float("inf")]), "unix seconds"),
        (History.of([0, 1], [0, 1], [1]), "has 2 rows but item has 1"),
    ],
)
def test_a_history_says_what_is_wrong_with_it(history: History, message: str) -> None:
    with pytest.raises(HistoryError, match=message):
        history.validate(Catalogue.of(["a", "b"]))
