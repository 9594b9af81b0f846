"""A tiny shop whose whole truth fits on a page, with a clock that a test moves by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.demo.clock import ShopClock
from app.demo.live import Event
from app.demo.store import DemoStore
from app.demo.world import Customer, Line, Order, Product, Variant, World

STARTS_AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SHOP = "corner-and-thyme.myshopify.com"


class Hand:
    """A real clock's hand that only a test moves."""

    def __init__(self) -> None:
        self.epoch_seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.epoch_seconds

    def move(self, seconds: float) -> None:
        self.epoch_seconds += seconds


def small_world() -> World:
    world = World("Corner & Thyme", SHOP, "EUR", "Europe/Dublin", "en", STARTS_AT)
    for number, (title, price) in enumerate([("Pasta", 299), ("Tomatoes", 349), ("Basil", 199), ("Pan", 4999)]):
        product = Product(
            id=world.new_id(),
            handle=title.lower(),
            title=title,
            vendor="Acme",
            product_type="Kitchen" if title == "Pan" else "Food",
            tags=["staple", "italian"],
            description=f"<p>{title}</p>",
            variants=[Variant(world.new_id(), "Default Title", price, sku=f"SKU-{number}", n_available=10)],
            created_at=STARTS_AT - timedelta(days=400),
            updated_at=STARTS_AT - timedelta(days=300 - number),
            picture_svg="<svg xmlns='http://www.w3.org/2000/svg'/>",
        )
        world.products[product.id] = product
    for first, state in [("Cleo", "subscribed"), ("Dan", "unsubscribed"), ("Eva", "not_subscribed")]:
        at = STARTS_AT - timedelta(days=200)
        customer = Customer(
            world.new_id(), f"{first.lower()}@example.com", first, "Doe", "en", state, at, at, consent_updated_at=at
        )
        world.customers[customer.id] = customer
    products = list(world.products.values())
    buyers = [*world.customers.values(), None]
    for n in range(8):
        at = STARTS_AT - timedelta(days=100 - 10 * n)
        buyer = buyers[n % 4]
        lines = [
            Line(world.new_id(), p.id, p.variants[0].id, n + 1, p.variants[0].price)
            for p in products[n % 3 : n % 3 + 2]
        ]
        order = Order(
            world.new_id(),
            f"#{1001 + n}",
            at,
            at,
            lines,
            buyer.id if buyer else None,
            buyer.email if buyer else None,
        )
        world.orders[order.id] = order
        if buyer:
            buyer.n_orders += 1
    return world


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def store(hand: Hand) -> DemoStore:
    return DemoStore(small_world(), ShopClock(STARTS_AT, real=hand), "http://127.0.0.1:4000")


@pytest.fixture
def events(store: DemoStore) -> list[Event]:
    heard: list[Event] = []
    store.listeners.append(heard.append)
    return heard
