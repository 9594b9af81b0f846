"""The back-test asks the reference's questions, tells the truth and refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.recommender import SIMPLE_BLENDS, SIMPLE_TASTES, Blend, Catalogue, History, backtest, card, fit
from app.recommender.baselines import copurchase_lists, popularity_lists
from app.recommender.card import orders_still_needed
from app.recommender.choosing import DEFAULT_BLEND, choose
from app.recommender.choosing_blends import choose_blend
from app.recommender.choosing_tastes import FLOOR_TASTES, choose_taste
from app.recommender.fitting import fitting_epochs
from app.recommender.floor import shortfall
from app.recommender.gate import verdict
from app.recommender.judging import DISCOVER, FOR_YOU, OURS, customer_lists, product_values
from app.recommender.metrics import hits, recall
from app.recommender.tasks import basket_queries, customer_queries, split_by_time
from tests.unit.recommender.shops import DAY, FIXED, planted, random_shop


def test_the_newest_orders_are_the_test_and_nothing_of_them_is_known() -> None:
    catalogue, history = random_shop(n_orders=100)
    split = split_by_time(catalogue, history, 0.15)
    assert (split.n_train_orders, split.n_test_orders) == (85, 15)
    assert split.train.order.max() == 84
    assert split.test.order.min() >= 85
    assert split.train.occurred_at.max() < split.split_at
    assert set(np.unique(split.train.item)) == set(range(split.catalogue.n_items))


def test_a_cart_after_the_split_is_not_known() -> None:
    history = History.of([0, 1, 2, -1, -1], [0] * 5, [0, 1, 0, 0, 1], occurred_at=[1, 2, 3, 2.5, 3.5])
    split = split_by_time(Catalogue.of("ab"), history, 0.34)
    assert split.train.occurred_at.tolist() == [1, 2, 2.5]


def test_questions_are_the_references() -> None:
    # Train: orders 0 to 3. Test: order 4 holds a, b and the new d; order 5 only a; order 6 a and the new d.
    order = [0, 0, 1, 2, 3, 4, 4, 4, 5, 6, 6]
    item = [0, 1, 0, 2, 1, 0, 1, 3, 0, 0, 3]
    user = [0, 0, 0, 1, 1, 0, 0, 0, 1, 2, 2]
    split = split_by_time(Catalogue.of("abcd"), History.of(order, user, item, occurred_at=order), 3 / 7)
    queries = basket_queries(split, seed=7)
    assert queries.item.tolist() == [0, 1]
    assert queries.targets[queries.row].toarray().tolist() == [[1, 1, 0], [1, 1, 0]]
    everything = customer_queries(split, only_new=False)
    assert everything.user.tolist() == [0, 1]
    found = customer_queries(split, only_new=True)
    assert found.user.tolist() == [1]
    assert found.targets.toarray().tolist() == [[1, 0, 0]]


def test_product_values_equal_a_slow_count() -> None:
    catalogue, history = random_shop(n_items=150, n_orders=300)
    split = split_by_time(catalogue, history, 0.2)
    queries = basket_queries(split, seed=7)
    random = np.random.default_rng(1)
    n_items = split.catalogue.n_items
    lists = np.array([random.permutation(np.delete(np.arange(n_items), i))[:10] for i in range(n_items)])
    values = product_values(lists, queries)
    for number, (item, row) in enumerate(zip(queries.item.tolist(), queries.row.tolist(), strict=True)):
        targets = set(queries.targets[[row]].indices.tolist()) - {item}
        tail = {target for target in targets if not queries.is_head[target]}
        shown = lists[item].tolist()
        assert values["hr10"][number] == float(bool(targets & set(shown)))
        assert values["recall10"][number] == len(targets & set(shown)) / min(10, len(targets))
        assert np.isnan(values["tail_hr10"][number]) == (not tail)
        if tail:
            assert values["tail_hr10"][number] == float(bool(tail & set(shown)))


def test_a_shop_with_habits_is_proven_and_published() -> None:
    catalogue, history = planted(n_pairs=20, n_orders_per_pair=40)
    report = backtest(catalogue, history, options=replace(FIXED, blend=None))
    ours, popular = report.score(OURS), report.score("popularity")
    assert ours is not None
    assert popular is not None
    assert ours.ndcg10 > popular.ndcg10 + 0.1
    assert (report.is_publishable, report.is_proven) == (True, True)
    assert ours.ci["hr10"][0] <= ours.hr10 <= ours.ci["hr10"][1]
    assert {score.task for score in report.scores} == {"also-bought", "for-you", "discover"}
    written = card(report, catalogue, history)
    assert written.headline.startswith("Of 100 questions from your newest orders")
    assert f"held a right answer {ours.hr10 * 100:.0f} times" in written.headline
    assert written.strengths[0].startswith("Of every 100 products you sell, ")
    assert written.as_dict()["numbers"]["n_orders"] == 800


def test_a_loss_beyond_chance_is_not_published_and_says_so() -> None:
    is_publishable, reason = verdict({"hr10": (-0.05, -0.08, -0.02), "ndcg10": (0.0, -0.1, 0.1)}, 5000)
    assert not is_publishable
    assert "hr10 -0.050" in reason
    assert verdict({"hr10": (-0.01, -0.03, 0.01), "ndcg10": (-0.01, -0.02, 0.0)}, 5000)[0]


def test_settings_two_percent_below_those_in_use_are_not_published() -> None:
    better = {"hr10": (0.05, 0.02, 0.08), "ndcg10": (0.05, 0.02, 0.08)}
    is_publishable, reason = verdict(better, 5000, (-0.03, -0.05, -0.01))
    assert not is_publishable
    assert "3.0% worse than those in use" in reason
    assert verdict(better, 5000, (-0.03, -0.07, 0.01))[0]
    assert verdict(better, 5000, (-0.01, -0.015, -0.005))[0]


def test_new_settings_are_judged_on_the_same_questions_as_those_in_use() -> None:
    catalogue, history = planted()
    blind = Blend(m=20_000.0, tau=0.0, rho=1.0, borrow=0.0, recency=0.0)
    report = backtest(catalogue, history, options=FIXED, methods=(OURS, "popularity"), before=blind)
    assert report.against_before is not None
    assert report.against_before[1] > 0.1
    swapped = backtest(
        catalogue, history, options=replace(FIXED, blend=blind), methods=(OURS,), before=FIXED.blend
    )
    assert swapped.against_before is not None
    assert swapped.against_before[2] < -0.1
    assert backtest(catalogue, history, options=FIXED, before=FIXED.blend).against_before is None


@pytest.mark.parametrize(
    ("catalogue", "history"),
    [
        (Catalogue.of([]), History.empty()),
        (Catalogue.of("abc"), History.empty()),
        (Catalogue.of("abc"), History.of([0, 0], [0, 0], [0, 1], occurred_at=[1.0, 1.0])),
        (Catalogue.of("abc"), History.of([0, 1], [0, 0], [0, 1])),
        (Catalogue.of("a"), History.of(range(10_000), [0] * 10_000, [0] * 10_000)),
    ],
)
def test_too_little_data_is_said_with_the_number_still_needed(catalogue: Catalogue, history: History) -> None:
    report = backtest(catalogue, history)
    written = card(report, catalogue, history)
    assert (report.is_proven, report.is_publishable) == (False, True)
    assert orders_still_needed(written.numbers) == 334 - written.numbers["n_orders_of_several"]
    assert "no orders yet" in written.headline or "more are needed" in written.headline


def test_parameters_are_chosen_on_the_past_only() -> None:
    catalogue, history = planted(n_pairs=20, n_orders_per_pair=60)
    seen: list[float] = []

    def fit_inner(inner_catalogue: Catalogue, inner_history: History):  # type: ignore[no-untyped-def]
        seen.append(inner_history.newest_at)
        return fit(inner_catalogue, inner_history, options=FIXED)

    choice = choose(catalogue, history, fit_inner, seed=7)
    assert choice.n_product_queries >= 200
    assert seen == [sorted(history.occurred_at[history.order < 1050])[-1]] or seen[0] < history.newest_at


def test_too_few_questions_leave_the_defaults() -> None:
    choice = choose(*random_shop(n_orders=20), lambda *_: pytest.fail("nothing to choose from"), seed=7)
    assert (choice.blend, choice.n_product_queries, choice.n_customer_queries) == (DEFAULT_BLEND, 0, 0)
    # Nothing that had to be learned speaks to customers unproven.
    for taste in (choice.taste, choice.discovery):
        assert (taste.ease, taste.factors) == (0.0, 0.0)
        assert taste.popular > 0


def test_few_questions_are_enough_to_see_that_the_default_loses() -> None:
    # Two bestsellers are in every basket; the rest says nothing about anything.
    random = np.random.default_rng(8)
    order = np.repeat(np.arange(150), 3)
    item = np.column_stack([np.arange(150) % 2, 2 + np.arange(150) % 5, 10 + random.permutation(150)]).ravel()
    titles = [f"word{item % 40} sign{item % 30}" for item in range(160)]
    history = History.of(order, [-1] * len(order), item, occurred_at=1.6e9 + order * DAY)
    catalogue = Catalogue.of([str(i) for i in range(160)], titles)
    split = split_by_time(catalogue, history, 0.3)
    queries = basket_queries(split, 7)
    assert 30 <= len(queries.item) < 200
    model = fit(split.catalogue, split.train, options=FIXED)
    found, _ = choose_blend(model, queries)
    values = {
        blend: product_values(replace(model, blend=blend).also_bought(10).items.astype(np.int64), queries)
        for blend in (DEFAULT_BLEND, found)
    }
    simple = product_values(popularity_lists(model, 10), queries)["ndcg10"].mean()
    assert values[DEFAULT_BLEND]["ndcg10"].mean() < simple - 0.02
    assert values[found]["ndcg10"].mean() >= simple - 0.01


def test_a_shop_of_bestsellers_gets_a_popular_blend() -> None:
    # Baskets are drawn from the same bestsellers whatever is in them: only popularity predicts.
    random = np.random.default_rng(4)
    share = 1.0 / np.arange(1, 81) ** 1.2
    order, item = [], []
    for number in range(1500):
        for held in random.choice(80, 3, replace=False, p=share / share.sum()):
            order.append(number)
            item.append(held)
    at = 1.6e9 + np.array(order) * DAY
    history = History.of(order, [-1] * len(order), item, occurred_at=at)
    catalogue = Catalogue.of([str(i) for i in range(80)])
    split = split_by_time(catalogue, history, 0.1)
    model = fit(split.catalogue, split.train, options=FIXED)
    assert choose_blend(model, basket_queries(split, 7))[0].rho > Blend().rho
    report = backtest(catalogue, history, tasks=("also-bought",), methods=("popularity", "co-purchase", OURS))
    assert report.against["hr10"][2] >= 0
    assert report.against["ndcg10"][2] >= 0


def test_more_data_is_passed_over_less_often() -> None:
    assert [fitting_epochs(n) for n in (0, 1_000, 400_000, 5_000_000)] == [30, 30, 25, 10]


def test_where_products_have_nothing_to_do_with_each_other_bestsellers_are_never_undercut() -> None:
    random = np.random.default_rng(2)
    n_items, n_orders = 200, 3000
    share = 1.0 / np.arange(3, n_items + 3)
    order = np.repeat(np.arange(n_orders), 5)
    item = random.choice(n_items, len(order), p=share / share.sum())
    catalogue = Catalogue.of([str(i) for i in range(n_items)])
    history = History.of(order, order % 500, item, occurred_at=1.6e9 + order * DAY / 8)
    report = backtest(
        catalogue,
        history,
        options=replace(FIXED, blend=None, taste=None, discovery=None),
        methods=("popularity", "co-purchase", OURS),
    )
    assert all(high >= 0 for _, _, high in report.against.values())
    assert not report.is_below_simple
    assert set(report.against_customers) == {FOR_YOU, DISCOVER}
    assert report.losing_tasks() == ()


def test_where_customers_buy_the_same_again_nothing_else_is_put_before_it() -> None:
    random = np.random.default_rng(6)
    n_users, n_orders = 60, 900
    habits = random.permuted(np.tile(np.arange(80), (n_users, 1)), axis=1)[:, :6]
    buyer = np.arange(n_orders) % n_users
    held = [random.choice(habits[user], 3, replace=False) for user in buyer]
    order = np.repeat(np.arange(n_orders), 3)
    history = History.of(order, buyer[order], np.concatenate(held), occurred_at=1.6e9 + order * DAY / 4)
    report = backtest(Catalogue.of([str(i) for i in range(80)]), history, tasks=(FOR_YOU,))
    ours, own = report.score(OURS, FOR_YOU), report.score("own history", FOR_YOU)
    assert ours is not None
    assert own is not None
    assert ours.recall10 >= own.recall10 - 0.01


def counter_shop(n_orders: int = 1500, n_pairs: int = 12) -> tuple[Catalogue, History]:
    """A bakery: half of the baskets hold coffee, whatever else is in them; pairs of cakes belong together."""
    random = np.random.default_rng(9)
    order, item = [], []
    for number in range(n_orders):
        cake = 2 * int(random.integers(n_pairs))
        held = {cake, cake + 1} if random.random() < 0.2 else {cake + int(random.integers(2))}
        if random.random() < 0.5:
            held.add(2 * n_pairs)
        if random.random() < 0.3:
            held.add(int(random.integers(2 * n_pairs)))
        order += [number] * len(held)
        item += sorted(held)
    at = 1.6e9 + np.array(order) * DAY / 8
    catalogue = Catalogue.of([str(i) for i in range(2 * n_pairs + 1)])
    return catalogue, History.of(order, [-1] * len(order), item, occurred_at=at)


def test_companions_go_before_bestsellers_only_where_that_is_the_better_guess() -> None:
    for (catalogue, history), is_arranged in ((counter_shop(), False), (planted(20, 60), True)):
        split = split_by_time(catalogue, history, 0.15)
        model = fit(split.catalogue, split.train, options=FIXED)
        assert choose_blend(model, basket_queries(split, 7))[0].is_arranged == is_arranged
    catalogue, history = counter_shop()
    report = backtest(
        catalogue,
        history,
        options=replace(FIXED, blend=None),
        tasks=("also-bought",),
        methods=("popularity", "co-purchase", OURS),
    )
    arranged = backtest(catalogue, history, options=FIXED, tasks=("also-bought",), methods=(OURS,))
    assert report.against["ndcg10"][2] >= 0
    ours, before = report.score(OURS), arranged.score(OURS)
    assert ours is not None
    assert before is not None
    assert ours.ndcg10 > before.ndcg10 + 0.02


def test_the_simple_settings_list_what_simple_counting_lists() -> None:
    catalogue, history = counter_shop()
    model = fit(catalogue, history, options=FIXED)
    seeds = np.repeat(np.arange(catalogue.n_items), 10).reshape(-1, 10)
    counting, bestsellers = (replace(model, blend=blend).also_bought(10).items for blend in SIMPLE_BLENDS)
    # Equal but for the order among those that count alike.
    pairs = model.pairs.total().toarray()
    together = [pairs[seeds, lists] for lists in (counting, copurchase_lists(model, 10))]
    assert np.array_equal(*together)
    assert np.array_equal(model.n_orders[bestsellers], model.n_orders[popularity_lists(model, 10)])


def test_where_only_the_season_counts_customers_see_what_sells_now() -> None:
    random = np.random.default_rng(3)
    n_items, n_orders, n_users = 120, 4000, 400
    order = np.repeat(np.arange(n_orders), 3)
    # A product's season is eighty days; a year and more goes by, and nobody has a taste of their own.
    day = order / 10
    centre = random.uniform(-40, 440, n_items)
    worth = 1.0 / (1.0 + np.arange(n_items) % 10)
    in_season = worth * np.exp(-(((np.arange(n_orders)[:, None] / 10 - centre) / 40) ** 2))
    item = np.concatenate([random.choice(n_items, 3, replace=False, p=row / row.sum()) for row in in_season])
    history = History.of(
        order, random.integers(0, n_users, n_orders)[order], item, occurred_at=1.6e9 + day * DAY
    )
    catalogue = Catalogue.of([str(i) for i in range(n_items)])
    split = split_by_time(catalogue, history, 0.15)
    model = fit(split.catalogue, split.train, options=FIXED)
    for only_new in (False, True):
        queries = customer_queries(split, only_new=only_new)
        found, _ = choose_taste(model, queries, 7, is_new=only_new)
        reached = {
            taste: recall(
                hits(
                    customer_lists(model, taste, queries.user, is_new=only_new),
                    np.arange(len(queries.user)),
                    queries.targets,
                ),
                np.diff(queries.targets.indptr),
            ).mean()
            for taste in {found, *FLOOR_TASTES}
        }
        assert reached[found] >= max(reached.values()) - 0.005
        assert reached[found] > 1.5 * reached[SIMPLE_TASTES["popularity"]]


def test_a_shortfall_is_measured_against_the_better_simple_method_and_asks_for_more_where_there_is_more() -> (
    None
):
    few, many = np.arange(500), np.arange(2000)
    for groups in (few, many):
        bad, good = np.zeros(len(groups)), (groups % 2).astype(float)
        assert shortfall([good], [[bad], [good]], groups) == 0.0
        assert shortfall([bad], [[bad], [good]], groups) > 1.0
        assert shortfall([np.ones(len(groups))], [[bad], [good]], groups) < 0.0
        assert shortfall([good * 0.1], [[bad]], groups) == 0.0
    # Right 12 times where the other is wrong, wrong 4 times where it is right: two standard errors.
    for groups, is_enough in ((few, True), (many, False)):
        ours, other = np.full(len(groups), 0.5), np.full(len(groups), 0.5)
        ours[:12], other[12:16] = 1.0, 1.0
        assert (shortfall([ours], [[other]], groups) < 0) == is_enough
        assert shortfall([ours], [[other]], groups, n_errors_min=3.0) > 0
