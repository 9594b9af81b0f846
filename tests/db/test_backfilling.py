"""Older orders from a file teach beside the shop's own; bad rows are named, and nothing is written twice."""

import pytest
from sqlalchemy import text

from app.domain.events import Customer, ErasureRequested
from app.services import privacy, recording
from app.services.backfilling import import_orders_file
from app.services.orderfile import OrderFileError, read_orders
from app.services.shops import get_shop
from tests.conftest import NOW
from tests.db.test_recording import mug, order

HEADER = "order_id,customer_id,ordered_at,product_id,title,category,quantity,unit_price,currency\n"

SHOPIFY = (
    "Name,Email,Created at,Lineitem quantity,Lineitem name,Lineitem price\n"
    "#1001,Cleo@Example.com,2024-01-01 10:00:00 +0000,1,Blue mug,12.00\n"
)
WOOCOMMERCE = (
    "order_number,billing_email,order_date,item_product_id,item_name,item_quantity,item_price\n"
    "1001,Cleo@Example.com,2024-01-01 10:00:00,,Blue mug,1,12.00\n"
)


def write(path, *lines):
    path.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_good_rows_come_in_and_bad_ones_are_named_by_line(context, ada, tmp_path):
    path = write(
        tmp_path / "orders.csv",
        "1,c1,2024-01-01T10:00:00Z,9007199254741001,Blue mug,,2,12.00,EUR",
        "2,c1,2024-02-30T10:00:00Z,9007199254741001,Blue mug,,1,12.00,EUR",
        "3,,2024-03-01T10:00:00Z,old-id, BLUE MUG,,1,12.00,EUR",
        "4,c2,2024-03-02T10:00:00Z,gone,Green mug,,1,9.00,EUR",
    )
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(connection, ada.shop_id, [mug(1)], "EUR")
    done = import_orders_file(context, ada.shop_id, read_orders(path))
    assert (done.n_orders, done.n_unknown_products, done.n_rejected) == (2, 1, 1)
    assert [reject.line for reject in done.rejects] == [3]
    assert import_orders_file(context, ada.shop_id, read_orders(path)).n_orders == 0
    with context.db.shop(ada.shop_id) as connection:
        rows = connection.execute(
            text(
                "SELECT o.platform_order_id, o.total, l.platform_product_id FROM orders o"
                " JOIN order_lines l USING (shop_id, order_id) ORDER BY 1"
            )
        ).all()
    assert [tuple(row) for row in rows] == [("1", 2400, "9007199254741001"), ("3", 1200, "9007199254741001")]


def test_what_the_shop_itself_said_of_an_order_holds(context, ada, tmp_path):
    path = write(tmp_path / "o.csv", "5001,x,2020-01-01T00:00:00Z,9007199254741001,Blue mug,,9,1.00,EUR")
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(connection, ada.shop_id, [mug(1)], "EUR")
        recording.record_orders(connection, context.hasher, ada.shop_id, [order(1)])
    assert import_orders_file(context, ada.shop_id, read_orders(path)).n_orders == 0
    with context.db.shop(ada.shop_id) as connection:
        assert connection.execute(text("SELECT total FROM orders")).scalar() == 1200


def test_a_file_in_another_currency_than_the_shops_is_refused(context, ada, tmp_path):
    path = write(tmp_path / "o.csv", "1,c1,2024-01-01T10:00:00Z,9007199254741001,Blue mug,,2,12.00,USD")
    with pytest.raises(OrderFileError, match="in USD, the shop's in EUR"):
        import_orders_file(context, ada.shop_id, read_orders(path))


@pytest.mark.parametrize("export", [SHOPIFY, WOOCOMMERCE], ids=["shopify", "woocommerce"])
def test_who_is_named_by_address_in_a_file_is_kept_as_a_hash_found_and_forgotten_for_good(
    context, ada, tmp_path, export
):
    path = tmp_path / "orders.csv"
    path.write_text(export, encoding="utf-8")
    buyers = text("SELECT platform_customer_id, encode(email_hash, 'hex') FROM orders")
    cleo = Customer(platform_customer_id="77", source_updated_at=NOW, email="cleo@example.com")
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(connection, ada.shop_id, [mug(1)], "EUR")
        recording.record_customers(connection, context.hasher, ada.shop_id, [cleo], NOW)
    assert import_orders_file(context, ada.shop_id, read_orders(path)).n_orders == 1
    with context.db.shop(ada.shop_id) as connection:
        shop = get_shop(connection, ada.shop_id)
        known = context.hasher.email(ada.shop_id, "cleo@example.com").hex()
        assert [tuple(row) for row in connection.execute(buyers)] == [(None, known)]
        assert len(privacy.export_person(context, connection, shop, "cleo@example.com")["orders"]) == 1
        privacy.erase_person(context, connection, shop, ErasureRequested("77", None))
        assert [tuple(row) for row in connection.execute(buyers)] == [(None, None)]
        connection.execute(text("DELETE FROM orders"))
    assert import_orders_file(context, ada.shop_id, read_orders(path)).n_orders == 1
    with context.db.shop(ada.shop_id) as connection:
        assert [tuple(row) for row in connection.execute(buyers)] == [(None, None)]


@pytest.mark.parametrize(
    "export",
    [
        SHOPIFY,
        "Name,Id,Created at,Lineitem quantity,Lineitem name,Lineitem price\n"
        "#1001,5001,2024-01-01 10:00:00 +0000,1,Blue mug,12.00\n",
        WOOCOMMERCE,
        "order_id," + WOOCOMMERCE.replace("1001,Cleo", "5001,1001,Cleo"),
    ],
    ids=["shopify, by number", "shopify, by id", "woocommerce, by number", "woocommerce, by id"],
)
def test_an_order_the_shop_has_told_already_is_not_added_a_second_time(context, ada, tmp_path, export):
    path = tmp_path / "orders.csv"
    path.write_text(export, encoding="utf-8")
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(connection, ada.shop_id, [mug(1)], "EUR")
        recording.record_orders(connection, context.hasher, ada.shop_id, [order(1)])
    assert import_orders_file(context, ada.shop_id, read_orders(path)).n_orders == 0
    with context.db.shop(ada.shop_id) as connection:
        assert connection.execute(text("SELECT count(*) FROM orders")).scalar() == 1


def test_an_order_that_came_by_its_id_is_known_when_the_shop_tells_it(context, ada, tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(SHOPIFY.replace("Name,", "Name,Id,").replace("#1001,", "#1001,5001,"), encoding="utf-8")
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(connection, ada.shop_id, [mug(1)], "EUR")
    assert import_orders_file(context, ada.shop_id, read_orders(path)).n_orders == 1
    with context.db.shop(ada.shop_id) as connection:
        recording.record_orders(connection, context.hasher, ada.shop_id, [order(1)])
        assert connection.execute(text("SELECT platform_order_id FROM orders")).all() == [("5001",)]


def test_what_no_database_can_store_stops_no_import(context, ada, tmp_path):
    path = write(
        tmp_path / "orders.csv",
        "1\0,c1,2024-01-01T10:00:00Z,9007199254741001,Blue mug,,2,12.00,EUR",
        "9" * 12_000 + ",c1,2024-01-01T10:00:00Z,9007199254741001,Blue mug,,2,12.00,EUR",
        "2,c1,2024-01-01T10:00:00Z,9007199254741001,Blue mug,,1000000,92233720368547758.00,EUR",
        "3,c1,2024-01-01T10:00:00Z,9007199254741001,Blue mug,,2,12.00,EUR",
    )
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(connection, ada.shop_id, [mug(1)], "EUR")
    done = import_orders_file(context, ada.shop_id, read_orders(path))
    assert (done.n_orders, [reject.line for reject in done.rejects]) == (1, [2, 3, 4])
