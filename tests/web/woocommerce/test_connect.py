"""A WooCommerce store is connected by keys that are proven first, and then misses nothing."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.db.session import Database
from app.platforms.woocommerce import WooCommercePlatform
from app.services import keydrop, polling, reconciling
from app.services.connecting import client_for
from app.services.shops import get_shop, save_policy
from tests.fixtures import woocommerce_store
from tests.fixtures.woocommerce_store import WooStore
from tests.web.woocommerce.kit import FORM, approve, begin, connected, drain, imported, part, rows

# -- connecting --------------------------------------------------------------------------------------------


def test_a_store_is_connected_in_three_clicks(context, client, store, owner):
    answer, keys, back = approve(client, store)
    assert (answer.status_code, answer.data) == (200, b"")
    assert b"Approved in your store: yes" in client.get(back.removeprefix("http://127.0.0.1:5100")).data
    assert ("upkeep.take_keys",) in context.queue.nudges
    assert keydrop.take_keys(context) == 1
    (shop,) = rows(owner, "SELECT * FROM shops")
    assert (shop["platform"], shop["state"], shop["name"]) == ("woocommerce", "connected", "Ada's Shop")
    assert (shop["currency"], shop["public_url"]) == ("GBP", store.base_url)
    assert len(store.webhooks) == 9
    assert {row["status"] for row in store.webhooks.values()} == {"active"}
    (stored,) = rows(owner, "SELECT * FROM credentials")
    assert keys["consumer_secret"].encode() not in bytes(stored["access_token"])
    assert b"Webhooks made: yes" in client.get("/connect/woocommerce/progress").data


def test_everything_is_imported_and_no_draft_is_a_purchase(context, client, store, owner):
    imported(context, client, store)
    assert [row["n"] for row in rows(owner, "SELECT count(*) AS n FROM orders")] == [6]
    assert {row["title"] for row in rows(owner, "SELECT title FROM products")} == {"Mug", "Bowl", "Plate"}
    assert {row["email"] for row in rows(owner, "SELECT email FROM customers")} == {
        "cleo@example.com",
        "dan@example.com",
    }
    assert b"You can close this page" in client.get("/connect/woocommerce/progress").data


def test_keys_nobody_waits_for_are_refused_so_that_the_store_throws_them_away(client, store):
    answer, keys, _ = approve(client, store)
    assert answer.status_code == 200
    assert client.post("/connect/woocommerce/keys", json=keys).status_code == 403  # a token works once
    assert client.post("/connect/woocommerce/keys", json={**keys, "user_id": "guessed"}).status_code == 403
    for body in (b"", b"[]", b"{}", b'{"user_id": 1}', b"\xff"):
        assert client.post("/connect/woocommerce/keys", data=body).status_code == 403
    assert client.post("/connect/woocommerce/keys", data=b"x" * 5_000).status_code == 413


def test_invented_keys_connect_nothing(context, client, store, owner):
    """Whoever began may post what they like: only keys that the store itself accepts are believed."""
    url = f"http://127.0.0.1{begin(client, store)}"
    keys, _ = store.approve(url)
    forged = {**keys, "consumer_key": "ck_" + "f" * 40, "consumer_secret": "cs_" + "f" * 40}
    assert client.post("/connect/woocommerce/keys", json=forged).status_code == 200
    assert keydrop.take_keys(context) == 0
    assert rows(owner, "SELECT * FROM shops") == []
    page = client.get("/connect/woocommerce/progress").text
    assert "does not accept the keys" in page
    assert keydrop.take_keys(context) == 0


def test_keys_that_may_only_read_are_refused(context, client, store, owner):
    url = f"http://127.0.0.1{begin(client, store)}"
    keys, _ = store.approve(url, permissions="read")
    client.post("/connect/woocommerce/keys", json=keys)
    assert keydrop.take_keys(context) == 0
    assert "needs to read and to write" in client.get("/connect/woocommerce/progress").text


def test_keys_outlive_a_database_that_is_away_for_a_moment(context, client, store, owner):
    approve(client, store)
    away = Database("postgresql://nobody@127.0.0.1:1/nothing")
    assert keydrop.take_keys(replace(context, db=away)) == 0
    away.close()
    assert 'role="alert"' not in client.get("/connect/woocommerce/progress").text
    assert keydrop.take_keys(context) == 1
    assert rows(owner, "SELECT state FROM shops") == [{"state": "connected"}]


def test_a_store_that_is_away_for_a_moment_is_tried_again(context, client, store, owner):
    approve(client, store)
    store.faults = [(503, b"", {"Retry-After": "60"})]
    assert keydrop.take_keys(context) == 0
    assert "being tried again" in client.get("/connect/woocommerce/progress").text
    assert keydrop.take_keys(context) == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Type your store"),
        ("not an address", "is not a store"),
        ("https://user:pw@shop.example", "without a user name"),
        ("https://169.254.169.254", "a number is not accepted"),
        ("https://shop.example:8443", "without the port"),
        ("ftp://shop.example", "is not a store"),
        ("https://shop.example\\@evil.example", "is not a store"),
        ("intranet", "is not a store"),
        ("0x7f.1", "is not a store"),
    ],
)
def test_an_address_that_is_none_is_told_in_words(client, typed, said):
    answer = client.post(FORM, data={"store": typed})
    assert answer.status_code == 422
    assert said in answer.text


def test_what_a_typed_address_holds_is_escaped(client):
    answer = client.post(FORM, data={"store": "<script>alert(1)</script>"})
    assert "<script>" not in answer.text
    assert "<script>" not in client.get(FORM, query_string={"store": '"><script>'}).text


def test_a_site_without_woocommerce_or_with_plain_permalinks_is_told_in_words(client, store):
    store.faults = [(404, b"<html>Not found</html>", {})]
    assert "Permalinks" in client.post(FORM, data={"store": store.base_url}).text
    store.faults = [(200, b'{"namespaces": ["wp/v2"]}', {})]
    assert "without WooCommerce" in client.post(FORM, data={"store": store.base_url}).text


def test_a_browser_that_began_nothing_sees_nothing(client):
    assert client.get("/connect/woocommerce/progress?success=1&user_id=x").status_code == 404


def test_another_store_is_another_shop(context, client, store, owner):
    connected(context, client, store)
    other = WooStore(store_id="another", receiver=store.receiver)
    with woocommerce_store.running(woocommerce_store.stocked(other, datetime.now(UTC))):
        approve(client, other)
        assert keydrop.take_keys(context) == 1
    assert len(rows(owner, "SELECT * FROM shops")) == 2


# -- webhooks ----------------------------------------------------------------------------------------------


def test_an_order_is_heard_and_a_draft_of_it_is_no_purchase(context, client, store, owner):
    shop_id = imported(context, client, store, takes_typed_addresses="yes")
    mug = next(iter(store.products.values()))
    draft = store.add_order("checkout-draft", "ivy@example.org", mug, created_via="store-api")
    drain(context, shop_id)
    (cart,) = rows(owner, "SELECT * FROM carts")
    assert (cart["state"], cart["email"]) == ("open", "ivy@example.org")
    assert cart["recovery_url"] == f"{store.base_url}/checkout-link/?products={mug['id']}:1"
    assert len(rows(owner, "SELECT * FROM orders")) == 6
    store.change_order(draft["id"], status="processing")
    store.emit("order", "created", draft)
    drain(context, shop_id)
    (cart,) = rows(owner, "SELECT * FROM carts")
    assert cart["state"] == "ordered"
    assert len(rows(owner, "SELECT * FROM orders")) == 7


def test_a_typed_address_is_not_kept_unless_the_merchant_decided_so(context, client, store, owner):
    shop_id = imported(context, client, store)
    store.add_order("checkout-draft", "ivy@example.org", next(iter(store.products.values())))
    drain(context, shop_id)
    assert [row["email"] for row in rows(owner, "SELECT email FROM carts")] == [None]
    with context.db.shop(shop_id) as connection:
        policy = get_shop(connection, shop_id).policy
        save_policy(
            connection, shop_id, replace(policy, cart=replace(policy.cart, takes_typed_addresses=True))
        )
    polling.poll(context, shop_id)
    assert {row["email"] for row in rows(owner, "SELECT email FROM carts")} == {"ivy@example.org"}


def test_an_order_not_paid_yet_closes_its_cart_and_is_no_revenue(context, client, store, owner):
    shop_id = imported(context, client, store)
    draft = store.add_order("checkout-draft", "ivy@example.org", next(iter(store.products.values())))
    store.change_order(draft["id"], status="on-hold")
    drain(context, shop_id)
    (cart,) = rows(owner, "SELECT * FROM carts")
    assert cart["state"] == "ordered"
    assert len(rows(owner, "SELECT * FROM orders")) == 6


def test_a_forged_copied_or_unknown_sender_is_refused(context, client, store, owner):
    connected(context, client, store)
    store.change_product(next(iter(store.products)), name="Beaker")
    delivery = store.deliveries[-1]
    path = delivery.url.removeprefix("http://127.0.0.1:5100")
    copy = {**delivery.headers, "X-WC-Webhook-Source": "https://staging.shop.example/"}
    assert client.post(path, data=delivery.raw, headers=copy).status_code == 401
    assert client.post(path, data=delivery.raw + b" ", headers=delivery.headers).status_code == 401
    assert client.post(f"{path}x", data=delivery.raw, headers=delivery.headers).status_code == 401
    assert (
        client.post("/webhooks/woocommerce/x", data=delivery.raw, headers=delivery.headers).status_code == 401
    )
    assert client.post("/webhooks/shopify/x", data=delivery.raw, headers=delivery.headers).status_code == 401
    assert client.post(path, data=b"webhook_id=7").status_code == 200
    assert len(rows(owner, "SELECT * FROM deliveries")) == 1


def test_six_orders_of_one_second_are_six(context, client, store, owner):
    shop_id = imported(context, client, store)
    mug = next(iter(store.products.values()))
    at = datetime.now(UTC)
    for number in range(6):
        store.add_order("processing", f"b{number}@example.net", mug, at=at)
    drain(context, shop_id)
    assert len(rows(owner, "SELECT * FROM orders")) == 12


def test_a_cancellation_in_the_second_of_the_payment_holds(context, client, store, owner):
    shop_id = imported(context, client, store)
    at = datetime.now(UTC)
    order = store.add_order("processing", "b@example.net", next(iter(store.products.values())), at=at)
    drain(context, shop_id)
    order["status"] = "cancelled"
    store.emit("order", "updated", order)
    drain(context, shop_id)
    (stored,) = rows(owner, f"SELECT * FROM orders WHERE platform_order_id = '{order['id']}'")
    assert stored["cancelled_at"] is not None


def test_a_deletion_is_checked_against_its_own_type(context, client, store, owner):
    shop_id = imported(context, client, store)
    mug, bowl = list(store.products)[:2]
    coupon = store.new_id()
    store.emit("product", "deleted", {"id": coupon})  # a coupon's, as core sends them
    store.emit("product", "deleted", {"id": bowl})  # restored meanwhile
    store.trash_product(mug)
    drain(context, shop_id)
    removed = rows(owner, "SELECT platform_product_id FROM products WHERE removed_at IS NOT NULL")
    assert removed == [{"platform_product_id": str(mug)}]
    store.change_product(mug, status="publish", date_modified_gmt="2099-01-01T00:00:00")
    store.products[mug]["date_modified_gmt"] = woocommerce_store.moment(
        datetime.now(UTC) + timedelta(hours=1)
    )
    store.emit("product", "updated", store.products[mug])
    drain(context, shop_id)
    assert rows(owner, "SELECT * FROM products WHERE removed_at IS NOT NULL") == []


def test_an_order_in_the_trash_counts_for_nothing_and_may_come_back(context, client, store, owner):
    shop_id = imported(context, client, store)
    number = next(iter(store.orders))
    store.orders[number]["status"] = "trash"
    store.emit("order", "deleted", {"id": number})
    drain(context, shop_id)
    mine = f"SELECT cancelled_at IS NULL AS counts FROM orders WHERE platform_order_id = '{number}'"
    assert rows(owner, mine) == [{"counts": False}]
    store.change_order(number, status="completed")
    drain(context, shop_id)
    assert rows(owner, mine) == [{"counts": True}]


def test_a_changed_variation_changes_its_product_with_one_question(context, client, store, owner):
    shop_id = imported(context, client, store)
    plate = next(row for row in store.products.values() if row["type"] == "variable")
    for number in plate["variations"]:
        store.change_variation(plate, number, price="9.90")
    store.calls.clear()
    drain(context, shop_id)
    assert [row["price"] for row in rows(owner, "SELECT price FROM products WHERE title = 'Plate'")] == [990]
    assert store.calls.count(f"GET /wp-json/wc/v3/products/{plate['id']}") == 1


def test_a_refusal_under_our_own_signature_is_checked_and_asks_for_the_merchant(
    context, client, store, owner
):
    shop_id = connected(context, client, store)
    store.emit("order", "updated", {"code": "woocommerce_rest_cannot_view", "data": {"status": 403}})
    drain(context, shop_id)
    assert [row["state"] for row in rows(owner, "SELECT state FROM shops")] == ["connected"]
    store.keys.clear()
    store.emit("order", "updated", {"code": "woocommerce_rest_cannot_view", "data": {"status": 401}})
    drain(context, shop_id)
    assert [row["state"] for row in rows(owner, "SELECT state FROM shops")] == ["needs_reconnect"]
    assert connected(context, client, store) == shop_id
    assert [row["state"] for row in rows(owner, "SELECT state FROM shops")] == ["connected"]


def test_a_person_erased_by_wordpress_is_forgotten_once(context, client, store, owner):
    shop_id = imported(context, client, store)
    order = store.add_order("completed", "guest@example.net", next(iter(store.products.values())))
    drain(context, shop_id)
    store.change_order(order["id"], billing={"email": "deleted@site.invalid"}, customer_id=0)
    drain(context, shop_id)
    (stored,) = rows(owner, f"SELECT * FROM orders WHERE platform_order_id = '{order['id']}'")
    assert (stored["email_hash"], stored["platform_customer_id"]) == (None, None)
    assert not [
        row for row in rows(owner, "SELECT raw FROM deliveries") if b"guest@example" in bytes(row["raw"])
    ]
    receipts = rows(owner, "SELECT * FROM erasures")
    store.change_order(order["id"], status="processing")
    drain(context, shop_id)
    assert rows(owner, "SELECT * FROM erasures") == receipts
    assert len(rows(owner, "SELECT * FROM audit WHERE action = 'erased a person'")) == 1


def test_the_plugins_farewell_ends_the_connection(context, client, store, owner):
    shop_id = connected(context, client, store)
    store.send_plugin("regulars_shop", "disconnected", {"disconnected_at": datetime.now(UTC).isoformat()})
    drain(context, shop_id)
    part(context)
    assert [row["state"] for row in rows(owner, "SELECT state FROM shops")] == ["uninstalled"]
    assert rows(owner, "SELECT * FROM credentials") == []


# -- what webhooks miss ------------------------------------------------------------------------------------


@contextmanager
def state_of(owner):
    yield {
        "orders": {
            (row["platform_order_id"], row["total"], row["cancelled_at"] is not None)
            for row in rows(owner, "SELECT * FROM orders WHERE removed_at IS NULL")
        },
        "products": {
            (row["platform_product_id"], row["title"], row["price"], row["is_available"])
            for row in rows(owner, "SELECT * FROM products WHERE removed_at IS NULL AND is_published")
        },
    }


def test_with_webhooks_off_one_poll_and_one_sweep_give_the_stores_own_state(context, client, store, owner):
    shop_id = imported(context, client, store)
    store.is_silent = lambda _topic: True
    mug, bowl, plate = list(store.products.values())
    gone = next(iter(store.orders))
    store.delete_silently("orders", gone)
    store.delete_silently("products", bowl["id"])
    new = store.add_order("processing", "new@example.net", mug)
    void = store.add_order("cancelled", "void@example.net", mug)
    added = store.add_product("Jug", "20.00")
    store.change_product(mug["id"], name="Beaker", price="11.00")
    store.change_variation(plate, plate["variations"][0], price="1.00")
    polling.poll(context, shop_id)
    polling.sweep(context, shop_id)
    with state_of(owner) as state:
        assert {each[0] for each in state["orders"]} == {
            str(number) for number, row in store.orders.items() if row["status"] != "checkout-draft"
        }
        assert (str(new["id"]), 1290, False) in state["orders"]
        assert (str(void["id"]), True) in {(each[0], each[2]) for each in state["orders"]}
        assert state["products"] == {
            (str(mug["id"]), "Beaker", 1100, True),
            (str(plate["id"]), "Plate", 100, True),
            (str(added["id"]), "Jug", 2000, True),
        }
    assert polling.sweep(context, shop_id)["removed"] == 0


def test_the_look_that_every_platform_gets_works_here_too(context, client, store, owner):
    shop_id = imported(context, client, store)
    store.is_silent = lambda _topic: True
    store.add_customer("eve@example.com")
    store.change_product(next(iter(store.products)), stock_status="outofstock")
    order = store.add_order("processing", "eve@example.com", next(iter(store.products.values())))
    store.add_order("checkout-draft", "ivy@example.com", next(iter(store.products.values())))
    differed = reconciling.reconcile(context, shop_id)
    assert (differed["products"], differed["orders"], differed["removed"]) == (1, 1, 0)
    assert differed["customers"] == 1
    found = rows(owner, "SELECT platform_order_id FROM orders")
    assert {"platform_order_id": str(order["id"])} in found
    assert len(found) == 7


def test_webhooks_the_store_switched_off_are_made_anew(context, client, store):
    shop_id = connected(context, client, store)
    receiver, store.receiver = store.receiver, lambda _delivery: 500
    mug = next(iter(store.products))
    for number in range(7):
        store.change_product(mug, name=f"Mug {number}")
    ill = [row for row in store.webhooks.values() if row["status"] == "disabled"]
    assert [row["topic"] for row in ill] == ["product.updated"]
    store.receiver = receiver
    assert polling.check_webhooks(context, shop_id)
    assert {row["status"] for row in store.webhooks.values()} == {"active"}
    assert len(store.webhooks) == 9


def test_a_permission_is_heard_of_whatever_way_its_order_is_read(context, client, store, owner):
    """By the import, old or new, and by a look that takes the place of a lost webhook."""
    mug, now = next(iter(store.products.values())), datetime.now(UTC)

    def agreed(name, at):
        meta = [{"id": 1, "key": "_regulars_consent", "value": f"subscribed {at:%Y-%m-%dT%H:%M:%SZ}"}]
        store.add_order("completed", f"{name}@agreed.example", mug, at=at, meta_data=meta)

    def permitted(*names):
        found = {bytes(row["email_hash"]) for row in rows(owner, "SELECT email_hash FROM consents")}
        return {name for name in names if context.hasher.email(shop_id, f"{name}@agreed.example") in found}

    agreed("ida", now - timedelta(days=400))
    agreed("ivy", now - timedelta(hours=1))
    shop_id = imported(context, client, store)
    assert permitted("ida", "ivy", "isa") == {"ida", "ivy"}
    store.webhooks.clear()
    agreed("isa", now)
    polling.poll(context, shop_id)
    assert permitted("ida", "ivy", "isa") == {"ida", "ivy", "isa"}


def test_a_shop_that_tells_everything_is_not_polled(context, ada):
    assert polling.poll(context, ada.shop_id) == {}
    assert polling.sweep(context, ada.shop_id) == {}
    assert polling.check_webhooks(context, ada.shop_id) is False


def test_dead_keys_ask_for_the_merchant_whoever_notices_first(context, client, store, owner):
    shop_id = connected(context, client, store)
    store.keys.clear()
    with pytest.raises(Exception, match="connect the store again"):
        polling.poll(context, shop_id)
    assert [row["state"] for row in rows(owner, "SELECT state FROM shops")] == ["needs_reconnect"]


def test_one_store_is_asked_one_thing_at_a_time_by_all_processes(context, client, store):
    from concurrent.futures import ThreadPoolExecutor

    shop_id = connected(context, client, store)
    store.most_at_once = 0
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: client_for(context, shop_id).count("products"), range(8)))
    assert store.most_at_once == 1


def test_an_installation_on_https_takes_no_local_store():
    platform = WooCommercePlatform("https://app.example")
    with pytest.raises(Exception, match="is not a store"):
        platform.probe("http://localhost")


def test_keys_lie_encrypted_while_they_wait(context, client, store):
    _, keys, _ = approve(client, store)
    held = b"".join(
        bytes(context.redis.get(key) or b"")
        for key in context.redis.keys("keydrop*")
        if context.redis.type(key) == b"string"
    )
    assert keys["consumer_secret"].encode() not in held
    assert json.dumps(keys["user_id"]).strip('"').encode() not in held


def test_what_stands_in_the_way_for_good_is_kept_in_words_until_it_is_gone(context, client, store, owner):
    shop_id = connected(context, client, store)
    told = "SELECT state, connection_trouble AS trouble FROM shops"
    store.faults = [(301, b"", {"Location": "https://www.shop.example/wp-json/wc/v3/webhooks"})]
    polling.check_webhooks(context, shop_id)
    (found,) = rows(owner, told)
    assert found["state"] == "connected"
    assert "redirects to www.shop.example; connect the store under that address" in found["trouble"]
    store.faults = [(503, b"<html>busy</html>", {"Retry-After": "60"})]  # passes by itself
    polling.check_webhooks(context, shop_id)
    assert rows(owner, told) == [found]
    polling.check_webhooks(context, shop_id)
    assert rows(owner, told) == [{"state": "connected", "trouble": None}]
