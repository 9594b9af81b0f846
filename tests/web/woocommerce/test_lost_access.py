"""A shop that lets us in no more: its owner is told, it comes back by itself, or it is erased when nobody cares."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes, policy

import pytest
from sqlalchemy import text

from app.mail.transports import transport_from_url
from app.platforms.base import NeedsReconnectError
from app.services import polling, privacy, reconnecting
from app.services.connecting import access_token
from tests.conftest import make_shop
from tests.fixtures.smtp_server import Fault, SmtpServerDouble
from tests.web.woocommerce.kit import HERE, connected, imported, rows

OWNER = "ada@shop.example"


@contextmanager
def mail_server(context, fault: Fault = Fault.NONE) -> Iterator[tuple]:
    with SmtpServerDouble(fault) as server:
        transport = transport_from_url(server.url)
        yield replace(context, transport=transport), server
        transport.close()


def look(context, fault: Fault = Fault.NONE) -> list[tuple[str, str, str]]:
    """What a worker does each hour; whom it wrote to, under which subject, and what."""
    with mail_server(context, fault) as (context, server):
        for shop_id in reconnecting.shops_without_access(context):
            reconnecting.look_after(context, shop_id)
        mails = [message_from_bytes(mail.raw, policy=policy.default) for mail in server.mails]
    return [
        (mail["To"], mail["Subject"], mail.get_body(("plain",)).get_content().replace("\n", " "))
        for mail in mails
    ]


def pass_days(owner, days: float) -> None:
    with owner.connect() as connection:
        connection.execute(
            text(
                "UPDATE shops SET access_lost_at = access_lost_at - make_interval(secs => :s),"
                " access_told_at = access_told_at - make_interval(secs => :s),"
                " installed_at = installed_at - make_interval(secs => :s)"
            ),
            {"s": days * 86400},
        )


def lock_out(context, store, shop_id: int) -> None:
    store.keys.clear()
    with pytest.raises(NeedsReconnectError):
        polling.poll(context, shop_id)


def n_customers(owner) -> int:
    return len(rows(owner, "SELECT * FROM customers"))


def test_the_owner_is_told_once_and_once_more_before_everything_is_erased(context, client, store, owner):
    shop_id = imported(context, client, store)
    lock_out(context, store, shop_id)
    assert rows(owner, "SELECT state FROM shops") == [{"state": "needs_reconnect"}]
    assert look(context) == []  # perhaps the merchant is just changing the keys
    pass_days(owner, 1 / 24)
    [(recipient, subject, said)] = look(context)
    assert recipient == OWNER
    assert subject == "Ada's Shop: Regulars has lost its access"
    assert f"{HERE}/connect/woocommerce?store={store.base_url.removeprefix('http://')}" in said
    assert "is erased on" in said
    assert look(context) == []
    pass_days(owner, 165)
    assert look(context) == []
    assert privacy.erase_if_left(context, shop_id) is False
    pass_days(owner, 1)
    [(recipient, subject, _)] = look(context)
    assert (recipient, subject.partition(" will be")[0]) == (OWNER, "Ada's Shop: what is stored")
    assert look(context) == []
    assert privacy.erase_if_left(context, shop_id) is False
    assert n_customers(owner) == 2
    pass_days(owner, 14)
    assert privacy.erase_if_left(context, shop_id) is True
    assert n_customers(owner) == 0
    assert look(context) == []


def test_a_store_that_lets_us_in_again_goes_on_by_itself_and_nobody_is_written_to(
    context, client, store, owner
):
    shop_id = imported(context, client, store)
    keys = dict(store.keys)
    lock_out(context, store, shop_id)
    pass_days(owner, 1)
    store.keys.update(keys)
    assert look(context) == []
    assert rows(owner, "SELECT state, access_lost_at, n_access_notices FROM shops") == [
        {"state": "connected", "access_lost_at": None, "n_access_notices": 0}
    ]
    assert polling.poll(context, shop_id)["orders"] == 0


def test_connecting_again_begins_the_count_anew(context, client, store, owner):
    shop_id = imported(context, client, store)
    lock_out(context, store, shop_id)
    pass_days(owner, 1)
    assert len(look(context)) == 1
    assert connected(context, client, store) == shop_id
    lock_out(context, store, shop_id)
    assert look(context) == []
    pass_days(owner, 1)
    assert len(look(context)) == 1


@pytest.mark.parametrize(
    ("fault", "n_later"),
    [
        (Fault.BANNER_421, 1),  # nothing has gone out: tried again
        (Fault.RECIPIENT_550, 0),  # no such mailbox: it would be none the next time
        (Fault.DROP_AFTER_DOT, 0),  # it may have arrived
    ],
)
def test_a_mail_that_may_have_gone_out_is_not_written_twice(context, client, store, owner, fault, n_later):
    shop_id = imported(context, client, store)
    lock_out(context, store, shop_id)
    pass_days(owner, 1)
    look(context, fault)
    assert len(look(context)) == n_later


def test_on_shopify_the_owner_is_sent_to_the_app_and_nothing_is_erased_by_us(context, owner):
    shop = make_shop(context, "ada-tea.myshopify.com", "Ada's Tea")
    with owner.connect() as connection:
        connection.execute(text("DELETE FROM credentials"))  # as a pair that has died
    with pytest.raises(NeedsReconnectError):
        access_token(context, shop.shop_id)
    pass_days(owner, 400)
    [(recipient, subject, said)] = look(context)
    assert (recipient, subject) == ("owner@example.com", "Ada's Tea: Regulars has lost its access")
    assert "/apps/test-client-id" in said
    assert "erased" not in said
    assert look(context) == []
    assert privacy.erase_if_left(context, shop.shop_id) is False


def test_a_store_that_is_silent_for_a_week_has_gone_without_saying_so(context, client, store, owner):
    shop_id = imported(context, client, store)

    def pass_silence(days: float) -> None:
        with owner.connect() as connection:
            connection.execute(
                text("UPDATE shops SET silent_since = silent_since - make_interval(secs => :s)"),
                {"s": days * 86400},
            )

    def state() -> str:
        return rows(owner, "SELECT state FROM shops")[0]["state"]

    assert reconnecting.listen(context, shop_id)
    store.is_away = True
    assert not reconnecting.listen(context, shop_id)
    pass_silence(6.9)
    assert not reconnecting.listen(context, shop_id)
    assert state() == "connected"
    store.is_away = False
    assert reconnecting.listen(context, shop_id)  # a week counts from the last answer
    store.is_away = True
    reconnecting.listen(context, shop_id)
    pass_silence(1)
    reconnecting.listen(context, shop_id)
    assert state() == "connected"
    pass_silence(6)
    reconnecting.listen(context, shop_id)
    assert state() == "needs_reconnect"
    pass_days(owner, 1)
    [(recipient, _, said)] = look(context)
    assert recipient == OWNER
    assert "does not answer at all" in " ".join(said.split())
    store.is_away = False
    assert look(context) == []
    assert state() == "connected"


def test_nothing_is_erased_before_the_owner_was_warned_however_long_no_worker_ran(
    context, client, store, owner
):
    shop_id = imported(context, client, store)
    lock_out(context, store, shop_id)
    pass_days(owner, 400)
    assert privacy.erase_if_left(context, shop_id) is False
    assert look(context, Fault.BANNER_421) == []  # the mail server is away, too
    assert privacy.erase_if_left(context, shop_id) is False
    assert [subject.partition(":")[2] for _, subject, _ in look(context)] == [" Regulars has lost its access"]
    [(_, subject, _)] = look(context)
    assert "will be erased" in subject
    assert privacy.erase_if_left(context, shop_id) is False
    pass_days(owner, 13)
    assert privacy.erase_if_left(context, shop_id) is False
    pass_days(owner, 1)
    assert privacy.erase_if_left(context, shop_id) is True


def test_a_store_whose_owner_has_no_address_is_erased_when_its_time_is_over(context, client, store, owner):
    shop_id = imported(context, client, store)
    lock_out(context, store, shop_id)
    with owner.connect() as connection:
        connection.execute(text("UPDATE shops SET email = NULL"))
    pass_days(owner, 179)
    assert privacy.erase_if_left(context, shop_id) is False
    pass_days(owner, 1)
    assert privacy.erase_if_left(context, shop_id) is True


def test_the_daily_round_tries_a_store_once_more_before_it_erases_it(context, client, store, owner):
    shop_id = imported(context, client, store)
    keys = dict(store.keys)
    lock_out(context, store, shop_id)
    with owner.connect() as connection:
        connection.execute(text("UPDATE shops SET n_access_notices = 2, access_told_at = access_lost_at"))
    pass_days(owner, 181)
    store.keys.update(keys)
    assert reconnecting.let_go(context, shop_id) is False
    assert rows(owner, "SELECT state FROM shops") == [{"state": "connected"}]
    assert n_customers(owner) == 2


def test_a_store_is_not_silent_when_only_its_heaviest_page_breaks(context, client, store, owner):
    shop_id = imported(context, client, store)
    store.refused_paths.add("/wp-json/wc/v3/system_status")
    assert reconnecting.listen(context, shop_id)
    assert rows(owner, "SELECT state, silent_since FROM shops") == [
        {"state": "connected", "silent_since": None}
    ]
    with owner.connect() as connection:
        connection.execute(text("UPDATE shops SET state = 'needs_reconnect', access_lost_at = now()"))
    pass_days(owner, 400)
    assert reconnecting.let_go(context, shop_id) is False
    assert rows(owner, "SELECT state FROM shops") == [{"state": "connected"}]
    assert n_customers(owner) == 2
