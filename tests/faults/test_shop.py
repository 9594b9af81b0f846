"""A shop in which webhooks are lost, doubled, shuffled and late, tokens live a minute and connections are cut.

The clock moves only where somebody would wait; `python -m benchmarks faults` is the same with 50,000 orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.demo.webhooks import Faults
from app.services.connecting import client_for
from app.services.context import Context
from app.services.ingesting import process_shop
from app.services.reconciling import DEEP, reconcile
from benchmarks.faults import run
from benchmarks.store import TOKEN_SECONDS, FaultyShop, open_faulty_shop
from benchmarks.world import make_world

pytestmark = pytest.mark.faults

NOTHING = {"products": 0, "customers": 0, "may be mailed": 0, "orders": 0, "carts bought": 0}


@pytest.fixture
def faulty(context: Context) -> Iterator[FaultyShop]:
    with open_faulty_shop(context, make_world(300)) as opened:
        yield opened


def test_after_one_reconciliation_regulars_knows_what_the_shop_knows(faulty: FaultyShop) -> None:
    faulty.shop.post.faults = replace(faulty.shop.post.faults, reset_share=0.2)
    told = run(faulty, n_live=40)
    assert told.n_imported_wrong == NOTHING
    assert told.n_before["products"] > 0
    assert told.n_after == NOTHING
    assert told.n_dead == 0
    # A call that is cut off six times in a row ends a reconciliation; this one is to look, not to be tried.
    faulty.shop.post.faults = Faults()
    assert reconcile(faulty.context, faulty.shop_id, DEEP) == dict.fromkeys(
        ("products", "customers", "orders", "removed"), 0
    )
    # The faults were there.
    sent = told.deliveries
    assert min(sent["dropped"], sent["doubled"], sent["late"], sent["connections cut"]) > 0
    assert any(each.status == "FAILED" for each in faulty.shop.bulk.operations.values())
    assert faulty.shop.office.n_refreshes > 0


def test_deletions_nobody_told_of_are_found(faulty: FaultyShop) -> None:
    faulty.install()
    faulty.run_import()
    store = faulty.store
    faulty.shop.post.faults = Faults(drop_share=1.0)
    world = store.world
    products, orders = sorted(world.products), sorted(world.orders)
    newsletter_only = [number for number in world.customers if not store.orders_of(number)]
    store.delete_product(products[0])
    for number in (orders[0], orders[150], orders[-1]):
        store.delete_order(number)
    store.delete_customer(newsletter_only[0])
    assert reconcile(faulty.context, faulty.shop_id)["removed"] == 5
    assert {kind: len(ids) for kind, ids in faulty.differences().items()} == NOTHING


def test_customers_made_one_are_one_after_a_reconciliation(faulty: FaultyShop) -> None:
    faulty.install()
    faulty.run_import()
    faulty.shop.post.faults = Faults(drop_share=1.0)
    buyers = [number for number in faulty.store.world.customers if faulty.store.orders_of(number)]
    n_orders = len(faulty.store.orders_of(buyers[0])) + len(faulty.store.orders_of(buyers[1]))
    faulty.hour.move(60)
    faulty.store.merge_customers(buyers[0], buyers[1])
    assert reconcile(faulty.context, faulty.shop_id)["removed"] == 1
    assert {kind: len(ids) for kind, ids in faulty.differences().items()} == NOTHING
    statement = "SELECT n_orders FROM customers WHERE platform_customer_id = :id"
    assert faulty.count(statement, id=str(buyers[0])) == sum(
        order.cancelled_at is None for order in faulty.store.orders_of(buyers[0])
    )
    assert len(faulty.store.orders_of(buyers[0])) == n_orders


def test_an_import_that_keeps_breaking_off_gives_up_for_now_and_holds_what_it_has(faulty: FaultyShop) -> None:
    faulty.install()
    faulty.shop.post.faults = Faults()
    with pytest.raises(RuntimeError, match="no end"):
        faulty.run_import(n_objects=40)
    assert faulty.count("SELECT count(*) FROM jobs WHERE state = 'failed' AND kind = 'import'") == 1
    # Forty parents come before any child: an order's file never holds one whole.
    assert faulty.count("SELECT count(*) FROM products") == 30
    assert faulty.count("SELECT count(*) FROM orders") == 40


def test_a_token_that_ends_before_its_time_is_renewed(faulty: FaultyShop) -> None:
    faulty.install()
    faulty.shop.office.expire_all()
    assert faulty.run_import() > 0
    assert faulty.count("SELECT count(*) FROM shops WHERE state = 'connected'") == 1


def test_twenty_workers_at_the_moment_a_token_ends_make_one_refresh(faulty: FaultyShop) -> None:
    faulty.install()
    faulty.shop.post.faults = Faults()
    n_before = faulty.shop.office.n_refreshes
    faulty.hour.move(TOKEN_SECONDS)
    # Twenty calls take a quarter of a second each, by one clock, and must not outlive the new token.
    faulty.shop.office.access_seconds = 3600
    with ThreadPoolExecutor(20) as pool:
        names = list(
            pool.map(lambda _: client_for(faulty.context, faulty.shop_id).profile().domain, range(20))
        )
    assert set(names) == {faulty.store.world.shop_domain}
    assert faulty.shop.office.n_refreshes == n_before + 1


def test_an_uninstall_sent_again_under_a_newer_moment_ends_nothing(faulty: FaultyShop) -> None:
    faulty.install()
    faulty.shop.post.faults = Faults()
    faulty.shop.uninstall()
    faulty.take_in(1)
    assert faulty.count("SELECT count(*) FROM shops WHERE state = 'uninstalled'") == 1
    (captured,) = [each for each in faulty.shop.post.log if each.topic == "app/uninstalled"]
    faulty.install()
    newer = {
        "X-Shopify-Webhook-Id": "another",
        "X-Shopify-Triggered-At": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }
    assert faulty.courier.deliver(captured.uri, captured.headers | newer, captured.raw).is_success
    faulty.take_in(1)
    process_shop(faulty.context, faulty.shop_id)
    assert faulty.count("SELECT count(*) FROM deliveries WHERE state <> 'done'") == 0
    assert faulty.count("SELECT count(*) FROM shops WHERE state = 'connected'") == 1
    assert faulty.count("SELECT count(*) FROM credentials") == 1


def test_an_uninstall_that_can_not_be_checked_now_waits(faulty: FaultyShop) -> None:
    faulty.install()
    faulty.shop.post.faults = Faults()
    faulty.shop.uninstall()
    faulty.shop.post.faults = Faults(reset_share=1.0)
    faulty.take_in(1)
    assert faulty.count("SELECT count(*) FROM deliveries WHERE state = 'received'") == 1
    assert faulty.count("SELECT count(*) FROM shops WHERE state = 'connected'") == 1
    faulty.shop.post.faults = Faults()
    faulty.take_in_all()
    assert faulty.count("SELECT count(*) FROM shops WHERE state = 'uninstalled'") == 1
