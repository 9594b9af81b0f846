"""What a store's webhooks miss, by silence and by being switched off, is found by one poll and one sweep."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.services import polling
from tests.web.woocommerce.kit import drain, imported, rows

N_ACTIONS = 400
SILENT_SHARE = 0.05
BOUGHT, VOID = ("processing", "completed"), ("cancelled", "refunded")


class Storm:
    """A store at work, a second apart; one event in twenty is never sent, and one webhook is switched off midway."""

    def __init__(self, store: Any, seed: int) -> None:
        self.store, self.random = store, random.Random(seed)
        self.at = datetime.now(UTC) - timedelta(minutes=15)
        self.n_events = self.n_silent = self.n_refused = 0
        self.is_refusing = False
        receive = store.receiver
        store.now = lambda: self.at
        store.is_silent = self.is_silent

        def receiver(delivery: Any) -> int:
            if self.is_refusing and delivery.headers.get("X-WC-Webhook-Topic") == "order.updated":
                self.n_refused += 1
                return 500
            return int(receive(delivery))

        store.receiver = receiver

    def is_silent(self, _topic: str) -> bool:
        is_silent = self.random.random() < SILENT_SHARE
        self.n_events += 1
        self.n_silent += is_silent
        return is_silent

    def rage(self, n_actions: int) -> None:
        actions = (
            [self.order] * 8
            + [self.change_order] * 6
            + [self.change_product] * 4
            + [self.add_product, self.change_variation, self.add_customer, self.change_customer] * 2
            + [self.trash_product, self.delete_order, self.delete_product, self.delete_customer]
        )
        for _ in range(n_actions):
            self.at += timedelta(seconds=1)
            self.random.choice(actions)()

    def any_of(self, kind: str, *, status: tuple[str, ...] = ()) -> dict[str, Any] | None:
        found = [
            row for row in getattr(self.store, kind).values() if not status or row.get("status") in status
        ]
        return self.random.choice(found) if found else None

    def order(self) -> None:
        product = self.any_of("products", status=("publish",))
        status = self.random.choice([*BOUGHT, *BOUGHT, "pending", "checkout-draft", "cancelled"])
        buyer = self.any_of("customers")
        self.store.add_order(
            status,
            buyer["email"],
            product,
            self.random.randint(1, 3),
            at=self.at,
            customer_id=buyer["id"],
            created_via="store-api",
        )

    def change_order(self) -> None:
        row = self.any_of("orders", status=(*BOUGHT, "pending", "checkout-draft"))
        if row:
            is_void = self.random.random() < 0.3
            self.store.change_order(row["id"], status=self.random.choice(VOID if is_void else BOUGHT))

    def change_product(self) -> None:
        row = self.any_of("products", status=("publish",))
        change = self.random.choice(["name", "price", "stock"])
        if change == "stock":
            self.store.change_product(row["id"], stock_status=self.random.choice(["instock", "outofstock"]))
        elif change == "name":
            self.store.change_product(row["id"], name=f"Thing {self.random.randint(1, 999)}")
        elif row["type"] == "simple":
            price = f"{self.random.randint(100, 9999) / 100:.2f}"
            self.store.change_product(row["id"], price=price, regular_price=price)

    def change_variation(self) -> None:
        parents = [
            row for row in self.store.products.values() if row["variations"] and row["status"] == "publish"
        ]
        if parents:
            parent = self.random.choice(parents)
            number = self.random.choice(parent["variations"])
            self.store.change_variation(parent, number, price=f"{self.random.randint(100, 9999) / 100:.2f}")

    def add_product(self) -> None:
        self.store.add_product(f"New {self.store.ids}", "9.90", at=self.at)

    def add_customer(self) -> None:
        self.store.add_customer(f"shopper{self.store.ids}@example.net", at=self.at)

    def change_customer(self) -> None:
        row = self.any_of("customers")
        row |= {
            "email": f"moved{self.store.ids}.{row['id']}@example.net",
            "date_modified_gmt": self.at.strftime("%Y-%m-%dT%H:%M:%S"),
        }
        self.store.emit("customer", "updated", row)

    def trash_product(self) -> None:
        if len(self.store.products) > 5:
            self.store.trash_product(self.any_of("products", status=("publish",))["id"])

    def delete_order(self) -> None:
        self.store.delete_silently("orders", self.any_of("orders")["id"])

    def delete_product(self) -> None:
        if len(self.store.products) > 5:
            self.store.delete_silently("products", self.any_of("products")["id"])

    def delete_customer(self) -> None:
        if len(self.store.customers) > 4:
            row = self.store.customers.pop(self.any_of("customers")["id"])
            self.store.emit("customer", "deleted", {"id": row["id"]})


def truth(store):
    """What the store itself says: purchases, the catalogue as shoppers see it, accounts of buyers."""
    products = set()
    for row in store.products.values():
        if row["status"] == "publish":
            variants = list(store.variations.get(row["id"], {}).values()) or [row]
            price = min(round(float(each["price"]) * 100) for each in variants)
            is_there = any(each["stock_status"] == "instock" for each in variants)
            products.add((str(row["id"]), row["name"], price, is_there))
    return {
        "orders": {
            (str(row["id"]), round(float(row["total"]) * 100))
            for row in store.orders.values()
            if row["status"] in BOUGHT
        },
        "products": products,
        "customers": {
            (str(row["id"]), row["email"]) for row in store.customers.values() if row["role"] == "customer"
        },
    }


def stored(owner):
    counted = "cancelled_at IS NULL AND removed_at IS NULL"
    return {
        "orders": {
            (row["platform_order_id"], row["total"])
            for row in rows(owner, f"SELECT platform_order_id, total FROM orders WHERE {counted}")
        },
        "products": {
            (row["platform_product_id"], row["title"], row["price"], row["is_available"])
            for row in rows(owner, "SELECT * FROM products WHERE removed_at IS NULL AND is_published")
        },
        "customers": {
            (row["platform_customer_id"], row["email"])
            for row in rows(owner, "SELECT * FROM customers WHERE removed_at IS NULL")
        },
    }


def difference(store, owner):
    said, known = truth(store), stored(owner)
    return {kind: len(said[kind] ^ known[kind]) for kind in said}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_state_is_the_stores_after_one_poll_and_one_sweep(
    context, client, store, owner, seed, record_property
):
    shop_id = imported(context, client, store)
    assert difference(store, owner) == {"orders": 0, "products": 0, "customers": 0}
    storm = Storm(store, seed)
    storm.rage(N_ACTIONS // 2)
    storm.is_refusing = True
    storm.rage(N_ACTIONS // 4)
    storm.is_refusing = False
    storm.rage(N_ACTIONS // 4)
    drain(context, shop_id)
    switched_off = [row["topic"] for row in store.webhooks.values() if row["status"] == "disabled"]
    before = difference(store, owner)
    polling.poll(context, shop_id)
    polling.sweep(context, shop_id)
    after = difference(store, owner)
    figures = {
        "actions": N_ACTIONS,
        "events": storm.n_events,
        "silent": storm.n_silent,
        "refused": storm.n_refused,
        "switched off": switched_off,
        "wrong before": before,
        "wrong after": after,
    }
    record_property("figures", figures)
    print(figures)
    assert switched_off == ["order.updated"]
    assert storm.n_silent > 0
    assert all(before.values()), "the storm did no harm, so that mending it proves nothing"
    assert after == {"orders": 0, "products": 0, "customers": 0}
