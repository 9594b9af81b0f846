"""What needs a permission of its own: off unless switched on, allowed by the merchant, undone at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests
from sqlalchemy import text

from app import create_app
from app.demo.amounts import gid
from app.domain.policy import SenderPolicy, ShopPolicy
from app.platforms.base import PlatformError
from app.platforms.shopify.themelists import NAMESPACE
from app.services import jobs, themelists
from app.services.shops import get_shop
from app.web.admin.settings import written
from tests.conftest import Shop
from tests.demostage import DemoStage, open_demo_stage

from .adminkit import Merchant, text_of

OFF = written(ShopPolicy(sender=SenderPolicy(postal_address="Ermou 12\n105 63 Athens")), set())
ON = OFF | {"is_in_theme": "on"}
ALLOW = re.compile(r'href="([^"]+/oauth/install[^"]*)"')


@pytest.fixture
def stage(context, monkeypatch) -> Iterator[DemoStage]:
    monkeypatch.setattr("app.platforms.shopify.themelists._REST", 0.0)
    with open_demo_stage(context, 3) as made:
        made.publish({"also_bought": {1: [2, 3], 2: [1]}})
        yield made


@pytest.fixture
def merchant(stage) -> Merchant:
    with stage.context.db.shop(stage.shop_id) as connection:
        shop = get_shop(connection, stage.shop_id)
    app = create_app(context=stage.context)
    return Merchant(app.test_client(), Shop(shop.shop_id, shop.domain, shop.public_key))


def run_jobs(stage: DemoStage) -> None:
    for shop_id, job_id, _ in jobs.open_jobs(stage.context):
        with jobs.lease(stage.context, shop_id, job_id) as job:
            themelists.run(stage.context, job)


def n_written(stage: DemoStage) -> int:
    return sum(namespace == NAMESPACE for _, namespace, _ in stage.store.metafields)


def is_on(stage: DemoStage) -> bool:
    with stage.context.db.shop(stage.shop_id) as connection:
        return get_shop(connection, stage.shop_id).policy.shelf.is_in_theme


def test_switched_off_the_page_asks_shopify_nothing(stage, merchant):
    page = merchant.get("/admin/settings")
    assert "In the theme's own sections too" in text_of(page)
    assert not ALLOW.search(page.text)
    assert not re.search(r'id="is_in_theme"[^>]* checked', page.text)


def test_the_merchant_is_sent_to_shopify_for_the_permission_and_then_it_begins(stage, merchant):
    page = merchant.post("/admin/settings", ON)
    assert page.status_code == 200
    assert is_on(stage)
    link = ALLOW.search(page.text)[1].replace("&amp;", "&")
    assert link.endswith("optional_scopes=write_products")
    with pytest.raises(PlatformError):
        run_jobs(stage)
    assert n_written(stage) == 0
    asked = requests.get(link, timeout=60)
    assert "Edit products" in asked.text
    form = {"optional_scopes": "write_products,write_orders"}
    requests.post(f"{stage.store.base_url}/admin/apps/install", data=form, timeout=60, allow_redirects=False)
    assert "write_orders" not in stage.shop.office.installation.scopes
    page = merchant.get("/admin/settings")
    assert not ALLOW.search(page.text)
    run_jobs(stage)
    assert n_written(stage) == 2
    assert "2 lists are ours, 0 stay as you chose them." in text_of(merchant.get("/admin/settings"))


def test_one_click_takes_everything_of_ours_away(stage, merchant):
    stage.allow("write_products")
    key = (gid("Product", 2), NAMESPACE, "complementary_products")
    stage.store.metafields[key] = {"value": f'["{gid("Product", 3)}"]', "compareDigest": "hers"}
    merchant.post("/admin/settings", ON)
    run_jobs(stage)
    assert n_written(stage) == 3
    page = merchant.post("/admin/settings/theme-lists/undo", {})
    assert "taken out of your theme" in page.headers["HX-Trigger"]
    assert not is_on(stage)
    run_jobs(stage)
    assert list(stage.store.metafields) == [key]


def test_another_shops_merchant_undoes_only_their_own(stage, merchant, ben):
    stage.allow("write_products")
    merchant.post("/admin/settings", ON)
    run_jobs(stage)
    Merchant(merchant.client, ben).post("/admin/settings/theme-lists/undo", {})
    assert is_on(stage)
    with stage.context.db.shop(stage.shop_id) as connection:
        assert connection.execute(text("SELECT count(*) FROM theme_lists")).scalar() == 2


def test_codes_are_asked_for_when_they_are_switched_on_and_only_then(stage, merchant):
    page = merchant.post("/admin/settings", OFF | {"offer": "on"})
    assert "Until then reminders go out without." in text_of(page)
    link = ALLOW.search(page.text)[1].replace("&amp;", "&")
    assert link.endswith("optional_scopes=write_discounts")
    form = {"optional_scopes": "write_discounts"}
    requests.post(f"{stage.store.base_url}/admin/apps/install", data=form, timeout=60, allow_redirects=False)
    assert not ALLOW.search(merchant.get("/admin/settings").text)


def test_both_are_asked_for_at_once(stage, merchant):
    page = merchant.post("/admin/settings", ON | {"offer": "on"})
    assert ALLOW.search(page.text)[1].endswith("optional_scopes=write_products,write_discounts")


def test_an_offer_that_makes_no_sense_is_refused(stage, merchant):
    page = merchant.post("/admin/settings", OFF | {"offer_percent": "100", "offer_valid_days": "0"})
    assert page.status_code == 422
    assert "Please enter a whole number from 1 to 90." in text_of(page)
    assert "Please enter a whole number from 1 to 60." in text_of(page)
