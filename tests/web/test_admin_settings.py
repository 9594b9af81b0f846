"""The merchant's choices: what is stored, what is refused and where the page says so."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time

import pytest
from flask import Flask

from app import create_app
from app.domain.policy import (
    CartFlowPolicy,
    MailPolicy,
    OfferPolicy,
    SenderPolicy,
    ShelfPolicy,
    ShopPolicy,
    WinBackPolicy,
)
from app.services.context import Context
from app.services.messaging import flows
from app.services.shops import get_shop, save_policy
from app.web.admin.forms import read_settings, read_shelf
from app.web.admin.settings import written
from tests.conftest import RecordingQueue, Shop

from .adminkit import Merchant, text_of

GOOD = written(ShopPolicy(sender=SenderPolicy(postal_address="Ermou 12\n105 63 Athens")), set())


@pytest.fixture
def app(context: Context) -> Flask:
    return create_app(context=context)


@pytest.fixture
def merchant(app: Flask, ada: Shop) -> Merchant:
    return Merchant(app.test_client(), ada)


def policy_of(context: Context, shop: Shop) -> ShopPolicy:
    with context.db.shop(shop.shop_id) as connection:
        return get_shop(connection, shop.shop_id).policy


def active_flows(context: Context, shop: Shop) -> set[str]:
    with context.db.shop(shop.shop_id) as connection:
        return {flow.kind for flow in flows(connection, shop.shop_id) if flow.is_active}


def test_what_is_saved_is_what_was_written(context: Context, ada: Shop, merchant: Merchant) -> None:
    fields = {
        "sender_name": "  Ada's Tea  ",
        "reply_to": "hello@ada-tea.example",
        "postal_address": "Ermou 12\r\n105 63 Athens\r\n",
        "quiet_from": "22:30",
        "quiet_until": "07:15",
        "max_per_day": "2",
        "max_per_week": "4",
        "holdout_percent": "20",
        "cart_wait_minutes": "90",
        "cart_give_up_after_hours": "48",
        "win_back_factor": "1,5",
        "win_back_min_days": "45",
        "win_back_default_days": "150",
        "win_back_max_per_day": "50",
        "flow_abandoned_cart": "on",
        "offer": "on",
        "offer_percent": "15",
        "offer_valid_days": "10",
    }
    response = merchant.post("/admin/settings", fields)
    assert response.status_code == 200
    assert response.headers["HX-Trigger"] == '{"toast": "Saved."}'
    assert policy_of(context, ada) == ShopPolicy(
        sender=SenderPolicy(
            name="Ada's Tea", reply_to="hello@ada-tea.example", postal_address="Ermou 12\n105 63 Athens"
        ),
        mail=MailPolicy(
            max_per_day=2, max_per_week=4, quiet_from=time(22, 30), quiet_until=time(7, 15), holdout_share=0.2
        ),
        cart=CartFlowPolicy(wait_minutes=90, give_up_after_hours=48),
        offer=OfferPolicy(is_on=True, percent=15, valid_days=10),
        win_back=WinBackPolicy(factor=1.5, min_days=45, default_days=150, max_per_day=50),
    )
    assert active_flows(context, ada) == {"abandoned_cart"}
    assert '<textarea id="postal_address" name="postal_address" rows="3"' in response.text
    assert "Ermou 12\n105 63 Athens</textarea>" in response.text


def test_what_the_page_shows_can_be_saved_unchanged(context: Context, ada: Shop, merchant: Merchant) -> None:
    before = ShopPolicy(
        sender=SenderPolicy(name="Ada", email="kept@example.com", postal_address="Ermou 12"),
        shelf=ShelfPolicy(heading="Goes well with it", leaning=-0.5),
        win_back=WinBackPolicy(window_days=9),
        is_checklist_dismissed=True,
    )
    with context.db.shop(ada.shop_id) as connection:
        save_policy(connection, ada.shop_id, before)
    html = merchant.get("/admin/settings").text
    fields = dict(re.findall(r'<input id="\w+" name="(\w+)"[^>]*? value="([^"]*)"', html))
    fields["postal_address"] = "Ermou 12"
    assert len(fields) == 16
    assert merchant.post("/admin/settings", fields).status_code == 200
    assert policy_of(context, ada) == before


def test_a_flow_is_refused_without_a_postal_address_and_says_so_beside_the_field(
    context: Context, ada: Shop, merchant: Merchant
) -> None:
    response = merchant.post(
        "/admin/settings", GOOD | {"postal_address": "  ", "flow_win_back": "on", "sender_name": "Kept"}
    )
    assert response.status_code == 422
    assert policy_of(context, ada) == ShopPolicy()
    assert active_flows(context, ada) == set()
    text, html = text_of(response), response.text
    assert "1 thing has to be put right" in text
    assert (
        '<a href="#postal_address" hx-boost="false">Postal address: A flow can&#39;t be switched on' in html
    )
    assert re.search(
        r'id="postal_address"[^>]*"postal_address-hint postal_address-error" aria-invalid="true"',
        html,
    )
    assert 'id="postal_address-error"' in html
    # Nothing the merchant typed is lost.
    assert 'name="sender_name" type="text" value="Kept"' in html
    assert re.search(r'id="flow_win_back" name="flow_win_back" value="on" checked', html)


def test_flows_go_on_and_off_with_their_switches(context: Context, ada: Shop, merchant: Merchant) -> None:
    merchant.post("/admin/settings", GOOD | {"flow_abandoned_cart": "on", "flow_win_back": "on"})
    assert active_flows(context, ada) == {"abandoned_cart", "win_back"}
    merchant.post("/admin/settings", GOOD | {"flow_win_back": "on"})
    assert active_flows(context, ada) == {"win_back"}
    merchant.post("/admin/settings", GOOD)
    assert active_flows(context, ada) == set()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("sender_name", "Ada\nBcc: all@example.com", "Please write this on one line."),
        ("sender_name", "x" * 81, "This has 81 characters; please keep it to 80."),
        ("reply_to", "nobody", "This is not an e-mail address."),
        ("reply_to", "a@example.com, b@example.com", "This is not an e-mail address."),
        ("postal_address", "x" * 401, "This has 401 characters; please keep it to 400."),
        ("quiet_from", "25:00", "Please enter a time of day such as 21:00."),
        ("quiet_until", "", "Please enter a time of day such as 21:00."),
        ("max_per_day", "-1", "Please enter a whole number from 0 to 10."),
        ("max_per_day", "1.5", "Please enter a whole number from 0 to 10."),
        ("max_per_day", "²", "Please enter a whole number from 0 to 10."),
        ("max_per_week", "0", "A week can't hold fewer mails than one of its days."),
        ("holdout_percent", "51", "Please enter a whole number from 0 to 50."),
        ("cart_wait_minutes", "4320", None),
        ("cart_give_up_after_hours", "1", "The reminder would always come too late"),
        ("win_back_factor", "nan", "Please enter a number from 1 to 10."),
        ("win_back_factor", "inf", "Please enter a number from 1 to 10."),
        ("win_back_default_days", "29", "This can't be shorter than the shortest silence."),
        ("win_back_max_per_day", "99999999999", "Please enter a whole number from 1 to 100000."),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_and_nothing_is_stored(
    context: Context, ada: Shop, merchant: Merchant, name: str, value: str, told: str | None
) -> None:
    response = merchant.post("/admin/settings", GOOD | {name: value})
    assert response.status_code == 422
    assert policy_of(context, ada) == ShopPolicy()
    if told:
        assert told in text_of(response)
        assert f'id="{name}-error"' in response.text


def test_an_empty_form_names_every_number_it_lacks(merchant: Merchant) -> None:
    response = merchant.post("/admin/settings", {})
    assert response.status_code == 422
    assert "11 things have to be put right" in text_of(response)


def test_one_shops_choices_are_not_anothers(
    context: Context, ada: Shop, ben: Shop, merchant: Merchant
) -> None:
    merchant.post("/admin/settings", GOOD | {"sender_name": "Ada"})
    assert policy_of(context, ada).sender.name == "Ada"
    assert policy_of(context, ben) == ShopPolicy()


SHELF = {"leaning": "0", "heading": "", "is_shown": "on"}


def test_a_new_leaning_is_stored_and_learned(
    context: Context, ada: Shop, merchant: Merchant, queue: RecordingQueue
) -> None:
    response = merchant.post(
        "/admin/recommendations/shelf", SHELF | {"leaning": "-0.5", "heading": "With it"}
    )
    assert response.status_code == 200
    assert policy_of(context, ada).shelf == ShelfPolicy(leaning=-0.5, heading="With it")
    assert queue.nudges == [("upkeep.run_jobs",)]
    assert re.search(r'name="leaning" value="-0.5" checked', response.text)


def test_a_new_heading_reaches_the_shop_at_once(
    context: Context, ada: Shop, merchant: Merchant, queue: RecordingQueue
) -> None:
    client = merchant.client
    address = f"/storefront/v1/shelf?shop={ada.public_key}&placement=home&limit=4"
    assert client.get(address).json["heading"] is None
    merchant.post("/admin/recommendations/shelf", SHELF | {"heading": "Picked for you"})
    assert client.get(address).json["heading"] == "Picked for you"
    assert queue.nudges == []


@pytest.mark.parametrize(
    "wrong",
    [{"leaning": "2"}, {"leaning": ""}, {"heading": "x" * 61}, {"heading": "a\nb"}],
)
def test_a_wrong_shelf_is_refused(
    context: Context, ada: Shop, merchant: Merchant, wrong: dict[str, str]
) -> None:
    response = merchant.post("/admin/recommendations/shelf", SHELF | wrong)
    assert response.status_code == 422
    assert "1 thing has to be put right" in text_of(response)
    assert policy_of(context, ada) == ShopPolicy()


def test_forms_leave_alone_what_is_not_on_them(app: Flask) -> None:
    policy = ShopPolicy(sender=SenderPolicy(email="kept@example.com"), is_checklist_dismissed=True)
    with app.test_request_context():
        settings, form = read_settings(written(policy, set()), policy)
        shelf, _ = read_shelf(SHELF, policy)
    assert form.errors == {}
    assert settings == policy
    assert shelf == replace(policy, shelf=ShelfPolicy())
