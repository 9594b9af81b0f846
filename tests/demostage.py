"""A demo shop behind real HTTP, with the app connected to it: for what only the other end can tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert, text

from app.clock import real_now
from app.db.models import Model, RecommendationList
from app.demo.clock import ShopClock
from app.demo.config import from_toml
from app.demo.serve import create_demo_app
from app.demo.shop import DemoShop
from app.demo.store import DemoStore
from app.demo.world import Product, Variant, World
from app.platforms.base import ConnectedShop, Credentials
from app.platforms.shopify import ShopifyPlatform
from app.platforms.shopify.client import ShopifyClient
from app.services.connecting import client_for, save_credentials
from app.services.context import Context
from app.services.installing import store_shop
from app.services.recording import record_products
from app.settings import DEFAULT_SCOPES
from tests.conftest import NOW, TEST_KEYS
from tests.serving import served

CLIENT_ID, SECRET = TEST_KEYS["shopify_api_key"], TEST_KEYS["shopify_api_secret"]
APP_URL = "http://127.0.0.1:5100"
TOML = Path(__file__).resolve().parents[1] / "shopify.app.toml"


@dataclass
class DemoStage:
    """The shop at Shopify's end, and its row at ours."""

    shop: DemoShop
    context: Context
    shop_id: int

    @property
    def store(self) -> DemoStore:
        return self.shop.store

    @property
    def client(self) -> ShopifyClient:
        found = client_for(self.context, self.shop_id)
        assert isinstance(found, ShopifyClient)
        return found

    def allow(self, *scopes: str) -> None:
        """The merchant grants exactly these beside the required ones."""
        self.shop.office.change_scopes([*self.shop.config.scopes, *scopes])

    def publish(self, lists: dict[str, dict[int, list[int]]]) -> int:
        """A new model whose lists are these: strategy → the shop's product → products."""
        with self.context.db.shop(self.shop_id) as connection:
            rows = connection.execute(text("SELECT platform_product_id, product_id FROM products"))
            ours = {int(row[0]): row[1] for row in rows}
            connection.execute(text("UPDATE models SET state = 'retired'"))
            now = self.context.clock.now()
            values = {"shop_id": self.shop_id, "state": "published", "card": {}, "trained_at": now}
            model_id: int = connection.execute(
                insert(Model).values(**values, published_at=now).returning(Model.model_id)
            ).scalar_one()
            for strategy, by_product in lists.items():
                for product, listed in by_product.items():
                    connection.execute(
                        insert(RecommendationList).values(
                            shop_id=self.shop_id,
                            model_id=model_id,
                            strategy=strategy,
                            subject_id=ours[product],
                            product_ids=[ours[each] for each in listed],
                            scores=[1.0] * len(listed),
                            evidence=[],
                        )
                    )
        return model_id


@contextmanager
def open_demo_stage(context: Context, n_products: int, app_url: str = APP_URL) -> Iterator[DemoStage]:
    """A shop of `n_products`, ids 1 to n, installed with the required scopes only."""
    world = World("Ada's Tea", "ada-tea.myshopify.com", "EUR", "Europe/Athens", "en", NOW)
    for number in range(1, n_products + 1):
        world.products[number] = _product(number)
    store = DemoStore(world, ShopClock(NOW))
    shop = DemoShop(store, from_toml(TOML, CLIENT_ID, SECRET, app_url))
    with served(create_demo_app(shop)) as store.base_url:
        try:
            yield _connected(context, shop, app_url)
        finally:
            shop.close()


def _product(number: int) -> Product:
    return Product(
        id=number,
        handle=f"tea-{number}",
        title=f"Tea {number}",
        vendor="Ada",
        product_type="Tea",
        tags=[],
        description="",
        variants=[Variant(100_000 + number, "Default Title", 990, n_available=10)],
        created_at=NOW - timedelta(days=400),
        updated_at=NOW - timedelta(days=400),
    )


def _connected(context: Context, shop: DemoShop, app_url: str) -> DemoStage:
    shop.install(with_optional=False)
    scopes = DEFAULT_SCOPES.split(",")
    platform = ShopifyPlatform(CLIENT_ID, [SECRET.encode()], scopes, "2026-07", shop.store.base_url, app_url)
    context = replace(context, platforms={"shopify": platform})
    told = shop.office.exchange(expiring=True, online=False)
    credentials = Credentials(
        shop_domain=shop.store.world.shop_domain,
        access_token=str(told["access_token"]),
        refresh_token=str(told["refresh_token"]),
        scopes=tuple(scopes),
        expires_at=real_now() + timedelta(hours=1),
    )
    visitor = ConnectedShop(0, credentials.shop_domain, lambda: credentials.access_token)
    shop_id = store_shop(context, "shopify", platform.client(visitor).profile())
    with context.db.shop(shop_id) as connection:
        save_credentials(context, connection, shop_id, credentials, real_now())
    products = list(client_for(context, shop_id).products())
    with context.db.shop(shop_id) as connection:
        record_products(connection, shop_id, products, "EUR", is_complete=True)
    return DemoStage(shop, context, shop_id)
