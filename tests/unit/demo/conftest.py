"""A tiny shop whose whole truth fits on a page, with a clock that a test moves by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.demo.clock import ShopClock
from app.demo.config import default_config
from app.demo.live import Event
from app.demo.serve import create_demo_app
from app.demo.shop import DemoShop
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
    for number, (title, price) in enumerate(
        [("Pasta", 299), ("Tomatoes", 349), ("Basil", 199), ("Pan", 4999)]
    ):
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
            world.new_id(),
            f"{first.lower()}@example.com",
            first,
            "Doe",
            "en",
            state,
            at,
            at,
            consent_updated_at=at,
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


SECRET = "shpss_0123456789abcdef0123456789abcdef"
# Nobody listens at port 9 (discard): what is sent to the app itself goes nowhere.
APP_URL = "http://127.0.0.1:9"
SCOPES = ("read_products", "read_orders", "read_customers", "write_discounts", "read_themes")


@pytest.fixture
def shop(store: DemoStore) -> Iterator[DemoShop]:
    """Not installed yet, and with no courier running."""
    config = replace(default_config("demo-client-id", SECRET, APP_URL), scopes=SCOPES)
    made = DemoShop(store, config)
    yield made
    made.close()


@pytest.fixture
def client(shop: DemoShop) -> FlaskClient:
    return create_demo_app(shop).test_client()


Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(shop: DemoShop, client: FlaskClient) -> Ask:
    """Asks the Admin API as the installed app, with every scope there is."""
    shop.install()
    token = shop.office.exchange(expiring=True, online=False)["access_token"]

    def asked(query: str, version: str = "2026-07", **variables: Any) -> dict[str, Any]:
        answer = client.post(
            f"/admin/api/{version}/graphql.json",
            json={"query": query, "variables": variables},
            headers={"X-Shopify-Access-Token": token},
        )
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.get_json()
        return told

    return asked


@dataclass
class Receiver:
    """A real HTTP server that keeps what it is sent and answers as told."""

    url: str = ""
    status: int = 200
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    has_news: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, n_requests: int, seconds: float = 120.0) -> None:
        with self.has_news:
            assert self.has_news.wait_for(lambda: len(self.requests) >= n_requests, seconds), len(
                self.requests
            )


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            with kept.has_news:
                kept.requests.append(({k.lower(): v for k, v in self.headers.items()}, raw))
                kept.has_news.notify_all()
            self.send_response(kept.status)
            if kept.status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_port}/hooks"
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def fast_clock(store: DemoStore) -> DemoStore:
    """An hour of the shop passes in a hundredth of a second, so that retries come at once."""
    store.clock = ShopClock(STARTS_AT, speed=360_000.0)
    return store
