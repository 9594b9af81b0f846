"""Furnishes a shop of the cast for the admin's tests, and opens its pages as its merchant does."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote
from uuid import UUID

import jwt
from sqlalchemy import Connection, event, insert
from werkzeug.test import Client, TestResponse

from app.db.models import (
    Cart,
    Delivery,
    Enrolment,
    Job,
    Message,
    Model,
    Order,
    OrderLine,
    Product,
    RecommendationList,
    Variant,
    VisitEvent,
)
from app.domain.policy import SenderPolicy, ShopPolicy
from app.services.context import Context
from app.services.messaging import activate
from app.services.shops import save_policy
from tests.conftest import TEST_KEYS, Shop

TEAS = (
    ("Sencha, first flush", "#7fa36b", 1490),
    ("Genmaicha", "#a7a45c", 990),
    ("Mountain tea, Olympus", "#93a88a", 750),
    ("Blue mug, 30 cl", "#5f86a8", 1800),
    ("Blue teapot with strainer", "#49739b", 4200),
    ("Bamboo whisk", "#c4ab7a", 1650),
    ("Matcha for the kitchen", "#78a04f", 2250),
    ("Earl Grey with real bergamot", "#8c6a54", 890),
    ("Thyme honey", "#d6a13c", 1150),
    ("Linen tea towel, blue hem", "#9fb3c4", 1290),
    ("Darjeeling, second flush", "#9b6b43", 1390),
    ("Gift box for three teas", "#b2574e", 600),
)

CARD = {
    "headline": "Of what was bought next, its first ten named 23 in 100; bestsellers would have named 15.",
    "strengths": ["Products that are bought together.", "New products, by their words."],
    "weaknesses": ["Products with fewer than two orders are placed by their words alone."],
    "data": ["8,214 orders from 2 January 2025 to 19 November 2026.", "12 products, 11 of them sold."],
    "advice": ["Tags on more products would help with new ones."],
    "is_publishable": True,
    "reason": "better than every simple list",
    "numbers": {"n_orders": 8214},
}


def token_for(shop: Shop, *, seconds: int = 60, **claims: Any) -> str:
    """A session token as the platform's admin issues it."""
    now = int(time.time())
    known = {
        "iss": f"https://{shop.domain}/admin",
        "dest": f"https://{shop.domain}",
        "aud": TEST_KEYS["shopify_api_key"],
        "sub": "42",
        "exp": now + seconds,
        "nbf": now - 5,
        "iat": now - 5,
        "jti": "b2f3",
        "sid": "5a1e",
    }
    return jwt.encode(known | claims, TEST_KEYS["shopify_api_secret"], algorithm="HS256")


# Every page that a merchant who signs in here can open by its address.
PAGES = (
    "/admin/",
    "/admin/recommendations",
    "/admin/messages",
    "/admin/activity",
    "/admin/settings",
    "/admin/account",
    "/admin/disconnect",
)


@dataclass
class Merchant:
    """Somebody at the admin of one shop."""

    client: Client
    shop: Shop

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers=self._headers(headers))

    def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> TestResponse:
        return self.client.post(path, data=fields or {}, headers=self._headers(headers))

    def read(self, path: str) -> str:
        """The page as a person reads it."""
        response = self.get(path)
        assert response.status_code == 200, (path, response.status_code, response.text[:300])
        return text_of(response)

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {"Authorization": f"Bearer {token_for(self.shop)}", "HX-Request": "true"} | named


def text_of(response: TestResponse) -> str:
    """The words of a page, single-spaced."""
    html = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", response.text, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).replace("\N{NO-BREAK SPACE}", " ").split())


@dataclass
class Statements:
    """Counts what a block sends to the database."""

    engine: Any
    sent: list[str] = field(default_factory=list)

    def __enter__(self) -> Statements:
        event.listen(self.engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.sent.append(statement)


@dataclass
class Furniture:
    """Writes rows into one shop, as the services would have."""

    context: Context
    connection: Connection
    shop: Shop
    n_messages: int = 0
    n_orders: int = 0

    @property
    def now(self) -> datetime:
        return self.context.clock.now()

    def policy(self, **changes: Any) -> None:
        sender = SenderPolicy(name="Ada's Tea", postal_address="Ada's Tea\nErmou 12\n105 63 Athens")
        save_policy(self.connection, self.shop.shop_id, ShopPolicy(**({"sender": sender} | changes)))

    def add(self, table: type, **values: Any) -> Any:
        done = self.connection.execute(
            insert(table).values(shop_id=self.shop.shop_id, **values).returning(*table.__table__.primary_key)
        )
        return done.one()[1]

    def product(self, number: int, title: str, colour: str = "#7fa36b", price: int = 990) -> int:
        product_id: int = self.add(
            Product,
            platform_product_id=str(8000 + number),
            handle=re.sub(r"\W+", "-", title.lower()).strip("-"),
            title=title,
            path=f"/products/{number}",
            vendor="Ada",
            category="Tea",
            tags=[],
            image_url=drawing(colour),
            currency="EUR",
            price=price,
            price_varies=False,
            is_published=True,
            is_available=number != 6,
            is_gift_card=False,
            source_updated_at=self.now,
        )
        self.add(
            Variant,
            product_id=product_id,
            platform_variant_id=str(9000 + number),
            title="",
            sku=f"ADA-{number:03}",
            price=price,
            is_available=number != 6,
            position=1,
        )
        return product_id

    def message(
        self,
        state: str,
        *,
        days_ago: float,
        flow: str = "abandoned_cart",
        reason: str | None = None,
        person: str | None = None,
        clicked: bool = False,
        facts: dict[str, Any] | None = None,
        cart_id: int | None = None,
    ) -> int:
        self.n_messages += 1
        number, at = self.n_messages, self.now - timedelta(days=days_ago)
        who = person or f"person{number}@example.com"
        email_hash = self.context.hasher.email(self.shop.shop_id, who)
        enrolment_id = self.add(
            Enrolment,
            flow=flow,
            subject=f"cart:{number}",
            cart_id=cart_id,
            email_hash=email_hash,
            state="active" if state == "planned" else "ended",
            created_at=at - timedelta(hours=1),
        )
        is_out = state in {"sent", "handed_over", "unknown"}
        message_id: int = self.add(
            Message,
            enrolment_id=enrolment_id,
            flow=flow,
            step=1,
            state=state,
            reason=reason,
            facts=facts or {},
            arm="holdout" if reason == "holdout" else "treated",
            email_hash=email_hash,
            recipient=who,
            subject_line="You left something behind" if is_out else None,
            rfc_message_id=UUID(int=number),
            due_at=at,
            decided_at=None if state in {"planned", "claimed"} else at,
            handed_over_at=at if is_out else None,
            sent_at=at if state == "sent" else None,
            clicked_at=at + timedelta(hours=2) if clicked else None,
            created_at=at - timedelta(hours=1),
        )
        return message_id

    def order(
        self,
        total: int,
        *,
        days_ago: float,
        person: str | None = None,
        message_id: int | None = None,
        shelf_lines: tuple[tuple[int, int], ...] = (),
        **values: Any,
    ) -> int:
        """An order; `shelf_lines` are (quantity, unit price) of what was added from a shelf."""
        self.n_orders += 1
        placed_at = self.now - timedelta(days=days_ago)
        list_id = "m2.also_bought.8003" if shelf_lines else None
        given = {
            "platform_order_id": str(70_000 + self.n_orders),
            "name": f"#{1000 + self.n_orders}",
            "email_hash": self.context.hasher.email(self.shop.shop_id, person) if person else None,
            "currency": "EUR",
            "total": total,
            "placed_at": placed_at,
            "is_test": False,
            "attributed_message_id": message_id,
            "attributed_list_id": list_id,
            "source_updated_at": placed_at,
        }
        order_id: int = self.add(Order, **(given | values))
        for position, (quantity, unit_price) in enumerate(shelf_lines):
            self.line(order_id, position, quantity, unit_price, list_id)
        # What the customer found without us; a shelf is not credited with it.
        self.line(order_id, 90, 1, 500, None)
        return order_id

    def line(self, order_id: int, position: int, quantity: int, unit_price: int, list_id: str | None) -> None:
        self.connection.execute(
            insert(OrderLine).values(
                shop_id=self.shop.shop_id,
                order_id=order_id,
                position=position,
                platform_product_id="8003",
                quantity=quantity,
                unit_price=unit_price,
                list_id=list_id,
            )
        )

    def visits(self, kind: str, n: int, *, days_ago: float) -> None:
        happened_at = self.now - timedelta(days=days_ago)
        row = {
            "shop_id": self.shop.shop_id,
            "visit": "a" * 16,
            "kind": kind,
            "list_id": "m2.also_bought.8003",
            "platform_product_id": "8003",
            "position": 0,
            "happened_at": happened_at,
        }
        if n:
            self.connection.execute(insert(VisitEvent), [row] * n)

    def delivery(
        self, state: str, *, number: int, error: str | None = None, topic: str = "orders/create"
    ) -> int:
        at = self.now - timedelta(minutes=number)
        delivery_id: int = self.add(
            Delivery,
            topic=topic,
            dedupe_key=f"d{number}",
            raw=b"{}",
            state=state,
            n_attempts=8 if state == "dead" else 1,
            next_attempt_at=at,
            error=error,
            received_at=at,
        )
        return delivery_id

    def job(self, kind: str, state: str, **values: Any) -> int:
        given = {"created_at": self.now - timedelta(days=1), "progress": {}}
        job_id: int = self.add(Job, kind=kind, state=state, **(given | values))
        return job_id

    def model(self, state: str, *, days_ago: float, card: dict[str, Any] | None = None) -> int:
        at = self.now - timedelta(days=days_ago)
        model_id: int = self.add(
            Model,
            state=state,
            card=card or CARD,
            trained_at=at,
            published_at=None if state == "refused" else at,
        )
        return model_id

    def ranking(
        self, model_id: int, strategy: str, subject_id: int, product_ids: list[int], evidence: list[Any]
    ) -> None:
        self.connection.execute(
            insert(RecommendationList).values(
                shop_id=self.shop.shop_id,
                model_id=model_id,
                strategy=strategy,
                subject_id=subject_id,
                product_ids=product_ids,
                scores=[1.0 - 0.1 * place for place in range(len(product_ids))],
                evidence=evidence,
            )
        )

    def flow(self, kind: str) -> None:
        activate(self.connection, self.shop.shop_id, kind, self.now)

    def cart(self, number: int) -> int:
        at = self.now - timedelta(days=1)
        lines = [
            {
                "product": "8004",
                "title": "Blue teapot with strainer",
                "quantity": 1,
                "unit_price": 4200,
                "currency": "EUR",
            },
            {
                "product": "8003",
                "title": "Blue mug, 30 cl",
                "quantity": 2,
                "unit_price": 1800,
                "currency": "EUR",
            },
        ]
        cart_id: int = self.add(
            Cart, cart_token=f"cart{number}", lines=lines, created_at=at, last_activity_at=at
        )
        return cart_id


def drawing(colour: str) -> str:
    """A picture that needs no server."""
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 80 80'><rect width='80' height='80' fill='#eee8da'/>"
        f"<path d='M22 30h32v14a14 14 0 0 1-14 14h-4a14 14 0 0 1-14-14z' fill='{colour}'/>"
        f"<path d='M54 34h4a6 6 0 0 1 0 12h-5' fill='none' stroke='{colour}' stroke-width='4'/></svg>"
    )
    return "data:image/svg+xml," + quote(svg)


FACTS = {
    "decided_at": "2026-11-19T10:00:00+00:00",
    "consent": "subscribed",
    "basis": "agreed and confirmed it by e-mail",
    "consent_at": "2026-02-03T09:30:00+00:00",
    "suppressions": [],
    "n_sent_last_day": 0,
    "n_sent_last_week": 1,
    "has_ordered": False,
    "platform_says_ordered": False,
    "order_check_age_seconds": 0.412,
    "local_time": "12:00",
    "zone": "Europe/Athens",
    "shop_state": "connected",
    "cart_active_at": "2026-11-19T08:58:00+00:00",
}


def furnish(context: Context, shop: Shop) -> dict[str, int]:
    """A month of Ada's shop, every number of it planted. Returns ids that tests look at.

    In the last 28 days: 9 carts recovered for 364.50, 2 win-back orders for 95.00, shelf lines for 108.00,
    52 mails sent, 18 held back of which 6 for the holdout, 2 failed and 1 unclear, 1,200 products seen and 31
    clicked. Before: 4 carts recovered for 160.00, 20 sent, 800 seen and 16 clicked.
    """
    with context.db.shop(shop.shop_id) as connection:
        made = Furniture(context, connection, shop)
        made.policy()
        made.flow("abandoned_cart")
        made.flow("win_back")
        ids = _furnish_catalogue(made) | _furnish_mail(made)
        _furnish_shelf(made)
        made.job("import", "done", finished_at=made.now - timedelta(days=30))
        made.job("training", "done", finished_at=made.now - timedelta(hours=7))
        for number in range(24):
            made.delivery("done", number=number)
        made.delivery("received", number=100)
        ids["dead"] = made.delivery(
            "dead", number=200, error="customer.id: expected a number, found an object"
        )
        made.delivery("dead", number=300, topic="products/update", error="variants: expected a list")
    return ids


def _furnish_catalogue(made: Furniture) -> dict[str, int]:
    products = [made.product(number, *tea) for number, tea in enumerate(TEAS)]
    before, latest = made.model("retired", days_ago=2), made.model("published", days_ago=0.3)
    made.ranking(before, "bestsellers", 0, products[:3], [[0, 0, 0, "popular"]] * 3)
    made.ranking(latest, "bestsellers", 0, products[3:] + products[:3], [[0, 0, 0, "popular"]] * 12)
    made.ranking(
        latest,
        "also_bought",
        products[3],
        [products[4], products[9], products[6], products[5], products[8]],
        [
            [14, 52, 1, "together"],
            [9, 52, 1, "together"],
            [6, 52, 0, "together"],
            [0, 52, 2, "similar"],
            [0, 52, 0, "popular"],
        ],
    )
    for place, product_id in enumerate(products):
        if place not in {3, 11}:
            others = [other for other in products if other != product_id][:4]
            made.ranking(latest, "also_bought", product_id, others, [[9 - place % 5, 40, 0, "together"]] * 4)
    return {"model": latest, "previous_model": before}


def _furnish_mail(made: Furniture) -> dict[str, int]:
    cart_id = made.cart(1)
    first = 0
    for n in range(40):
        bought = n % 4 == 0 and n < 36
        person = "cleo@example.com" if n == 0 else f"buyer{n}@example.com"
        message_id = made.message(
            "sent",
            days_ago=0.5 + n * 0.66,
            person=person,
            clicked=bought or n in {1, 2, 3},
            facts=FACTS,
            cart_id=cart_id if n == 0 else None,
        )
        first = first or message_id
        if bought:
            made.order(3250 + n * 50, days_ago=0.3 + n * 0.66, person=person, message_id=message_id)
    for n in range(12):
        person = f"old{n}@example.com"
        message_id = made.message(
            "sent", flow="win_back", days_ago=1 + n * 2, person=person, clicked=n < 2, facts=FACTS
        )
        if n < 2:
            made.order(4500 + n * 500, days_ago=0.5 + n * 2, person=person, message_id=message_id)
    skipped = made.message(
        "skipped",
        days_ago=1.2,
        reason="ordered",
        person="dan@example.com",
        facts=FACTS | {"platform_says_ordered": True},
    )
    for n, reason in enumerate(["ordered"] * 6 + ["no_consent"] * 3 + ["newer_cart", "too_old"]):
        made.message("skipped", days_ago=2 + n * 1.1, reason=reason)
    for n in range(6):
        person = f"held{n}@example.com"
        made.message("skipped", days_ago=3 + n * 3, reason="holdout", person=person, facts=FACTS)
    made.order(2000, days_ago=2.5, person="held0@example.com")
    made.message("failed", days_ago=5.1, reason="bounced")
    made.message("failed", days_ago=9.1, reason="refused")
    unknown = made.message("unknown", days_ago=0.1, reason="outcome_unknown")
    planned = made.message("planned", days_ago=-0.1)
    made.message("planned", days_ago=-0.4, reason="quiet_hours")
    made.message("planned", flow="win_back", days_ago=-0.9, reason="cap")
    for n in range(20):
        message_id = made.message("sent", days_ago=32 + n * 0.9, clicked=n < 4)
        if n < 4:
            made.order(4000, days_ago=31.9 + n * 0.9, message_id=message_id)
    return {"sent": first, "skipped": skipped, "unknown": unknown, "planned": planned}


def _furnish_shelf(made: Furniture) -> None:
    for n in range(6):
        made.order(5000, days_ago=1.5 + n * 4, shelf_lines=((1, 800), (2, 500)))
    # None of these earns anything: cancelled, a test, not in the shop's money, too long ago.
    made.order(9900, days_ago=2, shelf_lines=((1, 9900),), cancelled_at=made.now)
    made.order(9900, days_ago=2, shelf_lines=((1, 9900),), is_test=True)
    made.order(9900, days_ago=2, shelf_lines=((1, 9900),), currency="USD")
    made.order(9900, days_ago=80, shelf_lines=((1, 9900),))
    made.visits("impression", 1200, days_ago=3)
    made.visits("click", 31, days_ago=3)
    made.visits("impression", 800, days_ago=40)
    made.visits("click", 16, days_ago=40)
