"""A small shop with habits of its own: families of four that are bought together, and customers who come back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np

from app.domain.catalog import Product, Variant
from app.domain.events import Customer, LineItem, Order
from app.domain.money import Money
from app.services import jobs, recording, training
from app.services.recommending import ShelfRequest, get_shelf
from tests.conftest import NOW

EARLY = datetime(2020, 1, 1, tzinfo=UTC)
N_FAMILIES, N_ORDERS, N_CUSTOMERS = 12, 400, 60


def stock(context, shop):
    """Fill the shop; every product's family is the first word of its title."""
    random = np.random.default_rng(7)
    orders = []
    for number in range(N_ORDERS):
        family = int(random.integers(0, N_FAMILIES))
        bought = random.choice(4, size=int(random.integers(2, 4)), replace=False)
        orders.append(
            order(
                number,
                [f"p{family}-{kind}" for kind in bought],
                customer=f"c{number % N_CUSTOMERS}",
                placed_at=NOW - timedelta(hours=6 * (N_ORDERS - number)),
            )
        )
    with context.db.shop(shop.shop_id) as connection:
        products = [product(f"p{f}-{k}", f"Family{f} kind{k}") for f in range(N_FAMILIES) for k in range(4)]
        recording.record_products(connection, shop.shop_id, products, "EUR")
        people = [customer(f"c{number}") for number in range(N_CUSTOMERS)]
        recording.record_customers(connection, context.hasher, shop.shop_id, people, NOW)
        recording.record_orders(connection, context.hasher, shop.shop_id, orders)
    return shop


def product(name, title):
    return Product(
        platform_product_id=name,
        handle=name,
        title=title,
        path=f"/products/{name}",
        source_updated_at=EARLY,
        variants=(Variant(platform_variant_id=f"v-{name}", price=Money(1000, "EUR")),),
    )


def customer(name):
    return Customer(platform_customer_id=name, source_updated_at=EARLY, email=f"{name}@example.com")


def order(number, products, *, customer=None, placed_at=NOW):
    return Order(
        platform_order_id=str(number),
        name=f"#{number}",
        placed_at=placed_at,
        source_updated_at=placed_at,
        total=Money(0, "EUR"),
        platform_customer_id=customer,
        email=f"{customer}@example.com" if customer else None,
        lines=tuple(
            LineItem(
                platform_product_id=name,
                platform_variant_id=f"v-{name}",
                title="",
                quantity=1,
                unit_price=Money(1000, "EUR"),
            )
            for name in products
        ),
    )


def place(context, shop, *orders):
    """Store orders as ingesting does, each seen for the first time."""
    with context.db.shop(shop.shop_id) as connection:
        recording.record_orders(connection, context.hasher, shop.shop_id, orders)


def run_training(context, shop):
    with context.db.shop(shop.shop_id) as connection:
        jobs.enqueue_job(connection, shop.shop_id, "training", NOW)
    ((_, job_id, _),) = [job for job in jobs.open_jobs(context) if job[2] == "training"]
    with jobs.lease(context, shop.shop_id, job_id) as job:
        assert job is not None
        return training.train(context, job)


def shelf(context, shop, name, n=12):
    """The products that a shopper sees beside one, best first."""
    request = ShelfRequest(shop.public_key, "product", (name,), limit=n)
    return [found["id"] for found in json.loads(get_shelf(context, request).body)["products"]][:n]
