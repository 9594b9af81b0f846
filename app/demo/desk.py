"""What every part of the demo shop shares: lock, time, look-ups, telling apps. It decides nothing."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from app.demo import records
from app.demo.clock import ShopClock
from app.demo.live import Cart, Checkout, Discount, Event, NotFoundError, OutOfStockError, Theme
from app.demo.world import Customer, Line, Order, Product, Variant, World

# The shop's own number in Shopify's books; it stands in recovery links and compliance requests.
SHOP_ID = 72_548_380_009

MARKETING_STATES = frozenset({"subscribed", "not_subscribed", "pending", "unsubscribed"})

Listener = Callable[[Event], None]


@dataclass(slots=True)
class Action:
    """One thing somebody did: its moment, its id, and what apps will hear of it."""

    now: datetime
    # The same moment with the fraction of the second that records do not keep.
    triggered_at: datetime
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    events: list[Event] = field(default_factory=list)

    def tell(self, topic: str, body: dict[str, object], due_at: datetime | None = None) -> None:
        self.events.append(Event(topic, body, self.triggered_at, self.event_id, due_at))


class Desk:
    """One shop at one moment; a change is an `_action`, which locks, stamps and tells."""

    def __init__(self, world: World, clock: ShopClock | None = None, base_url: str = "") -> None:
        self.world = world
        self.clock = clock or ShopClock(world.starts_at)
        # Where the storefront is reached, without a slash at the end; in links and picture addresses.
        self.base_url = base_url.rstrip("/")
        self.lock = threading.RLock()
        self.carts: dict[str, Cart] = {}
        self.checkouts: dict[str, Checkout] = {}
        # cart token -> checkout token
        self._checkout_of: dict[str, str] = {}
        self.discounts: dict[int, Discount] = {}
        # order id -> (code, minor units taken off)
        self.order_discounts: dict[int, tuple[str, int]] = {}
        # (owner gid, namespace, key) -> the metafield as the API shows it
        self.metafields: dict[tuple[str, str, str], dict[str, object]] = {}
        # Keys of Search & Discovery's standard definitions; what has none is not shown in the storefront.
        self.metafield_definitions: set[str] = set()
        self.theme = Theme()
        self.listeners: list[Listener] = []
        self.shop_id = SHOP_ID
        self.contact_email = f"owner@{world.shop_domain.partition('.')[0]}.example"
        self._product_of = {v.id: (p, v) for p in world.products.values() for v in p.variants}
        self._customer_of = {c.email.lower(): c.id for c in world.customers.values() if c.email}
        self._orders_of: dict[int, list[int]] = {}
        for order in world.orders.values():
            self._note_order(order)
        # New orders go on counting where the history ends; Shopify's first is #1001.
        self._last_order_number = max((_number_in(o.name) for o in world.orders.values()), default=1000)

    # -- looking things up -------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The shop's time, to the second, as Shopify stamps its records."""
        return self.clock.now().replace(microsecond=0)

    def variant(self, variant_id: int) -> tuple[Product, Variant]:
        found = self._product_of.get(variant_id)
        if found is None:
            raise NotFoundError(f"there is no variant {variant_id} in this shop")
        return found

    def known_variant(self, variant_id: int) -> Variant | None:
        found = self._product_of.get(variant_id)
        return found[1] if found is not None else None

    def product_by_handle(self, handle: str) -> Product | None:
        return next((p for p in self.world.products.values() if p.handle == handle), None)

    def customer_by_email(self, email: str) -> Customer | None:
        return self.world.customers.get(self._customer_of.get(email.strip().lower(), 0))

    def orders_of(self, customer_id: int) -> list[Order]:
        """A customer's orders, oldest first."""
        found = [self.world.orders[n] for n in self._orders_of.get(customer_id, ()) if n in self.world.orders]
        return sorted(found, key=lambda o: (o.created_at, o.id))

    def product_url(self, product: Product) -> str:
        return f"{self.base_url}/products/{quote(product.handle)}"

    def picture_url(self, product: Product) -> str | None:
        """The storefront serves `/cdn/shop/files/<handle>.png`, which mail programs show too (SVG they do not)."""
        if product.picture_svg is None:
            return None
        version = int(product.created_at.timestamp())
        return f"{self.base_url}/cdn/shop/files/{quote(product.handle)}.png?v={version}"

    def cart(self, token: str | None) -> Cart | None:
        """The cart behind a token, with or without its `?key=`; None for an unknown or completed one."""
        return self.carts.get((token or "").partition("?")[0])

    def checkout(self, token: str) -> Checkout:
        found = self.checkouts.get(token)
        if found is None:
            raise NotFoundError(f"there is no checkout {token} in this shop")
        return found

    def checkout_of(self, cart_token: str) -> Checkout | None:
        return self.checkouts.get(self._checkout_of.get(cart_token, ""))

    def recover_url(self, checkout: Checkout) -> str:
        """The link Shopify puts in `abandoned_checkout_url`; `recover` answers it."""
        return f"{self.base_url}/{SHOP_ID}/checkouts/ac/{checkout.cart_token}/recover?key={checkout.key}"

    # -- shared by the parts -----------------------------------------------------------------------------

    @contextmanager
    def _action(self) -> Iterator[Action]:
        """Everything inside happens at one moment, and is told only if it went through.

        Listeners are called with the lock held, so that they hear of changes in order; they must only queue.
        """
        with self.lock:
            at = self.clock.now()
            action = Action(at.replace(microsecond=0), at)
            yield action
            for event in action.events:
                for listener in self.listeners:
                    listener(event)

    def _note_order(self, order: Order) -> None:
        if order.customer_id is not None:
            self._orders_of.setdefault(order.customer_id, []).append(order.id)

    def _product(self, product_id: int) -> Product:
        found = self.world.products.get(product_id)
        if found is None:
            raise NotFoundError(f"there is no product {product_id} in this shop")
        return found

    def _customer(self, customer_id: int) -> Customer:
        found = self.world.customers.get(customer_id)
        if found is None:
            raise NotFoundError(f"there is no customer {customer_id} in this shop")
        return found

    def _order(self, order_id: int) -> Order:
        found = self.world.orders.get(order_id)
        if found is None:
            raise NotFoundError(f"there is no order {order_id} in this shop")
        return found

    def _require_stock(self, product: Product, variant: Variant, n_wanted: int) -> None:
        if product.status != "active":
            raise OutOfStockError(f"{product.title} is not for sale at the moment")
        if variant.n_available is not None and n_wanted > variant.n_available:
            raise OutOfStockError(
                f"only {max(0, variant.n_available)} of {product.title} are left; {n_wanted} were asked for"
            )

    def _product_changed(self, product: Product, action: Action) -> None:
        product.updated_at = action.now
        action.tell("products/update", records.product(self, product))

    def _move_stock(self, line: Line, change: int) -> None:
        found = self._product_of.get(line.variant_id)
        if found is not None and found[1].n_available is not None:
            found[1].n_available += change

    def _tell_stock_change(self, lines: list[Line], action: Action) -> None:
        """An order is a products/update too: the inventory moved."""
        for product_id in dict.fromkeys(line.product_id for line in lines):
            if product_id in self.world.products:
                self._product_changed(self.world.products[product_id], action)

    def _set_consent(self, customer: Customer, state: str, action: Action) -> None:
        if state not in MARKETING_STATES:
            raise ValueError(
                f"marketing state is {state!r}; it is one of {', '.join(sorted(MARKETING_STATES))}"
            )
        if customer.marketing_state == state:
            return
        customer.marketing_state = state
        customer.consent_updated_at = customer.updated_at = action.now
        action.tell("customers_email_marketing_consent/update", records.consent(self, customer))
        action.tell("customers/update", records.customer(self, customer))

    def _new_customer(self, email: str, first_name: str, last_name: str, action: Action) -> Customer:
        customer = Customer(
            id=self.world.new_id(),
            email=email.strip(),
            first_name=first_name,
            last_name=last_name,
            locale=self.world.locale,
            marketing_state="not_subscribed",
            created_at=action.now,
            updated_at=action.now,
        )
        self.world.customers[customer.id] = customer
        self._customer_of[email.strip().lower()] = customer.id
        action.tell("customers/create", records.customer(self, customer))
        return customer


def _number_in(name: str) -> int:
    return int("".join(c for c in name if c in "0123456789") or 0)
