"""Verified webhooks are stored before they are answered; everything else is refused or parked, never lost."""

import random
import string
from dataclasses import replace

import pytest
import responses
from redis import Redis
from sqlalchemy import text

from app import create_app
from app.db.session import Database
from app.domain.events import OrderSeen
from app.services import applying, ingesting
from tests.web.conftest import signature

ORDER = {
    "id": 9007199254740993,
    "name": "#1001",
    "created_at": "2026-11-20T09:00:00Z",
    "processed_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-20T09:00:01Z",
    "currency": "EUR",
    "total_price": "12.00",
    "email": "cleo@example.com",
    "customer": {"id": 7001},
    "cart_token": "cart-1",
    "line_items": [
        {"id": 1, "product_id": 11, "variant_id": 111, "title": "Mug", "quantity": 1, "price": "12.00"}
    ],
}

# reliability.md §1: everything a signed body can hold that has stopped somebody's receiver.
POISON = {
    "nul": b'{"id": 1, "note": "a\\u0000b"}',
    "lone surrogate": b'{"id": 1, "note": "\\ud800"}',
    "nan": b'{"id": NaN}',
    "infinity": b'{"id": 1e999}',
    "deep object": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "deep list": b"[" * 100_000,
    "long integer": b'{"id": ' + b"9" * 5000 + b"}",
    "bad utf-8": b'{"id": "\xff\xfe"}',
    "null": b"null",
    "list": b"[]",
    "string": b'"x"',
    "byte order mark": b'\xef\xbb\xbf{"id": 1}',
    "empty": b"",
    "no json": b"<html>nope</html>",
    "duplicate keys": b'{"id": 1, "id": 2}',
    "wrong types": b'{"id": {}, "line_items": 7, "updated_at": []}',
    "negative price": b'{"id": 1, "updated_at": "yesterday"}',
}


def deliveries(owner):
    with owner.connect() as connection:
        rows = connection.execute(text("SELECT * FROM deliveries ORDER BY delivery_id")).mappings()
        return [dict(row) for row in rows]


def test_a_signed_webhook_is_stored_as_it_came_and_answered_200(deliver, owner, ada, context):
    response = deliver(ada, "orders/create", ORDER)
    assert (response.status_code, response.data) == (200, b"")
    (stored,) = deliveries(owner)
    assert stored["shop_id"] == ada.shop_id
    assert (stored["topic"], stored["state"], stored["n_attempts"]) == ("orders/create", "received", 0)
    assert b"9007199254740993" in bytes(stored["raw"])


@pytest.mark.parametrize(
    "wrong",
    [{"X-Shopify-Hmac-Sha256": ""}, {"X-Shopify-Hmac-Sha256": "é"}, {"X-Shopify-Hmac-Sha256": "QUJD"}],
    ids=["unsigned", "not ascii", "forged"],
)
def test_a_forged_webhook_is_refused_and_nothing_is_stored(deliver, owner, ada, wrong):
    assert deliver(ada, "orders/create", ORDER, **wrong).status_code == 401
    assert deliveries(owner) == []


def test_a_topic_of_thousands_of_characters_is_refused_and_nothing_is_stored(deliver, owner, ada):
    topic = "".join(random.Random(7).choices(string.ascii_lowercase, k=7000))
    assert deliver(ada, topic, ORDER).status_code == 401
    assert deliveries(owner) == []


def test_a_body_of_six_megabytes_is_refused_before_it_is_read(client, owner, ada):
    raw = b"x" * 6_000_000
    response = client.post("/webhooks/shopify", data=raw, headers={"X-Shopify-Hmac-Sha256": signature(raw)})
    assert response.status_code == 413
    assert deliveries(owner) == []


def test_the_same_delivery_twice_is_stored_once(deliver, owner, ada):
    assert [deliver(ada, "orders/create", ORDER).status_code for _ in range(3)] == [200, 200, 200]
    assert len(deliveries(owner)) == 1


def test_a_shop_that_was_never_here_gets_200_and_leaves_nothing(deliver, owner, ada):
    assert deliver("stranger.myshopify.com", "shop/redact", {"shop_id": 1}).status_code == 200
    assert deliveries(owner) == []


def test_an_unknown_platform_is_not_found(client):
    assert client.post("/webhooks/magento", data=b"{}").status_code == 404


def test_redis_being_away_loses_nothing(context, owner, ada):
    away = replace(context, redis=Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.1))
    context.queue.is_away = True
    client = create_app(context=away).test_client()
    raw = b'{"id": 1}'
    headers = {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": ada.domain,
        "X-Shopify-Webhook-Id": "w-1",
        "X-Shopify-Hmac-Sha256": signature(raw),
    }
    assert client.post("/webhooks/shopify", data=raw, headers=headers).status_code == 200
    assert len(deliveries(owner)) == 1
    assert ingesting.due_shops(context) == [ada.shop_id]


def test_postgresql_being_away_asks_the_sender_to_try_again(context, ada, deliver):
    away = replace(context, db=Database("postgresql://nobody@127.0.0.1:1/none"))
    client = create_app(context=away).test_client()
    raw = b"{}"
    headers = {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": ada.domain,
        "X-Shopify-Webhook-Id": "w-1",
        "X-Shopify-Hmac-Sha256": signature(raw),
    }
    response = client.post("/webhooks/shopify", data=raw, headers=headers)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")


@pytest.mark.parametrize("name", POISON)
def test_signed_nonsense_is_accepted_then_parked_where_it_can_be_seen_and_replayed(
    name, deliver, owner, ada, context
):
    assert deliver(ada, "orders/create", POISON[name]).status_code == 200
    deliver(ada, "orders/create", ORDER, webhook_id="w-2")
    ingesting.process_shop(context, ada.shop_id)
    poison, healthy = deliveries(owner)
    assert healthy["state"] == "done"
    assert (poison["state"], poison["n_attempts"]) == ("dead", 1)
    assert poison["error"]
    assert ingesting.replay(context, ada.shop_id, poison["delivery_id"])
    assert deliveries(owner)[0]["state"] == "received"
    ingesting.process_shop(context, ada.shop_id)
    assert deliveries(owner)[0]["state"] == "dead"


def test_a_delivery_that_fails_waits_longer_each_time_and_dies_after_eight(
    deliver, owner, ada, context, clock, monkeypatch
):
    def fail(*_arguments):
        raise RuntimeError("the disk is full")

    monkeypatch.setitem(applying.APPLY, OrderSeen, fail)
    deliver(ada, "orders/create", ORDER)
    pauses = []
    for _ in range(ingesting.MAX_ATTEMPTS):
        ingesting.process_shop(context, ada.shop_id)
        (row,) = deliveries(owner)
        pauses.append((row["next_attempt_at"] - clock.now()).total_seconds())
        clock.at = row["next_attempt_at"]
    assert pauses == [10, 40, 160, 640, 2560, 10240, 21600, 21600]
    assert (row["state"], row["n_attempts"], row["error"]) == ("dead", 8, "RuntimeError")


def test_an_order_is_carried_out_and_counts_for_learning(deliver, owner, ada, context):
    deliver(ada, "orders/create", ORDER)
    assert ingesting.process_shop(context, ada.shop_id) == ingesting.Drained(n_done=1)
    with context.db.shop(ada.shop_id) as connection:
        order = connection.execute(text("SELECT platform_order_id, total, currency FROM orders")).one()
        assert tuple(order) == ("9007199254740993", 1200, "EUR")
        assert connection.execute(text("SELECT n_orders_since_training FROM shops")).scalar() == 1


def uninstall(deliver, ada, context, at):
    body = {"id": 1, "myshopify_domain": ada.domain, "plan_name": "basic"}
    deliver(ada, "app/uninstalled", body, **{"X-Shopify-Triggered-At": at})
    ingesting.process_shop(context, ada.shop_id)


def test_a_late_uninstall_does_not_undo_a_newer_install(deliver, ada, context):
    uninstall(deliver, ada, context, "2026-11-20T09:59:00Z")
    with context.db.shop(ada.shop_id) as connection:
        assert connection.execute(text("SELECT state FROM shops")).scalar() == "connected"


@responses.activate
def test_an_uninstall_takes_the_tokens_with_it_at_once(deliver, ada, context):
    responses.post(
        f"https://{ada.domain}/admin/api/{context.settings.shopify_api_version}/graphql.json", status=401
    )
    responses.post(
        f"https://{ada.domain}/admin/oauth/access_token", status=400, json={"error": "invalid_grant"}
    )
    uninstall(deliver, ada, context, "2026-11-20T10:00:01Z")
    with context.db.shop(ada.shop_id) as connection:
        assert connection.execute(text("SELECT state FROM shops")).scalar() == "uninstalled"
        assert connection.execute(text("SELECT count(*) FROM credentials")).scalar() == 0
