"""Ranking by shortcuts gives what ranking one by one gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from app.recommender import Catalogue, History, fit, lists, shelves
from app.recommender.ease import ease_weights
from app.recommender.lists import highest, top_n, top_of_rows
from tests.unit.recommender.shops import FIXED, random_shop


@pytest.mark.parametrize("n_columns", [lists.WIDE - 1, lists.WIDE, 5_003])
@pytest.mark.parametrize("n", [1, 12, 100])
def test_the_highest_of_many_columns_are_the_highest_of_all(n_columns: int, n: int) -> None:
    random = np.random.default_rng(n_columns + n)
    scores = random.permuted(np.tile(np.arange(n_columns, dtype=np.float32), (7, 1)), axis=1)
    scores[1, random.random(n_columns) < 0.99] = -np.inf
    found = np.take_along_axis(scores, highest(scores, n), axis=1)
    assert np.sort(found, axis=1).tolist() == np.sort(scores, axis=1)[:, -n:].tolist()


def test_equal_scores_fill_a_list_with_different_columns() -> None:
    found = highest(np.zeros((3, lists.WIDE), np.float32), 10)
    assert [len(set(row)) for row in found.tolist()] == [10, 10, 10]


def test_sparse_rows_are_ranked_as_dense_ones() -> None:
    random = np.random.default_rng(3)
    dense = np.where(random.random((20, 30)) < 0.3, random.random((20, 30)), 0.0).astype(np.float32)
    dense[4] = 0.0
    columns, values = top_of_rows(sparse.csr_matrix(dense), 6)
    expected = top_n(np.where(dense > 0, dense, -np.inf).astype(np.float32), 6)
    assert columns.tolist() == expected[0].tolist()
    assert values.tolist() == expected[1].tolist()


def test_ease_in_place_is_the_textbook_inverse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.recommender.ease.BLOCK_ITEMS", 7)
    rows = sparse.random(60, 23, 0.3, format="csr", dtype=np.float32, random_state=5)
    rows.data[:] = 1.0
    inverse = np.linalg.inv((rows.T @ rows).toarray().astype(np.float64) + 20.0 * np.eye(23))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0.0)
    assert ease_weights(rows, 20.0) == pytest.approx(expected, abs=1e-5)


def test_what_speaks_most_for_a_place_is_what_it_was_bought_with_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.recommender.shelves.N_PAIRS_AT_ONCE", 5)
    catalogue, history = random_shop()
    model = fit(catalogue, history, options=FIXED)
    users = np.append(model.owned.users, 9_999)
    found = model.for_you(users, 6)
    together = model.pairs.total().toarray()
    for row, user in enumerate(users.tolist()):
        theirs = np.unique(history.item[history.user == user])
        for item, because in zip(found.items[row].tolist(), found.because[row].tolist(), strict=True):
            counts = together[item, theirs] if item >= 0 else np.zeros(0)
            assert because == (theirs[counts.argmax()] if counts.size and counts.max() > 0 else -1)


def test_beyond_the_products_that_sell_best_a_customer_is_shown_only_what_they_bought(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.recommender.model.MAX_PRIOR_ITEMS", 12)
    catalogue, history = random_shop()
    taste = replace(FIXED.taste, own=50.0)  # type: ignore[type-var]
    model = fit(catalogue, history, options=replace(FIXED, taste=taste))
    is_rare = ~np.isin(np.arange(catalogue.n_items), model.candidates)
    users = model.owned.users
    bought = {user: set(history.item[history.user == user].tolist()) for user in users.tolist()}
    mine, new = model.for_you(users, 10), model.discover(users, 10)
    shown = [(seed, place.item) for seed, row in mine for place in row]
    assert any(is_rare[item] for _, item in shown)
    assert all(item in bought[seed] for seed, item in shown if is_rare[item])
    assert not any(is_rare[place.item] for _, row in new for place in row)


def test_many_customers_get_the_lists_that_each_gets_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue, history = random_shop()
    alone = fit(catalogue, history, options=FIXED)
    users = alone.owned.users
    expected = [alone.for_you([user], 6) for user in users.tolist()]
    monkeypatch.setattr("app.recommender.model.FEW_CUSTOMERS", 3)
    monkeypatch.setattr(shelves, "CUSTOMER_BLOCK_BYTES", 4 * catalogue.n_items * 7)
    found = fit(catalogue, history, options=FIXED).for_you(users, 6)
    assert found.scores == pytest.approx(np.concatenate([each.scores for each in expected]), abs=1e-4)
    # Which of two nearly equal products comes first, the last bit of a processor's sums decides.
    clear = [row for row, each in enumerate(expected) if np.diff(each.scores[0]).max() < -1e-3]
    assert len(clear) > len(users) // 2
    for row in clear:
        assert found.items[row, :5].tolist() == expected[row].items[0, :5].tolist()


def test_products_that_never_sold_stand_on_no_customers_list() -> None:
    catalogue, history = random_shop(n_items=20)
    grown = catalogue.grow(Catalogue.of([f"new{n}" for n in range(50)], ["red mug"] * 50))
    model = fit(grown, history.extend(History.empty()), options=FIXED)
    shown = [place.item for _, row in model.for_you(model.owned.users, 40) for place in row]
    assert shown
    assert max(shown) < 20
