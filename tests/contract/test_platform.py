"""What every store platform keeps to, tried against a running double of its shop over real HTTP."""

from __future__ import annotations

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.demo.clock import ShopClock
from app.demo.config import from_toml
from app.demo.serve import create_demo_app
from app.demo.shop import DemoShop
from app.demo.store import DemoStore
from app.demo.world import Customer, Line, Order, Product, Variant, World
from app.domain.events import (
    AppUninstalled,
    CartSeen,
    CommerceEvent,
    ConsentState,
    CustomerSeen,
    Kind,
    LookUp,
    OrderSeen,
    ProductRemoved,
    ProductSeen,
)
from app.domain.offers import Offer, spell
from app.domain.themelists import ListKind
from app.platforms.base import (
    CartRef,
    ConnectedShop,
    Credentials,
    Envelope,
    ForgedError,
    Hook,
    InstallCallback,
    InstallRefusedError,
    InstallRequest,
    NeedsReconnectError,
    Platform,
    ShopClient,
    StorefrontSetup,
    UnreadableError,
)
from app.platforms.extras import ExtrasClient, ThemeListChange, ThemeListRef
from app.platforms.shopify import ShopifyPlatform
from app.platforms.woocommerce import WooCommercePlatform
from app.settings import DEFAULT_SCOPES
from tests.fixtures import woocommerce_store
from tests.fixtures.woocommerce_store import WooStore
from tests.serving import served

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("products", "customers", "orders")


class Harness(ABC):
    """A platform beside a shop of its own, with what the contract does to that shop."""

    platform: Platform
    domain: str
    currency: str
    # A delivery as it was sent, oldest first.
    deliveries: list[tuple[Mapping[str, str], bytes]]
    n_products: int
    n_orders: int
    n_customers: int
    # Whether the platform's admin signs the merchant's way in; else merchants come by our own pages.
    signs_launches = True

    @abstractmethod
    def launch(self) -> Mapping[str, Sequence[str]]:
        """The signed query the merchant's browser arrives with."""

    @abstractmethod
    def grant(self, url: str, expected_state: str | None) -> InstallCallback:
        """Grant at the platform's own screen; the callback as our route would receive it."""

    @abstractmethod
    def put_in_cart(self) -> str:
        """A visitor puts one product in a new cart; its token."""

    @abstractmethod
    def leave_address(self, cart_token: str, email: str) -> str | None:
        """The visitor begins the checkout and leaves an address; the checkout's token."""

    @abstractmethod
    def buy(self, cart_token: str) -> None: ...

    @abstractmethod
    def change_product(self) -> None: ...

    @abstractmethod
    def remove_product(self) -> str:
        """Delete a product; its id."""

    @abstractmethod
    def uninstall(self) -> None: ...

    @abstractmethod
    def kill_tokens(self) -> None:
        """End every access and refresh token at the platform."""

    @abstractmethod
    def permitted(self) -> ExtrasClient:
        """A client with every permission that a feature may ask for."""

    @abstractmethod
    def coupon(self, code: str) -> tuple[int, int, datetime, bool] | None:
        """What the shop knows of a code: percent off, how often it works, its end, whether it names anybody."""

    # -- what follows from these -----------------------------------------------------------------------

    def buy_something(self) -> None:
        token = self.put_in_cart()
        self.leave_address(token, "cleo@example.com")
        self.buy(token)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def secrets(self, shop_domain: str) -> Sequence[bytes]:
        """Secrets of this one shop; none where the app's own signs for all."""
        return ()

    def gone_products(self, client: ShopClient) -> list[str]:
        """The products that deliveries say are gone; one that only rings the bell is looked up."""
        heard = self.heard()
        told = [event.platform_product_id for event in heard if isinstance(event, ProductRemoved)]
        bells = {event.platform_id for event in heard if isinstance(event, LookUp)}
        asked = [each for each in bells if client.look_up(Kind.PRODUCT, each) is None]
        return told + asked

    def install(self) -> Credentials:
        request = InstallRequest(
            self.launch(), "http://127.0.0.1:5100/install/shopify/callback", "a-nonce", self.now()
        )
        redirect = self.platform.begin_install(request)
        return self.platform.complete_install(self.grant(redirect.url, redirect.state))

    def client(self) -> ShopClient:
        token = self.install().access_token
        return self.platform.client(ConnectedShop(1, self.domain, lambda: token))

    def heard(self) -> list[CommerceEvent]:
        """Everything the deliveries so far say."""
        envelopes = [
            self.platform.open_envelope(headers, raw, self.secrets) for headers, raw in self.deliveries
        ]
        return [
            event
            for envelope in envelopes
            if isinstance(envelope, Envelope)
            for event in self.platform.read(replace(envelope, currency=self.currency))
        ]


class PlatformContract:
    """Subclass with a `harness` fixture; every test here is then that platform's too."""

    # -- installing ----------------------------------------------------------------------------------------

    def test_an_installation_ends_with_a_token_that_is_never_shown(self, harness):
        credentials = harness.install()
        assert credentials.shop_domain == harness.domain
        assert credentials.access_token
        assert credentials.access_token not in repr(credentials)
        if credentials.refresh_token:
            assert credentials.refresh_token not in repr(credentials)
            assert credentials.expires_at > harness.now()

    def test_a_launch_nobody_signed_is_forged(self, harness):
        query = dict(harness.launch())
        if not harness.signs_launches:
            query |= {"hmac": ["0"], "shop": [harness.domain]}
        for name, values in query.items():
            with pytest.raises(ForgedError):
                harness.platform.verify_launch({**query, name: [values[0] + "x"]}, harness.now())
        with pytest.raises(ForgedError):
            harness.platform.verify_launch({}, harness.now())

    def test_a_launch_names_the_shop(self, harness):
        if not harness.signs_launches:
            with pytest.raises(ForgedError):
                harness.platform.verify_launch(harness.launch(), harness.now())
            return
        assert harness.platform.verify_launch(harness.launch(), harness.now()) == harness.domain

    def test_another_browsers_callback_installs_nothing(self, harness):
        request = InstallRequest(
            harness.launch(), "http://127.0.0.1:5100/install/shopify/callback", "a-nonce", harness.now()
        )
        redirect = harness.platform.begin_install(request)
        for state in (None, "", "another-nonce"):
            with pytest.raises((InstallRefusedError, ForgedError)):
                harness.platform.complete_install(harness.grant(redirect.url, state))

    def test_a_token_can_be_renewed_until_its_pair_is_dead(self, harness):
        credentials = harness.install()
        if credentials.refresh_token is None:
            return  # this platform's tokens do not end
        fresh = harness.platform.refresh(harness.domain, credentials.refresh_token, harness.now())
        assert fresh.access_token != credentials.access_token
        harness.kill_tokens()
        with pytest.raises(NeedsReconnectError):
            harness.platform.refresh(harness.domain, fresh.refresh_token, harness.now())

    # -- webhooks ------------------------------------------------------------------------------------------

    def test_a_delivery_is_an_envelope_and_a_changed_one_is_forged(self, harness):
        harness.client()
        harness.put_in_cart()
        headers, raw = harness.deliveries[-1]
        envelope = harness.platform.open_envelope(headers, raw, harness.secrets)
        assert (envelope.platform, envelope.shop_domain, envelope.raw) == (
            harness.platform.name,
            harness.domain,
            raw,
        )
        for changed in (raw + b" ", raw[:-1], b""):
            with pytest.raises(ForgedError):
                harness.platform.open_envelope(headers, changed, harness.secrets)

    def test_a_repeated_delivery_has_the_same_key_and_another_fact_another(self, harness):
        harness.client()
        token = harness.put_in_cart()
        harness.leave_address(token, "cleo@example.com")
        keys = [
            harness.platform.open_envelope(headers, raw, harness.secrets).dedupe_key
            for headers, raw in harness.deliveries
        ]
        again = [
            harness.platform.open_envelope(headers, raw, harness.secrets).dedupe_key
            for headers, raw in harness.deliveries
        ]
        assert keys == again
        assert len(set(keys)) == len(keys) >= 2

    # Every platform's class runs this one method.
    @settings(
        max_examples=50,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(raw=st.binary(max_size=200))
    def test_any_body_is_read_or_refused_under_every_topic(self, harness, raw):
        if not harness.deliveries:
            harness.client()
            harness.buy_something()
        for headers, sent in harness.deliveries:
            envelope = harness.platform.open_envelope(headers, sent, harness.secrets)
            with contextlib.suppress(UnreadableError):
                harness.platform.read(replace(envelope, raw=raw))

    def test_a_visit_from_cart_to_purchase_is_understood(self, harness):
        client = harness.client()
        token = harness.put_in_cart()
        checkout_token = harness.leave_address(token, "cleo@example.com")
        harness.buy(token)
        heard = harness.heard()
        assert heard == harness.heard()  # reading is pure
        carts = [event.cart for event in heard if isinstance(event, CartSeen)]
        (order,) = {event.order for event in heard if isinstance(event, OrderSeen)}
        assert {cart.cart_token for cart in carts} == {token}
        assert any(
            cart.is_checkout and cart.email == "cleo@example.com" and cart.recovery_url for cart in carts
        )
        assert (order.email, order.cart_token, order.checkout_token) == (
            "cleo@example.com",
            token,
            checkout_token,
        )
        assert order.total.currency == harness.currency
        assert [line.quantity for line in order.lines] == [1]
        exported = {each.platform_order_id: each for each in client.orders()}
        assert exported[order.platform_order_id] == replace(
            order, landing_path=exported[order.platform_order_id].landing_path
        )

    def test_a_changed_product_reads_the_same_from_a_webhook_and_from_the_api(self, harness):
        client = harness.client()
        harness.change_product()
        (product,) = [event.product for event in harness.heard() if isinstance(event, ProductSeen)]
        asked = {each.platform_product_id: each for each in client.products()}
        assert asked[product.platform_product_id] == product

    def test_a_removed_product_says_so(self, harness):
        client = harness.client()
        removed = harness.remove_product()
        assert harness.gone_products(client) == [removed]

    def test_an_uninstall_says_when(self, harness):
        harness.client()
        harness.uninstall()
        (event,) = [event for event in harness.heard() if isinstance(event, AppUninstalled)]
        assert event.happened_at.tzinfo is not None

    def test_a_new_customer_is_heard_of(self, harness):
        harness.client()
        harness.leave_address(harness.put_in_cart(), "newcomer@example.com")
        customers = [event.customer for event in harness.heard() if isinstance(event, CustomerSeen)]
        assert "newcomer@example.com" in {customer.email for customer in customers}

    # -- the client ----------------------------------------------------------------------------------------

    def test_the_profile_names_the_shop_and_its_money(self, harness):
        profile = harness.client().profile()
        assert (profile.domain, profile.currency) == (harness.domain, harness.currency)

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_export_holds_what_the_pages_hold_and_is_counted(self, harness, kind):
        client = harness.client()
        handle = client.begin_export(kind)
        _wait_until(lambda: client.export_state(handle).is_ready)
        exported = list(client.read_export(kind, handle))
        paged = list(getattr(client, kind)())
        assert sorted(map(repr, exported)) == sorted(map(repr, paged))
        assert client.count(kind) == len(exported) == getattr(harness, f"n_{kind}")
        assert list(client.read_export(kind, handle)) == exported
        assert list(client.read_export(kind, handle, n_skip=1)) == exported[1:]

    @pytest.mark.parametrize("kind", KINDS)
    def test_changes_since_a_moment_hold_every_later_one(self, harness, kind):
        client = harness.client()
        everything = sorted(getattr(client, kind)(), key=lambda each: each.source_updated_at)
        since = everything[len(everything) // 2].source_updated_at
        expected = {repr(each) for each in everything if each.source_updated_at >= since}
        assert expected <= {repr(each) for each in getattr(client, kind)(since)}
        assert list(getattr(client, kind)(everything[-1].source_updated_at + timedelta(days=2))) == []

    def test_consent_is_the_platforms_word(self, harness):
        states = {customer.email: customer.consent.state for customer in harness.client().customers()}
        assert states["cleo@example.com"] is ConsentState.SUBSCRIBED
        assert states["dan@example.com"] is ConsentState.UNSUBSCRIBED

    @pytest.mark.parametrize("known_by", ["cart", "checkout", "email", "customer"])
    def test_a_purchase_is_seen_by_whatever_the_buyer_is_known_by(self, harness, known_by):
        client = harness.client()
        token = harness.put_in_cart()
        checkout_token = harness.leave_address(token, "cleo@example.com")
        (cleo,) = [each for each in client.customers() if each.email == "cleo@example.com"]
        since = max(order.source_updated_at for order in client.orders()) + timedelta(hours=1)
        ref = {
            "cart": CartRef(cart_token=token),
            "checkout": CartRef(cart_token="another", checkout_token=checkout_token),
            "email": CartRef(cart_token="another", email="CLEO@example.com"),
            "customer": CartRef(cart_token="another", platform_customer_id=cleo.platform_customer_id),
        }[known_by]
        stranger = CartRef(cart_token="another", checkout_token="another", email="dan@example.com")
        assert not client.has_ordered(ref, since)
        harness.buy(token)
        assert client.has_ordered(ref, since)
        assert not client.has_ordered(stranger, since)

    def test_subscriptions_are_made_once(self, harness):
        client = harness.client()
        first, second = client.ensure_webhooks(), client.ensure_webhooks()
        assert second.repaired == ()
        assert set(first.subscribed) == set(second.subscribed)
        assert first.refused == {}

    def test_the_storefront_is_dark_until_the_merchant_switches_it_on(self, harness):
        client = harness.client()
        client.publish_setup(StorefrontSetup(public_key="a-public-key", shop_name="Ada's"))
        status = client.storefront_status()
        assert status.is_embedded is not True
        assert status.placement_url.startswith("http")

    def test_a_dead_token_needs_the_merchant(self, harness):
        client = harness.client()
        harness.kill_tokens()
        with pytest.raises(NeedsReconnectError):
            client.profile()

    def test_only_the_shop_and_its_platform_may_frame_the_admin(self, harness):
        assert harness.platform.frame_ancestors(None) == ("'none'",)
        ancestors = harness.platform.frame_ancestors(harness.domain)
        assert ancestors
        assert not [each for each in ancestors if "*" in each or each in ("https:", "http:")]

    def test_a_cart_link_leads_into_the_shop_with_the_product(self, harness):
        assert harness.platform.cart_link("https://ada.example", [("11", 2), ("12", 1)]).startswith(
            "https://ada.example/"
        )
        link = harness.platform.cart_link("https://ada.example", [("11", 2)])
        assert link.startswith("https://ada.example/")
        assert "11" in link

    # -- features that a merchant switches on --------------------------------------------------------------

    def test_codes_work_once_end_together_name_nobody_and_are_taken_away(self, harness):
        codes = harness.permitted().codes
        now = harness.now().replace(microsecond=0)
        offer = Offer(percent=15, starts_at=now, ends_at=now + timedelta(days=7))
        first, second, third = (spell(number) for number in (1, 2, 3))
        discount = codes.open(offer, first)
        assert codes.open(offer, first) == discount  # its answer was lost
        assert sorted(codes.add(discount, [second, first, third])) == sorted([second, third])
        for code in (first, second, third):
            assert codes.is_live(discount, code)
            assert harness.coupon(code) == (15, 1, offer.ends_at, False)
        assert not codes.is_live(discount, spell(4))
        codes.close(discount)
        codes.close(discount)
        for code in (first, second, third):
            assert not codes.is_live(discount, code)
            assert harness.coupon(code) is None

    @pytest.mark.parametrize("kind", list(ListKind))
    def test_a_list_is_written_where_it_stands_as_seen_and_put_back(self, harness, kind):
        client = harness.permitted()
        lists = client.theme_lists
        lists.prepare()
        lists.prepare()
        mug, bowl, plate = sorted(each.platform_product_id for each in client.products())
        ref = ThemeListRef(mug, kind)
        empty = lists.read([mug])[ref]
        assert empty.found.is_empty
        assert lists.write([ThemeListChange(ref, (bowl, plate), empty.mark)]) == {}
        ours = lists.read([mug, "999"])
        assert {each.platform_product_id for each in ours} == {mug}
        assert ours[ref].found.product_ids == (bowl, plate)
        other = next(each for each in ListKind if each is not kind)
        assert ours[ThemeListRef(mug, other)].found.is_empty
        # Seen before somebody changed it: it stays as it stands.
        assert list(lists.write([ThemeListChange(ref, (plate,), empty.mark)])) == [ref]
        assert lists.read([mug])[ref].found.product_ids == (bowl, plate)
        assert lists.write([ThemeListChange(ref, None, ours[ref].mark)]) == {}
        assert lists.read([mug])[ref].found.is_empty


def _wait_until(is_so, seconds: float = 30.0) -> None:
    ends_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends_at
        threading.Event().wait(0.01)


# -- Shopify, played by the demo store -----------------------------------------------------------------------

STARTS_AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECRET = "shpss_0123456789abcdef0123456789abcdef"


def _world() -> World:
    """Three products, one of them with two variants; Cleo subscribed, Dan did not; six orders."""
    world = World("Ada's", "ada.myshopify.com", "EUR", "Europe/Athens", "en", STARTS_AT)
    for number, title in enumerate(["Mug", "Bowl", "Plate"]):
        at = STARTS_AT - timedelta(days=60 - number)
        variants = [
            Variant(world.new_id(), name, 1290 + 100 * number, sku=f"SKU-{number}-{name}", n_available=10)
            for name in (["Blue", "Red"] if title == "Mug" else ["Default Title"])
        ]
        product = Product(
            world.new_id(),
            title.lower(),
            title,
            "Ada",
            "Crockery",
            ["clay", "blue"],
            "",
            variants,
            at,
            at,
            "<svg xmlns='http://www.w3.org/2000/svg'/>",
        )
        world.products[product.id] = product
    for number, (name, state) in enumerate([("cleo", "subscribed"), ("dan", "unsubscribed")]):
        at = STARTS_AT - timedelta(days=50 - number)
        customer = Customer(
            world.new_id(),
            f"{name}@example.com",
            name.title(),
            "Doe",
            "en",
            state,
            at,
            at,
            consent_updated_at=at,
        )
        world.customers[customer.id] = customer
    people, products = list(world.customers.values()), list(world.products.values())
    for number in range(6):
        at = STARTS_AT - timedelta(days=40 - number)
        sold = [products[number % 3], products[(number + 1) % 3]]
        lines = [
            Line(world.new_id(), each.id, each.variants[0].id, 1 + number, each.variants[0].price)
            for each in sold
        ]
        buyer = people[number % 2]
        order = Order(world.new_id(), f"#{1001 + number}", at, at, lines, buyer.id, buyer.email)
        world.orders[order.id] = order
    return world


class ShopifyHarness(Harness):
    def __init__(self, shop: DemoShop) -> None:
        self.shop, self.store = shop, shop.store
        self.domain, self.currency = self.store.world.shop_domain, self.store.world.currency
        self.platform = ShopifyPlatform(
            "demo-client-id",
            [SECRET.encode()],
            DEFAULT_SCOPES.split(","),
            "2026-07",
            self.store.base_url,
            "http://127.0.0.1:5100",
        )
        self.n_products, self.n_customers, self.n_orders = 3, 2, 6

    @property
    def deliveries(self) -> list[tuple[Mapping[str, str], bytes]]:
        return [(delivery.headers, delivery.raw) for delivery in self.shop.post.log]

    def launch(self) -> Mapping[str, Sequence[str]]:
        return {name: [value] for name, value in self.shop.launch_query(embedded=False).items()}

    def grant(self, url: str, expected_state: str | None) -> InstallCallback:
        form = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        answer = requests.post(url.partition("?")[0], data=form, allow_redirects=False, timeout=60)
        assert answer.status_code == 302
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        return InstallCallback(query, expected_state, form["redirect_uri"], self.now())

    def put_in_cart(self) -> str:
        variant = next(iter(self.store.world.products.values())).variants[0]
        return self.store.add_to_cart(None, variant.id).token

    def leave_address(self, cart_token: str, email: str) -> str | None:
        checkout = self.store.start_checkout(cart_token)
        self.store.update_checkout(checkout.token, email)
        return checkout.token

    def buy(self, cart_token: str) -> None:
        checkout = self.store.checkout_of(cart_token)
        assert checkout is not None
        self.store.complete_checkout(checkout.token)

    def change_product(self) -> None:
        product = list(self.store.world.products.values())[1]
        self.store.update_product(product.id, title="A deeper bowl")

    def remove_product(self) -> str:
        product = list(self.store.world.products.values())[2]
        self.store.delete_product(product.id)
        return str(product.id)

    def uninstall(self) -> None:
        self.shop.uninstall()

    def kill_tokens(self) -> None:
        self.shop.office.uninstall()

    def permitted(self) -> ExtrasClient:
        scopes = [*DEFAULT_SCOPES.split(","), "write_products", "write_discounts"]
        self.platform = ShopifyPlatform(
            "demo-client-id",
            [SECRET.encode()],
            scopes,
            "2026-07",
            self.store.base_url,
            "http://127.0.0.1:5100",
        )
        return self.client()

    def coupon(self, code: str) -> tuple[int, int, datetime, bool] | None:
        for discount in self.store.discounts.values():
            if code in discount.codes:
                off = round((discount.percentage or 0) * 100)
                return off, discount.usage_limit, discount.ends_at, bool(discount.customer_ids)
        return None


class TestShopify(PlatformContract):
    @pytest.fixture
    def harness(self) -> Iterator[ShopifyHarness]:
        store = DemoStore(_world(), ShopClock(STARTS_AT))
        config = from_toml(ROOT / "shopify.app.toml", "demo-client-id", SECRET, "http://127.0.0.1:5100")
        shop = DemoShop(store, config)
        with served(create_demo_app(shop)) as store.base_url:
            yield ShopifyHarness(shop)
        shop.close()

    def test_a_cart_link_holds_all_that_was_in_the_cart(self, harness):
        link = harness.platform.cart_link("https://ada.example", [("11", 2), ("12", 1)])
        assert link == "https://ada.example/cart/11:2,12:1"


# -- WooCommerce, played by a double that behaves as measured ------------------------------------------------


class WooCommerceHarness(Harness):
    signs_launches = False
    currency = "GBP"
    n_products, n_customers, n_orders = 3, 2, 6

    def __init__(self, store: WooStore) -> None:
        self.store = store
        self.domain = urlsplit(store.base_url).netloc
        self.platform = WooCommercePlatform("http://127.0.0.1:5100", allows_local=True)
        self.hook = Hook("a-token-of-its-own", "a-secret-of-its-own")
        self.drafts: dict[str, int] = {}
        self.client().ensure_webhooks()

    @property
    def deliveries(self) -> list[tuple[Mapping[str, str], bytes]]:
        return [(delivery.headers, delivery.raw) for delivery in self.store.deliveries]

    def secrets(self, shop_domain: str) -> Sequence[bytes]:
        return (self.hook.secret.encode(),) if shop_domain == self.domain else ()

    def launch(self) -> Mapping[str, Sequence[str]]:
        return {"store": [self.store.base_url]}

    def grant(self, url: str, expected_state: str | None) -> InstallCallback:
        keys, _ = self.store.approve(url)
        query = {name: [str(value)] for name, value in keys.items()}
        return InstallCallback(query, expected_state, "", self.now(), shop_domain=self.domain)

    def client(self) -> ShopClient:
        token = self.install().access_token
        return self.platform.client(ConnectedShop(1, self.domain, lambda: token, hook=lambda: self.hook))

    def put_in_cart(self) -> str:
        token = f"cart-token-number-{len(self.drafts)}"
        mug = next(iter(self.store.products.values()))
        line = {"product_id": mug["id"], "variation_id": 0, "quantity": 1, "line_total": mug["price"]}
        self.store.send_cart(token, [line])
        return token

    def leave_address(self, cart_token: str, email: str) -> str | None:
        known = {row["email"]: row for row in self.store.customers.values()}
        buyer = known.get(email) or self.store.add_customer(email)
        mug = next(iter(self.store.products.values()))
        meta = [{"id": 1, "key": "_regulars_cart_token", "value": cart_token}]
        draft = self.store.add_order(
            "checkout-draft", email, mug, created_via="store-api", customer_id=buyer["id"], meta_data=meta
        )
        self.drafts[cart_token] = draft["id"]
        return f"order-{draft['id']}"

    def buy(self, cart_token: str) -> None:
        row = self.store.orders[self.drafts[cart_token]]
        self.store.change_order(row["id"], status="processing")
        self.store.emit("order", "created", row)  # after the update, as block checkouts do

    def change_product(self) -> None:
        self.store.change_product(list(self.store.products)[1], name="A deeper bowl")

    def remove_product(self) -> str:
        number = list(self.store.products)[2]
        self.store.trash_product(number)
        return str(number)

    def uninstall(self) -> None:
        self.store.send_plugin("regulars_shop", "disconnected", {"disconnected_at": self.now().isoformat()})

    def kill_tokens(self) -> None:
        self.store.keys.clear()

    def permitted(self) -> ExtrasClient:
        return self.client()

    def coupon(self, code: str) -> tuple[int, int, datetime, bool] | None:
        for row in self.store.coupons.values():
            if row["code"] == code.lower():
                ends_at = datetime.fromisoformat(row["date_expires_gmt"]).replace(tzinfo=UTC)
                names_anybody = bool(row.get("email_restrictions"))
                return int(row["amount"]), row["usage_limit"], ends_at, names_anybody
        return None


class TestWooCommerce(PlatformContract):
    @pytest.fixture
    def harness(self) -> Iterator[WooCommerceHarness]:
        store = WooStore()
        with woocommerce_store.running(store):
            yield WooCommerceHarness(woocommerce_store.stocked(store, datetime.now(UTC)))
