"""The demo store with faults on and Regulars beside it, on one clock that moves only when somebody waits.

What takes a day here takes as long as its work does: a pause of either side, and every moment nobody works in,
moves the clock. The API is reached over real sockets; webhooks are handed to the application itself.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import requests
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.serving import make_server

from app import create_app
from app.clock import Clock
from app.demo.clock import ShopClock
from app.demo.config import from_toml
from app.demo.courier import Attempt, Courier
from app.demo.live import CheckoutClosedError, OutOfStockError
from app.demo.serve import QuietHandler, create_demo_app
from app.demo.shop import DemoShop
from app.demo.store import DemoStore
from app.demo.throttle import Bucket
from app.demo.webhooks import Faults
from app.demo.world import World
from app.platforms.base import PlatformError
from app.platforms.shopify import ShopifyPlatform
from app.platforms.shopify.graphql import new_session
from app.services import importing, jobs
from app.services.context import Context
from app.services.ingesting import LONGEST_PAUSE, MAX_ATTEMPTS, process_shop
from app.services.installing import open_session
from app.settings import ROOT
from benchmarks.truth import differences

SECRET = "shpss_0123456789abcdef0123456789abcdef"
APP_URL = "https://regulars.example"

# Issue 4: 5 % of the webhooks never come, 20 % come twice, and within ten minutes they overtake one another.
FAULTS = Faults(drop_share=0.05, double_share=0.20, shuffle_seconds=600.0, reset_share=0.05, seed=4)
LATE_SECONDS = 20 * 3600.0
# Of the webhooks that arrive, this share is taken and the answer is lost: they are sent again.
LOST_ANSWER_SHARE = 0.02
TOKEN_SECONDS = 60
# Changed to this at the end of the day, with no webhook of it. Minor units; no other price comes near.
UNHEARD_PRICE = 77_700
# What a call takes on its way.
CALL_SECONDS = 0.25
RESTORE_PER_SECOND = 100.0


@dataclass
class Hour:
    """The one clock. Waiting for it takes no time."""

    traveller: Any
    waited: Counter[str] = field(default_factory=Counter)

    def pause(self, seconds: float) -> None:
        """What Regulars does instead of sleeping."""
        self.waited["pauses"] += 1
        self.waited["seconds"] += seconds  # type: ignore[assignment]
        self.traveller.shift(seconds)

    def move(self, seconds: float) -> None:
        self.traveller.shift(seconds)


@dataclass
class Counted(requests.Session):
    """Counts what Regulars asks the shop, by what it asked for."""

    hour: Hour
    calls: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__init__()
        pool = new_session()
        self.headers, self.adapters = pool.headers, pool.adapters

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        what = "token" if url.endswith("/access_token") else "GraphQL" if "/api/" in url else "file"
        self.calls[what] += 1
        self.hour.move(CALL_SECONDS)
        try:
            return super().request(method, url, *args, **kwargs)
        except requests.RequestException:
            self.calls["broken off"] += 1
            raise


class Hands(Courier):
    """Hands deliveries to the application; now and then its answer is lost on the way back."""

    def __init__(self, web: FlaskClient, drawn: random.Random) -> None:
        super().__init__()
        self._web, self._drawn = web, drawn

    def deliver(self, uri: str, headers: dict[str, str], raw: bytes) -> Attempt:
        status = self._web.post(uri.removeprefix(APP_URL), data=raw, headers=headers).status_code
        return Attempt(None if self._drawn.random() < LOST_ANSWER_SHARE else status, 0.0)


@dataclass
class FaultyShop:
    """One shop in which everything goes wrong that may, and what Regulars knows of it."""

    shop: DemoShop
    context: Context
    hour: Hour
    session: Counted
    courier: Hands
    drawn: random.Random
    shop_id: int = 0

    @property
    def store(self) -> DemoStore:
        return self.shop.store

    # -- Regulars' work --------------------------------------------------------------------------------------

    def install(self) -> None:
        """The merchant presses Install, and opens the app until it stands."""
        self.shop.install()
        platform = self.context.platforms["shopify"]
        for _ in range(20):
            session = platform.verify_session(self.shop.new_id_token(), datetime.now(UTC))
            try:
                self.shop_id = open_session(self.context, "shopify", session)
                return
            except PlatformError:
                self.hour.move(10)
        raise RuntimeError("the app could not be installed")

    def run_import(self, n_objects: int | None = None) -> int:
        """Work at the import, as workers do, until it is done; returns how many attempts that took.

        Exports break off after `n_objects`; unless told, after so many that the orders need two or three.
        """
        self.shop.bulk.fail_after_objects = n_objects or 2 * len(self.store.world.orders)
        for n_attempts in range(20):
            waiting = [job for job in jobs.open_jobs(self.context) if job[2] == "import"]
            if not waiting:
                if self._is_done("import"):
                    return n_attempts
                self.hour.move(jobs.LEASE.total_seconds() + 1)
                continue
            shop_id, job_id, _ = waiting[0]
            try:
                with jobs.lease(self.context, shop_id, job_id) as job:
                    if job is not None:
                        importing.run_import(self.context, job)
            except PlatformError:
                self.hour.move(60)
        raise RuntimeError("the import came to no end")

    def take_in(self, seconds: float) -> None:
        """Let so much time pass while webhooks come in and are carried out."""
        self.hour.move(seconds)
        if self.shop.post.deliver_due():
            process_shop(self.context, self.shop_id)

    def take_in_all(self) -> None:
        """Until nothing is under way any more, the latest included."""
        while (seconds := self.shop.post.seconds_to_next()) is not None:
            self.take_in(max(1.0, seconds))
        for _ in range(MAX_ATTEMPTS):
            if not self.count("SELECT count(*) FROM deliveries WHERE state = 'received'"):
                return
            self.hour.move(LONGEST_PAUSE.total_seconds())
            process_shop(self.context, self.shop_id)

    def _is_done(self, kind: str) -> bool:
        return self.count("SELECT count(*) FROM jobs WHERE state = 'done' AND kind = :kind", kind=kind) > 0

    def count(self, statement: str, **values: object) -> int:
        with self.context.db.shop(self.shop_id) as connection:
            return int(connection.execute(text(statement), values).scalar_one())

    # -- the shop's life -------------------------------------------------------------------------------------

    def live(self, n_orders: int, hours: float) -> None:
        """Carts, checkouts, orders, and everything else that changes, spread over so many hours.

        However few the draws, one order's webhooks are late and one price's never come.
        """
        step = hours * 3600 / n_orders
        late_one = n_orders // 3
        for number in range(n_orders):
            faults = self.shop.post.faults
            if number == late_one:
                self.shop.post.faults = replace(faults, late_share=1.0, late_seconds=LATE_SECONDS)
            self._shopper(number)
            self.shop.post.faults = faults
            self._merchant()
            self.take_in(step)
        post = self.shop.post
        faults = post.faults
        post.faults = replace(faults, drop_share=1.0)
        self.store.update_product(next(iter(self.store.world.products)), price=UNHEARD_PRICE)
        post.faults = faults

    def _shopper(self, number: int) -> None:
        store, drawn = self.store, self.drawn
        token = None
        try:
            for product in drawn.sample(list(store.world.products.values()), drawn.randint(1, 3)):
                token = store.add_to_cart(token, product.variants[0].id, drawn.randint(1, 3)).token
            checkout = store.start_checkout(token or "")
            email = self._address(number)
            store.update_checkout(checkout.token, email, drawn.random() < 0.3, "Cleo", f"No. {number}")
            store.complete_checkout(checkout.token)
        except OutOfStockError:
            for product in store.world.products.values():
                if product.variants[0].n_available == 0:
                    store.set_stock(product.variants[0].id, 100)
        if drawn.random() < 0.2:  # another fills a cart, and leaves it
            variant = drawn.choice(list(store.world.products.values())).variants[0]
            if variant.n_available != 0:
                left = store.start_checkout(store.add_to_cart(None, variant.id).token)
                store.update_checkout(left.token, self._address(number + 1))

    def _address(self, number: int) -> str:
        known = self.drawn.choice(list(self.store.world.customers.values())).email
        return known if known and self.drawn.random() < 0.6 else f"new{number}@example.com"

    def _merchant(self) -> None:
        store, drawn = self.store, self.drawn
        world, luck = store.world, drawn.random()
        if luck < 0.05:
            store.cancel_order(drawn.choice(list(world.orders)))
        elif luck < 0.08:
            store.update_product(drawn.choice(list(world.products)), price=drawn.randint(500, 5000))
        elif luck < 0.10:
            store.set_stock(drawn.choice(list(world.products.values())).variants[0].id, drawn.randint(0, 50))
        elif luck < 0.15:
            store.set_marketing_state(
                drawn.choice(list(world.customers)), drawn.choice(["subscribed", "unsubscribed"])
            )
        elif luck < 0.16:
            store.delete_order(drawn.choice(list(world.orders)))
        elif luck < 0.165 and len(world.products) > 10:
            store.delete_product(drawn.choice(list(world.products)))
        elif luck < 0.17:
            try:
                store.delete_customer(drawn.choice(list(world.customers)))
            except CheckoutClosedError:  # has bought
                return

    def differences(self) -> dict[str, list[str]]:
        """Ids of what the shop and Regulars do not agree on, by kind."""
        with self.context.db.shop(self.shop_id) as connection:
            return differences(self.store, connection)


@contextmanager
def open_faulty_shop(context: Context, world: World, seed: int = 4) -> Iterator[FaultyShop]:
    """Open the shop, with its clock standing at its world's end; close everything at the end."""
    with ExitStack() as stack:
        hour = Hour(stack.enter_context(time_machine.travel(world.starts_at, tick=False)))
        store = DemoStore(world, ShopClock(world.starts_at))
        shop = DemoShop(store, from_toml(ROOT / "shopify.app.toml", "bench", SECRET, APP_URL))
        stack.callback(shop.close)
        shop.bulk.runs_at_once = True
        shop.bucket = Bucket(restore_per_second=RESTORE_PER_SECOND, real=time.time)
        shop.office.access_seconds = TOKEN_SECONDS
        shop.post.set_faults(FAULTS)
        server = make_server(
            "127.0.0.1", 0, create_demo_app(shop), threaded=True, request_handler=QuietHandler
        )
        store.base_url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        session = Counted(hour)
        stack.callback(session.close)
        platform = ShopifyPlatform(
            "bench",
            [SECRET.encode()],
            shop.config.scopes,
            shop.config.api_version,
            store.base_url,
            APP_URL,
            session=session,
            pause=hour.pause,
            seconds=time.time,
        )
        beside = replace(context, clock=Clock(), platforms={"shopify": platform})
        drawn = random.Random(seed)
        web = create_app(context=beside).test_client()
        courier = Hands(web, drawn)
        shop.post._new_courier = lambda: courier
        yield FaultyShop(shop, beside, hour, session, courier, drawn)
