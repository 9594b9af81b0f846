"""Discount codes in cart reminders, against a shop that enforces what Shopify enforces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import requests
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.domain.events import LineItem
from app.domain.money import Money
from app.domain.policy import OfferPolicy
from app.mail.links import Purpose
from app.platforms.base import NeedsApprovalError, PlatformError
from app.platforms.shopify.codes import ShopifyCodes
from app.services import connecting, messaging, offers
from app.services.shops import get_shop
from tests.db.messaging_stage import CLEO, Stage, set_stage, smtp_to
from tests.db.test_messaging_sending import part, the_mail
from tests.demostage import DemoStage, open_demo_stage
from tests.fixtures.smtp_server import SmtpServerDouble

CODE = re.compile(r"[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}")
TEN = OfferPolicy(is_on=True, percent=10, valid_days=7)


@pytest.fixture
def server() -> Iterator[SmtpServerDouble]:
    with SmtpServerDouble() as running:
        yield running


@pytest.fixture
def demo(context, server) -> Iterator[DemoStage]:
    transport = smtp_to(server.url)
    with open_demo_stage(replace(context, transport=transport), 3) as made:
        made.allow("write_discounts")
        yield made
    transport.close()


@pytest.fixture
def stage(demo) -> Stage:
    return set_stage(demo.context, demo.shop_id, offer=TEN)


def leave_cart(stage: Stage, token: str = "cart-1", email: str = CLEO) -> None:
    lines = [
        LineItem(
            platform_product_id="1",
            platform_variant_id="100001",
            title="Tea 1",
            quantity=2,
            unit_price=Money(990, "EUR"),
        )
    ]
    stage.cart(token, email, lines=lines)
    assert stage.plan() == 1


def send(stage: Stage) -> messaging.Tally:
    return stage.send(client_for=connecting.client_for)


def codes_of(stage: Stage) -> list[str]:
    return [row["code"] for row in stage.fetch("SELECT code FROM offer_codes WHERE message_id IS NOT NULL")]


def ask_code(stage: Stage, message_id: int):
    with stage.context.db.shop(stage.shop_id) as connection:
        shop = get_shop(connection, stage.shop_id)
    codes = connecting.client_for(stage.context, stage.shop_id).codes
    return offers.code_for(stage.context, codes, shop, message_id)


def test_no_discount_is_made_unless_the_merchant_switches_it_on(demo, stage, server):
    stage.set_policy(offer=OfferPolicy())
    leave_cart(stage)
    assert offers.make_ahead(stage.context, stage.shop_id) == 0
    assert send(stage) == messaging.Tally(n_sent=1)
    assert demo.store.discounts == {}
    assert not CODE.search(part(the_mail(server), "plain"))


def test_the_mail_carries_a_code_and_its_button_puts_it_on(demo, stage, server):
    leave_cart(stage)
    assert send(stage) == messaging.Tally(n_sent=1)
    body = part(the_mail(server), "plain")
    (code,) = set(CODE.findall(body))
    assert codes_of(stage) == [code]
    assert "10% off your order" in body
    assert "until November 27, 2026" in body
    assert code in part(the_mail(server), "html")
    row = stage.message()
    assert row["facts"]["offered_percent"] == 10
    assert code not in str(row["facts"])
    (discount,) = demo.store.discounts.values()
    assert (discount.percentage, discount.usage_limit) == (0.1, 1)
    url = button_of(stage, body)
    assert f"discount={code}" in url
    assert requests.get(url, timeout=60).status_code == 200
    (checkout,) = demo.store.checkouts.values()
    assert (checkout.discount_code, checkout.discount) == (code, 198)
    demo.store.update_checkout(checkout.token, CLEO)
    demo.store.complete_checkout(checkout.token)
    again = requests.get(url, timeout=60)
    assert again.status_code == 200
    assert [each.discount for each in demo.store.checkouts.values()] == [198, 0]


def button_of(stage: Stage, body: str) -> str:
    """Where the mail's button leads."""
    token = re.search(r"/r/(\S+)", body)[1]
    url = messaging.follow(stage.context, stage.context.links.read(Purpose.RESUME, token), stage.now).url
    assert url is not None
    return url


def test_the_shops_own_way_back_carries_it_too(demo, stage, server):
    cart = demo.store.add_to_cart(None, 100001, 2)
    checkout = demo.store.start_checkout(cart.token)
    back = f"{demo.store.base_url}/{demo.store.shop_id}/checkouts/ac/{cart.token}/recover?key={checkout.key}"
    stage.cart(cart.token, recovery_url=back)
    assert stage.plan() == 1
    assert send(stage) == messaging.Tally(n_sent=1)
    url = button_of(stage, part(the_mail(server), "plain"))
    assert url.startswith(f"{back}&discount=")
    assert requests.get(url, timeout=60).status_code == 200
    assert (checkout.discount_code, checkout.discount) == (codes_of(stage)[0], 198)


def test_a_code_that_is_over_is_not_put_on(stage, clock):
    leave_cart(stage)
    send(stage)
    message_id = stage.message()["message_id"]
    with stage.context.db.shop(stage.shop_id) as connection:
        given = stage.fetch("SELECT ends_at FROM offers")[0]["ends_at"]
        assert offers.live_code(connection, stage.shop_id, message_id, given - timedelta(seconds=1))
        assert offers.live_code(connection, stage.shop_id, message_id, given) is None


def test_one_message_never_has_two_codes(stage):
    leave_cart(stage)
    message_id = stage.message()["message_id"]
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda _: ask_code(stage, message_id), range(4)))
    assert len(set(given)) == 1
    assert codes_of(stage) == [given[0].code]
    with pytest.raises(IntegrityError):
        stage.run(
            "INSERT INTO offer_codes (shop_id, code, offer_id, message_id)"
            " SELECT shop_id, 'ANOTHER', offer_id, message_id FROM offer_codes WHERE message_id = :id",
            id=message_id,
        )


def test_many_senders_at_once_share_out_what_there_is(stage):
    for n in range(4):
        leave_cart(stage, f"cart-{n}", f"shopper{n}@example.com")
    ids = [row["message_id"] for row in stage.fetch("SELECT message_id FROM messages")]
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda message_id: ask_code(stage, message_id), ids))
    assert len({each.code for each in given}) == 4


def test_a_mail_put_off_keeps_its_code(demo, stage, server):
    leave_cart(stage)
    message_id = stage.message()["message_id"]
    before = ask_code(stage, message_id)
    stage.context.clock.advance(days=1)
    stage.run("UPDATE carts SET last_activity_at = :at", at=stage.now - timedelta(hours=2))
    assert send(stage) == messaging.Tally(n_sent=1)
    assert before.code in part(the_mail(server), "plain")
    assert len(demo.store.discounts) == 1


def test_a_message_whose_code_is_over_gets_no_second_one(stage):
    leave_cart(stage)
    message_id = stage.message()["message_id"]
    assert ask_code(stage, message_id) is not None
    stage.context.clock.advance(days=9)
    assert ask_code(stage, message_id) is None


def test_codes_are_made_ahead_in_one_call_and_shared_out(demo, stage, monkeypatch):
    sizes = []
    add = ShopifyCodes.add

    def counted(codes, discount, asked):
        sizes.append(len(asked))
        return add(codes, discount, asked)

    monkeypatch.setattr(ShopifyCodes, "add", counted)
    for n in range(5):
        leave_cart(stage, f"cart-{n}", f"shopper{n}@example.com")
    assert offers.make_ahead(stage.context, stage.shop_id) == 5
    assert offers.make_ahead(stage.context, stage.shop_id) == 0
    ids = [row["message_id"] for row in stage.fetch("SELECT message_id FROM messages")]
    given = {ask_code(stage, message_id).code for message_id in ids}
    assert len(given) == 5
    assert sizes == [5]
    (discount,) = demo.store.discounts.values()
    assert given < set(discount.codes)


def test_each_day_has_a_discount_of_its_own_that_ends(demo, stage):
    leave_cart(stage)
    ask_code(stage, stage.message()["message_id"])
    stage.context.clock.advance(days=1)
    leave_cart(stage, "cart-2", "dan@example.com")
    (second,) = stage.fetch("SELECT max(message_id) AS id FROM messages")
    ask_code(stage, second["id"])
    ends = sorted(discount.ends_at for discount in demo.store.discounts.values())
    assert [at.isoformat() for at in ends] == ["2026-11-27T22:00:00+00:00", "2026-11-28T22:00:00+00:00"]


def test_another_percentage_is_another_discount(demo, stage):
    leave_cart(stage)
    ask_code(stage, stage.message()["message_id"])
    stage.set_policy(offer=replace(TEN, percent=20))
    leave_cart(stage, "cart-2", "dan@example.com")
    (second,) = stage.fetch("SELECT max(message_id) AS id FROM messages")
    assert ask_code(stage, second["id"]).percent == 20
    assert sorted(d.percentage for d in demo.store.discounts.values()) == [0.1, 0.2]


def test_a_discount_made_by_a_call_that_was_cut_off_is_found_again(demo, stage, monkeypatch):
    leave_cart(stage)
    message_id = stage.message()["message_id"]
    made = ShopifyCodes.open

    def cut_off(codes, offer, first_code):
        made(codes, offer, first_code)
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(ShopifyCodes, "open", cut_off)
        with pytest.raises(ConnectionResetError):
            ask_code(stage, message_id)
    assert ask_code(stage, message_id) is not None
    assert len(demo.store.discounts) == 1


def test_codes_added_by_a_call_that_was_cut_off_are_nobodys(demo, stage, monkeypatch):
    leave_cart(stage)
    message_id = stage.message()["message_id"]
    add = ShopifyCodes.add

    def cut_off(codes, discount, asked):
        add(codes, discount, asked)
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(ShopifyCodes, "add", cut_off)
        with pytest.raises(ConnectionResetError):
            ask_code(stage, message_id)
    given = ask_code(stage, message_id)
    assert codes_of(stage) == [given.code]
    (discount,) = demo.store.discounts.values()
    assert len(discount.codes) == 3  # the one that finds the discount, the lost one, the given one


def test_without_the_permission_the_reminder_goes_out_without_a_code(demo, stage, server):
    demo.allow()
    leave_cart(stage)
    with pytest.raises(NeedsApprovalError):
        offers.make_ahead(stage.context, stage.shop_id)
    assert send(stage) == messaging.Tally(n_sent=1)
    assert not CODE.search(part(the_mail(server), "plain"))
    assert "offered_percent" not in stage.message()["facts"]


def test_a_shop_that_is_away_puts_the_mail_off(stage, server, monkeypatch):
    leave_cart(stage)

    def away(codes, offer, first_code):
        raise PlatformError("away", retry_after_seconds=120)

    monkeypatch.setattr(ShopifyCodes, "open", away)
    assert send(stage) == messaging.Tally(n_put_off=1)
    row = stage.message()
    assert (row["state"], row["reason"]) == ("planned", "code_missing")
    assert row["due_at"] >= stage.now + timedelta(seconds=120)
    assert server.mails == []


def test_a_win_back_carries_no_code(demo, stage, server):
    stage.customer("cleo", CLEO)
    stage.product("p1", "Blue mug")
    stage.order("1", customer="cleo", placed_at=stage.now - timedelta(days=121))
    assert messaging.plan_win_backs(stage.context, stage.shop_id, stage.now) == 1
    stage.send()
    assert len(server.mails) == 1
    assert demo.store.discounts == {}


def test_what_is_over_is_deleted_from_the_shop_and_from_here(demo, stage):
    leave_cart(stage)
    ask_code(stage, stage.message()["message_id"])
    assert offers.clean_up(stage.context, stage.shop_id) == 0
    stage.context.clock.advance(days=8, hours=13)
    assert offers.clean_up(stage.context, stage.shop_id) == 1
    assert demo.store.discounts == {}
    assert stage.fetch("SELECT 1 FROM offer_codes UNION ALL SELECT 1 FROM offers") == []
    assert offers.clean_up(stage.context, stage.shop_id) == 0


def test_a_discount_the_merchant_deleted_stops_no_cleaning_up(demo, stage):
    leave_cart(stage)
    ask_code(stage, stage.message()["message_id"])
    demo.store.discounts.clear()
    stage.context.clock.advance(days=10)
    assert offers.clean_up(stage.context, stage.shop_id) == 1


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_discount_the_merchant_ended_gives_no_code_away(demo, stage, server, is_deleted):
    leave_cart(stage)
    assert offers.make_ahead(stage.context, stage.shop_id) == 1
    (dead,) = demo.store.discounts.values()
    if is_deleted:
        demo.store.discounts.clear()
    else:
        dead.ends_at = demo.store.now()
    assert send(stage) == messaging.Tally(n_sent=1)
    (code,) = set(CODE.findall(part(the_mail(server), "plain")))
    (live,) = (each for each in demo.store.discounts.values() if each is not dead)
    assert code in live.codes
    assert not set(live.codes) & set(dead.codes)


def test_codes_made_ahead_are_made_anew_where_the_merchant_deleted_their_discount(demo, stage):
    leave_cart(stage)
    assert offers.make_ahead(stage.context, stage.shop_id) == 1
    demo.store.discounts.clear()
    assert offers.make_ahead(stage.context, stage.shop_id) == 1
    (discount,) = demo.store.discounts.values()
    assert ask_code(stage, stage.message()["message_id"]).code in discount.codes


def test_a_mail_put_off_changes_a_code_whose_discount_was_deleted(demo, stage):
    leave_cart(stage)
    message_id = stage.message()["message_id"]
    before = ask_code(stage, message_id)
    demo.store.discounts.clear()
    stage.context.clock.advance(days=1)
    after = ask_code(stage, message_id)
    (discount,) = demo.store.discounts.values()
    assert after.code in discount.codes
    assert codes_of(stage) == [after.code] != [before.code]


def test_the_shop_is_asked_once_a_minute_whether_it_has_a_discount(demo, stage, monkeypatch):
    leave_cart(stage)
    offers.make_ahead(stage.context, stage.shop_id)
    asked = []
    is_live = ShopifyCodes.is_live
    monkeypatch.setattr(ShopifyCodes, "is_live", lambda *args: asked.append(args) or is_live(*args))
    for _ in range(3):
        assert ask_code(stage, stage.message()["message_id"])
    assert len(asked) == 1
    stage.context.redis.flushdb()  # the minute is over
    ask_code(stage, stage.message()["message_id"])
    assert len(asked) == 2


def test_a_shop_that_does_not_say_whether_it_has_a_discount_puts_the_mail_off(stage, server, monkeypatch):
    leave_cart(stage)
    offers.make_ahead(stage.context, stage.shop_id)

    def away(codes, discount, code):
        raise PlatformError("away", retry_after_seconds=120)

    monkeypatch.setattr(ShopifyCodes, "is_live", away)
    assert send(stage) == messaging.Tally(n_put_off=1)
    assert stage.message()["reason"] == "code_missing"
    assert server.mails == []


def test_a_code_of_another_shop_is_out_of_sight(stage, ben):
    leave_cart(stage)
    ask_code(stage, stage.message()["message_id"])
    with stage.context.db.shop(ben.shop_id) as connection:
        assert connection.execute(text("SELECT count(*) FROM offer_codes")).scalar() == 0
