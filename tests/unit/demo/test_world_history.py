"""A real order history becomes a shop: dates, prices and who bought what are kept, the rest is invented."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.demo.history import world_from_orders
from app.demo.world import World
from app.services.orderfile import OrderFileError

HEADER = "order_id,customer_id,ordered_at,product_id,title,category,quantity,unit_price,currency\n"
ROWS = '''\
1001,C1,2011-03-01T10:00:00Z,A,RED MUG,,2,3.50,GBP
1001,C1,2011-03-01T10:00:00Z,B,Blue Mug,Kitchen,1,,GBP
1003,,2011-03-09T10:30:00Z,A,RED MUG,,1,4.00,GBP
1002,C2,2011-03-05T10:00:00Z,C,"Lantern, ""large""",,1,12.00,GBP
1004,C1,2010-01-05T10:00:00Z,D,RED MUG,,1,1.00,GBP
'''
SMALL = Path(__file__).parents[4] / "shared" / "data" / "online_retail_small.csv.gz"


def written(tmp_path: Path, rows: str, name: str = "corner_shop.csv") -> Path:
    path = tmp_path / name
    path.write_text(HEADER + rows, "utf-8")
    return path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_from_orders(written(tmp_path, ROWS))[0]


def test_orders_keep_their_dates_lines_and_prices_in_order(world: World) -> None:
    orders = list(world.orders.values())
    assert [order.name for order in orders] == ["#1004", "#1001", "#1002", "#1003"]
    assert orders[1].created_at == datetime(2011, 3, 1, 10, tzinfo=UTC)
    skus = {p.id: p.variants[0].sku for p in world.products.values()}
    assert [(skus[line.product_id], line.quantity, line.price) for line in orders[1].lines] == [
        ("A", 2, 350),
        ("B", 1, 375),  # the file names no price: the median of those it names
    ]


def test_the_clock_starts_at_the_first_full_hour_after_the_last_order(world: World) -> None:
    assert world.starts_at == datetime(2011, 3, 9, 11, tzinfo=UTC)
    assert (world.currency, world.timezone) == ("GBP", "Europe/London")
    assert (world.shop_name, world.shop_domain) == ("Corner Shop", "corner-shop.myshopify.com")


def test_products_cost_what_they_cost_last_and_have_handles_and_pictures_of_their_own(world: World) -> None:
    products = {p.variants[0].sku: p for p in world.products.values()}
    assert {sku: p.variants[0].price for sku, p in products.items()} == {
        "A": 400,
        "B": 375,
        "C": 1200,
        "D": 100,
    }
    assert [products[sku].handle for sku in "ABCD"] == ["red-mug", "blue-mug", "lantern-large", "red-mug-d"]
    assert [products[sku].title for sku in "AC"] == ["Red Mug", 'Lantern, "large"']
    assert [products[sku].product_type for sku in "ABC"] == ["Mugs & Cups", "Kitchen", "Candles & Lights"]
    assert all(p.picture_svg and p.picture_svg.startswith("<svg") for p in products.values())


def test_what_nobody_bought_for_a_year_is_sold_out(world: World) -> None:
    assert [p.variants[0].sku for p in world.products.values() if p.variants[0].n_available == 0] == ["D"]


def test_customers_are_invented_and_guests_have_no_address(world: World) -> None:
    assert len(world.customers) == 2
    assert Counter(c.n_orders for c in world.customers.values()) == {2: 1, 1: 1}
    assert all(
        re.fullmatch(r".+@[a-z]+\.example\.(com|org|net)", c.email or "") for c in world.customers.values()
    )
    guest = next(order for order in world.orders.values() if order.name == "#1003")
    assert (guest.customer_id, guest.email) == (None, None)


def test_bad_rows_are_named_and_the_good_ones_come_in(tmp_path: Path) -> None:
    bad = "1005,C9,yesterday,A,RED MUG,,1,1.00,GBP\n1006,C9,2011-03-02T10:00:00Z,A,RED MUG,,many,1.00,GBP\n"
    world, rejects = world_from_orders(written(tmp_path, ROWS + bad))
    assert len(world.orders) == 4
    assert [reject.line for reject in rejects] == [7, 8]
    assert "yesterday" in rejects[0].reason


def test_a_file_without_a_dated_order_makes_no_shop(tmp_path: Path) -> None:
    with pytest.raises(OrderFileError, match="no order with a date"):
        world_from_orders(written(tmp_path, "1001,C1,,A,RED MUG,,1,1.00,GBP\n"))


def test_the_same_file_gives_the_same_shop(tmp_path: Path, world: World) -> None:
    again, _ = world_from_orders(written(tmp_path, ROWS))
    assert (again.products, again.customers, again.orders) == (world.products, world.customers, world.orders)


if SMALL.is_file():

    def test_a_real_history_keeps_every_order_line_and_buyer() -> None:
        world, rejects = world_from_orders(SMALL)
        with gzip.open(SMALL, "rt", encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        lines = [line for order in world.orders.values() for line in order.lines]
        assert rejects == []
        assert len(lines) == len(rows)
        assert len(world.orders) == len({row["order_id"] for row in rows})
        assert len(world.customers) == len({row["customer_id"] for row in rows if row["customer_id"]})
        assert len({p.handle for p in world.products.values()}) == len({row["product_id"] for row in rows})
        counted = Counter(row["product_id"] for row in rows)
        skus = {p.id: p.variants[0].sku for p in world.products.values()}
        assert Counter(skus[line.product_id] for line in lines) == counted
