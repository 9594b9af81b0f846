"""A person who asked to be forgotten is gone from every table and the inbox, and nothing brings them back."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.db.models import Base
from app.domain.events import (
    Cart,
    ConsentState,
    Customer,
    ErasureRequested,
    Order,
    OrderSeen,
    ShopErasureRequested,
)
from app.domain.money import Money
from app.platforms.base import Envelope
from app.services import ingesting, privacy, recording
from app.services.shops import every_shop, get_shop
from tests.conftest import NOW, make_shop
from tests.db.messaging_stage import CLEO, line, set_stage

HOME = "cleo@home.example"


@pytest.fixture
def erase(context, ada):
    def request(customer=None, email=None, orders=()):
        with context.db.shop(ada.shop_id) as connection:
            shop = get_shop(connection, ada.shop_id)
            return privacy.erase_person(context, connection, shop, ErasureRequested(customer, email, orders))

    return request


@pytest.fixture
def record(context, ada):
    """Record a customer, a cart or an order in Ada's shop."""

    def store(fact):
        with context.db.shop(ada.shop_id) as connection:
            if isinstance(fact, Customer):
                recording.record_customers(connection, context.hasher, ada.shop_id, [fact], NOW)
            elif isinstance(fact, Cart):
                recording.record_cart(connection, context.hasher, ada.shop_id, fact)
            else:
                recording.record_orders(connection, context.hasher, ada.shop_id, [fact])

    return store


@pytest.fixture
def fetch(context, ada):
    def rows(sql):
        with context.db.shop(ada.shop_id) as connection:
            return connection.execute(text(sql)).all()

    return rows


def customer(name, email):
    return Customer(platform_customer_id=name, source_updated_at=NOW, email=email, first_name="Cleo")


def checkout(token, *, email=None, customer=None):
    at = NOW - timedelta(hours=2)
    return Cart(
        cart_token=token,
        checkout_token=f"checkout-of-{token}",
        source_updated_at=at,
        created_at=at,
        lines=(line(),),
        is_checkout=True,
        currency="EUR",
        email=email,
        platform_customer_id=customer,
        recovery_url="https://ada-tea.example/recover?email=cleo",
    )


def order(name, *, email=None, customer=None, version=0):
    return Order(
        platform_order_id=name,
        name=f"#{name}",
        placed_at=NOW,
        source_updated_at=NOW + timedelta(minutes=version),
        total=Money(2580, "EUR"),
        lines=(line(),),
        email=email,
        platform_customer_id=customer,
    )


def deliver(context, shop, body, key, *, topic="themes/publish"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    envelope = Envelope(
        platform="shopify",
        shop_domain=shop.domain,
        topic=topic,  # nothing reads the usual one, so it is filed as it came
        dedupe_key=key,
        raw=raw,
        event_id=None,
        api_version=None,
        triggered_at=NOW,
        currency="EUR",
    )
    ingesting.accept(context, shop.shop_id, envelope)
    ingesting.process_shop(context, shop.shop_id)


def test_no_cart_brings_an_erased_customer_back(erase, record, fetch):
    record(customer("77", CLEO))
    erase(customer="77")
    record(checkout("same-address", email=CLEO, customer="77"))
    record(checkout("new-address", email=HOME, customer="77"))
    record(checkout("somebody-else", email="dan@example.com", customer="78"))
    known = "SELECT cart_token FROM carts WHERE {} IS NOT NULL"
    for name in ("email", "email_hash", "platform_customer_id", "recovery_url"):
        assert fetch(known.format(name)) == [("somebody-else",)], name


def test_a_person_is_forgotten_under_every_address_the_shop_has_for_them(context, ada, erase, record, fetch):
    stage = set_stage(context, ada.shop_id)
    stage.consent(HOME, ConsentState.SUBSCRIBED, days=3)
    record(customer("77", HOME))
    record(checkout("signed-in", email=CLEO, customer="77"))
    record(checkout("as-a-guest", email=HOME))
    assert stage.plan() == 2
    erase(email=CLEO)
    assert fetch("SELECT count(*) FROM consents") == [(0,)]
    assert fetch("SELECT DISTINCT recipient, state, reason FROM messages") == [(None, "skipped", "erased")]
    assert fetch("SELECT DISTINCT email, email_hash, platform_customer_id FROM carts") == [(None, None, None)]


def test_who_fills_carts_for_others_is_not_all_of_them(erase, record, fetch):
    """A sales assistant's account: the address of the cart that was asked about goes, the other buyer's stays."""
    record(customer("9", "assistant@ada-tea.example"))
    record(checkout("for-cleo", email=CLEO, customer="9"))
    record(customer("78", "dan@example.com"))
    record(checkout("of-dan", email="dan@example.com", customer="78"))
    erase(email=CLEO)
    assert fetch("SELECT email FROM customers") == [("dan@example.com",)]
    assert fetch("SELECT email FROM carts WHERE email IS NOT NULL") == [("dan@example.com",)]


def test_a_request_that_names_only_orders_forgets_their_buyer(erase, record, fetch):
    record(order("501", email=CLEO))
    record(order("502", email=CLEO))
    record(order("503", email="dan@example.com"))
    erase(orders=("501",))
    with_buyer = "SELECT platform_order_id FROM orders WHERE email_hash IS NOT NULL"
    assert fetch(with_buyer) == [("503",)]
    record(order("501", email=CLEO, version=5))
    assert fetch(with_buyer) == [("503",)]


@pytest.mark.parametrize(
    ("email", "body"),
    [
        ("cleo@example.com", {"email": "Cleo@Example.COM"}),
        ("zoë@example.com", {"email": "zo\u00eb@example.com"}),
        ("zoë@example.com", '{"email": "Zoë@example.com"}'.encode()),
        ("t&c@example.com", b'{"email": "t\\u0026c@example.com"}'),
        ("cleo@example.com", b'{"email": "CLEO@example.com", "note": "\xff\x00"}'),
    ],
    ids=["capitals", "escaped letters", "plain letters", "escaped ampersand", "bytes that are no text"],
)
def test_the_inbox_forgets_an_address_however_it_was_written(context, ada, erase, fetch, email, body):
    deliver(context, ada, body, "hers")
    deliver(context, ada, {"email": "dan@example.com"}, "his")
    assert erase(email=email)["counts"]["inbox"] == 1
    assert fetch("SELECT dedupe_key FROM deliveries WHERE raw = ''::bytea") == [("hers",)]


def test_the_inbox_forgets_a_customer_by_id(context, ada, erase, fetch):
    deliver(context, ada, {"customer": {"id": 9007199254740993}}, "hers")
    deliver(context, ada, {"customer": {"id": 9007199254740994}}, "his")
    erase(customer="9007199254740993")
    assert fetch("SELECT dedupe_key FROM deliveries WHERE raw = ''::bytea") == [("hers",)]


@pytest.mark.parametrize(
    ("body", "is_hers"),
    [
        ({"customer_id": 1}, True),
        ({"customer": {"id": "1", "first_name": "Cleo"}}, True),
        (b'{"admin_graphql_api_id":"gid:\\/\\/shopify\\/Customer\\/1"}', True),
        ({"customerIds": [7, 1]}, True),
        ({"customer_id": 10}, False),
        ({"customer_id": 21, "email": "p1@example.com"}, False),
        ({"customer_id": 7, "line_items": [{"quantity": 1, "price": "1.00", "at": "2026-1-1"}]}, False),
    ],
)
def test_the_inbox_knows_a_small_id_from_the_same_digits_elsewhere(context, ada, erase, fetch, body, is_hers):
    deliver(context, ada, body, "one")
    erase(customer="1")
    assert fetch("SELECT raw = ''::bytea FROM deliveries") == [(is_hers,)]


@pytest.fixture
def deliver_order(context, ada):
    def take(key):
        body = {
            "id": 501,
            "currency": "EUR",
            "created_at": "2026-11-20T09:00:00Z",
            "updated_at": "2026-11-20T09:00:00Z",
            "total_price": "12.00",
            "email": "cleo@example.com",
            "line_items": [],
        }
        deliver(context, ada, body, key, topic="orders/create")

    return take


def test_a_delivery_that_comes_after_its_person_was_erased_keeps_nothing_of_them(erase, fetch, deliver_order):
    erase(email="cleo@example.com")
    deliver_order("late")
    assert fetch("SELECT state, raw = ''::bytea FROM deliveries") == [("done", True)]


@pytest.mark.parametrize("n_failures", [1, ingesting.MAX_ATTEMPTS], ids=["then carried out", "then given up"])
def test_a_delivery_that_waited_while_its_person_was_erased_keeps_nothing_of_them(
    context, ada, clock, erase, fetch, deliver_order, monkeypatch, n_failures
):
    with monkeypatch.context() as patch:
        patch.setitem(ingesting.APPLY, OrderSeen, lambda *_: 1 / 0)
        deliver_order("hers")
        erase(email="cleo@example.com")
        for _ in range(n_failures - 1):
            clock.advance(hours=7)
            ingesting.process_shop(context, ada.shop_id)
    clock.advance(hours=7)
    ingesting.process_shop(context, ada.shop_id)
    state = "dead" if n_failures == ingesting.MAX_ATTEMPTS else "done"
    assert fetch("SELECT state, raw = ''::bytea FROM deliveries") == [(state, True)]


@pytest.mark.parametrize(
    ("state", "days_here", "is_erased"),
    [
        ("uninstalled", 1, True),
        ("connected", 30, False),
        ("needs_reconnect", 30, True),  # its uninstall was lost, and its tokens are dead
        ("needs_reconnect", 1, False),  # it came back after the uninstall that is meant
    ],
)
def test_a_shop_that_is_gone_is_erased_and_one_that_came_back_is_not(
    context, ada, record, fetch, state, days_here, is_erased
):
    record(customer("77", CLEO))
    with context.db.shop(ada.shop_id) as connection:
        values = {"state": state, "at": NOW - timedelta(days=days_here)}
        connection.execute(text("UPDATE shops SET state = :state, installed_at = :at"), values)
        shop = get_shop(connection, ada.shop_id)
        request = ShopErasureRequested(NOW)
        assert privacy.request_shop_erasure(context, connection, shop, request) is is_erased
    assert fetch("SELECT count(*) FROM customers") == [(0 if is_erased else 1,)]
    assert fetch("SELECT state FROM shops") == [("uninstalled" if is_erased else state,)]


@pytest.mark.parametrize(
    ("platform", "state", "days_ago", "is_erased"),
    [
        ("woocommerce", "uninstalled", 31, True),
        ("woocommerce", "uninstalled", 29, False),  # it may come back
        ("woocommerce", "connected", None, False),
        ("shopify", "uninstalled", 31, False),  # its platform asks for it, and knows when
    ],
)
def test_a_shop_that_left_is_erased_where_its_platform_never_asks(
    context, owner, platform, state, days_ago, is_erased
):
    shop = make_shop(context, "ada-tea.example", "Ada's Tea", platform=platform)
    with context.db.shop(shop.shop_id) as connection:
        recording.record_customers(connection, context.hasher, shop.shop_id, [customer("77", CLEO)], NOW)
        left_at = NOW - timedelta(days=days_ago) if days_ago else None
        connection.execute(
            text("UPDATE shops SET state = :s, uninstalled_at = :at"), {"s": state, "at": left_at}
        )
    assert shop.shop_id in every_shop(context.db)
    assert privacy.erase_if_left(context, shop.shop_id) is is_erased
    assert privacy.erase_if_left(context, shop.shop_id) is False  # once
    with owner.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM customers")).scalar() == (0 if is_erased else 1)


def test_a_shop_that_is_connected_again_at_the_same_moment_is_not_erased(context, owner):
    shop = make_shop(context, "ada-tea.example", "Ada's Tea", platform="woocommerce")
    with context.db.shop(shop.shop_id) as connection:
        recording.record_customers(connection, context.hasher, shop.shop_id, [customer("77", CLEO)], NOW)
        values = {"at": NOW - timedelta(days=31)}
        connection.execute(text("UPDATE shops SET state = 'uninstalled', uninstalled_at = :at"), values)
    with ThreadPoolExecutor(1) as worker:
        with context.db.shop(shop.shop_id) as connection:
            connection.execute(text("UPDATE shops SET state = 'connected', uninstalled_at = NULL"))
            erased = worker.submit(privacy.erase_if_left, context, shop.shop_id)
            while not n_waiting(owner):
                assert not erased.done()
        assert erased.result() is False
    with owner.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM customers")).scalar() == 1
        assert connection.execute(text("SELECT state FROM shops")).scalar() == "connected"


def n_waiting(owner):
    """Transactions that wait for another's lock."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with owner.connect() as connection:
        return connection.execute(text(statement)).scalar_one()


@pytest.mark.parametrize("state", ["connected", "needs_reconnect", "uninstalled"])
def test_what_has_served_its_time_goes_whether_or_not_the_shop_is_still_there(context, ada, record, state):
    record(replace(checkout("c1", email=CLEO), source_updated_at=NOW - timedelta(days=91), created_at=None))
    with context.db.shop(ada.shop_id) as connection:
        connection.execute(text("UPDATE shops SET state = :state"), {"state": state})
    done = [privacy.purge(context, shop_id)["carts"] for shop_id in every_shop(context.db)]
    assert done == [1]


# What stays of a shop that is erased, each for a reason: its empty row, which keeps a late webhook from making it anew;
# keyed hashes, which name nobody and keep an opt-out and a forgetting in force; and the way in of persons, who may have
# other shops.
KEPT = {"shops", "suppressions", "erasures", "sign_in_links", "person_sessions"}


def test_every_table_with_a_shop_in_it_is_emptied_with_the_shop_or_kept_for_a_reason():
    tables = {table.name for table in Base.metadata.sorted_tables if "shop_id" in table.columns}
    assert tables - set(privacy._SHOP_TABLES) == KEPT
