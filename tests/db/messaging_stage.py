"""Sets the scene for mails: shops with flows switched on, shoppers with carts, a platform that answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, text

from app.domain.catalog import Product, Variant
from app.domain.events import Cart, Consent, ConsentState, Customer, LineItem, Order
from app.domain.flows import FlowKind
from app.domain.money import Money
from app.domain.policy import MailPolicy, SenderPolicy, ShopPolicy
from app.mail.smtp import SmtpTransport
from app.mail.transports import read_smtp_url
from app.platforms.base import CartRef, PlatformError, ShopClient
from app.services import consenting, messaging, recording
from app.services.context import Context
from app.services.shops import get_shop, save_policy
from tests.conftest import NOW
from tests.fixtures.smtp_server import Fault, patience_with

CLEO = "cleo@example.com"
DAN = "dan@example.com"
POSTAL_ADDRESS = "1 Harbour Street\n10557 Athens"


@dataclass(slots=True)
class PlatformSays:
    """The live check's other end: who has ordered, or what goes wrong; it counts the questions."""

    has_ordered_now: bool = False
    error: PlatformError | None = None
    questions: list[tuple[CartRef, datetime]] = field(default_factory=list)
    # Runs while the platform is being asked: the moment between the decision and the hand-over.
    meanwhile: Callable[[], None] = lambda: None

    def has_ordered(self, cart: CartRef, since: datetime) -> bool:
        self.questions.append((cart, since))
        self.meanwhile()
        if self.error:
            raise self.error
        return self.has_ordered_now

    def client_for(self, _context: Context, _shop_id: int) -> ShopClient:
        return self  # type: ignore[return-value]


@dataclass(slots=True)
class Stage:
    """One shop with its flows on."""

    context: Context
    shop_id: int
    platform: PlatformSays = field(default_factory=PlatformSays)

    @property
    def now(self) -> datetime:
        return self.context.clock.now()

    def hash_of(self, email: str) -> bytes:
        return self.context.hasher.email(self.shop_id, email)

    def set_policy(self, **changes: Any) -> None:
        with self.context.db.shop(self.shop_id) as connection:
            policy = get_shop(connection, self.shop_id).policy
            save_policy(connection, self.shop_id, replace(policy, **changes))

    def consent(self, email: str, state: ConsentState, **before: float) -> None:
        consent = Consent(state=state, changed_at=self.now - timedelta(**before))
        with self.context.db.shop(self.shop_id) as connection:
            consenting.record_consent(connection, self.shop_id, self.hash_of(email), consent, self.now)

    def customer(self, name: str, email: str, *, country: str = "GR") -> None:
        person = Customer(
            platform_customer_id=name,
            source_updated_at=self.now,
            email=email,
            first_name=name.capitalize(),
            country=country,
        )
        with self.context.db.shop(self.shop_id) as connection:
            recording.record_customers(connection, self.context.hasher, self.shop_id, [person], self.now)

    def product(
        self, product_id: str, title: str, *, price: int = 1290, forms: Iterable[str] = ("Default Title",)
    ) -> None:
        """A product on sale; its first form is the variant `v{product_id}`, each later one a euro dearer."""
        variants = tuple(
            Variant(
                platform_variant_id=f"v{product_id}{n or ''}",
                title=form,
                price=Money(price + 100 * n, "EUR"),
                position=n,
            )
            for n, form in enumerate(forms)
        )
        product = Product(
            platform_product_id=product_id,
            handle=title.lower().replace(" ", "-"),
            title=title,
            path=f"/products/{title.lower().replace(' ', '-')}",
            image_url=f"https://cdn.example/{product_id}.png",
            source_updated_at=self.now,
            variants=variants,
        )
        with self.context.db.shop(self.shop_id) as connection:
            recording.record_products(connection, self.shop_id, [product], "EUR")

    def cart(
        self,
        token: str = "cart-1",
        email: str | None = CLEO,
        *,
        lines: Iterable[LineItem] | None = None,
        recovery_url: str | None = None,
        updated_at: datetime | None = None,
        created_at: datetime | None = None,
    ) -> int:
        """A checkout that was last touched at `updated_at`, two hours ago by default."""
        at = updated_at or self.now - timedelta(hours=2)
        cart = Cart(
            cart_token=token,
            source_updated_at=at,
            created_at=created_at or at,
            lines=tuple(line() for _ in range(1)) if lines is None else tuple(lines),
            is_checkout=True,
            checkout_token=f"checkout-of-{token}",
            currency="EUR",
            email=email,
            recovery_url=recovery_url,
        )
        with self.context.db.shop(self.shop_id) as connection:
            cart_id = recording.record_cart(connection, self.context.hasher, self.shop_id, cart)
        assert cart_id is not None
        return cart_id

    def order(
        self,
        name: str = "1001",
        *,
        email: str | None = CLEO,
        customer: str | None = None,
        cart_token: str | None = None,
        placed_at: datetime | None = None,
        lines: Iterable[LineItem] = (),
        is_test: bool = False,
    ) -> int:
        """An order as ingesting takes it: stored, mails stopped, credit given, in one transaction."""
        at = placed_at or self.now
        order = Order(
            platform_order_id=name,
            name=f"#{name}",
            placed_at=at,
            source_updated_at=at,
            total=Money(2580, "EUR"),
            lines=tuple(lines) or (line(),),
            platform_customer_id=customer,
            email=email,
            cart_token=cart_token,
            is_test=is_test,
        )
        with self.context.db.shop(self.shop_id) as connection:
            (found,) = recording.record_orders(connection, self.context.hasher, self.shop_id, [order])
            if customer:
                recording.refresh_order_counts(connection, self.shop_id, [customer])
            messaging.stop_for_order(
                connection,
                self.shop_id,
                cart_token=order.cart_token,
                checkout_token=None,
                email_hash=found.email_hash,
                platform_customer_id=found.platform_customer_id,
                placed_at=at,
                now=self.now,
            )
            messaging.attribute_order(connection, self.shop_id, found.order_id)
        return found.order_id

    def plan(self) -> int:
        return messaging.plan_abandoned_carts(self.context, self.shop_id, self.now)

    def send(self, limit: int = 50, **options: Any) -> messaging.Tally:
        options.setdefault("client_for", self.platform.client_for)
        return messaging.send_due(self.context, self.shop_id, self.now, limit, **options)

    def message(self, message_id: int | None = None) -> RowMapping:
        """The only message, or the one of that id."""
        with self.context.db.shop(self.shop_id) as connection:
            where = "WHERE message_id = :id" if message_id else ""
            rows = connection.execute(text(f"SELECT * FROM messages {where}"), {"id": message_id})
            return rows.mappings().one()

    def states(self) -> dict[str, int]:
        with self.context.db.shop(self.shop_id) as connection:
            rows = connection.execute(text("SELECT state, count(*) FROM messages GROUP BY state"))
            return {row[0]: row[1] for row in rows}

    def fetch(self, sql: str, **values: Any) -> list[RowMapping]:
        with self.context.db.shop(self.shop_id) as connection:
            return list(connection.execute(text(sql), values).mappings())

    def run(self, sql: str, **values: Any) -> None:
        with self.context.db.shop(self.shop_id) as connection:
            connection.execute(text(sql), values)


def line(
    product: str = "p1", title: str = "Blue mug", *, quantity: int = 2, list_id: str | None = None
) -> LineItem:
    return LineItem(
        platform_product_id=product,
        platform_variant_id=f"v{product}",
        title=title,
        quantity=quantity,
        unit_price=Money(1290, "EUR"),
        list_id=list_id,
    )


def set_stage(context: Context, shop_id: int, **policy: Any) -> Stage:
    """Switch both flows on, with an address, nobody held out and Cleo's permission."""
    stage = Stage(context, shop_id)
    defaults = {
        "mail": MailPolicy(holdout_share=0.0),
        "sender": SenderPolicy(postal_address=POSTAL_ADDRESS),
    }
    assert set(policy) <= set(ShopPolicy.__dataclass_fields__)
    stage.set_policy(**(defaults | policy))
    with context.db.shop(shop_id) as connection:
        for kind in FlowKind:
            messaging.activate(connection, shop_id, kind, NOW - timedelta(days=30))
    stage.consent(CLEO, ConsentState.SUBSCRIBED, days=30)
    return stage


def smtp_to(url: str, fault: Fault = Fault.NONE) -> SmtpTransport:
    """A transport that gives up soon where the server's fault is to say nothing, and waits for it elsewhere."""
    return SmtpTransport(read_smtp_url(url), **patience_with(fault))
