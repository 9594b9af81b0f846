"""Deliveries: signed, with every header, patient as Shopify is, and faulty when asked to be."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections import Counter

import pytest

from app.demo import protected
from app.demo.courier import Attempt, Courier
from app.demo.webhooks import RETRY_SECONDS, Faults, SubscriptionRefusedError

SECRET = "shpss_0123456789abcdef0123456789abcdef"
HEADERS = {
    "x-shopify-topic", "x-shopify-hmac-sha256", "x-shopify-shop-domain", "x-shopify-api-version",
    "x-shopify-webhook-id", "x-shopify-triggered-at", "x-shopify-event-id",
}  # fmt: skip


@pytest.fixture
def running(shop, monkeypatch):
    """The shop with the app installed, and couriers to whom no machine is too slow."""
    monkeypatch.setattr("app.demo.courier.CONNECT_SECONDS", 120.0)
    monkeypatch.setattr("app.demo.courier.TOTAL_SECONDS", 120.0)
    shop.install()
    return shop


def begin(shop, n_couriers=4):
    shop.post.retry_speed = shop.store.clock.speed
    shop.post.start(n_couriers)


def delivered(uri):
    courier = Courier()
    try:
        return courier.deliver(uri, {"Content-Type": "application/json"}, b"{}")
    finally:
        courier.close()


def stock(store, n_available):
    product = next(iter(store.world.products.values()))
    store.set_stock(product.variants[0].id, n_available)


def test_a_delivery_is_signed_over_its_bytes_and_carries_every_header(running, receiver):
    running.post.subscribe("products/update", receiver.url, "2026-07", name="stock")
    begin(running)
    stock(running.store, 4)
    receiver.wait_for(1)
    headers, raw = receiver.requests[0]
    digest = hmac.new(SECRET.encode(), raw, hashlib.sha256).digest()
    assert headers["x-shopify-hmac-sha256"] == base64.b64encode(digest).decode()
    assert set(headers) >= HEADERS
    assert headers["x-shopify-topic"] == "products/update"
    assert headers["x-shopify-shop-domain"] == "corner-and-thyme.myshopify.com"
    assert headers["x-shopify-api-version"] == "2026-07"
    assert headers["x-shopify-triggered-at"] == "2026-11-21T12:00:00.000000000Z"
    assert headers["x-shopify-name"] == "stock"
    assert json.loads(raw)["variants"][0]["inventory_quantity"] == 4


def test_two_subscriptions_to_one_action_share_the_event_id_but_not_the_webhook_id(running, receiver):
    running.post.subscribe("products/update", receiver.url, "2026-07")
    running.post.subscribe("products/update", f"{receiver.url}/2", "2026-07")
    begin(running)
    stock(running.store, 4)
    receiver.wait_for(2)
    sent = [headers for headers, _ in receiver.requests]
    assert len({h["x-shopify-event-id"] for h in sent}) == 1
    assert len({h["x-shopify-webhook-id"] for h in sent}) == 2


def test_a_failed_delivery_comes_again_with_its_original_body_and_id(fast_clock, running, receiver):
    receiver.status = 500
    running.post.subscribe("products/update", receiver.url, "2026-07")
    begin(running)
    stock(running.store, 4)
    receiver.wait_for(1)
    with running.store.lock:
        next(iter(running.store.world.products.values())).title = "Changed meanwhile"
    receiver.wait_for(3)
    receiver.status = 200
    receiver.wait_for(4)
    assert len({raw for _, raw in receiver.requests}) == 1
    assert len({h["x-shopify-webhook-id"] for h, _ in receiver.requests}) == 1


def test_after_eight_retries_an_api_made_subscription_is_gone_and_a_declared_one_is_not(
    fast_clock, running, receiver
):
    receiver.status = 503
    made = running.post.subscribe("products/update", receiver.url, "2026-07")
    declared = running.post._add("products/update", f"{receiver.url}/toml", "2026-07", is_declared=True)
    begin(running)
    stock(running.store, 4)
    receiver.wait_for(18)
    running.post.stop()
    n_requests = Counter(headers["x-shopify-webhook-id"] for headers, _ in receiver.requests)
    assert list(n_requests.values()) == [9, 9]
    assert made.id not in running.post.subscriptions
    assert declared.id in running.post.subscriptions


def test_the_retries_take_four_hours_and_each_waits_longer():
    assert sum(RETRY_SECONDS) == 4 * 3600
    assert len(RETRY_SECONDS) == 8
    assert list(RETRY_SECONDS) == sorted(RETRY_SECONDS)


@pytest.mark.parametrize(
    ("status", "is_success"),
    [(200, True), (204, True), (301, False), (302, False), (401, False), (500, False)],
)
def test_only_a_2xx_is_success_and_a_redirect_is_not_followed(receiver, status, is_success):
    receiver.status = status
    attempt = delivered(receiver.url)
    assert (attempt.status, attempt.is_success) == (status, is_success)
    assert len(receiver.requests) == 1


def test_nobody_listening_is_a_failure_without_a_status():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        attempt = delivered(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert (attempt.status, attempt.is_success, attempt.problem) == (None, False, "ConnectionError")


def test_an_answer_after_more_than_five_seconds_is_a_failure_whatever_it_says():
    assert not Attempt(200, 5.2, "took too long").is_success


def test_what_is_told_before_the_app_is_installed_is_not_sent(shop, receiver):
    shop.post.subscribe("products/update", receiver.url, "2026-07")
    stock(shop.store, 4)
    assert list(shop.post.log) == []


def test_an_uninstall_is_told_ends_every_token_and_takes_api_made_subscriptions_along(running, receiver):
    running.post._add("app/uninstalled", receiver.url, "2026-07", is_declared=True)
    running.post.subscribe("products/update", receiver.url, "2026-07")
    token = running.office.exchange(expiring=True, online=False)["access_token"]
    begin(running)
    running.uninstall()
    receiver.wait_for(1)
    assert receiver.requests[0][0]["x-shopify-topic"] == "app/uninstalled"
    assert running.office.check(token) is None
    assert [s for s in running.post.subscriptions.values() if not s.is_declared] == []


def test_shop_redact_is_due_forty_eight_hours_after_an_uninstall(running, hand, receiver):
    post = running.post
    post.subscriptions.clear()
    post._add("shop/redact", receiver.url, "2026-07", is_declared=True)
    running.uninstall()
    assert (post.deliver_due(), post.n_waiting()) == (0, 0)
    hand.move(48 * 3600 - 1)
    assert post.deliver_due() == 0
    hand.move(1)
    assert post.deliver_due() == 1
    assert json.loads(receiver.requests[0][1])["shop_domain"] == "corner-and-thyme.myshopify.com"


def test_the_api_makes_no_compliance_subscription_and_no_second_one_for_an_address(shop):
    with pytest.raises(SubscriptionRefusedError, match="compliance"):
        shop.post.subscribe("shop/redact", "https://app.example/x", "2026-07")
    shop.post.subscribe("orders/create", "https://app.example/x", "2026-07")
    with pytest.raises(SubscriptionRefusedError, match="already been taken"):
        shop.post.subscribe("orders/create", "https://app.example/x", "2026-07")
    with pytest.raises(SubscriptionRefusedError, match="http://"):
        shop.post.subscribe("orders/create", "http://app.example/x", "2026-07")


def test_without_approval_customer_topics_are_refused_and_not_sent(shop, receiver):
    shop.install()
    shop.post.subscribe("carts/create", receiver.url, "2026-07")
    shop.post.approved_level = protected.NOT_APPROVED
    with pytest.raises(SubscriptionRefusedError, match="not approved to subscribe"):
        shop.post.subscribe("orders/create", receiver.url, "2026-07")
    shop.store.add_to_cart(None, next(iter(shop.store.world.products.values())).variants[0].id)
    assert list(shop.post.log) == []


def test_without_level_2_names_and_addresses_are_gone_from_bodies(shop, receiver):
    shop.install()
    shop.post.approved_level = protected.LEVEL_1
    shop.post.subscribe("customers/update", receiver.url, "2026-07")
    shop.store.set_marketing_state(shop.store.customer_by_email("eva@example.com").id, "subscribed")
    body = json.loads(shop.post.log[-1].raw)
    assert "id" in body
    assert not {"email", "first_name", "last_name", "phone"} & set(body)


def test_included_fields_are_all_a_body_has(shop, receiver):
    shop.install()
    shop.post.subscribe("products/update", receiver.url, "2026-07", include_fields=("id", "updated_at"))
    stock(shop.store, 4)
    assert sorted(json.loads(shop.post.log[-1].raw)) == ["id", "updated_at"]


def deliver_many(shop, receiver, faults, n_events=200):
    shop.post.subscribe("products/update", receiver.url, "2026-07")
    shop.post.set_faults(faults)
    for n in range(n_events):
        stock(shop.store, n)
    return shop.post


def test_dropped_deliveries_are_logged_and_never_sent(fast_clock, running, receiver):
    post = deliver_many(running, receiver, Faults(drop_share=0.05, seed=3))
    n_dropped = sum(d.state == "dropped" for d in post.log)
    assert 2 <= n_dropped <= 20
    begin(running)
    receiver.wait_for(200 - n_dropped)
    assert {h["x-shopify-webhook-id"] for h, _ in receiver.requests} == {
        d.webhook_id for d in post.log if d.state != "dropped"
    }


def test_doubles_come_with_the_same_webhook_id(fast_clock, running, receiver):
    post = deliver_many(running, receiver, Faults(double_share=0.2, seed=3))
    n_doubles = sum(d.is_double for d in post.log)
    assert 20 <= n_doubles <= 60
    begin(running)
    receiver.wait_for(200 + n_doubles)
    counts = Counter(h["x-shopify-webhook-id"] for h, _ in receiver.requests)
    assert sorted(counts.values()) == [1] * (200 - n_doubles) + [2] * n_doubles


def test_shuffled_deliveries_overtake_one_another(fast_clock, running, receiver):
    deliver_many(running, receiver, Faults(shuffle_seconds=36_000, seed=3))
    begin(running, n_couriers=1)
    receiver.wait_for(200)
    told = [json.loads(raw)["variants"][0]["inventory_quantity"] for _, raw in receiver.requests]
    assert sorted(told) == list(range(200))
    assert told != list(range(200))


def test_the_same_seed_makes_the_same_faults(shop, receiver):
    shop.install()
    states = []
    for _ in range(2):
        shop.post.log.clear()
        shop.post.subscriptions.clear()
        deliver_many(shop, receiver, Faults(drop_share=0.3, seed=11))
        states.append([d.state for d in shop.post.log])
    assert states[0] == states[1]


def test_many_threads_lose_nothing(running, receiver):
    running.post.subscribe("products/update", receiver.url, "2026-07")
    begin(running)
    threads = [
        threading.Thread(target=lambda: [stock(running.store, n) for n in range(25)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receiver.wait_for(100)
    running.post.stop()
    assert (running.post.counts["delivered"], running.post.n_waiting()) == (100, 0)


def test_whoever_moves_the_clock_delivers_what_is_due_by_it(shop, hand, receiver):
    shop.install()
    post = deliver_many(shop, receiver, Faults(shuffle_seconds=600, seed=3), n_events=20)
    n_at_once = post.deliver_due()
    while (seconds := post.seconds_to_next()) is not None:
        hand.move(seconds)
        post.deliver_due()
    assert n_at_once < 20
    assert hand.epoch_seconds - 1_800_000_000 <= 600
    assert sorted(json.loads(raw)["variants"][0]["inventory_quantity"] for _, raw in receiver.requests) == [
        *range(20)
    ]
