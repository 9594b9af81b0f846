"""What a busy shop's webhooks say, and the rows that must come of them whatever happens on the way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from tests.conftest import TEST_KEYS

BEGAN_AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Hook:
    """One signed webhook; sent again it has the same id."""

    webhook_id: str
    topic: str
    raw: bytes
    domain: str

    @property
    def dedupe_key(self) -> str:
        return f"{self.topic}:{self.webhook_id}"

    @property
    def headers(self) -> dict[str, str]:
        secret = TEST_KEYS["shopify_api_secret"].encode()
        return {
            "Content-Type": "application/json",
            "X-Shopify-Topic": self.topic,
            "X-Shopify-Shop-Domain": self.domain,
            "X-Shopify-Webhook-Id": self.webhook_id,
            "X-Shopify-Triggered-At": BEGAN_AT.isoformat(),
            "X-Shopify-Hmac-Sha256": base64.b64encode(
                hmac.new(secret, self.raw, hashlib.sha256).digest()
            ).decode(),
        }


@dataclass(frozen=True, slots=True)
class Truth:
    """The last word on every object, by the shop's own id."""

    products: dict[str, tuple[str, int, bool]]  # title, price, is there stock
    carts: dict[str, tuple[int, str]]  # quantity, state
    orders: dict[str, tuple[int, int]]  # total, lines


def make_traffic(domain: str, label: str, n: int, drawn: random.Random) -> tuple[list[Hook], Truth]:
    """`n` webhooks in any order: a fifth about products (three versions), the rest about carts and orders (two).

    Half of the carts are bought.
    """
    n_products, n_pairs = n // 15, (n - n // 15 * 3) // 4
    bodies = [("products/update", _product(label, i, v)) for i in range(n_products) for v in range(3)]
    bodies += [("carts/update", _cart(label, i, v)) for i in range(n_pairs) for v in range(2)]
    bodies += [("orders/updated", _order(label, i, v, n_pairs)) for i in range(n_pairs) for v in range(2)]
    bodies += [("customers/update", _customer(label, i)) for i in range(n - len(bodies))]
    hooks = [
        Hook(f"{label}-{number}", topic, json.dumps(body).encode(), domain)
        for number, (topic, body) in enumerate(bodies)
    ]
    drawn.shuffle(hooks)
    truth = Truth(
        {_id(label, i): (f"{label} {i}.2", 1002 + i, i % 3 != 2) for i in range(n_products)},
        {_token(label, i): (2, "ordered" if i < n_pairs // 2 else "open") for i in range(n_pairs)},
        {_id(label, i): (2 * (1000 + i), 2) for i in range(n_pairs)},
    )
    return hooks, truth


def stored_truth(owner: Engine, label: str) -> Truth:
    """What the database says of the traffic with this label."""
    with owner.connect() as connection:

        def rows(statement: str) -> list[Any]:
            return list(
                connection.execute(text(statement), {"label": f"{label}%", "range": f"{_range(label)}%"})
            )

        products = rows(
            "SELECT platform_product_id, title, price, is_available FROM products WHERE title LIKE :label"
        )
        carts = rows(
            "SELECT cart_token, (lines->0->>'quantity')::int, state FROM carts WHERE cart_token LIKE :label"
        )
        orders = rows("""
            SELECT platform_order_id, total, (SELECT count(*) FROM order_lines l WHERE l.order_id = o.order_id)
            FROM orders o WHERE platform_order_id LIKE :range""")
    return Truth(
        {row[0]: (row[1], row[2], row[3]) for row in products},
        {row[0]: (row[1], row[2]) for row in carts},
        {row[0]: (row[1], row[2]) for row in orders},
    )


def _range(label: str) -> int:
    """Every label has ids of its own."""
    return 1 + int(hashlib.sha256(label.encode()).hexdigest()[:6], 16)


def _id(label: str, number: int) -> str:
    return f"{_range(label)}{number:06d}"


def _token(label: str, number: int) -> str:
    return f"{label}-cart-{number}"


def _at(version: int) -> str:
    return (BEGAN_AT + timedelta(minutes=version)).isoformat()


def _product(label: str, number: int, version: int) -> dict[str, Any]:
    is_left = number % 3 != version
    return {
        "id": int(_id(label, number)),
        "title": f"{label} {number}.{version}",
        "handle": f"{label}-{number}",
        "status": "active",
        "published_at": _at(0),
        "updated_at": _at(version),
        "variants": [
            {
                "id": int(_id(label, number)) + 500_000,
                "title": "Default Title",
                "price": f"{(1000 + number + version) / 100:.2f}",
                "inventory_quantity": 5 if is_left else 0,
                "inventory_policy": "deny",
                "position": 1,
            }
        ],
    }


def _line(label: str, number: int, quantity: int) -> dict[str, Any]:
    price = f"{(1000 + number) / 100:.2f}"
    return {
        "product_id": int(_id(label, number % 7)),
        "variant_id": int(_id(label, number % 7)) + 500_000,
        "title": f"Thing {number}",
        "quantity": quantity,
        "price": price,
        "price_set": {"shop_money": {"amount": price, "currency_code": "EUR"}},
    }


def _cart(label: str, number: int, version: int) -> dict[str, Any]:
    token = _token(label, number)
    return {
        "id": token,
        "token": token,
        "line_items": [_line(label, number, version + 1)],
        "updated_at": _at(version),
        "created_at": _at(0),
    }


def _order(label: str, number: int, version: int, n: int) -> dict[str, Any]:
    return {
        "id": int(_id(label, number)),
        "name": f"#{number}",
        "created_at": _at(0),
        "processed_at": _at(0),
        "updated_at": _at(version),
        "currency": "EUR",
        "total_price": f"{(version + 1) * (1000 + number) / 100:.2f}",
        "email": f"buyer{number}@example.com",
        "cart_token": _token(label, number) if number < n // 2 else None,
        "line_items": [_line(label, number, 1) for _ in range(version + 1)],
    }


def _customer(label: str, number: int) -> dict[str, Any]:
    return {"id": int(_id(label, number)), "updated_at": _at(0), "email": f"{label}{number}@example.com"}
