"""A store goes on under another address only where its owner says so: a copy and a stranger know its mark as well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from sqlalchemy import text

from app.mail.transports import transport_from_url
from app.services import keydrop
from app.services.leaving import leave
from tests.fixtures import woocommerce_store
from tests.fixtures.smtp_server import Fault, SmtpServerDouble
from tests.fixtures.woocommerce_store import WooStore
from tests.web.woocommerce.kit import HERE, approve, connected, imported, part, rows

OWNER = "ada@shop.example"


@contextmanager
def elsewhere(store: WooStore, *, knows_keys: bool = False) -> Iterator[WooStore]:
    """A store under another address with the mark of this one: moved, copied, or set up by a stranger."""
    twin = WooStore(receiver=store.receiver, keys=dict(store.keys) if knows_keys else {})
    with woocommerce_store.running(woocommerce_store.stocked(twin, datetime.now(UTC))):
        yield twin


def take(context, fault: Fault | None = None) -> tuple[int, list[tuple[str, str]]]:
    """Take the keys that wait: how many shops that connected, and to whom a link went that confirms a move."""
    with SmtpServerDouble(*([fault] if fault else [])) as server:
        transport = transport_from_url(server.url)
        n_connected = keydrop.take_keys(replace(context, transport=transport))
        transport.close()
        found = []
        for mail in server.mails:
            body = message_from_bytes(mail.raw, policy=policy.default).get_body(("plain",)).get_content()
            found.append((mail.recipients[0], re.search(r"(/connect/woocommerce/moved/\S+)", body)[1]))
    return n_connected, found


def confirm(client, link, origin=HERE):
    return client.application.test_client().post(link, headers={"Origin": origin}, base_url=HERE)


def shops(owner):
    return rows(owner, "SELECT shop_id, public_url, state FROM shops ORDER BY shop_id")


def test_a_copy_of_a_connected_store_is_refused(context, client, store, owner):
    imported(context, client, store)
    before = shops(owner)
    with elsewhere(store, knows_keys=True) as copy:
        approve(client, copy)
        assert take(context) == (0, [])
        assert "is the same store as" in client.get("/connect/woocommerce/progress").text
        approve(client, copy, has_moved="yes")
        assert take(context) == (0, [])
        assert "still answers as this store" in client.get("/connect/woocommerce/progress").text
    assert shops(owner) == before


def test_a_move_keeps_everything_once_the_owner_confirms_it(context, client, store, owner):
    shop_id = imported(context, client, store)
    with elsewhere(store) as moved:
        store.keys.clear()
        approve(client, moved, has_moved="yes")
        n_connected, [(recipient, link)] = take(context)
        assert (n_connected, recipient) == (0, OWNER)
        page = client.get("/connect/woocommerce/progress").text
        assert "Waiting for the store" in page
        assert OWNER not in page
        assert take(context) == (0, [])  # asked once
        assert shops(owner)[0]["public_url"] == store.base_url

        owners = client.application.test_client()
        page = owners.get(link, base_url=HERE).text
        assert moved.base_url.removeprefix("http://") in page
        assert take(context) == (0, [])  # looked at is not confirmed: mail scanners open every link
        assert "The move is confirmed" in confirm(client, link).text
        assert take(context) == (1, [])
        (shop,) = shops(owner)
        assert shop == {"shop_id": shop_id, "public_url": moved.base_url, "state": "connected"}
        assert "The move is confirmed" in confirm(client, link).text  # pressed twice
        assert take(context) == (0, [])
    assert len(rows(owner, "SELECT * FROM orders")) == 6
    addresses = {row["delivery_url"] for each in (store, moved) for row in each.webhooks.values()}
    assert len(addresses) == 2  # a new address and secret with each connection


def test_a_store_that_is_down_for_a_while_is_not_handed_over(context, client, store, owner):
    imported(context, client, store)
    before = shops(owner)
    with elsewhere(store) as strangers:
        store.faults = [(500, b"", {})] * 3
        approve(client, strangers, has_moved="yes")
        assert take(context)[0] == 0
    assert shops(owner) == before


@pytest.mark.parametrize("state", ["uninstalled", "needs_reconnect"])
def test_whoever_knows_the_mark_of_a_store_that_is_not_connected_gets_nothing_of_it(
    context, client, store, owner, state
):
    shop_id = imported(context, client, store)
    if state == "uninstalled":
        leave(context, shop_id)
        part(context)
    else:
        with owner.connect() as connection:
            connection.execute(text("UPDATE shops SET state = 'needs_reconnect'"))
    before = shops(owner)
    assert before[0]["state"] == state
    with elsewhere(store) as strangers:
        approve(client, strangers, has_moved="yes")
        n_connected, [(recipient, _)] = take(context)
        assert (n_connected, recipient) == (0, OWNER)
        assert shops(owner) == before
        approve(client, strangers)
        assert take(context) == (1, [])
        assert shops(owner)[0] == before[0]
        (mine, new) = shops(owner)
        assert (mine["shop_id"], new["public_url"]) == (shop_id, strangers.base_url)
    new_id = new["shop_id"]
    assert rows(owner, f"SELECT * FROM orders WHERE shop_id = {new_id}") == []


def test_a_link_that_is_invented_cut_or_pressed_by_another_site_confirms_nothing(
    context, client, store, owner
):
    imported(context, client, store)
    with elsewhere(store) as moved:
        store.keys.clear()
        approve(client, moved, has_moved="yes")
        _, [(_, link)] = take(context)
        for wrong in (f"{link}x", link[:-1], "/connect/woocommerce/moved/x", f"{link}{'x' * 300}"):
            assert client.get(wrong).status_code == 404
            assert confirm(client, wrong).status_code == 404
        assert confirm(client, link, "https://elsewhere.example").status_code == 403
        assert take(context) == (0, [])
        context.redis.flushall()  # the hour is over
        assert confirm(client, link).status_code == 404
        assert take(context) == (0, [])
    assert [row["public_url"] for row in shops(owner)] == [store.base_url]


def test_the_owner_is_not_asked_more_than_thrice_an_hour(context, client, store):
    imported(context, client, store)
    store.keys.clear()
    with elsewhere(store) as moved:
        mails = []
        for _ in range(4):
            approve(client, moved, has_moved="yes")
            mails += take(context)[1]
        assert len(mails) == 3
        assert "asked several times" in client.get("/connect/woocommerce/progress").text


def test_without_an_address_of_the_owner_the_merchant_is_told_how_to_begin_anew(
    context, client, store, owner
):
    imported(context, client, store)
    with owner.connect() as connection:
        connection.execute(text("UPDATE shops SET state = 'needs_reconnect', email = NULL"))
    with elsewhere(store) as moved:
        approve(client, moved, has_moved="yes")
        assert take(context) == (0, [])
        assert "connected as a new shop" in client.get("/connect/woocommerce/progress").text


def test_a_mail_server_that_is_away_is_tried_again(context, client, store):
    imported(context, client, store)
    store.keys.clear()
    with elsewhere(store) as moved:
        approve(client, moved, has_moved="yes")
        assert take(context, Fault.BANNER_554) == (0, [])
        n_connected, mails = take(context)
        assert (n_connected, len(mails)) == (0, 1)


def test_a_store_whose_old_connection_was_erased_begins_anew(context, client, store, owner):
    connected(context, client, store)
    with owner.connect() as connection:
        connection.execute(text("UPDATE shops SET state = 'uninstalled', public_url = '', email = NULL"))
    with elsewhere(store) as moved:
        approve(client, moved, has_moved="yes")
        assert take(context) == (1, [])
    assert [row["state"] for row in shops(owner)] == ["uninstalled", "connected"]


def test_another_store_at_the_same_address_gets_nothing_of_the_one_before(context, client, store, owner):
    """The domain was sold, or the shop set up anew: its customers are numbered from the beginning."""
    before = imported(context, client, store)
    n_orders = len(rows(owner, "SELECT * FROM orders"))
    store.store_id, store.keys = "f9d5b1a0-another-store", {}
    approve(client, store)
    assert take(context) == (1, [])
    (left, new) = rows(owner, "SELECT * FROM shops ORDER BY shop_id")
    assert (left["shop_id"], left["state"]) == (before, "uninstalled")
    assert left["uninstalled_at"] is not None
    assert (new["domain"], new["state"]) == (store.base_url.removeprefix("http://"), "connected")
    counted = rows(owner, "SELECT shop_id, count(*) AS n FROM orders GROUP BY shop_id")
    assert counted == [{"shop_id": before, "n": n_orders}]
    assert [row["shop_id"] for row in rows(owner, "SELECT shop_id FROM credentials")] == [new["shop_id"]]
    assert len(store.webhooks) == 9
    assert all(new["public_key"] in row["delivery_url"] for row in store.webhooks.values())


def test_a_shop_that_comes_back_to_its_address_is_the_same(context, client, store, owner):
    shop_id = imported(context, client, store)
    leave(context, shop_id)
    part(context)
    assert connected(context, client, store) == shop_id
    assert [row["state"] for row in shops(owner)] == ["connected"]


def test_an_owner_who_answers_at_the_end_of_the_hour_is_in_time_also_where_asking_took_long(
    context, client, store, owner
):
    imported(context, client, store)
    store.keys.clear()
    with elsewhere(store) as moved:
        approve(client, moved, has_moved="yes")
        (keys,) = context.redis.keys("keydrop-keys:*")
        context.redis.expire(keys, 60)  # the mail server was away for most of the hour
        _, [(_, link)] = take(context)
        assert context.redis.ttl(keys) > keydrop.LIFE_SECONDS - 60
        context.redis.expire(keys, 60)
        assert "The move is confirmed" in confirm(client, link).text
        assert context.redis.ttl(keys) > keydrop.LIFE_SECONDS - 60
        assert take(context) == (1, [])


def test_an_owner_who_answers_when_the_keys_are_gone_is_not_told_that_it_is_done(context, client, store):
    imported(context, client, store)
    store.keys.clear()
    with elsewhere(store) as moved:
        approve(client, moved, has_moved="yes")
        _, [(_, link)] = take(context)
        context.redis.delete(*context.redis.keys("keydrop-keys:*"))
        assert confirm(client, link).status_code == 404
