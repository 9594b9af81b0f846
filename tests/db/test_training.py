"""On the demo's own history, where the right answers were planted, training finds and publishes them."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from app.demo.shoppers import build_world
from app.domain.catalog import Product, Variant
from app.domain.events import Customer, LineItem, Order
from app.domain.money import Money
from app.services import jobs, recording, training
from app.services.recommending import ShelfRequest, explain, get_shelf
from app.services.shops import get_shop
from tests.conftest import NOW

EARLY = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def world():
    return build_world(seed=7, ends_at=NOW)


@pytest.fixture
def stocked(context, ada, world):
    """Ada's shop with the demo's catalogue, customers and orders."""
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(
            connection, ada.shop_id, [product_of(p) for p in world.products.values()], "EUR"
        )
        recording.record_customers(
            connection, context.hasher, ada.shop_id, [customer_of(c) for c in world.customers.values()], NOW
        )
        recording.record_orders(
            connection, context.hasher, ada.shop_id, [order_of(o) for o in world.orders.values()]
        )
    return ada


def product_of(product):
    return Product(
        platform_product_id=str(product.id),
        handle=product.handle,
        title=product.title,
        path=f"/products/{product.handle}",
        vendor=product.vendor,
        category=product.product_type,
        tags=tuple(product.tags),
        is_published=product.status == "active",
        is_gift_card=product.product_type == "Gift card",
        source_updated_at=EARLY,
        variants=tuple(
            Variant(
                platform_variant_id=str(variant.id),
                price=Money(variant.price, "EUR"),
                n_available=variant.n_available,
                is_available=variant.n_available is None or variant.n_available > 0,
            )
            for variant in product.variants
        ),
    )


def customer_of(customer):
    return Customer(platform_customer_id=str(customer.id), source_updated_at=EARLY, email=customer.email)


def order_of(order):
    return Order(
        platform_order_id=str(order.id),
        name=order.name,
        placed_at=order.created_at,
        source_updated_at=order.updated_at,
        total=Money(0, "EUR"),
        platform_customer_id=str(order.customer_id) if order.customer_id else None,
        email=order.email,
        lines=tuple(
            LineItem(
                platform_product_id=str(line.product_id),
                platform_variant_id=str(line.variant_id),
                title="",
                quantity=line.quantity,
                unit_price=Money(line.price, "EUR"),
            )
            for line in order.lines
        ),
    )


def run_training(context, shop):
    with context.db.shop(shop.shop_id) as connection:
        jobs.enqueue_job(connection, shop.shop_id, "training", NOW)
    ((_, job_id, _),) = [job for job in jobs.open_jobs(context) if job[2] == "training"]
    with jobs.lease(context, shop.shop_id, job_id) as job:
        assert job is not None
        return training.train(context, job)


def shelf_of(context, shop, product_id, **more):
    import json

    seeds = (str(product_id),) if product_id else ()
    request = ShelfRequest(shop.public_key, "product", seeds, **more)
    return json.loads(get_shelf(context, request).body)


def test_every_planted_companion_is_among_the_first_four(context, stocked, world):
    trained = run_training(context, stocked)
    assert trained.is_published, trained.reason
    wrong = {}
    for product_id, companions in world.planted_companions.items():
        found = [int(product["id"]) for product in shelf_of(context, stocked, product_id)["products"][:4]]
        missing = [companion for companion in companions if companion not in found]
        if missing:
            wrong[product_id] = missing
    assert wrong == {}
    with context.db.shop(stocked.shop_id) as connection:
        seed, companions = next(iter(world.planted_companions.items()))
        explained = explain(connection, get_shop(connection, stocked.shop_id), str(seed))
        best = explained.reasons[0]
        assert int(best.card.platform_product_id) in companions
        assert 0 < best.n_together <= best.n_baskets
        assert f"together in {best.n_together} of {best.n_baskets} baskets" in best.in_words

    # A second model takes the first one's place as a whole, and can be taken back.
    again = run_training(context, stocked)
    assert again.model_id != trained.model_id
    assert training.roll_back(context, stocked.shop_id) == trained.model_id
    assert shelf_of(context, stocked, seed)["list_id"].startswith(f"m{trained.model_id}.")


def test_a_shop_with_nothing_learns_nothing_and_says_so(context, ada):
    trained = run_training(context, ada)
    assert (trained.n_orders, trained.n_lists) == (0, 0)
    assert trained.reason
    assert shelf_of(context, ada, 0)["products"] == []


def test_before_anything_is_learned_the_shelf_is_filled_with_what_came_last(context, ada, world):
    some = [product_of(p) for p in list(world.products.values())[:6]]
    with context.db.shop(ada.shop_id) as connection:
        recording.record_products(connection, ada.shop_id, some, "EUR")
    answer = shelf_of(context, ada, some[0].platform_product_id)
    assert answer["strategy"] == "newest"
    assert some[0].platform_product_id not in [product["id"] for product in answer["products"]]
    assert len(answer["products"]) == sum(
        p.is_available and p.is_published and not p.is_gift_card for p in some[1:]
    )


def test_cancelled_test_and_deleted_orders_teach_nothing(context, stocked, world):
    with context.db.shop(stocked.shop_id) as connection:
        before = training.read_evidence(connection, stocked.shop_id)
        connection.execute(text("UPDATE orders SET cancelled_at = placed_at WHERE order_id % 3 = 0"))
        connection.execute(text("UPDATE orders SET is_test = true WHERE order_id % 3 = 1"))
        connection.execute(text("UPDATE orders SET removed_at = placed_at WHERE order_id % 3 = 2"))
        after = training.read_evidence(connection, stocked.shop_id)
    assert before.history.n_orders > 3000
    assert after.history.n_rows == 0
