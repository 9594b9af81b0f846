"""What stands in the way is named to the merchant: others who mail about carts, and a shop that does not let us in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from app import create_app
from app.domain.events import ConsentState
from app.domain.flows import FlowKind
from app.services import messaging
from app.services.context import Context
from app.services.shops import get_shop, save_policy
from app.web.admin.forms import sender_field
from app.web.admin.settings import written
from tests.conftest import RecordingQueue, Shop
from tests.db.messaging_stage import Stage, set_stage

from .adminkit import Merchant, text_of


@pytest.fixture
def app(context: Context) -> Flask:
    return create_app(context=context)


@pytest.fixture
def stage(context: Context, ada: Shop) -> Stage:
    return set_stage(context, ada.shop_id)


@pytest.fixture
def merchant(app: Flask, ada: Shop) -> Merchant:
    return Merchant(app.test_client(), ada)


def find(owner: Engine, *names: str) -> None:
    with owner.connect() as connection:
        connection.execute(
            text("UPDATE shops SET other_senders = to_jsonb(CAST(:names AS text[]))"), {"names": list(names)}
        )


def fields_of(stage: Stage) -> dict[str, str]:
    """The settings page as it stands, ready to be posted."""
    with stage.context.db.shop(stage.shop_id) as connection:
        policy = get_shop(connection, stage.shop_id).policy
    return written(policy, {FlowKind.ABANDONED_CART.value, FlowKind.WIN_BACK.value})


def test_a_reminder_is_held_back_beside_another_sender_and_the_ledger_says_why(
    stage: Stage, owner: Engine, merchant: Merchant
) -> None:
    stage.cart()
    stage.plan()
    find(owner, "CartBounty")
    assert stage.send() == messaging.Tally(n_skipped=1)
    message = stage.message()
    assert (message["state"], message["reason"]) == ("skipped", "other_sender")
    assert message["facts"]["has_other_sender"] is True
    assert stage.platform.questions == []
    page = text_of(merchant.get(f"/admin/messages/{message['message_id']}"))
    assert "Something else in the shop sends cart reminders too" in page


def test_home_and_settings_name_the_other_sender(stage: Stage, owner: Engine, merchant: Merchant) -> None:
    assert "Cart reminders are held back" not in text_of(merchant.get("/admin/"))
    assert "does not mail about carts" not in text_of(merchant.get("/admin/settings"))
    find(owner, "CartBounty", "Klaviyo")
    home = text_of(merchant.get("/admin/"))
    assert "Cart reminders are held back" in home
    assert "CartBounty, Klaviyo may remind shoppers of their carts too" in home
    settings = text_of(merchant.get("/admin/settings"))
    assert "CartBounty does not mail about carts" in settings
    assert "Klaviyo does not mail about carts" in settings


def test_the_merchants_word_lets_reminders_out_and_a_sender_found_later_holds_them_back_again(
    stage: Stage, owner: Engine, merchant: Merchant, queue: RecordingQueue
) -> None:
    find(owner, "CartBounty", "Klaviyo")
    half = fields_of(stage) | {sender_field("CartBounty"): "on"}
    assert merchant.post("/admin/settings", half).status_code == 200
    stage.cart()
    stage.plan()
    assert stage.send() == messaging.Tally(n_skipped=1)
    both = fields_of(stage) | {sender_field("Klaviyo"): "on"}
    assert merchant.post("/admin/settings", both).status_code == 200
    assert ("upkeep.publish_setup", stage.shop_id) in queue.nudges
    assert "Cart reminders are held back" not in text_of(merchant.get("/admin/"))
    stage.cart("cart-2", "eve@example.com")
    stage.consent("eve@example.com", ConsentState.SUBSCRIBED, days=1)
    stage.plan()
    assert stage.send() == messaging.Tally(n_sent=1)
    find(owner, "CartBounty", "Klaviyo", "Retainful")
    assert "Retainful may remind shoppers of their carts too" in text_of(merchant.get("/admin/"))


def test_taking_the_word_back_and_forms_without_the_question(
    stage: Stage, owner: Engine, merchant: Merchant
) -> None:
    find(owner, "CartBounty")
    merchant.post("/admin/settings", fields_of(stage) | {sender_field("CartBounty"): "on"})
    with stage.context.db.shop(stage.shop_id) as connection:
        policy = get_shop(connection, stage.shop_id).policy
        assert policy.cart.senders_off == ("CartBounty",)
        cart = replace(policy.cart, takes_typed_addresses=True)
        save_policy(connection, stage.shop_id, replace(policy, cart=cart))
    find(owner)  # switched off in the shop: the word stays, should it come back
    merchant.post("/admin/settings", fields_of(stage))
    with stage.context.db.shop(stage.shop_id) as connection:
        cart = get_shop(connection, stage.shop_id).policy.cart
    assert (cart.senders_off, cart.takes_typed_addresses) == (("CartBounty",), True)
    find(owner, "CartBounty")
    fields = fields_of(stage)
    del fields[sender_field("CartBounty")]
    merchant.post("/admin/settings", fields)
    with stage.context.db.shop(stage.shop_id) as connection:
        assert get_shop(connection, stage.shop_id).policy.cart.senders_off == ()


def test_home_says_what_stands_between_us_and_the_shop(stage: Stage, merchant: Merchant) -> None:
    assert "get through to your shop" not in text_of(merchant.get("/admin/"))
    stage.run("UPDATE shops SET connection_trouble = 'ada.example redirects to www.ada.example'")
    assert "Ada.example redirects to www.ada.example. Until it is put right" in text_of(
        merchant.get("/admin/")
    )
