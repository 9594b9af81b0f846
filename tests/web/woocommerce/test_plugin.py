"""The companion plugin: told the connection and nothing twice, and heard at its desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from app import create_app
from app.services import installing, polling
from app.services.connecting import client_for
from app.services.hooks import hook_of
from app.services.shops import get_shop
from tests.fixtures.woocommerce_plugin import instant
from tests.web.woocommerce.kit import HERE, connected, drain, imported, rows


def at_desk(client, store, action, body, **changes):
    """Call the desk as the plugin does; `changes` spoil the call."""
    headers, raw = store.plugin.signed(store, f"regulars_desk.{action}", body, changes.pop("secret", None))
    url = store.plugin.connection["desk_url"].removeprefix(HERE)
    return client.post(
        f"{changes.pop('url', url)}/{action}",
        data=changes.pop("raw", raw),
        headers={**headers, **changes},
    )


# -- the connection ----------------------------------------------------------------------------------------


def test_the_plugin_is_told_the_connection_and_only_once(context, client, store, plugin, owner):
    shop_id = connected(context, client, store)
    (shop,) = rows(owner, "SELECT * FROM shops")
    with context.db.shop(shop_id) as connection:
        hook = hook_of(context, get_shop(connection, shop_id))
    assert plugin.connection == {
        "app_url": HERE,
        "hook_url": f"{HERE}/webhooks/woocommerce/{hook.token}",
        "desk_url": f"{HERE}/plugin/woocommerce/{hook.token}",
        "secret": hook.secret,
        "public_key": shop["public_key"],
        "takes_typed_addresses": False,
        "is_conflicted": False,
        "shop_name": "Ada's Shop",
    }
    polling.check_webhooks(context, shop_id)
    assert plugin.n_told == 1


def test_what_changed_is_told_again(context, client, store, plugin):
    shop_id = connected(context, client, store, takes_typed_addresses="yes")
    assert ("upkeep.publish_setup", shop_id) in context.queue.nudges
    installing.publish_setup(context, shop_id)
    assert plugin.connection["takes_typed_addresses"] is True
    first = plugin.connection["secret"]
    connected(context, client, store, takes_typed_addresses="yes")
    assert plugin.connection["secret"] != first
    plugin.connection = None
    polling.check_webhooks(context, shop_id)
    assert plugin.connection is not None


def test_a_store_without_the_plugin_is_connected_all_the_same(context, client, store):
    shop_id = connected(context, client, store)
    assert polling.check_webhooks(context, shop_id)
    status = client_for(context, shop_id).storefront_status()
    assert (status.is_embedded, status.part_url) == (False, f"{HERE}/plugin/woocommerce/regulars.zip")


@pytest.mark.parametrize(
    ("shelves", "is_embedded"),
    [
        ({"product": "off", "cart": "off"}, False),
        ({"product": "hook", "cart": "off"}, True),
        ({"product": "off", "cart": "block"}, True),
        ({}, False),
    ],
)
def test_the_plugin_says_whether_a_shelf_is_shown(context, client, store, plugin, shelves, is_embedded):
    shop_id = connected(context, client, store)
    plugin.shelves = shelves
    status = client_for(context, shop_id).storefront_status()
    assert (status.is_embedded, status.part_url) == (is_embedded, None)
    assert status.placement_url == f"{store.base_url}/wp-admin/admin.php?page=regulars"


def test_a_plugin_that_is_closed_to_us_is_no_dead_key(context, client, store, plugin, owner):
    shop_id = connected(context, client, store)
    store.refused_paths = {"/wp-json/wc-regulars/v1/status"}
    polling.check_webhooks(context, shop_id)
    with pytest.raises(Exception, match="security plugin"):
        client_for(context, shop_id).storefront_status()
    assert rows(owner, "SELECT state FROM shops") == [{"state": "connected"}]


# -- the desk ----------------------------------------------------------------------------------------------


def test_the_merchants_wordpress_lets_them_in(context, client, store, plugin):
    connected(context, client, store)
    call = plugin.call(store, user_email="ada@shop.example", user_name="Ada")
    answer = at_desk(client, store, "sign-in", call)
    assert answer.status_code == 200
    assert answer.json["url"].startswith(f"{HERE}/sign-in/")
    assert at_desk(client, store, "sign-in", call).status_code == 401  # a call counts once


def test_a_person_is_exported_and_forgotten_for_good(context, client, store, plugin, owner):
    shop_id = imported(context, client, store)
    answer = at_desk(client, store, "export", plugin.call(store, email="Cleo@example.com"))
    assert answer.status_code == 200
    groups = {item["group"] for item in answer.json["items"]}
    assert {"Regulars: customer", "Regulars: orders", "Regulars: permissions to mail"} <= groups
    assert all(set(item) == {"group", "label", "value"} for item in answer.json["items"])
    assert {"group": "Regulars: customer", "label": "email", "value": "cleo@example.com"} in answer.json[
        "items"
    ]
    assert "dan@example.com" not in answer.text

    assert at_desk(client, store, "erase", plugin.call(store, email="Cleo@example.com")).json == {
        "is_erased": True
    }
    assert rows(owner, "SELECT email FROM customers ORDER BY email") == [{"email": "dan@example.com"}]
    store.change_order(next(iter(store.orders)), status="processing")  # what the shop still says of her
    drain(context, shop_id)
    polling.sweep(context, shop_id)
    assert rows(owner, "SELECT email FROM customers ORDER BY email") == [{"email": "dan@example.com"}]
    again = at_desk(client, store, "export", plugin.call(store, email="cleo@example.com"))
    assert again.json == {"items": []}
    actions = [row["action"] for row in rows(owner, "SELECT action FROM audit ORDER BY audit_id")]
    assert actions == ["exported a person", "erased a person", "exported a person"]


@pytest.mark.parametrize("action", ["sign-in", "export", "erase"])
def test_a_forged_old_or_misdirected_call_is_refused_and_does_nothing(
    context, client, store, plugin, owner, action
):
    imported(context, client, store)
    fields = (
        {"user_email": "ada@shop.example", "user_name": "Ada"}
        if action == "sign-in"
        else {"email": "cleo@example.com"}
    )
    good = plugin.call(store, **fields)
    old = {**good, "at": instant(datetime.now(UTC) - timedelta(minutes=6))}
    early = {**good, "at": instant(datetime.now(UTC) + timedelta(minutes=6))}
    bodies = [
        old,
        early,
        {**good, "at": "yesterday"},
        {**good, "nonce": "short"},
        {**good, "more": 1},
        {**good, "email": ["cleo@example.com"]},
        {name: value for name, value in good.items() if name not in ("email", "user_email")},
        {"id": 7},
        {},
    ]
    for body in bodies:
        assert at_desk(client, store, action, body).status_code == 401, body
    spoilt = [
        {"secret": "another-secret"},
        {"raw": b"{"},
        {"X-WC-Webhook-Signature": ""},
        {"X-WC-Webhook-Source": "https://staging.shop.example/"},
    ]
    for change in spoilt:
        assert at_desk(client, store, action, good, **change).status_code == 401, change
    for url in ("/plugin/woocommerce/unknown", "/plugin/shopify/unknown", "/plugin/nothing/unknown"):
        assert at_desk(client, store, action, good, url=url).status_code == 404, url
    assert at_desk(client, store, action, good, raw=b"x" * 9000).status_code == 413
    assert len(rows(owner, "SELECT * FROM customers")) == 2
    assert rows(owner, "SELECT * FROM audit") == []
    assert at_desk(client, store, action, good).status_code == 200


def test_a_call_for_one_thing_is_none_for_another(context, client, store, plugin):
    connected(context, client, store)
    call = plugin.call(store, email="cleo@example.com")
    assert at_desk(client, store, "sign-in", call).status_code == 401
    assert at_desk(client, store, "export", call).status_code == 200
    assert at_desk(client, store, "erase", call).status_code == 401  # its nonce was used


def test_another_shops_call_opens_nothing(context, client, store, plugin, owner):
    connected(context, client, store)
    call = plugin.call(store, email="cleo@example.com")
    with_bens = at_desk(client, store, "erase", call, secret="the-secret-of-bens-shop")
    assert with_bens.status_code == 401
    assert rows(owner, "SELECT * FROM erasures") == []


def test_the_desk_is_closed_once_the_shop_is_disconnected(context, client, store, plugin):
    shop_id = connected(context, client, store)
    known = plugin.connection
    store.send_plugin("regulars_shop", "disconnected", {"disconnected_at": instant(datetime.now(UTC))})
    drain(context, shop_id)
    plugin.connection = known  # as whoever kept it would still call
    call = plugin.call(store, email="cleo@example.com")
    assert at_desk(client, store, "export", call).status_code == 404


def test_without_redis_the_desk_says_later(context, client, store, plugin):
    connected(context, client, store)
    call = plugin.call(store, email="cleo@example.com")
    nowhere = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.5)
    lonely = create_app(context=replace(context, redis=nowhere)).test_client()
    answer = at_desk(lonely, store, "erase", call)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert at_desk(client, store, "erase", call).status_code == 200


def test_too_many_calls_are_told_to_wait(context, client, store, plugin):
    connected(context, client, store)
    body = plugin.call(store, email="x")
    answers = [at_desk(client, store, "export", body, secret="wrong").status_code for _ in range(61)]
    assert answers == [401] * 60 + [429]
