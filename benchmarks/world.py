"""An invented shop of any size: what it sells, who buys there, what they bought. The same seed makes the same shop."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from app.demo.world import Customer, Line, Order, Product, Variant, World

STARTS_AT = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
HISTORY = timedelta(days=730)
DOMAIN = "faulty.myshopify.com"


def make_world(n_orders: int, seed: int = 4) -> World:
    """A shop with so many orders in two years, a fifth as many customers, and a product for each hundred orders."""
    drawn = random.Random(seed)
    world = World("Faulty", DOMAIN, "EUR", "Europe/Athens", "en", STARTS_AT)
    n_products, n_customers = max(30, n_orders // 100), max(20, n_orders // 5)
    begins_at = STARTS_AT - HISTORY
    for number in range(n_products):
        product = Product(
            world.new_id(), f"thing-{number}", f"Thing {number}", "Ada", "Things", ["thing"], "",
            [_variant(world, number, drawn)], begins_at, begins_at,
        )  # fmt: skip
        world.products[product.id] = product
    for number in range(n_customers):
        state = drawn.choice(["subscribed", "unsubscribed", "not_subscribed"])
        consent_at = None if state == "not_subscribed" else begins_at
        customer = Customer(
            world.new_id(), f"Buyer{number}@example.com", f"Cleo {number}", "Doe", "en", state, begins_at, begins_at,
            consent_updated_at=consent_at,
        )  # fmt: skip
        world.customers[customer.id] = customer
    products, customers = list(world.products.values()), list(world.customers.values())[n_customers // 10 :]
    for number in range(n_orders):
        at = begins_at + timedelta(seconds=number * HISTORY.total_seconds() // n_orders)
        buyer = drawn.choice(customers) if drawn.random() < 0.8 else None
        lines = [
            Line(world.new_id(), p.id, p.variants[0].id, drawn.randint(1, 4), p.variants[0].price)
            for p in drawn.sample(products, drawn.randint(1, 4))
        ]
        order = Order(
            world.new_id(),
            f"#{1001 + number}",
            at,
            at,
            lines,
            buyer.id if buyer else None,
            buyer.email if buyer else None,
        )
        world.orders[order.id] = order
    return world


def _variant(world: World, number: int, drawn: random.Random) -> Variant:
    """Every other product runs out now and then."""
    n_available = drawn.choice([40, 100_000])
    return Variant(
        world.new_id(), "Default Title", drawn.randint(300, 9000), f"S-{number}", n_available=n_available
    )
