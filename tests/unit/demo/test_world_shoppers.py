"""The built-in shoppers: what was planted can be counted in their orders."""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from app.demo.shoppers import HISTORY_DAYS, build_world, lapsed_lately
from app.demo.world import World

END = datetime(2026, 11, 21, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(ends_at=END)


def _together(world: World) -> dict[int, Counter[int]]:
    pairs: dict[int, Counter[int]] = defaultdict(Counter)
    for order in world.orders.values():
        for a, b in itertools.permutations({line.product_id for line in order.lines}, 2):
            pairs[a][b] += 1
    return pairs


def test_the_shop_is_as_large_as_promised_and_a_fifth_of_its_orders_are_by_guests(world: World) -> None:
    assert len(world.customers) == 920
    assert len(world.orders) > 4000
    share = sum(order.customer_id is None for order in world.orders.values()) / len(world.orders)
    assert 0.18 < share < 0.22


@pytest.mark.parametrize(("seed", "month"), [(7, 11), (7, 4), (8, 7), (2026, 1)])
def test_planted_companions_are_the_most_frequent_ones_in_their_order(seed: int, month: int) -> None:
    world = build_world(seed=seed, ends_at=END.replace(month=month))
    pairs = _together(world)
    assert len(world.planted_companions) >= 40
    for product_id, companions in world.planted_companions.items():
        ranked = pairs[product_id].most_common()
        assert [found for found, _ in ranked[: len(companions)]] == companions
        assert ranked[len(companions) - 1][1] > 1.5 * ranked[len(companions)][1]


def test_re_bought_things_come_back_in_their_rhythm(world: World) -> None:
    assert len(world.planted_rebuys) == 12
    for product_id, days in world.planted_rebuys.items():
        bought: dict[int, list[datetime]] = defaultdict(list)
        for order in world.orders.values():
            if order.customer_id and any(line.product_id == product_id for line in order.lines):
                bought[order.customer_id].append(order.created_at)
        gaps = [
            (b - a) / timedelta(days=1) for moments in bought.values() for a, b in itertools.pairwise(moments)
        ]
        assert len(gaps) > 50
        assert 0.9 * days < statistics.median(gaps) < 1.1 * days


@pytest.mark.parametrize("times_rhythm", [1.5, 2.0, 2.5])
def test_enough_subscribers_lapsed_in_the_last_two_weeks(world: World, times_rhythm: float) -> None:
    lapsed = lapsed_lately(world, times_rhythm)
    assert len(lapsed) >= 15
    assert all(world.customers[each].marketing_state == "subscribed" for each in lapsed)


def test_candles_sell_before_christmas_and_seeds_in_spring(world: World) -> None:
    months: dict[str, Counter[int]] = defaultdict(Counter)
    for order in world.orders.values():
        for line in order.lines:
            months[world.products[line.product_id].handle][order.created_at.month] += 1
    winter, spring = months["winter-pine-candle"], months["herb-seed-collection"]
    assert winter[11] + winter[12] > winter.total() / 2
    assert spring[3] + spring[4] + spring[5] > spring.total() / 2


def test_orders_lie_inside_the_history_in_the_order_of_their_names(world: World) -> None:
    orders = list(world.orders.values())
    assert all(END - timedelta(days=HISTORY_DAYS + 2) <= order.created_at <= END for order in orders)
    assert [order.name for order in orders] == [f"#{1001 + n}" for n in range(len(orders))]
    assert [order.created_at for order in orders] == sorted(order.created_at for order in orders)
    assert orders[-1].created_at > END - timedelta(days=1)


def test_customers_know_how_often_they_bought_and_nobody_bought_before_being_created(world: World) -> None:
    counted = Counter(order.customer_id for order in world.orders.values())
    for customer in world.customers.values():
        assert customer.n_orders == counted[customer.id]
    for order in world.orders.values():
        if order.customer_id is not None:
            assert world.customers[order.customer_id].created_at <= order.created_at


def test_consent_comes_in_every_state_and_only_silence_has_no_moment(world: World) -> None:
    states = Counter(customer.marketing_state for customer in world.customers.values())
    assert 0.6 < states["subscribed"] / len(world.customers) < 0.75
    assert min(states.values()) > 10
    assert set(states) == {"subscribed", "not_subscribed", "unsubscribed", "pending"}
    for customer in world.customers.values():
        assert (customer.consent_updated_at is None) == (customer.marketing_state == "not_subscribed")


def test_every_address_is_under_a_reserved_domain_and_belongs_to_one_person(world: World) -> None:
    addresses = [customer.email for customer in world.customers.values()]
    addresses += [order.email for order in world.orders.values() if order.customer_id is None]
    assert all(
        address and re.fullmatch(r"[a-z.0-9]+@[a-z]+\.example\.(com|org|net)", address)
        for address in addresses
    )
    assert len({customer.email for customer in world.customers.values()}) == len(world.customers)


def test_drafts_archived_and_new_products_were_never_bought(world: World) -> None:
    bought = {line.product_id for order in world.orders.values() for line in order.lines}
    assert {world.products[p].handle for p in world.products if p not in bought} == {
        "spring-tasting-hamper",
        "ceramic-egg-cups",
        "kintsugi-repair-kit",
        "lemon-pepper-almonds",
    }


def test_the_same_seed_gives_the_same_shop(world: World) -> None:
    again = build_world(ends_at=END)
    assert again.orders == world.orders
    assert again.customers == world.customers
    assert again.products == world.products
