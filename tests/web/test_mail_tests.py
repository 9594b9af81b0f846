"""A merchant has a flow's mail sent to themselves: their own products, marked as a test, and counted nowhere."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
import time_machine
from sqlalchemy import Engine, text

from app import create_app
from app.clock import real_now
from app.mail.transports import transport_from_url
from app.services import messaging
from app.services.context import Context
from tests.conftest import RecordingQueue, Shop, make_shop
from tests.db.messaging_stage import Stage, set_stage
from tests.fixtures.smtp_server import Fault, SmtpServerDouble

from .adminkit import Merchant, text_of

FLOWS = ("abandoned_cart", "win_back")


@pytest.fixture
def stage(context: Context, ada: Shop) -> Stage:
    stage = set_stage(context, ada.shop_id)
    for number, title in enumerate(("Earl Grey", "Oolong", "Matcha", "Rooibos"), start=900):
        stage.product(str(number), title)
    return stage


@pytest.fixture
def merchant(context: Context, ada: Shop) -> Merchant:
    return Merchant(create_app(context=context).test_client(), ada)


def send(context: Context, fault: Fault = Fault.NONE) -> list[EmailMessage]:
    """What a worker sends of what was asked for."""
    with SmtpServerDouble(fault) as server:
        transport = transport_from_url(server.url)
        messaging.send_tests(replace(context, transport=transport))
        transport.close()
        return [message_from_bytes(mail.raw, policy=policy.default) for mail in server.mails]  # type: ignore[misc]


def ask(merchant: Merchant, flow: str = "abandoned_cart") -> str:
    """Press the button; where the page looks for what became of it."""
    answer = merchant.post(f"/admin/settings/test/{flow}")
    assert answer.status_code == 200
    return re.search(r'hx-get="([^"]+)"', answer.text)[1]


@pytest.mark.parametrize("flow", FLOWS)
def test_the_mail_comes_to_the_shops_own_address_as_a_test_and_is_counted_nowhere(
    context: Context, stage: Stage, merchant: Merchant, queue: RecordingQueue, owner: Engine, flow: str
) -> None:
    tables = ("messages", "enrolments", "visits", "offer_codes", "suppressions", "consents")

    def counts() -> list[int]:
        with owner.connect() as connection:
            return [
                connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables
            ]

    before = counts()
    path = ask(merchant, flow)
    assert queue.nudges[-1] == ("messaging.send_tests",)
    assert "Being sent" in merchant.get(path).text
    [mail] = send(context)
    assert mail["To"] == "owner@example.com"
    assert mail["Subject"].startswith("[Test] ")
    assert mail["List-Unsubscribe"] is None
    for kind in ("plain", "html"):
        body = mail.get_body((kind,)).get_content()  # type: ignore[union-attr]
        assert "This is a test that you asked for" in body
        assert "Earl Grey" in body
        # Nothing that is signed for a message, and so nothing that could be clicked for one.
        assert context.settings.app_url not in body
    assert counts() == before
    answer = merchant.get(path)
    assert answer.status_code == 286
    assert "Sent to owner@example.com." in text_of(answer)
    assert send(context) == []


def test_it_says_what_the_merchant_has_saved(context: Context, stage: Stage, merchant: Merchant) -> None:
    with context.db.shop(stage.shop_id) as connection:
        messaging.save_texts(
            connection, stage.shop_id, "abandoned_cart", {"subject": "Still yours, {{ shop.name }}?"}
        )
    ask(merchant)
    [mail] = send(context)
    assert mail["Subject"].startswith("[Test] Still yours, ")


def test_without_products_there_is_nothing_to_send_and_the_merchant_is_told(
    context: Context, ada: Shop, merchant: Merchant
) -> None:
    path = ask(merchant)
    assert send(context) == []
    assert "once your products are in" in text_of(merchant.get(path))


def test_what_the_mail_server_says_is_told(context: Context, stage: Stage, merchant: Merchant) -> None:
    path = ask(merchant)
    assert send(context, Fault.RECIPIENT_550) == []
    told = text_of(merchant.get(path))
    assert "The mail server said:" in told
    assert "Send me a test" in told


def test_a_mail_server_that_is_away_is_tried_for_a_moment_and_then_told_of(
    context: Context, stage: Stage, merchant: Merchant
) -> None:
    with time_machine.travel(real_now(), tick=False) as clock:
        path = ask(merchant)
        assert send(context, Fault.BANNER_421) == []
        assert "Being sent" in merchant.get(path).text
        assert len(send(context)) == 1
        path = ask(merchant)
        clock.shift(timedelta(minutes=3))
        assert send(context, Fault.BANNER_421) == []
        assert "The mail server said:" in text_of(merchant.get(path))
        assert send(context) == []


def test_ten_an_hour_are_enough(context: Context, stage: Stage, merchant: Merchant) -> None:
    for _ in range(10):
        ask(merchant)
    answer = merchant.post("/admin/settings/test/win_back")
    assert "Try again in an hour" in text_of(answer)
    assert len(send(context)) == 10


def test_nobody_else_sees_what_became_of_it_and_an_invented_flow_is_none(
    context: Context, stage: Stage, merchant: Merchant
) -> None:
    path = ask(merchant)
    send(context)
    ben = make_shop(context, "ben-bikes.myshopify.com", "Ben's Bikes", email="ben@example.com")
    other = Merchant(merchant.client, ben)
    assert "owner@example.com" not in other.get(path).text
    assert "Nothing is known of that test" in text_of(other.get(path))
    assert "We know no address" in text_of(merchant.post("/admin/settings/test/newsletter"))
    assert send(context) == []


def test_both_buttons_stand_beside_their_flows(stage: Stage, merchant: Merchant) -> None:
    page = merchant.get("/admin/settings").text
    for flow in FLOWS:
        assert f'hx-post="/admin/settings/test/{flow}"' in page


def test_the_button_says_before_and_after_where_the_mail_goes_and_what_it_is_made_of(
    context: Context, stage: Stage, merchant: Merchant
) -> None:
    hint = "To owner@example.com, with your settings as saved"
    assert text_of(merchant.get("/admin/settings")).count(hint) == len(FLOWS)
    path = ask(merchant)
    send(context)
    told = text_of(merchant.get(path))
    assert "Sent to owner@example.com." in told
    assert hint in told


def test_one_that_can_not_be_opened_any_more_holds_up_no_other(
    context: Context, stage: Stage, merchant: Merchant
) -> None:
    ask(merchant)
    (first,) = context.redis.keys("mail-test:*")
    context.redis.set(first, b"sealed by a key that is gone")
    ask(merchant, "win_back")
    assert len(send(context)) == 1
