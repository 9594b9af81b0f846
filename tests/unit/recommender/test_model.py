"""What a fitted model promises: known answers, no impossible places, the same arrays every time."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.recommender import (
    ArtifactError,
    Blend,
    Catalogue,
    DivergedError,
    History,
    Lists,
    Model,
    Source,
    Start,
    fit,
    from_npz,
    to_npz,
)
from tests.unit.recommender.shops import DAY, FIXED, arrays_of, checkerboard, planted, random_shop


def check(lists: Lists, *, n: int) -> None:
    """No seed, no product twice, finite scores that never rise, padding only at the end."""
    assert lists.items.shape == lists.scores.shape == (len(lists), n)
    assert np.isfinite(lists.scores).all()
    for seed, places in lists:
        items = [place.item for place in places]
        assert len(items) == len(set(items))
        assert all(place.because == seed or seed not in items or place.source for place in places)
        assert [place.score for place in places] == sorted((place.score for place in places), reverse=True)
        row = lists.items[lists.seeds.tolist().index(seed)].tolist()
        assert row[: len(items)] == items
        assert set(row[len(items) :]) <= {-1}


def test_the_checkerboard_stays_on_its_colour() -> None:
    model = fit(*checkerboard(), options=FIXED)
    for seed, places in model.also_bought(8):
        assert {place.item % 2 for place in places} == {seed % 2}
    users = model.owned.users
    for user, places in model.discover(users, 3):
        bought = set(model.history.item[model.history.user == user].tolist())
        assert not bought & {place.item for place in places}
        assert all(place.item % 2 == user % 2 for place in places[: 10 - len(bought)])


def test_every_planted_companion_is_in_the_first_four() -> None:
    model = fit(*planted(), options=FIXED)
    lists = model.also_bought(4, range(60))
    missed = [seed for seed, places in lists if seed ^ 1 not in [place.item for place in places]]
    assert missed == []


def test_evidence_is_what_the_orders_hold() -> None:
    catalogue = Catalogue.of(["a", "b", "c"], ["oak lamp", "oak mug", "soap"])
    history = History.of([0, 0, 1, 1, 2, 2, 3], [-1] * 7, [0, 1, 0, 1, 0, 2, 0], occurred_at=np.arange(7.0))
    model = fit(catalogue, history, options=FIXED)
    evidence = model.why(0, 1)
    assert (evidence.n_together, evidence.n_baskets, evidence.shared_words) == (2, 4, ("oak",))
    first = model.also_bought(2, [0]).row(0)[0]
    assert (first.item, first.n_together, first.n_shared_words, first.source) == (1, 2, 1, Source.TOGETHER)
    assert model.also_bought(2, [0]).n_baskets.tolist() == [[4, 4]]


def test_one_order_can_not_place_a_product() -> None:
    catalogue, history = planted(n_pairs=10)
    stranger = catalogue.n_items
    catalogue = catalogue.grow(Catalogue.of(["stranger"]))
    odd_order = History.of([9999] * 2, [9999] * 2, [0, stranger], occurred_at=[history.newest_at] * 2)
    model = fit(catalogue, history.extend(odd_order), options=FIXED)
    assert stranger not in [place.item for place in model.also_bought(8, [0]).row(0)]
    assert stranger not in [place.item for place in model.complements(8, [0]).row(0)]
    numbers = np.repeat(np.arange(9990, 9999), 2)
    often = History.of(numbers, numbers, [0, stranger] * 9, occurred_at=[history.newest_at] * 18)
    proven = fit(catalogue, history.extend(odd_order).extend(often), options=FIXED)
    assert stranger in [place.item for place in proven.also_bought(8, [0]).row(0)]


def test_a_lone_pair_counts_only_where_a_shop_needs_it_and_for_a_well_sold_product() -> None:
    catalogue, history = planted(n_pairs=10)
    stranger = catalogue.n_items
    catalogue = catalogue.grow(Catalogue.of(["stranger"]))
    odd_order = History.of([9999] * 2, [9999] * 2, [2, stranger], occurred_at=[history.newest_at] * 2)
    strict, lenient = (
        fit(catalogue, history.extend(odd_order), options=replace(FIXED, blend=Blend(lone=lone))).scorer
        for lone in (0.0, 1.0)
    )
    seeds = np.array([2, stranger])
    words = strict.word_similarity(seeds)
    assert strict.together(seeds, words)[1].sum() == 0
    assert lenient.together(seeds, words)[1, 2] == 1
    assert lenient.together(seeds, words)[0, stranger] == 0


def test_a_cold_product_is_found_by_its_words_from_the_minute_it_exists() -> None:
    catalogue, history = random_shop()
    catalogue = Catalogue.of(catalogue.item_ids, [f"thing {i}" for i in range(29)] + ["walnut chess board"])
    model = fit(catalogue, history, options=FIXED)
    grown, changed = model.update(Catalogue.of(["new"], ["walnut chess clock"]), History.empty())
    assert grown.similar(1, [30]).row(0)[0].item == 29
    assert grown.also_bought(3, [30]).row(0)[0].item == 29
    assert 30 in changed.items


def test_complements_are_bought_together_and_unlike() -> None:
    titles = ["oak table", "oak table wide", "linen napkin", "soap"]
    rows = [(n, held) for n in range(12) for held in ((0, 1) if n % 2 else (0, 2))]
    order, item = zip(*rows, strict=True)
    history = History.of(order, [-1] * len(rows), item)
    model = fit(Catalogue.of("abcd", titles), history, options=FIXED)
    assert next(place.item for place in model.complements(3, [0]).row(0)) == 2
    assert 3 not in [place.item for place in model.complements(3, [0]).row(0)]


def test_a_cart_gets_what_goes_with_all_of_it_and_never_itself() -> None:
    model = fit(*planted(), options=replace(FIXED, blend=Blend(m=10.0)))
    items = [place.item for place in model.for_cart([0, 6], 6).row(0)]
    assert {1, 7} <= set(items)
    assert not {0, 6} & set(items)
    assert model.for_cart([], 3).items.tolist() == model.bestsellers(3).items.tolist()


def test_buy_again_puts_what_is_due_first() -> None:
    # Product 0 every ten days, last ten days ago; product 1 as often, but a day ago.
    days = [0, 10, 20, 9, 19, 29]
    history = History.of(range(6), [0] * 6, [0, 0, 0, 1, 1, 1], occurred_at=1.6e9 + np.array([*days]) * DAY)
    later = History.of([6], [1], [2], occurred_at=[1.6e9 + 30 * DAY])
    model = fit(Catalogue.of("abc"), history.extend(later), options=FIXED)
    assert [place.item for place in model.buy_again([0], 3).row(0)] == [0, 1]
    assert model.buy_again([7], 3).row(0) == []


def test_bestsellers_and_rising_look_at_their_window() -> None:
    order, item, at = [], [], []
    for day in range(70):
        for number in range(3 if day < 56 else 1):
            order.append(len(order))
            item.append(0)
            at.append(1.6e9 + day * DAY + number)
        if day >= 58:
            for _ in range(2):
                order.append(len(order))
                item.append(1)
                at.append(1.6e9 + day * DAY)
    model = fit(Catalogue.of("ab"), History.of(order, [-1] * len(order), item, occurred_at=at), options=FIXED)
    assert model.bestsellers(2).items.tolist() == [[0, 1]]
    assert model.bestsellers(2, window_days=365).items.tolist() == [[0, 1]]
    assert model.bestsellers(2, window_days=10).items.tolist() == [[1, 0]]
    assert model.rising(2).items.tolist() == [[1, -1]]


def test_among_bestsellers_an_order_fades_with_its_age() -> None:
    # Ten orders of product 0 half a year ago, four of product 1 now: ever 0 leads, now 1 does.
    order, item = np.arange(14), np.repeat([0, 1], [10, 4])
    at = 1.6e9 + np.where(item == 0, 0, 180) * DAY
    model = fit(Catalogue.of("abc"), History.of(order, [-1] * 14, item, occurred_at=at), options=FIXED)
    assert model.bestsellers(3).items.tolist() == [[1, 0, -1]]
    undated = fit(Catalogue.of("abc"), History.of(order, [-1] * 14, item), options=FIXED)
    assert undated.bestsellers(3).items.tolist() == [[0, 1, -1]]


def test_the_same_seed_gives_bit_equal_arrays_and_another_does_not() -> None:
    shop = random_shop()
    first, again, other = (arrays_of(fit(*shop, options=FIXED, seed=seed)) for seed in (7, 7, 8))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["factor item_embeddings"], other["factor item_embeddings"])


def test_the_order_of_rows_does_not_matter() -> None:
    catalogue, history = random_shop()
    mixed = history.take(np.random.default_rng(2).permutation(history.n_rows))
    first, other = (arrays_of(fit(catalogue, rows, options=FIXED)) for rows in (history, mixed))
    assert all(np.array_equal(first[name], other[name]) for name in first)


def test_after_erasure_a_full_pass_equals_one_that_never_saw_the_customer() -> None:
    catalogue, history = random_shop(guest_share=0.3)
    with_cleo = fit(catalogue, history, options=FIXED)
    without = history.take(history.user != 5)
    erased = with_cleo.forget(5)
    assert 5 not in erased.history.user
    assert 5 not in erased.factor_users
    never = fit(catalogue, without, options=FIXED)
    assert np.array_equal(erased.pairs.total().toarray(), never.pairs.total().toarray())
    again = arrays_of(fit(catalogue, erased.history, options=FIXED))
    # The one who never had her numbers users and orders without gaps.
    dense = History.of(
        np.unique(without.order, return_inverse=True)[1],
        np.where(
            without.user < 0, -1, np.unique(without.user, return_inverse=True)[1] - (without.user < 0).any()
        ),
        without.item,
        occurred_at=without.occurred_at,
    )
    expected = arrays_of(fit(catalogue, dense, options=FIXED))
    assert all(np.array_equal(again[name], expected[name]) for name in expected)


def test_a_guest_is_forgotten_by_their_order() -> None:
    catalogue, history = random_shop(guest_share=1.0)
    erased = fit(catalogue, history, options=FIXED).forget([], orders=[3, 4])
    assert not {3, 4} & set(erased.history.order.tolist())


def test_a_forgotten_customer_gets_what_everyone_gets() -> None:
    model = fit(*random_shop(), options=FIXED)
    erased = model.forget([5])
    assert erased.buy_again([5], 3).row(0) == []
    assert erased.for_you([5], 5).items.tolist() == erased.for_you([123456], 5).items.tolist()


def test_an_update_counts_exactly_and_touches_only_what_is_near() -> None:
    catalogue, history = random_shop(n_items=60, n_orders=400)
    is_new = history.order >= 395
    before = fit(catalogue, history.take(~is_new), options=FIXED)
    after, changed = before.update(None, history.take(is_new))
    whole = fit(catalogue, history, options=FIXED)
    assert np.array_equal(after.pairs.total().toarray(), whole.pairs.total().toarray())
    assert np.array_equal(after.n_orders, whole.n_orders)
    assert set(history.item[is_new].tolist()) <= set(changed.items.tolist())
    assert np.abs(after.vectors - before.vectors).max() > 0
    fresh = [user for user in np.unique(history.user[is_new]).tolist() if user >= 0]
    assert set(fresh) <= set(after.factor_users.tolist())
    assert before.history.n_rows == history.n_rows - is_new.sum()


def test_an_update_takes_new_products_words_and_customers() -> None:
    model = fit(*random_shop(), options=FIXED)
    rows = Catalogue.of(["n1", "n2"], ["brass bell", "brass horn"])
    orders = [
        History.of([5000 + k] * 3, [900 + k] * 3, [30, 31, 0], occurred_at=[2e9 + k] * 3) for k in range(3)
    ]
    grown = model
    for number, order in enumerate(orders):
        grown, _ = grown.update(rows if number == 0 else None, order)
    assert grown.also_bought(1, [30]).row(0)[0].item == 31
    assert grown.why(30, 31).n_together == 3
    assert grown.why(30, 31).shared_words == ("brass",)
    assert {900, 901, 902} <= set(grown.factor_users.tolist())
    check(grown.also_bought(6), n=6)
    check(grown.discover([900, 3, 77777], 4), n=4)


def test_an_update_twice_from_the_same_model_gives_bit_equal_arrays() -> None:
    catalogue, history = random_shop()
    model = fit(catalogue, history.take(history.order < 190), options=FIXED)
    new = history.take(history.order >= 190)
    first, again = (arrays_of(model.update(None, new)[0]) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_a_stored_model_comes_back_bit_for_bit() -> None:
    model, _ = fit(*random_shop(), options=FIXED).update(
        Catalogue.of(["ω"], ["κούπα 🎄"]), History.of([900], [-1], [30], occurred_at=[float("nan")])
    )
    loaded = from_npz(to_npz(model))
    before, after = arrays_of(model), arrays_of(loaded)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert loaded.catalogue == model.catalogue
    assert (loaded.options, loaded.blend, loaded.taste, loaded.seed) == (
        model.options,
        model.blend,
        model.taste,
        model.seed,
    )
    assert loaded.for_you([3], 5).items.tolist() == model.for_you([3], 5).items.tolist()
    assert to_npz(loaded) == to_npz(model)


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04 not really", b"\x80\x04K\x01."])
def test_bytes_that_are_no_model_are_refused(raw: bytes) -> None:
    with pytest.raises(ArtifactError, match=f"^{len(raw)} bytes could not be read as a model"):
        from_npz(raw)


def test_a_cut_model_is_refused() -> None:
    raw = to_npz(fit(*random_shop(), options=FIXED))
    with pytest.raises(ArtifactError):
        from_npz(raw[: len(raw) // 2])


def test_a_model_with_a_flipped_byte_is_refused_or_read_and_nothing_else_happens() -> None:
    raw = to_npz(fit(*random_shop(), options=FIXED))
    n_refused = 0
    for place in np.linspace(0, len(raw) - 1, 150).astype(int):
        damaged = bytearray(raw)
        damaged[place] ^= 0xFF
        try:
            from_npz(bytes(damaged))
        except ArtifactError:
            n_refused += 1
    assert n_refused > 100


def _fit_in_child(queue: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    queue.put(fit(*random_shop(), options=FIXED).also_bought(5).items.tolist())


def test_a_forked_child_fits_after_its_parent_did() -> None:
    expected = fit(*random_shop(), options=FIXED).also_bought(5).items.tolist()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_fit_in_child, args=(queue,))
    child.start()
    found = queue.get(timeout=600)
    child.join(timeout=600)
    assert child.exitcode == 0
    assert found == expected


def test_the_knob_moves_lists_between_popular_and_specific() -> None:
    catalogue, history = random_shop(n_items=60, n_orders=300)

    def mean_orders(popularity: float) -> float:
        model = fit(catalogue, history, options=replace(FIXED, popularity=popularity))
        return float(model.n_orders[model.also_bought(5).items].mean())

    assert mean_orders(-1.0) < mean_orders(0.0) < mean_orders(1.0)


def test_diversity_caps_a_category_while_others_are_left() -> None:
    catalogue, history = random_shop()
    catalogue = replace(catalogue, categories=tuple("mugs" if i < 15 else f"other {i}" for i in range(30)))
    options = replace(FIXED, diversity=0.3, max_per_category=2)
    model = fit(catalogue, history, options=options)
    plain = fit(catalogue, history, options=FIXED)
    lists = model.also_bought(5)
    check(lists, n=5)
    for seed, places in lists:
        assert sum(place.item < 15 for place in places) <= 2
        assert places[0].item == plain.also_bought(5, [seed]).row(0)[0].item


@settings(max_examples=25, deadline=None)
@given(
    n_items=st.integers(0, 6),
    rows=st.lists(st.tuples(st.integers(-1, 6), st.integers(-1, 3), st.integers(0, 5)), max_size=20),
    is_dated=st.booleans(),
)
def test_any_small_shop_gets_honest_lists(
    n_items: int, rows: list[tuple[int, int, int]], is_dated: bool
) -> None:
    kept = [row for row in rows if row[2] < n_items]
    order, user, item = (list(column) for column in zip(*kept, strict=True)) if kept else ([], [], [])
    at = np.arange(len(order), dtype=float) * DAY if is_dated else None
    model = fit(
        Catalogue.of([str(i) for i in range(n_items)], ["καφές 🎄", "", "ağaç", "", "x", "y"][:n_items]),
        History.of(order, user, item, occurred_at=at),
        options=FIXED,
    )
    for lists in (model.also_bought(4), model.complements(4), model.similar(4)):
        check(lists, n=4)
        assert all(seed not in [place.item for place in places] for seed, places in lists)
    for lists in (model.for_you([0, 1, 99], 4), model.discover([0, 1], 4), model.buy_again([0, 99], 4)):
        check(lists, n=4)
    check(model.bestsellers(4), n=4)
    check(model.rising(4), n=4)
    if n_items > 1:
        assert all(len(places) == min(4, n_items - 1) for _, places in model.also_bought(4))
    _assert_discovery_is_new(model)


def _assert_discovery_is_new(model: Model) -> None:
    for user, places in model.discover([0, 1, 2, 3], 4):
        mine = model.history.item[(model.history.user == user) & (model.history.order >= 0)].tolist()
        assert not set(mine) & {place.item for place in places}


def test_learning_that_leaves_the_range_of_numbers_says_what_to_do() -> None:
    catalogue, history = random_shop()
    wild = replace(history, weight=np.full(history.n_rows, 1e38, np.float32))
    with pytest.raises(DivergedError, match="keep the last good model"):
        fit(catalogue, wild, options=FIXED)


def test_a_warm_pass_keeps_parameters_and_knows_what_came_since() -> None:
    catalogue, history = random_shop(n_items=30, n_orders=300)
    before = fit(catalogue.take(np.arange(25)), history.take(history.item < 25), options=FIXED)
    order = np.arange(30)[::-1]
    reordered = History.of(history.order, history.user, order[history.item], occurred_at=history.occurred_at)
    start = Start(before, np.where(order < 25, order, -1), np.arange(40))
    warm = fit(catalogue.take(order), reordered, start=start)
    scratch = fit(catalogue.take(order), reordered, options=FIXED)
    assert (warm.blend, warm.taste, warm.discovery) == (before.blend, before.taste, before.discovery)
    assert np.array_equal(warm.pairs.total().toarray(), scratch.pairs.total().toarray())
    assert warm.also_bought(5).items.shape == (30, 5)
    # Vectors followed their product to its new row, moved a little, and only new ones are unlike what was.
    old, new = before.item_factors[0], warm.item_factors[0][order][:25]
    likeness = (old * new).sum(axis=1) / np.linalg.norm(old, axis=1) / np.linalg.norm(new, axis=1)
    assert likeness.min() > 0.7
    again = fit(catalogue.take(order), reordered, start=start)
    assert np.array_equal(warm.item_factors[0], again.item_factors[0])


def test_what_is_bought_with_it_by_chance_stands_behind_what_belongs_to_it() -> None:
    catalogue, history = planted()
    blind = replace(FIXED, blend=Blend(m=400.0, tau=0.0, rho=1.0, borrow=0.0, recency=0.0))
    model = fit(catalogue, history, options=blind)
    lists = model.also_bought(12)
    check(lists, n=12)
    scores = model.scorer.scores(np.arange(60))
    by_score = np.argsort(-scores, axis=1)
    assert any(seed ^ 1 not in by_score[seed, :4] for seed in range(60)), "else there is nothing to arrange"
    assert all(seed ^ 1 in lists.items[seed, :4] for seed in range(60))
    # As good as the best ten: which of two equals is the tenth, the last bit of a processor's sums decides.
    shown = np.sort(np.take_along_axis(scores, model.also_bought(10).items[:60].astype(int), axis=1), axis=1)
    assert shown == pytest.approx(np.sort(np.take_along_axis(scores, by_score[:, :10], axis=1), axis=1))
