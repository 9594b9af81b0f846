"""The webhook bodies have the shapes Shopify documents: the same keys, and values of the documented types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

PAYLOADS = Path(__file__).parents[4] / "shared" / "payloads" / "shopify"
SAMPLES = PAYLOADS / "docs-samples-2026-07"
SCHEMAS = PAYLOADS / "jsonschema-2026-07"


def everything(store):
    """One event of each topic the shop can cause, by topic."""
    told = {}
    store.listeners.append(lambda event: told.setdefault(event.topic, event.body))
    products = list(store.world.products.values())
    cart = store.add_to_cart(None, products[0].variants[0].id, 2)
    store.add_to_cart(cart.token, products[1].variants[0].id)
    left = store.start_checkout(cart.token)
    store.update_checkout(left.token, email="gil@example.com", accepts_marketing=True)
    store.delete_checkout(left.token)
    checkout = store.start_checkout(cart.token)
    store.update_checkout(checkout.token, email="cleo@example.com")
    order = store.complete_checkout(checkout.token)
    store.cancel_order(order.id)
    store.delete_order(order.id)
    store.delete_product(products[3].id)
    store.add_product(products[3])
    dan = store.customer_by_email("dan@example.com")
    store.request_data(dan.id)
    store.request_erasure(dan.id)
    store.delete_customer(store.create_customer("hal@example.com", "Hal", "Doe").id)
    return told


TOPICS = [
    "carts/create", "carts/update", "checkouts/create", "checkouts/update", "checkouts/delete", "orders/create",
    "orders/updated", "orders/cancelled", "orders/delete", "products/create", "products/update", "products/delete",
    "customers/create", "customers/update", "customers/delete", "customers_email_marketing_consent/update",
    "customers/data_request", "customers/redact",
]  # fmt: skip


def test_every_topic_the_shop_knows_is_told(store):
    assert sorted(everything(store)) == sorted(TOPICS)


def test_bodies_carry_ids_beyond_what_a_float_holds(store):
    told = everything(store)
    assert told["orders/create"]["id"] > 2**53
    assert json.loads(json.dumps(told["orders/create"]))["id"] == told["orders/create"]["id"]


def test_orders_and_checkouts_name_neither_checkout_id_nor_id_as_since_2026_04(store):
    told = everything(store)
    assert "checkout_id" not in told["orders/create"]
    assert "id" not in told["checkouts/create"]
    assert "id" in told["checkouts/delete"]


def test_customers_say_nothing_of_consent_as_since_2025_01(store):
    bodies = everything(store)
    for told in (bodies["customers/update"], bodies["orders/create"]["customer"]):
        assert not {
            "tags",
            "orders_count",
            "total_spent",
            "email_marketing_consent",
            "accepts_marketing",
        } & set(told)


def sample(topic):
    return json.loads((SAMPLES / f"{topic.replace('/', '__')}.json").read_text())


def schema(topic):
    return json.loads((SCHEMAS / f"{topic.replace('/', '__')}.json").read_text())


WITH_SAMPLES = [t for t in TOPICS if (SAMPLES / f"{t.replace('/', '__')}.json").is_file()]
WITH_SCHEMAS = [t for t in TOPICS if (SCHEMAS / f"{t.replace('/', '__')}.json").is_file()]


@pytest.mark.parametrize("topic", WITH_SAMPLES)
def test_a_body_has_exactly_the_documented_keys(store, topic):
    told, documented = everything(store)[topic], sample(topic)
    # An anonymous checkout has no `customer`, and this is told before anybody gave an address.
    assert set(told) == set(documented) - ({"customer"} if topic == "checkouts/create" else set())


LISTS = {
    "orders/create": "line_items",
    "carts/create": "line_items",
    "checkouts/update": "line_items",
    "products/update": "variants",
}


@pytest.mark.parametrize("topic", [t for t in LISTS if t in WITH_SAMPLES])
def test_a_line_has_exactly_the_documented_keys(store, topic):
    within = LISTS[topic]
    assert set(everything(store)[topic][within][0]) == set(sample(topic)[within][0])


def matches(value, told):
    """A small reader of the JSON schemas that come with the samples; says what does not fit, or nothing."""
    kinds = told.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    kind = "null" if value is None else names[type(value)]
    if kinds and kind not in kinds and not (kind == "integer" and "number" in kinds):
        yield f"is {kind}, documented as {kinds}"
    if isinstance(value, dict):
        for name, inner in told.get("properties", {}).items():
            if name in value:
                yield from (f"{name}: {x}" for x in matches(value[name], inner))
    if isinstance(value, list) and isinstance(told.get("items"), dict):
        for one in value:
            yield from matches(one, told["items"])


# The schemas are made of a few samples, in which these are never empty; real deliveries have null here.
NULL_IN_PRACTICE = {
    "billing_address", "shipping_address", "default_address", "first_name", "last_name", "note", "phone",
}  # fmt: skip


@pytest.mark.parametrize("topic", WITH_SCHEMAS)
def test_a_bodys_values_are_of_the_documented_types(store, topic):
    problems = matches(everything(store)[topic], schema(topic))
    unexpected = [p for p in problems if not (p.split(": ")[-2:][0] in NULL_IN_PRACTICE and "is null" in p)]
    assert unexpected == []
