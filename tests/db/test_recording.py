"""Facts are recorded by their own version: order, repetition and delay change nothing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.domain.catalog import Product, Variant
from app.domain.events import Cart, Consent, ConsentState, Customer, LineItem, Order
from app.domain.money import Money
from app.services import recording
from app.services.applying import Scene, take_orders
from app.services.shops import get_shop
from tests.conftest import NOW


def at(minutes):
    return NOW + timedelta(minutes=minutes)


def euro(cents):
    return Money(cents, "EUR")


def mug(version, *, price=1200, n_available=3, title="Blue mug", variants=1):
    return Product(
        platform_product_id="9007199254741001",
        handle="blue-mug",
        title=title,
        path="/products/blue-mug",
        tags=("blue", 'a "quoted", tag', "back\\slash"),
        source_updated_at=at(version),
        variants=tuple(
            Variant(
                platform_variant_id=str(9007199254742001 + index),
                price=euro(price + 100 * index),
                n_available=n_available,
                is_available=n_available > 0,
                position=index,
            )
            for index in range(variants)
        ),
    )


def order(version, *, cancelled=False, quantity=1):
    return Order(
        platform_order_id="5001",
        name="#1001",
        placed_at=at(0),
        source_updated_at=at(version),
        total=euro(1200 * quantity),
        lines=(
            LineItem(
                platform_product_id="9007199254741001",
                platform_variant_id="9007199254742001",
                title="Blue mug",
                quantity=quantity,
                unit_price=euro(1200),
            ),
        ),
        platform_customer_id="7001",
        email="Cleo@Example.com ",
        cart_token="cart-1",
        cancelled_at=at(version) if cancelled else None,
    )


def rows(context, shop, statement):
    with context.db.shop(shop.shop_id) as connection:
        return [dict(row) for row in connection.execute(text(statement)).mappings()]


@pytest.mark.parametrize("arrival", list(permutations([1, 2, 3])))
def test_the_newest_description_of_a_product_holds_in_whatever_order_they_come(context, ada, arrival):
    for version in (*arrival, *arrival):
        with context.db.shop(ada.shop_id) as connection:
            recording.record_products(connection, ada.shop_id, [mug(version, price=1000 + version)], "EUR")
    (product,) = rows(context, ada, "SELECT title, price, tags, sole_variant_id, is_available FROM products")
    assert product == {
        "title": "Blue mug",
        "price": 1003,
        "tags": ["blue", 'a "quoted", tag', "back\\slash"],
        "sole_variant_id": "9007199254742001",
        "is_available": True,
    }
    assert rows(context, ada, "SELECT price FROM variants") == [{"price": 1003}]


def test_of_two_changes_within_a_second_the_complete_description_has_the_last_word(context, ada):
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(connection, ada.shop_id, [mug(1, n_available=3)], "EUR")
        last = mug(1, n_available=2)
        assert recording.record_products(connection, ada.shop_id, [last], "EUR") == []
        assert len(recording.record_products(connection, ada.shop_id, [last], "EUR", is_complete=True)) == 1
        assert recording.record_products(connection, ada.shop_id, [last], "EUR", is_complete=True) == []
        assert connection.execute(text("SELECT n_available FROM variants")).scalar() == 2


def test_a_complete_description_of_the_same_version_corrects_what_a_webhook_could_not_tell(context, ada):
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(connection, ada.shop_id, [mug(1, n_available=0)], "EUR")
        assert recording.record_products(connection, ada.shop_id, [mug(1)], "EUR") == []
        assert len(recording.record_products(connection, ada.shop_id, [mug(1)], "EUR", is_complete=True)) == 1
        assert recording.record_products(connection, ada.shop_id, [mug(1)], "EUR", is_complete=True) == []
    assert rows(context, ada, "SELECT is_available FROM products") == [{"is_available": True}]


def test_variants_that_are_gone_go_and_a_product_of_several_has_no_sole_one(context, ada):
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(connection, ada.shop_id, [mug(1, variants=3)], "EUR")
        recording.record_products(connection, ada.shop_id, [mug(2, variants=2)], "EUR")
    assert len(rows(context, ada, "SELECT 1 FROM variants")) == 2
    (product,) = rows(context, ada, "SELECT sole_variant_id, price_varies, price FROM products")
    assert product == {"sole_variant_id": None, "price_varies": True, "price": 1200}


def test_a_removed_product_stays_removed_for_a_late_description_and_returns_for_a_newer_one(context, ada):
    with context.db.shop(ada.shop_id) as connection:
        assert recording.remove_product(connection, ada.shop_id, "9007199254741001", at(5))
        assert recording.record_products(connection, ada.shop_id, [mug(4)], "EUR") == []
        assert len(recording.record_products(connection, ada.shop_id, [mug(6)], "EUR")) == 1
    assert rows(context, ada, "SELECT removed_at FROM products") == [{"removed_at": None}]


def test_titles_in_any_script_and_with_any_mark_come_back_as_they_were(context, ada):
    title = 'Κούπα «γαλάζια»\t☕\\N {a,"b"}\nİstanbul\r'
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(connection, ada.shop_id, [mug(1, title=title)], "EUR")
    assert rows(context, ada, "SELECT title FROM products") == [{"title": title}]


def test_an_orders_address_is_kept_as_a_hash_only(context, ada):
    with context.db.shop(ada.shop_id) as connection:
        (recorded,) = recording.record_orders(connection, context.hasher, ada.shop_id, [order(1)])
    assert recorded.email_hash == context.hasher.email(ada.shop_id, "cleo@example.com")
    dump = str(rows(context, ada, "SELECT to_jsonb(o)::text AS o FROM orders o"))
    assert "cleo" not in dump.lower()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrival=st.lists(st.integers(1, 5), min_size=1, max_size=12))
def test_any_order_and_repetition_of_versions_ends_in_the_newest(context, ada, arrival):
    with context.db.shop(ada.shop_id) as connection:
        connection.execute(text("DELETE FROM orders"))
    for version in arrival:
        with context.db.shop(ada.shop_id) as connection:
            recording.record_orders(
                connection,
                context.hasher,
                ada.shop_id,
                [order(version, quantity=version, cancelled=version == 5)],
            )
    newest = max(arrival)
    (stored,) = rows(context, ada, "SELECT total, cancelled_at IS NOT NULL AS is_cancelled FROM orders")
    assert stored == {"total": 1200 * newest, "is_cancelled": newest == 5}
    assert rows(context, ada, "SELECT quantity FROM order_lines") == [{"quantity": newest}]


def test_a_deleted_order_does_not_come_back_with_a_late_copy(context, ada):
    with context.db.shop(ada.shop_id) as connection:
        recording.remove_order(connection, ada.shop_id, "5001", at(9))
        assert recording.record_orders(connection, context.hasher, ada.shop_id, [order(10)]) == []


def cart(version, *, quantity=1, is_checkout=False, email=None):
    return Cart(
        cart_token="cart-1",
        source_updated_at=at(version),
        lines=order(1, quantity=quantity).lines,
        is_checkout=is_checkout,
        checkout_token="checkout-1" if is_checkout else None,
        email=email,
        recovery_url="https://ada-tea.example/recover" if is_checkout else None,
        currency="EUR" if is_checkout else None,
        total=euro(1200 * quantity) if is_checkout else None,
    )


CART_FACTS = [
    cart(1),
    cart(2, quantity=2, is_checkout=True, email="Cleo@example.com"),
    cart(3, quantity=3),
]


@pytest.mark.parametrize("arrival", list(permutations(CART_FACTS)))
def test_a_cart_and_its_checkout_meet_in_one_row_in_whatever_order_they_come(context, ada, arrival):
    for fact in (*arrival, *arrival):
        with context.db.shop(ada.shop_id) as connection:
            recording.record_cart(connection, context.hasher, ada.shop_id, fact)
    (stored,) = rows(
        context,
        ada,
        "SELECT email, checkout_token, recovery_url, state, last_activity_at,"
        " lines->0->>'quantity' AS quantity FROM carts",
    )
    assert stored == {
        "email": "cleo@example.com",
        "checkout_token": "checkout-1",
        "recovery_url": "https://ada-tea.example/recover",
        "state": "open",
        "last_activity_at": at(3),
        "quantity": "3",
    }


def test_a_cart_and_its_order_carried_out_at_the_same_moment_end_ordered(context, ada):
    order_is_in, cart_waits = threading.Event(), threading.Event()

    def take_order():
        with context.db.shop(ada.shop_id) as connection:
            scene = Scene(context, connection, get_shop(connection, ada.shop_id))
            take_orders(scene, [order(1)])
            order_is_in.set()
            cart_waits.wait(5)

    def take_cart():
        order_is_in.wait(5)
        with context.db.shop(ada.shop_id) as connection:
            connection.execute(text("SELECT 1"))
            cart_waits.set()
            recording.record_cart(connection, context.hasher, ada.shop_id, cart(2))

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(take_order), pool.submit(take_cart)]:
            done.result()
    assert rows(context, ada, "SELECT state FROM carts") == [{"state": "ordered"}]


def test_a_cart_whose_order_came_first_is_closed_from_the_start(context, ada):
    with context.db.shop(ada.shop_id) as connection:
        recording.record_orders(connection, context.hasher, ada.shop_id, [order(1)])
        recording.record_cart(connection, context.hasher, ada.shop_id, cart(2, is_checkout=True))
    assert rows(context, ada, "SELECT state FROM carts") == [{"state": "ordered"}]


def cleo(version, *, state=None, changed=None):
    return Customer(
        platform_customer_id="7001",
        source_updated_at=at(version),
        email="Cleo@Example.com",
        first_name="Cleo",
        consent=Consent(state=state, changed_at=at(changed)) if state else None,
    )


def test_orders_known_before_their_customer_are_counted_when_the_customer_comes(context, ada):
    with context.db.shop(ada.shop_id) as connection:
        recording.record_orders(connection, context.hasher, ada.shop_id, [order(1)])
        recording.record_customers(connection, context.hasher, ada.shop_id, [cleo(2)], NOW)
    assert rows(context, ada, "SELECT n_orders, last_order_at, email FROM customers") == [
        {"n_orders": 1, "last_order_at": at(0), "email": "cleo@example.com"}
    ]


@pytest.mark.parametrize("end", ["cancelled", "deleted"])
def test_whose_only_order_is_cancelled_or_deleted_has_none(context, ada, end):
    with context.db.shop(ada.shop_id) as connection:
        scene = Scene(context, connection, get_shop(connection, ada.shop_id))
        recording.record_customers(connection, context.hasher, ada.shop_id, [cleo(0)], NOW)
        take_orders(scene, [order(1)])
        if end == "cancelled":
            take_orders(scene, [order(2, cancelled=True)])
        else:
            recording.remove_order(connection, ada.shop_id, "5001", at(2))
    assert rows(context, ada, "SELECT n_orders, first_order_at, last_order_at FROM customers") == [
        {"n_orders": 0, "first_order_at": None, "last_order_at": None}
    ]


def test_each_change_of_permission_is_kept_once(context, ada):
    said = [
        cleo(1, state=ConsentState.SUBSCRIBED, changed=1),
        cleo(2, state=ConsentState.UNSUBSCRIBED, changed=2),
    ]
    for customer in (*said, *said):
        with context.db.shop(ada.shop_id) as connection:
            recording.record_customers(connection, context.hasher, ada.shop_id, [customer], NOW)
    states = rows(context, ada, "SELECT state FROM consents ORDER BY changed_at")
    assert [row["state"] for row in states] == ["subscribed", "unsubscribed"]
