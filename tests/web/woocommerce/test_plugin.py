"""The companion plugin: told the connection and nothing twice, heard at its desk, and told goodbye."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from redis import Redis
from sqlalchemy import text

from app import create_app
from app.cli import disconnect
from app.domain.offers import Offer
from app.services import installing, parting, polling
from app.services.connecting import client_for
from app.services.hooks import hook_of
from app.services.leaving import leave
from app.services.shops import get_shop, save_policy
from tests.conftest import make_shop
from tests.fixtures.woocommerce_plugin import PluginDouble, instant
from tests.web.woocommerce.kit import HERE, connected, drain, imported, rows


@pytest.fixture
def plugin(store):
    store.plugin = PluginDouble()
    return store.plugin


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


# -- goodbye -----------------------------------------------------------------------------------------------


def at_work(context, client, store):
    """A shop with everything of ours in it: webhooks, the plugin's knowledge, a list in the theme, a discount."""
    shop_id = imported(context, client, store)
    mug, bowl = list(store.products.values())[:2]
    mug["upsell_ids"] = [bowl["id"]]
    with context.db.shop(shop_id) as connection:
        policy = get_shop(connection, shop_id).policy
        policy = replace(
            policy, shelf=replace(policy.shelf, is_in_theme=True), offer=replace(policy.offer, is_on=True)
        )
        save_policy(connection, shop_id, policy)
        connection.execute(
            text(
                "INSERT INTO theme_lists (shop_id, platform_product_id, kind, state, before, written, changed_at)"
                " VALUES (:shop, :product, 'related', 'ours', '', ARRAY[:bowl], now())"
            ),
            {"shop": shop_id, "product": str(mug["id"]), "bowl": str(bowl["id"])},
        )
        now = context.clock.now()
        row = {"shop": shop_id, "now": now, "ends": now + timedelta(days=7)}
        offer = Offer(percent=10, starts_at=now, ends_at=row["ends"])
        row["discount"] = client_for(context, shop_id).codes.open(offer, "AAAA-BBBB-CCCC")
        connection.execute(
            text(
                "INSERT INTO offers (shop_id, percent, ends_at, first_code, platform_discount_id, created_at)"
                " VALUES (:shop, 10, :ends, 'AAAA-BBBB-CCCC', :discount, :now)"
            ),
            row,
        )
    store.coupons[7] = {"id": 7, "code": "theirs", "meta_data": []}
    return shop_id


def test_the_plugins_farewell_leaves_nothing_of_ours_in_the_shop(context, client, store, plugin, owner):
    shop_id = at_work(context, client, store)
    assert (len(store.webhooks), len(store.coupons)) == (9, 2)
    store.webhooks[1] = {
        "id": 1,
        "topic": "order.updated",
        "delivery_url": "https://theirs.example/",
        "status": "active",
    }
    body = {"disconnected_at": instant(datetime.now(UTC))}
    headers, raw = plugin.signed(store, "regulars_shop.disconnected", body)
    path = plugin.connection["hook_url"].removeprefix(HERE)
    assert client.post(path, data=raw, headers=headers).status_code == 200
    drain(context, shop_id)
    assert list(store.webhooks) == [1]
    assert [row["code"] for row in store.coupons.values()] == ["theirs"]
    assert next(iter(store.products.values()))["upsell_ids"] == []
    assert plugin.connection is None
    assert rows(owner, "SELECT state FROM shops") == [{"state": "uninstalled"}]
    for table in ("credentials", "theme_lists", "offers"):
        assert rows(owner, f"SELECT * FROM {table}") == []


def test_a_farewell_from_before_the_present_connection_takes_nothing_out(
    context, client, store, plugin, owner
):
    shop_id = at_work(context, client, store)
    store.send_plugin(
        "regulars_shop", "disconnected", {"disconnected_at": instant(datetime.now(UTC) - timedelta(hours=1))}
    )
    drain(context, shop_id)
    assert (len(store.webhooks), len(store.coupons)) == (9, 2)
    assert plugin.connection is not None
    assert rows(owner, "SELECT state FROM shops") == [{"state": "connected"}]


def test_a_shop_that_no_longer_answers_is_left_all_the_same(context, client, store, plugin, owner):
    shop_id = at_work(context, client, store)
    store.send_plugin("regulars_shop", "disconnected", {"disconnected_at": instant(datetime.now(UTC))})
    store.keys.clear()
    assert parting.take_out(context, shop_id) is False
    drain(context, shop_id)
    assert rows(owner, "SELECT state FROM shops") == [{"state": "uninstalled"}]
    assert rows(owner, "SELECT * FROM credentials") == []


def test_a_step_of_leaving_that_breaks_holds_up_no_other(context, client, store, owner, monkeypatch):
    shop_id = at_work(context, client, store)

    def breaks(*_: object) -> None:
        raise KeyError("lists")

    monkeypatch.setattr("app.services.parting.themelists.take_away", breaks)
    assert leave(context, shop_id) is False
    assert store.webhooks == {}
    assert rows(owner, "SELECT state FROM shops") == [{"state": "uninstalled"}]


def test_the_operator_disconnects_a_store_and_no_shop_that_has_an_admin_of_its_own(
    context, client, store, plugin, owner, monkeypatch
):
    shop_id = at_work(context, client, store)
    other = make_shop(context, "ada-tea.myshopify.com", "Ada's Tea")
    monkeypatch.setattr("app.cli._context", lambda: context)
    domain = store.base_url.removeprefix("http://")
    refused = CliRunner().invoke(disconnect, ["--yes", "--shop", other.domain])
    assert refused.exit_code == 1
    assert "uninstalling the app in its own admin" in refused.output
    told = CliRunner().invoke(disconnect, ["--yes", "--shop", domain])
    assert told.exit_code == 0
    assert "Revoke its key in the store" in told.output
    assert (store.webhooks, plugin.connection) == ({}, None)
    states = rows(owner, "SELECT shop_id, state FROM shops ORDER BY shop_id")
    assert states == [
        {"shop_id": shop_id, "state": "uninstalled"},
        {"shop_id": other.shop_id, "state": "connected"},
    ]
