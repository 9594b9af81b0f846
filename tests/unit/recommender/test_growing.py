"""What grows by small steps equals what was made at once, whatever came and in whatever order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.recommender import Catalogue, Changed, History, Model, Taste, fit
from app.recommender.interactions import FloatArray
from app.recommender.log import Log, Lookup
from app.recommender.updating import MAX_NEIGHBOURS
from app.recommender.user_rows import UserRows
from tests.unit.recommender.shops import FIXED, random_shop

N_ITEMS = 12
ROWS = st.lists(st.tuples(st.integers(-1, 9), st.integers(-1, 4), st.integers(0, N_ITEMS - 1)), max_size=12)
STEPS = st.lists(ROWS, min_size=1, max_size=4)
SOME = st.lists(st.integers(-1, 12), max_size=6)
VECTORS = st.dictionaries(st.integers(0, 9), st.floats(-1, 1, width=32), max_size=6)


def history_of(rows: list[tuple[int, int, int]]) -> History:
    """Rows of (order, user, item), each a minute after the one before."""
    order, user, item = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return History.of(order, user, item, occurred_at=1.6e9 + 60.0 * np.arange(len(rows)))


@given(st.lists(st.integers(-1, 9), max_size=30), SOME)
def test_a_lookup_finds_the_rows_a_search_finds(column: list[int], wanted: list[int]) -> None:
    found = Lookup.of(np.array(column, np.int64)).find(np.array(wanted, np.int64))
    assert found.tolist() == [row for row, value in enumerate(column) if value >= 0 and value in wanted]


@given(STEPS, SOME)
def test_a_log_that_grew_holds_and_finds_what_one_history_does(
    steps: list[list[tuple[int, int, int]]], wanted: list[int]
) -> None:
    log, whole = Log.of(history_of(steps[0])), [row for rows in steps for row in rows]
    for rows in steps[1:]:
        log = log.extend(history_of(rows))
    assert log.n_rows == len(whole)
    assert list(zip(log.whole.order, log.whole.user, log.whole.item, strict=True)) == whole
    for found, place in ((log.of_orders(np.array(wanted)), 0), (log.of_users(np.array(wanted)), 1)):
        assert found.tolist() == [
            n for n, row in enumerate(whole) if row[place] >= 0 and row[place] in wanted
        ]
        taken = log.take(found)
        assert list(zip(taken.order, taken.user, taken.item, strict=True)) == [whole[n] for n in found]


def user_rows(values: dict[int, float]) -> UserRows:
    """Rows of one number each."""
    users = sorted(values)
    rows: FloatArray = np.array([[values[user]] for user in users], np.float32).reshape(-1, 1)
    return UserRows(np.array(users, np.int64), {"user_embeddings": rows})


def values_of(rows: UserRows) -> dict[int, float]:
    """The numbers by their user."""
    return dict(zip(rows.users.tolist(), rows.arrays["user_embeddings"][:, 0].tolist(), strict=True))


@given(VECTORS, st.lists(VECTORS, max_size=3), SOME)
def test_rows_that_moved_stand_in_for_those_before(
    first: dict[int, float], moves: list[dict[int, float]], wanted: list[int]
) -> None:
    rows, expected = user_rows(first), dict(first)
    for move in moves:
        rows, expected = rows.moved_by(user_rows(move)), expected | move
    assert values_of(rows.whole) == expected
    assert values_of(rows.of(np.array(wanted, np.int64))) == {
        u: v for u, v in expected.items() if u in wanted
    }
    gone = rows.without(np.array(wanted, np.int64))
    assert values_of(gone) == {u: v for u, v in expected.items() if u not in wanted}


def grown_by(model: Model, news: History, n_steps: int) -> tuple[Model, list[Changed]]:
    """A model after so many updates that share the orders of some news."""
    changes = []
    for orders in np.array_split(np.unique(news.order), n_steps):
        model, changed = model.update(None, news.take(np.isin(news.order, orders)))
        changes.append(changed)
    return model, changes


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 6))
def test_after_any_steps_all_that_is_counted_equals_a_recount(seed: int, n_steps: int) -> None:
    catalogue, history = random_shop(seed=seed)
    is_new = history.order >= 185
    grown, _ = grown_by(fit(catalogue, history.take(~is_new), options=FIXED), history.take(is_new), n_steps)
    recounted = fit(catalogue, history, options=FIXED)
    assert np.array_equal(grown.pairs.total().toarray(), recounted.pairs.total().toarray())
    assert np.array_equal(grown.n_orders, recounted.n_orders)
    assert grown.counted.n_orders_in_all == recounted.counted.n_orders_in_all == 200
    for days, values in recounted.counted.recent.items():
        np.testing.assert_allclose(grown.counted.recent[days], values, rtol=1e-9)
    assert grown.bestsellers(12).items.tolist() == recounted.bestsellers(12).items.tolist()
    assert grown.rising(12).items.tolist() == recounted.rising(12).items.tolist()
    everyone = np.arange(40)
    assert grown.buy_again(everyone).items.tolist() == recounted.buy_again(everyone).items.tolist()
    assert np.array_equal(grown.history.item, np.concatenate([history.item[~is_new], history.item[is_new]]))


def test_three_lists_of_customers_at_once_are_the_three_asked_for_one_by_one() -> None:
    catalogue, history = random_shop()
    model = fit(catalogue, history, options=FIXED)
    users = [3, 900, 0, 17]
    together = model.for_customers(users, 6)
    assert together.for_you.items.tolist() == model.for_you(users, 6).items.tolist()
    assert together.discover.items.tolist() == model.discover(users, 6).items.tolist()
    assert together.buy_again.items.tolist() == model.buy_again(users, 6).items.tolist()
    alone = model.by_taste(users, 6, Taste(ease=1.0), with_owned=False)
    assert together.discover.scores.tolist() == alone.scores.tolist()


def test_an_update_names_what_an_order_held_and_the_products_it_was_bought_with_most() -> None:
    catalogue, history = random_shop(n_items=80, n_orders=600)
    model = fit(catalogue, history, options=FIXED)
    _, changed = model.update(None, History.of([9000] * 2, [-1] * 2, [7, 60], occurred_at=[2e9] * 2))
    assert changed.items.tolist() == [7, 60]
    assert len(changed.neighbours) == MAX_NEIGHBOURS
    together = model.pairs.rows(np.array([7, 60])).toarray().sum(axis=0)
    together[[7, 60]] = 0
    assert together[changed.neighbours].min() >= np.sort(together)[-MAX_NEIGHBOURS]


def test_an_update_brings_everything_of_a_new_product_and_of_what_is_like_it() -> None:
    catalogue, history = random_shop()
    model = fit(catalogue, history, options=FIXED)
    _, changed = model.update(Catalogue.of(["new"], [catalogue.titles[4]]), History.empty())
    assert {4, 30} <= set(changed.items.tolist())
    assert changed.neighbours.tolist() == []
