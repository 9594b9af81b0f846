"""A store is disconnected: at once for everybody who looks on, and then, by a worker, in the store itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from app.cli_shops import disconnect
from app.domain.offers import Offer
from app.services import installing, jobs, leaving, parting, polling
from app.services.connecting import client_for
from app.services.hooks import find_hook
from app.services.leaving import leave
from app.services.recommending import ShelfRequest, get_shelf
from app.services.shops import get_shop, save_policy
from tests.conftest import make_shop
from tests.fixtures.woocommerce_plugin import instant
from tests.web.woocommerce.kit import HERE, connected, drain, imported, part, rows

EVERYTHING = ["credentials", "theme_lists", "offers"]


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


def state_of(owner) -> str:
    (row,) = rows(owner, "SELECT state FROM shops")
    return row["state"]


def say_goodbye(client, store, plugin, at=None):
    """The plugin's page, *Disconnect*: signed, and the last it says."""
    body = {"disconnected_at": instant(at or datetime.now(UTC))}
    headers, raw = plugin.signed(store, "regulars_shop.disconnected", body)
    path = plugin.connection["hook_url"].removeprefix(HERE)
    assert client.post(path, data=raw, headers=headers).status_code == 200


def expect_nothing_of_ours(store, plugin, owner):
    assert store.webhooks == {}
    assert [row["code"] for row in store.coupons.values()] == ["theirs"]
    assert next(iter(store.products.values()))["upsell_ids"] == []
    assert plugin.connection is None
    assert state_of(owner) == "uninstalled"
    for table in EVERYTHING:
        assert rows(owner, f"SELECT * FROM {table}") == []


def test_leaving_is_at_once_for_shoppers_and_asks_the_store_nothing(context, client, store, plugin, owner):
    shop_id = at_work(context, client, store)
    (shop,) = rows(owner, "SELECT public_key FROM shops")
    asked = ShelfRequest(shop["public_key"], "home")
    assert b"Mug" in get_shelf(context, asked).body
    token = plugin.connection["hook_url"].rpartition("/")[2]
    assert find_hook(context, token) is not None
    n_calls = len(store.calls)
    context.queue.nudges.clear()
    assert leave(context, shop_id)
    assert len(store.calls) == n_calls
    assert context.queue.nudges == [("upkeep.run_jobs",)]
    assert state_of(owner) == "leaving"
    assert b"Mug" not in get_shelf(context, asked).body
    assert find_hook(context, token) is None
    assert [kind for _, _, kind in jobs.open_jobs(context)] == ["leaving"]
    assert len(rows(owner, "SELECT * FROM credentials")) == 1
    with context.db.shop(shop_id) as connection:
        found = leaving.remaining(connection, shop_id)
    assert (found.n_lists, found.n_discounts, found.has_webhooks) == (1, 1, True)
    assert not leave(context, shop_id)  # pressed twice


def test_the_worker_leaves_nothing_of_ours_in_the_store_and_then_forgets_its_keys(
    context, client, store, plugin, owner
):
    shop_id = at_work(context, client, store)
    leave(context, shop_id)
    part(context)
    expect_nothing_of_ours(store, plugin, owner)
    assert jobs.open_jobs(context) == []


def test_a_round_or_a_saved_setting_puts_nothing_back_into_a_shop_that_is_leaving(
    context, client, store, plugin, owner
):
    shop_id = at_work(context, client, store)
    leave(context, shop_id)
    client_for(context, shop_id).part()  # a step that is over, while another has to wait
    assert installing.repair_connection(context, shop_id) == {}
    polling.check_webhooks(context, shop_id)
    installing.publish_setup(context, shop_id)
    assert (store.webhooks, plugin.connection) == ({}, None)
    part(context)
    expect_nothing_of_ours(store, plugin, owner)


def test_the_plugins_farewell_leaves_nothing_of_ours_in_the_shop(context, client, store, plugin, owner):
    shop_id = at_work(context, client, store)
    assert (len(store.webhooks), len(store.coupons)) == (9, 2)
    store.webhooks[1] = {
        "id": 1,
        "topic": "order.updated",
        "delivery_url": "https://theirs.example/",
        "status": "active",
    }
    say_goodbye(client, store, plugin)
    drain(context, shop_id)
    assert state_of(owner) == "leaving"
    part(context)
    assert list(store.webhooks) == [1]
    del store.webhooks[1]
    expect_nothing_of_ours(store, plugin, owner)


def test_a_farewell_from_before_the_present_connection_takes_nothing_out(
    context, client, store, plugin, owner
):
    shop_id = at_work(context, client, store)
    say_goodbye(client, store, plugin, datetime.now(UTC) - timedelta(hours=1))
    drain(context, shop_id)
    part(context)
    assert (len(store.webhooks), len(store.coupons)) == (9, 2)
    assert plugin.connection is not None
    assert state_of(owner) == "connected"


def test_a_shop_that_no_longer_takes_our_keys_is_left_all_the_same(context, client, store, plugin, owner):
    shop_id = at_work(context, client, store)
    store.keys.clear()
    leave(context, shop_id)
    part(context)
    assert state_of(owner) == "uninstalled"
    assert rows(owner, "SELECT * FROM credentials") == []
    with context.db.shop(shop_id) as connection:
        assert set(leaving.remaining(connection, shop_id).left) == {"lists", "discounts", "webhooks"}


def test_a_store_that_is_away_is_tried_again_for_a_day_and_then_left(context, client, store, plugin, owner):
    shop_id = at_work(context, client, store)
    leave(context, shop_id)
    store.is_away = True
    before = datetime.now(UTC)
    part(context)
    assert state_of(owner) == "leaving"
    assert len(rows(owner, "SELECT * FROM credentials")) == 1
    (job,) = rows(owner, "SELECT state, n_attempts, error, leased_until FROM jobs WHERE kind = 'leaving'")
    assert (job["state"], job["n_attempts"]) == ("running", 0)
    assert "503" in job["error"]
    assert job["leased_until"] >= before + timedelta(seconds=60)  # as long as the store asked for

    due(owner)
    store.is_away = False
    part(context)
    expect_nothing_of_ours(store, plugin, owner)


def test_a_store_that_stays_away_is_left_after_a_day_with_what_is_in_it(
    context, client, store, plugin, owner
):
    shop_id = at_work(context, client, store)
    leave(context, shop_id)
    store.is_away = True
    part(context)
    with owner.connect() as connection:
        connection.execute(text("UPDATE shops SET uninstalled_at = uninstalled_at - interval '25 hours'"))
    due(owner)
    part(context)
    assert state_of(owner) == "uninstalled"
    assert rows(owner, "SELECT * FROM credentials") == []
    with context.db.shop(shop_id) as connection:
        assert set(leaving.remaining(connection, shop_id).left) == {"lists", "discounts", "webhooks"}


def due(owner):
    """Whatever pause or lease the job has is over."""
    with owner.connect() as connection:
        connection.execute(text("UPDATE jobs SET leased_until = now() - interval '1 second'"))


def test_whoever_follows_a_killed_worker_goes_on_where_it_stopped(
    context, client, store, plugin, owner, monkeypatch
):
    shop_id = at_work(context, client, store)
    leave(context, shop_id)

    def die(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("app.services.parting.offers.clean_up", die)
        with pytest.raises(SystemExit):
            part(context)
    (job,) = rows(owner, "SELECT progress FROM jobs WHERE kind = 'leaving'")
    assert job["progress"]["over"] == ["lists"]
    assert len(rows(owner, "SELECT * FROM credentials")) == 1
    due(owner)
    store.calls.clear()
    part(context)
    expect_nothing_of_ours(store, plugin, owner)
    assert not [call for call in store.calls if "/products" in call]


def test_a_step_of_leaving_that_breaks_holds_up_no_other(context, client, store, owner, monkeypatch):
    shop_id = at_work(context, client, store)

    def breaks(*_: object) -> None:
        raise KeyError("lists")

    monkeypatch.setattr("app.services.parting.themelists.take_away", breaks)
    leave(context, shop_id)
    part(context)
    assert store.webhooks == {}
    assert state_of(owner) == "uninstalled"
    with context.db.shop(shop_id) as connection:
        assert list(leaving.remaining(connection, shop_id).left) == ["lists"]


def test_lists_that_another_worker_is_writing_are_waited_for(context, client, store, plugin, owner):
    shop_id = at_work(context, client, store)
    with context.db.shop(shop_id) as connection:
        jobs.enqueue_job(connection, shop_id, "theme_lists", context.clock.now())
    ((_, job_id, _),) = [job for job in jobs.open_jobs(context) if job[2] == "theme_lists"]
    with jobs.lease(context, shop_id, job_id) as held:
        assert held is not None
        leave(context, shop_id)
        part(context)
        assert state_of(owner) == "leaving"
        assert store.webhooks == {}  # the rest needs not wait
    due(owner)
    part(context)
    expect_nothing_of_ours(store, plugin, owner)


def test_a_merchant_who_connects_again_meanwhile_keeps_the_connection(
    context, client, store, plugin, owner, monkeypatch
):
    """At the worst moment: our webhooks are being taken out, and new ones are made beside them."""
    shop_id = at_work(context, client, store)
    leave(context, shop_id)
    clean_up = parting.offers.clean_up

    def come_back(*arguments: object, **more: object) -> int:
        assert connected(context, client, store) == shop_id
        return clean_up(*arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr("app.services.parting.offers.clean_up", come_back)
        part(context)
    assert state_of(owner) == "connected"
    assert [kind for _, _, kind in jobs.open_jobs(context)] == ["import"]
    assert len(store.webhooks) == 9
    (hook,) = {row["delivery_url"] for row in store.webhooks.values()}
    assert hook == plugin.connection["hook_url"]
    assert len(rows(owner, "SELECT * FROM credentials")) == 1


def test_a_lost_job_is_asked_for_again(context, client, store, owner):
    shop_id = at_work(context, client, store)
    leave(context, shop_id)
    with owner.connect() as connection:
        connection.execute(text("DELETE FROM jobs"))
    leaving.go_on(context, shop_id)
    leaving.go_on(context, shop_id)
    part(context)
    assert state_of(owner) == "uninstalled"
    leaving.go_on(context, shop_id)
    assert jobs.open_jobs(context) == []


def test_the_operator_disconnects_a_store_and_no_shop_that_has_an_admin_of_its_own(
    context, client, store, plugin, owner, monkeypatch
):
    shop_id = at_work(context, client, store)
    other = make_shop(context, "ada-tea.myshopify.com", "Ada's Tea")
    monkeypatch.setattr("app.cli_shops.open_context", lambda: context)
    domain = store.base_url.removeprefix("http://")
    refused = CliRunner().invoke(disconnect, ["--yes", "--shop", other.domain])
    assert refused.exit_code == 1
    assert "uninstalling the app in its own admin" in refused.output
    store.is_away = True
    told = CliRunner().invoke(disconnect, ["--yes", "--shop", domain])
    assert "A worker goes on taking out what is ours" in told.output
    store.is_away = False
    due(owner)
    told = CliRunner().invoke(disconnect, ["--yes", "--shop", domain])
    assert told.exit_code == 0
    assert "Revoke its key in the store" in told.output
    assert (store.webhooks, plugin.connection) == ({}, None)
    states = rows(owner, "SELECT shop_id, state FROM shops ORDER BY shop_id")
    assert states == [
        {"shop_id": shop_id, "state": "uninstalled"},
        {"shop_id": other.shop_id, "state": "connected"},
    ]
